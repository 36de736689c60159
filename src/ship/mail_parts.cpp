#include "ship/mail_parts.h"

#include "model/event_json.h"
#include "ship/advice.h"
#include "ship/incident.h"
#include "ship/text.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace warder::ship {
namespace {

constexpr std::size_t kLongestHeadline = 160;
constexpr std::size_t kLongestText = 3000;
constexpr std::size_t kLongestLine = 400;
constexpr std::size_t kMostFacts = 30;

constexpr std::size_t kWidth = 72;       // of the text part
constexpr std::size_t kWidestName = 24;  // of a fact, in the text part

// One thing to know beside its name.
using Rows = std::vector<std::pair<std::string, std::string>>;

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
void add_facts(const model::Event& event, Rows* rows) {
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
    rows->emplace_back(plain_text(name, 60), plain_text(told_value(value), kLongestLine));
  }
}

// Characters; wide and combining ones count as one.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Text in lines of at most kWidth columns: the first stands behind `before`, further ones are
// indented as far. Words that are longer stay whole, so that a path or an address can be copied.
std::string wrapped(std::string_view before, std::string_view text) {
  const std::size_t indent = columns(before);
  std::string out(before);
  std::size_t column = indent;
  for (const std::string_view word : util::split(text, ' ')) {
    const std::size_t wide = columns(word);
    if (column > indent && column + 1 + wide > kWidth) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += wide;
  }
  return out + '\n';
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

// What a jail that alerts tells: its message begins with the key, often a digest of 64 characters,
// so that what happened would come last. It becomes the headline, and the key a fact.
void tell_counted(const model::Event& event, MailContent* content) {
  const auto detail = model::parse_detail(event.detail);
  const std::string key = text_of(detail, "key", kLongestLine);
  std::string_view what = event.message;
  if (event.kind != model::EventKind::kAlert || event.jail.empty() || key.empty() ||
      !what.starts_with(key + ": ")) {
    return;
  }
  what.remove_prefix(key.size() + 2);
  while (what.ends_with(" -")) {  // fields that the line does not have
    what.remove_suffix(2);
  }
  content->facts.emplace_back("Key", key);
  if (const std::string log = text_of(detail, "log", kLongestLine); !log.empty()) {
    content->facts.emplace_back("Log", log);
  }
  const std::string text = plain_text(what, model::Event::kLongestMessage);
  content->headline = plain_text(fmt::format("{}: {}", event.jail, text), kLongestHeadline);
  content->cause = event.jail.size() + 2 + text.size() > kLongestHeadline ? text : std::string();
  content->is_sentence = true;
}

}  // namespace

MailContent mail_content(std::string_view host, const Message& message) {
  MailContent content;
  content.headline = plain_text(headline(message), kLongestHeadline);
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
    tell_counted(event, &content);
    add_facts(event, &content.facts);
    const Advice advice = advice_of(message);
    if (!advice.cause.empty()) {
      content.error = std::exchange(content.cause, advice.cause);
      // A message for those who see nothing else ends with the cause.
      const std::string told = ": " + content.cause;
      if (content.error.size() > told.size() && content.error.ends_with(told)) {
        content.error.resize(content.error.size() - told.size());
      }
    }
    std::string& sentence = content.error.empty() ? content.cause : content.error;
    if (event.jail.empty() && !event.address && sentence.size() <= kLongestHeadline) {
      content.headline = std::exchange(sentence, {});
      content.is_sentence = true;
    }
  } else {
    const Summary& summary = *message.summary();
    content.cause = several_lines(summary_text(summary, Lines::kNo));
    content.facts.emplace_back(
        "From", util::format_rfc3339(std::chrono::floor<std::chrono::seconds>(summary.from)));
    content.facts.emplace_back(
        "Until", util::format_rfc3339(std::chrono::ceil<std::chrono::seconds>(summary.until)));
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

std::string mail_text_part(const MailContent& content) {
  constexpr std::string_view kIndent = "    ";
  std::string text =
      "EVENT\n" + wrapped(kIndent, fmt::format("{} ({})", content.headline, content.severity));
  if (!content.error.empty()) {
    text += "\nERROR\n" + wrapped(kIndent, content.error);
  }
  if (!content.cause.empty()) {
    text += "\nCAUSE\n";
    for (const std::string_view line : util::split(content.cause, '\n')) {
      text += wrapped(kIndent, line);
    }
  }
  if (!content.lines.empty()) {
    text += "\nWORST\n";
  }
  for (const MailContent::Line& line : content.lines) {
    text += fmt::format("    {} {}\n", line.time, model::to_string(line.severity)) +
            wrapped("        ", line.text);
  }
  text += "\nDETAILS\n";
  std::size_t widest = 8;
  for (const auto& [name, value] : content.facts) {
    widest = std::max(widest, std::min(columns(name), kWidestName));
  }
  for (const auto& [name, value] : content.facts) {
    text += wrapped(fmt::format("    {:<{}} ", name, widest), value);
  }
  text += "\nNEXT STEPS\n";
  for (const std::string& step : content.steps) {
    text += fmt::format("    {}\n", step);
  }
  return text;
}

std::string mail_html_part(const MailContent& content, model::Severity severity) {
  const Colours colours = colours_of(severity);
  std::string html = fmt::format(
      "{}<body class=\"page\" style=\"margin:0;padding:20px;background:#ffffff;color:#1f1f1f;"
      "font:15px/1.5 -apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
      "overflow-wrap:anywhere\">"
      "<div class=\"card {}\" style=\"max-width:640px;border-left:4px solid {};padding-left:16px\">"
      "<p class=\"{}\" style=\"margin:0;color:{};font-weight:bold\">{}</p>"
      "<div class=\"text\" style=\"color:#1f1f1f\">"
      "<h1 style=\"margin:4px 0 12px;font-size:20px;line-height:1.3\">{}</h1>"
      "{}{}",
      kHead, colours.name, colours.on_light, colours.name, colours.on_light,
      html_text(content.severity), html_text(content.headline),
      content.error.empty() ? std::string()
                            : fmt::format("<p style=\"margin:0 0 8px;font-weight:bold\">{}</p>",
                                          html_text(content.error)),
      content.cause.empty()
          ? std::string()
          : fmt::format("<p style=\"margin:0 0 16px\">{}</p>", html_text(content.cause)));
  for (const MailContent::Line& line : content.lines) {
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

}  // namespace warder::ship
