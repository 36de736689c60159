#pragma once

#include "ship/message.h"
#include "util/clock.h"
#include "util/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace warder::ship {

struct MailEnvelope {
  std::string from;             // "warder@example.org"
  std::vector<std::string> to;  // at most 50
};

// One mail address as SMTP takes it: local part, '@', domain; printable ASCII without blanks, angle
// brackets, quotes or commas (a subset of RFC 5321 section 4.1.2). kInvalid says what is wrong.
util::Status check_mail_address(std::string_view address);

// The whole message (RFC 5322, MIME as RFC 2045 to 2047): a text and an HTML part that say the
// same. Lines end with CR LF and are far below 998 bytes; all bytes are ASCII, so that no
// server on the way changes them. What events hold cannot make a header, a link, markup or another
// part.
//
// Mails of one incident (an address in a jail; otherwise a kind of event) refer to the same id, so
// that mail programs show them as one thread. The Message-ID comes from the message's key: it is
// the same for each attempt at one delivery.
std::string mail_text(const MailEnvelope& envelope, std::string_view host, const Message& message,
                      util::WallTime now);

}  // namespace warder::ship
