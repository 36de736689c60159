#include "ship/forms.h"

#include "model/event_json.h"
#include "ship/text.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <array>

namespace warder::ship {
namespace {

using Json = nlohmann::ordered_json;
using model::Severity;

constexpr std::array<std::string_view, 10> kForms{
    "generic", "slack",     "discord",      "ntfy",      "teams",
    "gotify",  "pagerduty", "alertmanager", "abuseipdb", "blocklist-de"};

// In the body of a chat message. Below every limit: Slack breaks texts of more than 4,000
// characters into several messages, Discord takes 4,096 characters in a description and 6,000 in
// all, ntfy makes an attachment of messages of more than 4,096 bytes.
constexpr std::size_t kLongestLine = 600;
constexpr std::size_t kLongestText = 3000;
constexpr std::size_t kLongestTitle = 200;

// Bytes that are no UTF-8 cannot make the text invalid.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json event_object(const model::Event& event, Detail detail) {
  Json json;
  json["id"] = util::to_hex(event.id.bytes);
  json["kind"] = model::to_string(event.kind);
  json["severity"] = model::to_string(event.severity);
  json["time"] = util::format_rfc3339(event.time);
  if (!event.jail.empty()) {
    json["jail"] = event.jail;
  }
  if (event.address) {
    json["address"] = event.address->to_string();
  }
  json["message"] = plain_text(event.message, model::Event::kLongestMessage);
  const std::string facts = model::detail_text(event);
  if (facts.empty()) {
    return json;
  }
  if (detail == Detail::kOmitted) {
    json["detail_omitted"] = true;
  } else if (Json parsed = model::parse_detail(facts); parsed.is_object()) {
    json["detail"] = std::move(parsed);
  } else {
    json["detail"] = plain_text(facts, model::Event::kLongestDetail);
  }
  return json;
}

Json summary_object(const Summary& summary) {
  Json json;
  json["severity"] = model::to_string(summary.severity);
  json["from"] = util::format_rfc3339(summary.from);
  json["until"] = util::format_rfc3339(summary.until);
  json["window_seconds"] = summary.window.count();
  json["total"] = summary.total;
  json["text"] = summary_text(summary);
  json["kinds"] = Json::array();
  for (const Summary::Kind& kind : summary.kinds) {
    Json told;
    told["kind"] = model::to_string(kind.kind);
    told["count"] = kind.count;
    told["jails"] = Json::array();
    for (const auto& [jail, count] : kind.jails) {
      told["jails"].push_back(Json{{"jail", jail}, {"count", count}});
    }
    told["other_jails"] = kind.other_jails;
    told["example"] = plain_text(kind.example, kLongestLine);
    json["kinds"].push_back(std::move(told));
  }
  json["addresses"] = Json::array();
  for (const auto& [address, count] : summary.addresses) {
    json["addresses"].push_back(Json{{"address", address.to_string()}, {"count", count}});
  }
  json["addresses_estimated"] = summary.addresses_estimated;
  if (summary.was_held) {
    json["held"] = true;
  }
  if (!summary.worst.empty()) {
    json["worst"] = Json::array();
  }
  for (const Summary::Line& line : summary.worst) {
    json["worst"].push_back(Json{{"time", util::format_rfc3339(line.time)},
                                 {"severity", model::to_string(line.severity)},
                                 {"jail", line.jail},
                                 {"message", plain_text(line.message, kLongestLine)}});
  }
  return json;
}

Json message_object(const Message& message, Detail detail) {
  Json json;
  json["key"] = message.key;
  json["type"] = message.event() ? "event" : "summary";
  json["sequence"] = message.sequence;
  json.update(message.event() ? event_object(*message.event(), detail)
                              : summary_object(*message.summary()));
  return json;
}

using Escape = std::string (*)(std::string_view text, std::size_t max_bytes);

std::string title(const Sender& sender, const Message& message, Escape escape) {
  return escape(fmt::format("{}: {}", sender.host, headline(message)), kLongestTitle);
}

int discord_color(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
    case Severity::kNotice:
      return 0x3498DB;
    case Severity::kWarning:
      return 0xF1C40F;
    case Severity::kHigh:
      return 0xE67E22;
    case Severity::kCritical:
      return 0xE74C3C;
  }
  return 0;
}

// 1 (least) to 5 (most); 4 and 5 make a phone ring.
int ntfy_priority(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return 2;
    case Severity::kNotice:
    case Severity::kWarning:
      return 3;
    case Severity::kHigh:
      return 4;
    case Severity::kCritical:
      return 5;
  }
  return 3;
}

}  // namespace

std::string_view to_string(Form form) { return kForms[static_cast<std::size_t>(form)]; }

std::optional<Form> parse_form(std::string_view name) {
  for (std::size_t i = 0; i < kForms.size(); ++i) {
    if (kForms[i] == name) {
      return static_cast<Form>(i);
    }
  }
  return std::nullopt;
}

std::string generic_body(const Sender& sender, std::span<const Message> messages,
                         util::WallTime sent, Detail detail) {
  Json json;
  json["format"] = "warder/1";
  json["host"] = sender.host;
  json["destination"] = sender.destination;
  json["sent"] = util::format_rfc3339(sent);
  json["messages"] = Json::array();
  for (const Message& message : messages) {
    json["messages"].push_back(message_object(message, detail));
  }
  return dump(json);
}

std::string slack_body(const Sender& sender, const Message& message) {
  Json json;
  json["text"] = fmt::format("[{}] {}\n{}", model::to_string(message.severity()),
                             title(sender, message, &slack_text),
                             told_text(message, &slack_text, kLongestText));
  json["mrkdwn"] = false;
  json["unfurl_links"] = false;
  json["unfurl_media"] = false;
  return dump(json);
}

std::string discord_body(const Sender& sender, const Message& message) {
  Json embed;
  embed["title"] = title(sender, message, &discord_text);
  embed["description"] = told_text(message, &discord_text, kLongestText);
  embed["color"] = discord_color(message.severity());
  embed["timestamp"] = util::format_rfc3339(message.time());
  Json json;
  json["allowed_mentions"] = Json{{"parse", Json::array()}};
  json["embeds"] = Json::array({std::move(embed)});
  return dump(json);
}

std::string ntfy_body(const Sender& sender, std::string_view topic, const Message& message) {
  Json json;
  json["topic"] = topic;
  json["title"] = title(sender, message, &chat_text);
  json["message"] = told_text(message, &chat_text, kLongestText);
  json["priority"] = ntfy_priority(message.severity());
  json["tags"] = Json::array({model::to_string(message.severity())});
  return dump(json);
}

std::string json_line(const Sender& sender, const Message& message) {
  Json json;
  json["host"] = sender.host;
  json.update(message_object(message, Detail::kWhole));
  return dump(json);
}

}  // namespace warder::ship
