#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace warder::ship {

// Text of an event made harmless for people who read it elsewhere: one line of valid UTF-8 without
// control characters and bidirectional marks, at most `max_bytes`. Text that went through
// util::printable() stays as it is.
std::string plain_text(std::string_view text, std::size_t max_bytes);

// plain_text() that a chat program does not act upon: no mention ("@everyone" gets a zero-width
// space behind the @), no link ("http://" likewise behind the colon).
std::string chat_text(std::string_view text, std::size_t max_bytes);

// chat_text() with Slack's three control characters escaped (&amp; &lt; &gt;).
std::string slack_text(std::string_view text, std::size_t max_bytes);

// chat_text() with Discord's markdown characters escaped by backslashes.
std::string discord_text(std::string_view text, std::size_t max_bytes);

struct Message;

// What happened, for people: an event's message or summary_text(), each line made harmless by
// itself so that the breaks between them stay; at most `max_bytes`. `harmless` is one of the above.
std::string told_text(const Message& message,
                      std::string (*harmless)(std::string_view, std::size_t),
                      std::size_t max_bytes);

}  // namespace warder::ship
