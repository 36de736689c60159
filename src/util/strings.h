#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::util {

// ASCII only, whatever the locale: log and configuration text is bytes.
std::string to_lower(std::string_view text);
std::string_view trim(std::string_view text);

// Splits at each separator; n separators give n + 1 parts, empty ones included.
std::vector<std::string_view> split(std::string_view text, char separator);
// The words of a text between any of the given separator characters; no empty ones.
std::vector<std::string_view> split_words(std::string_view text,
                                          std::string_view separators = " \t\r\n");

// Text from outside made fit for a terminal, a mail or a log: valid UTF-8, control characters,
// line breaks, escape sequences and bidirectional marks written as \xNN or \u{NNNN}, cut to
// `max_bytes` (of the result) with "..." at the end when longer.
std::string printable(std::string_view text, std::size_t max_bytes = 512);
// The same with backslashes left as they are: text that went through printable() stays what it is.
std::string printable_again(std::string_view text, std::size_t max_bytes = 512);

// Replaces each invalid UTF-8 byte by U+FFFD, so that the result is valid UTF-8.
std::string to_valid_utf8(std::string_view bytes);

// "1 ban", "2 bans": of a noun that takes an s.
std::string counted(std::uint64_t count, std::string_view noun);

// Optimal string alignment distance (insert, delete, replace, swap of neighbours).
std::size_t edit_distance(std::string_view a, std::string_view b);
// The candidate nearest to `text`, if near enough to be a slip of the finger.
std::optional<std::string_view> nearest(std::string_view text,
                                        std::span<const std::string_view> candidates);

}  // namespace warder::util
