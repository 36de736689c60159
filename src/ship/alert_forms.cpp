#include "ship/alert_forms.h"

#include "crypto/sha256.h"
#include "ship/advice.h"
#include "ship/text.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <chrono>

namespace warder::ship {
namespace {

using Json = nlohmann::ordered_json;
using model::Severity;

constexpr std::size_t kLongestTitle = 200;
constexpr std::size_t kLongestText = 3000;
constexpr std::size_t kLongestLabel = 200;
// As long as the store keeps an incident open whose end will be told (store/incidents.cpp).
constexpr std::chrono::hours kLongestIncident{24 * 90};

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string told_title(const Sender& sender, const Message& message,
                       std::string (*harmless)(std::string_view, std::size_t)) {
  return harmless(fmt::format("{}: {}", sender.host, headline(message)), kLongestTitle);
}

Json run(std::string text) { return Json{{"type", "TextRun"}, {"text", std::move(text)}}; }

Json block(Json inlines) {
  return Json{{"type", "RichTextBlock"}, {"inlines", std::move(inlines)}};
}

std::string joined_steps(const Advice& advice) {
  std::string text;
  for (const std::string& step : advice.steps) {
    text += (text.empty() ? "" : "\n") + step;
  }
  return text;
}

}  // namespace

std::string teams_body(const Sender& sender, const Message& message) {
  const Advice advice = advice_of(message);
  const bool loud = message.severity() >= Severity::kHigh;
  Json heading = run(told_title(sender, message, &chat_text));
  heading["weight"] = "Bolder";
  heading["size"] = "Medium";
  heading["color"] = loud                                       ? "Attention"
                     : message.severity() >= Severity::kWarning ? "Warning"
                     : advice.is_over                           ? "Good"
                                                                : "Default";
  Json body = Json::array();
  body.push_back(block(Json::array({heading})));
  body.push_back(block(Json::array({run(told_text(message, &chat_text, kLongestText))})));
  if (!advice.cause.empty()) {
    body.push_back(block(Json::array({run("CAUSE  " + chat_text(advice.cause, 1000))})));
  }
  for (const std::string& step : advice.steps) {
    Json command = run(chat_text(step, 1000));
    command["fontType"] = "Monospace";
    body.push_back(block(Json::array({command})));
  }
  body.push_back(block(Json::array({run(fmt::format("{}, {}", model::to_string(message.severity()),
                                                    util::format_rfc3339(message.time())))})));
  Json card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
            {"type", "AdaptiveCard"},
            {"version", "1.4"},
            {"body", std::move(body)}};
  return dump(Json{
      {"type", "message"},
      {"attachments", Json::array({Json{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                        {"contentUrl", nullptr},
                                        {"content", std::move(card)}}})}});
}

std::string gotify_body(const Sender& sender, const Message& message) {
  // 4 and above make a sound, 8 and above break through on Android.
  constexpr int kPriorities[] = {1, 3, 5, 7, 9};
  const Advice advice = advice_of(message);
  std::string text = told_text(message, &chat_text, kLongestText);
  if (!advice.cause.empty()) {
    text += "\nCAUSE: " + chat_text(advice.cause, 1000);
  }
  text += "\nNEXT STEPS:";
  for (const std::string& step : advice.steps) {
    text += "\n" + chat_text(step, 1000);
  }
  return dump(Json{{"title", told_title(sender, message, &chat_text)},
                   {"message", std::move(text)},
                   {"priority", kPriorities[static_cast<std::size_t>(message.severity())]},
                   {"extras", Json{{"client::display", Json{{"contentType", "text/plain"}}}}}});
}

std::string pagerduty_body(const Sender& sender, std::string_view routing_key,
                           const Message& message) {
  constexpr std::string_view kSeverities[] = {"info", "info", "warning", "error", "critical"};
  const Advice advice = advice_of(message);
  // A summary is an incident of its own, an event belongs to its incident on this host.
  const std::string incident =
      message.event() ? fmt::format("{}/{}", sender.host, advice.incident) : message.key;
  Json custom{{"message", told_text(message, &plain_text, kLongestText)},
              {"cause", advice.cause},
              {"next_steps", joined_steps(advice)},
              {"host", plain_text(sender.host, kLongestLabel)},
              {"key", message.key}};
  Json payload{{"summary", plain_text(fmt::format("{}: {}: {}", sender.host, headline(message),
                                                  told_text(message, &plain_text, 600)),
                                      1024)},
               {"source", plain_text(sender.host, kLongestLabel)},
               {"severity", kSeverities[static_cast<std::size_t>(message.severity())]},
               {"timestamp", util::format_rfc3339(message.time())},
               {"component",
                message.event() ? plain_text(message.event()->jail, kLongestLabel) : std::string()},
               {"class", message.event() ? model::to_string(message.event()->kind) : "summary"},
               {"custom_details", std::move(custom)}};
  return dump(Json{{"routing_key", routing_key},
                   {"event_action", advice.is_over    ? "resolve"
                                    : advice.is_known ? "acknowledge"
                                                      : "trigger"},
                   {"dedup_key", util::to_hex(crypto::sha256(util::as_bytes(incident)))},
                   {"client", "warder"},
                   {"payload", std::move(payload)}});
}

std::string alertmanager_body(const Sender& sender, const Message& message) {
  const Advice advice = advice_of(message);
  const auto labels = [&](Severity severity) {
    Json all{{"alertname", message.event()
                               ? "warder_" + std::string(model::to_string(message.event()->kind))
                               : "warder_summary"},
             {"instance", plain_text(sender.host, kLongestLabel)},
             {"severity", model::to_string(severity)},
             {"incident", message.event() ? advice.incident : message.key}};
    if (message.event() && !message.event()->jail.empty()) {
      all["jail"] = plain_text(message.event()->jail, kLongestLabel);
    }
    if (message.event() && message.event()->address) {
      all["address"] = message.event()->address->to_string();
    }
    return all;
  };
  const std::string time = util::format_rfc3339(message.time());
  const std::string title = told_title(sender, message, &plain_text);
  Json alerts = Json::array();
  if (!advice.is_over) {
    Json alert{{"labels", labels(message.severity())},
               {"annotations", Json{{"summary", title},
                                    {"description", told_text(message, &plain_text, kLongestText)},
                                    {"cause", advice.cause},
                                    {"next_steps", joined_steps(advice)}}},
               {"startsAt", time}};
    if (advice.tells_end) {
      alert["endsAt"] = util::format_rfc3339(message.time() + kLongestIncident);
    }
    alerts.push_back(std::move(alert));
  }
  // To Alertmanager another severity is another alert. Which one its incident has had until now is
  // not known here, and an end of one that never was does nothing.
  for (std::size_t i = 0; advice.tells_end && i < model::kSeverityNames.size(); ++i) {
    if (advice.is_over || static_cast<Severity>(i) != message.severity()) {
      alerts.push_back(Json{{"labels", labels(static_cast<Severity>(i))},
                            {"annotations", Json{{"summary", title}}},
                            {"endsAt", time}});
    }
  }
  return dump(alerts);
}

}  // namespace warder::ship
