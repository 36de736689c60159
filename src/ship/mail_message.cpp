#include "ship/mail_message.h"

#include "crypto/sha256.h"
#include "model/event_json.h"
#include "ship/advice.h"
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

constexpr std::size_t kLongestSubject = 160;
constexpr std::size_t kSubjectPart = 80;  // of an event's text
constexpr std::size_t kLongestText = 3000;
constexpr std::size_t kLongestLine = 400;
constexpr std::size_t kMostFacts = 30;

// One thing to know, or to do, beside its name.
using Rows = std::vector<std::pair<std::string, std::string>>;

struct Content {
  std::string headline;
  std::string severity;
  std::string error;  // empty when the event has no cause besides its sentence
  std::string cause;
  Rows facts;
  // Of a summary: the worst that it speaks of.
  struct Line {
    std::string time;
    model::Severity severity = model::Severity::kInfo;
    std::string text;
  };
  std::vector<Line> lines;
  std::vector<std::string> steps;  // commands, as they are typed
};

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

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "<br>";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string several_lines(std::string_view text) {
  std::string out;
  for (const std::string_view line : util::split(text, '\n')) {
    if (out.size() > kLongestText) {
      break;
    }
    out += (out.empty() ? "" : "\n") + plain_text(line, 600);
  }
  return out;
}

std::string told_value(const nlohmann::ordered_json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (!value.is_array()) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  std::string text;
  for (const auto& one : value) {
    text += (text.empty() ? "" : ", ") + (one.is_array() ? std::string("...") : told_value(one));
  }
  return text;
}

// What the event's detail has in `facts`: figures of a check, of a backup, of a drill.
void add_facts(const model::Event& event, Rows& rows) {
  const auto detail = model::parse_detail(event.detail);
  const auto facts = detail.is_object() ? detail.find("facts") : detail.end();
  if (!detail.is_object() || facts == detail.end() || !facts->is_object()) {
    return;
  }
  std::size_t count = 0;
  for (const auto& [name, value] : facts->items()) {
    if (++count > kMostFacts) {
      return;
    }
    rows.emplace_back(plain_text(name, 60), plain_text(told_value(value), kLongestLine));
  }
}

Content content_of(std::string_view host, const Message& message) {
  Content content;
  content.headline = plain_text(headline(message), kLongestSubject);
  content.severity = model::to_string(message.severity());
  content.facts.emplace_back("Host", plain_text(host, 255));
  if (message.event()) {
    const model::Event& event = *message.event();
    content.cause = plain_text(event.message, model::Event::kLongestMessage);
    content.facts.emplace_back(
        "Time", util::format_rfc3339(std::chrono::floor<std::chrono::seconds>(event.time)));
    content.facts.emplace_back("Kind", std::string(model::to_string(event.kind)));
    if (!event.jail.empty()) {
      content.facts.emplace_back("Jail", plain_text(event.jail, 255));
    }
    if (event.address) {
      content.facts.emplace_back("Address", event.address->to_string());
    }
    add_facts(event, content.facts);
    const Advice advice = advice_of(message);
    if (!advice.cause.empty()) {
      content.error = std::exchange(content.cause, advice.cause);
      // A message for those who see nothing else ends with the cause.
      const std::string told = ": " + content.cause;
      if (content.error.size() > told.size() && content.error.ends_with(told)) {
        content.error.resize(content.error.size() - told.size());
      }
    }
  } else {
    const Summary& summary = *message.summary();
    content.cause = several_lines(summary_text(summary, Lines::kNo));
    content.facts.emplace_back("From", util::format_rfc3339(summary.from));
    content.facts.emplace_back("Until", util::format_rfc3339(summary.until));
    for (const Summary::Line& line : summary.worst) {
      content.lines.push_back(
          {util::format_rfc3339(std::chrono::floor<std::chrono::seconds>(line.time)), line.severity,
           plain_text(
               line.jail.empty() ? line.message : fmt::format("{}: {}", line.jail, line.message),
               kLongestLine)});
    }
  }
  content.steps = advice_of(message).steps;
  return content;
}

// What a telephone shows of it: who did it, or else what it is about.
std::string subject_of(std::string_view host, const Message& message, const Content& content) {
  std::string text =
      fmt::format("[{}] {}: {}", plain_text(host, 60), content.severity, content.headline);
  if (message.event() && !message.event()->address) {
    text += ": " + plain_text(content.error.empty() ? content.cause : content.error, kSubjectPart);
  }
  return text;
}

