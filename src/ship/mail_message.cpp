#include "ship/mail_message.h"

#include "crypto/sha256.h"
#include "ship/advice.h"
#include "ship/mail_parts.h"
#include "ship/text.h"
#include "util/day_time.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <utility>

namespace warder::ship {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kSubjectPart = 100;  // of an event's text, or of what it is
// RFC 2047: words of at most 75 characters, each whole UTF-8, parted by folding.
std::string encoded_words(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; }) &&
      text.size() <= 60) {
    return std::string(text);
  }
  constexpr std::size_t kPiece = 42;  // 56 characters of base64, 68 in all
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(kPiece, text.size());
    while (size < text.size() && size > 1 &&
           (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
      --size;
    }
    out += fmt::format("{}=?UTF-8?B?{}?=", out.empty() ? "" : "\r\n ",
                       util::to_base64(util::as_bytes(text.substr(0, size))));
    text.remove_prefix(size);
  }
  return out;
}

std::string in_lines(std::string_view base64) {
  std::string out;
  for (std::size_t i = 0; i < base64.size(); i += 76) {
    out += base64.substr(i, 76);
    out += "\r\n";
  }
  return out;
}

// What a telephone shows of it: who did it, or else what it is about.
std::string subject_of(std::string_view host, const Message& message, const MailContent& content) {
  std::string text = fmt::format("[{}] {}: {}", plain_text(host, 60), content.severity,
                                 plain_text(content.headline, kSubjectPart));
  if (message.event() && !message.event()->address && !content.is_sentence) {
    text += ": " + plain_text(content.error.empty() ? content.cause : content.error, kSubjectPart);
  }
  return text;
}

// A name of ours for the right side of ids: letters, digits, '-' and '.' only.
std::string id_host(std::string_view host) {
  std::string out;
  for (const char c : util::to_lower(host.substr(0, 200))) {
    out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ? c : '-';
  }
  return out.empty() ? "localhost" : out;
}

std::string short_hash(std::string_view text) {
  const auto digest = crypto::sha256(util::as_bytes(text));
  return util::to_hex(std::span(digest).first(12));
}

}  // namespace

util::Status check_mail_address(std::string_view address) {
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}' is no mail address: {}", util::printable(address, 100), why));
  };
  const auto at = address.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) {
    return refuse("write for instance ops@example.org");
  }
  if (address.size() > 254 || at > 64) {
    return refuse("it is too long");
  }
  for (const char c : address) {
    if (c <= 0x20 || c >= 0x7F || std::string_view("<>\"(),:;\\[]").find(c) != std::string::npos) {
      return refuse("blanks, quotes, commas, brackets and letters beyond ASCII are not allowed");
    }
  }
  if (address.find('@') != at) {
    return refuse("it has two '@'");
  }
  return {};
}

std::string mail_text(const MailEnvelope& envelope, std::string_view host, const Message& message,
                      util::WallTime now) {
  const MailContent content = mail_content(host, message);
  const std::string domain = id_host(host);
  // Not in any text that we send: the parts are base64.
  const std::string boundary = "warder-" + short_hash(message.key);
  std::string text = fmt::format("From: warder <{}>\r\n", envelope.from);
  for (std::size_t i = 0; i < envelope.to.size(); ++i) {
    text += fmt::format("{}<{}>{}\r\n", i == 0 ? "To: " : "    ", envelope.to[i],
                        i + 1 < envelope.to.size() ? "," : "");
  }
  const std::string incident =
      fmt::format("<incident-{}@{}>", short_hash(advice_of(message).incident), domain);
  text += fmt::format(
      "Subject: {}\r\n"
      "Date: {}\r\n"
      "Message-ID: <{}@{}>\r\n"
      "In-Reply-To: {}\r\n"
      "References: {}\r\n"
      // RFC 3834: nobody's holiday notice shall answer.
      "Auto-Submitted: auto-generated\r\n"
      "X-Warder-Severity: {}\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative; boundary=\"{}\"\r\n\r\n",
      encoded_words(subject_of(host, message, content)), util::format_day_time(now) + " +0000",
      short_hash(message.key), domain, incident, incident, content.severity, boundary);
  for (const auto& [type, part] :
       {std::pair("text/plain", mail_text_part(content)),
        std::pair("text/html", mail_html_part(content, message.severity()))}) {
    text += fmt::format(
        "--{}\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        boundary, type, in_lines(util::to_base64(util::as_bytes(part))));
  }
  return text + fmt::format("--{}--\r\n", boundary);
}

}  // namespace warder::ship