std::string text_part(const Content& content) {
  std::string text = fmt::format("EVENT\n    {} ({})\n\n", content.headline, content.severity);
  if (!content.error.empty()) {
    text += fmt::format("ERROR\n    {}\n\n", content.error);
  }
  text += "CAUSE\n";
  for (const std::string_view line : util::split(content.cause, '\n')) {
    text += fmt::format("    {}\n", line);
  }
  if (!content.lines.empty()) {
    text += "\nWORST\n";
  }
  for (const Content::Line& line : content.lines) {
    text += fmt::format("    {} {}\n        {}\n", line.time, model::to_string(line.severity),
                        line.text);
  }
  text += "\nDETAILS\n";
  std::size_t widest = 8;
  for (const auto& [name, value] : content.facts) {
    widest = std::max(widest, std::min<std::size_t>(name.size(), 30));
  }
  for (const auto& [name, value] : content.facts) {
    text += fmt::format("    {:<{}} {}\n", name, widest, value);
  }
  text += "\nNEXT STEPS\n";
  for (const std::string& step : content.steps) {
    text += fmt::format("    {}\n", step);
  }
  return text;
}

struct Colours {
  std::string_view name;  // of the class
  std::string_view on_light;
};

Colours colours_of(model::Severity severity) {
  switch (severity) {
    case model::Severity::kCritical:
    case model::Severity::kHigh:
      return {"bad", "#b3261e"};
    case model::Severity::kWarning:
      return {"warn", "#8f4e00"};
    default:
      return {"good", "#2e6b3a"};
  }
}

// Colours stand in the elements for programs that drop the style sheet; the sheet turns them for a
// dark screen, where a program that only darkens the page would leave dark text on it. One column,
// so that nothing is cut off on a telephone, and long words break.
constexpr std::string_view kHead =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\">"
    "<meta name=\"supported-color-schemes\" content=\"light dark\"><style>"
    ":root{color-scheme:light dark}"
    "@media (prefers-color-scheme:dark){"
    ".page{background:#16181b!important;color:#e6e6e6!important}"
    ".quiet{color:#a7adb4!important}.box{background:#24282d!important;color:#e6e6e6!important}"
    ".bad{color:#ff9c92!important;border-color:#ff9c92!important}"
    ".warn{color:#f5b95f!important;border-color:#f5b95f!important}"
    ".good{color:#8fd19e!important;border-color:#8fd19e!important}"
    ".text{color:#e6e6e6!important}}"
    "@media (max-width:480px){.page{padding:12px!important}.card{padding-left:12px!important}}"
    "</style></head>";

std::string html_part(const Content& content, model::Severity severity) {
  const Colours colours = colours_of(severity);
  std::string html = fmt::format(
      "{}<body class=\"page\" style=\"margin:0;padding:20px;background:#ffffff;color:#1f1f1f;"
      "font:15px/1.5 -apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
      "overflow-wrap:anywhere\">"
      "<div class=\"card {}\" style=\"max-width:640px;border-left:4px solid {};padding-left:16px\">"
      "<p class=\"{}\" style=\"margin:0;color:{};font-weight:bold\">{}</p>"
      "<div class=\"text\" style=\"color:#1f1f1f\">"
      "<h1 style=\"margin:4px 0 12px;font-size:20px;line-height:1.3\">{}</h1>"
      "{}<p style=\"margin:0 0 16px\">{}</p>",
      kHead, colours.name, colours.on_light, colours.name, colours.on_light,
      html_text(content.severity), html_text(content.headline),
      content.error.empty() ? std::string()
                            : fmt::format("<p style=\"margin:0 0 8px;font-weight:bold\">{}</p>",
                                          html_text(content.error)),
      html_text(content.cause));
  for (const Content::Line& line : content.lines) {
    const Colours of = colours_of(line.severity);
    html += fmt::format(
        "<p style=\"margin:0 0 10px\"><span class=\"{}\" style=\"color:{};font-weight:bold\">{}"
        "</span> <span class=\"quiet\" style=\"color:#5f5f5f\">{}</span><br>{}</p>",
        of.name, of.on_light, model::to_string(line.severity), html_text(line.time),
        html_text(line.text));
  }
  html += "<table role=\"presentation\" style=\"border-collapse:collapse;margin-top:16px\">";
  for (const auto& [name, value] : content.facts) {
    html += fmt::format(
        "<tr><td class=\"quiet\" style=\"padding:2px 16px 2px 0;vertical-align:top;"
        "overflow-wrap:normal;color:#5f5f5f\">{}</td><td style=\"padding:2px "
        "0;vertical-align:top\">{}</td></tr>",
        html_text(name), html_text(value));
  }
  html +=
      "</table><p style=\"margin:16px 0 4px;font-weight:bold\">Next steps</p>"
      "<pre class=\"box\" style=\"margin:0;padding:8px 12px;background:#f2f2f2;color:#1f1f1f;"
      "border-radius:4px;font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;"
      "white-space:pre-wrap\">";
  for (std::size_t i = 0; i < content.steps.size(); ++i) {
    html += (i == 0 ? "" : "\n") + html_text(content.steps[i]);
  }
  return html + "</pre></div></div></body></html>\n";
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
  const Content content = content_of(host, message);
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
       {std::pair("text/plain", text_part(content)),
        std::pair("text/html", html_part(content, message.severity()))}) {
    text += fmt::format(
        "--{}\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        boundary, type, in_lines(util::to_base64(util::as_bytes(part))));
  }
  return text + fmt::format("--{}--\r\n", boundary);
}

}  // namespace warder::ship
