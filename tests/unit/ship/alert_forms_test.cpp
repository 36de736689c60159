#include "ship/alert_forms.h"

#include "ship/advice.h"
#include "ship/mail_message.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace warder;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr util::WallTime kTime{std::chrono::seconds(1793620800)};  // 2026-11-02T12:00:00Z
constexpr ship::Sender kSender{"web-1", "ops"};

ship::Message monitored(std::string state, model::Severity severity) {
  ship::Message message;
  message.key = "ops-01";
  model::Event event;
  event.kind = model::EventKind::kIntegrity;
  event.severity = severity;
  event.time = kTime;
  event.jail = "vault";
  event.message = "schema: the schema has changed: new trigger x";
  event.detail = json{{"incident", "monitor/vault/schema"},
                      {"state", std::move(state)},
                      {"severity", "high"},
                      {"cause", "an upgrade, or [a](http://b) @everyone"},
                      {"next", "warder monitor accept vault"}}
                     .dump();
  message.what = event;
  return message;
}

ship::Message banned() {
  ship::Message message;
  message.key = "ops-02";
  model::Event event;
  event.kind = model::EventKind::kBan;
  event.severity = model::Severity::kWarning;
  event.time = kTime;
  event.jail = "sshd";
  event.address = net::Prefix(*net::IpAddress::parse("203.0.113.9"));
  event.message = "5 findings in 10m";
  message.what = event;
  return message;
}

}  // namespace

TEST_CASE("advice: the event's own cause, step and incident come first") {
  const ship::Advice advice = ship::advice_of(monitored("bad", model::Severity::kHigh));
  CHECK(advice.cause == "an upgrade, or [a](http://b) @everyone");
  CHECK(advice.steps ==
        std::vector<std::string>{"warder monitor accept vault", "warder events --kind integrity"});
  CHECK(advice.incident == "monitor/vault/schema");
  CHECK_FALSE(advice.is_over);
  CHECK(ship::advice_of(monitored("good", model::Severity::kNotice)).is_over);
  const ship::Advice ban = ship::advice_of(banned());
  CHECK(ban.cause.empty());
  CHECK(ban.incident == "sshd|203.0.113.9");
  CHECK(ban.steps.front() == "warder explain 203.0.113.9");
}

TEST_CASE("Teams: one card of text that knows no markup") {
  CHECK(
      ship::teams_body(kSender, monitored("bad", model::Severity::kHigh)) ==
      "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
      "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{\"$schema\":"
      "\"http://adaptivecards.io/schemas/adaptive-card.json\",\"type\":\"AdaptiveCard\","
      "\"version\":\"1.4\",\"body\":["
      "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"web-1: integrity "
      "(vault)\",\"weight\":\"Bolder\",\"size\":\"Medium\",\"color\":\"Attention\"}]},"
      "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"schema: the "
      "schema "
      "has changed: new trigger x\"}]},"
      "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"CAUSE  an "
      "upgrade, "
      "or [a](http:\u200b//b) @\u200beveryone\"}]},"
      "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"warder monitor "
      "accept vault\",\"fontType\":\"Monospace\"}]},"
      "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"warder events "
      "--kind integrity\",\"fontType\":\"Monospace\"}]},"
      "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"high, "
      "2026-11-02T12:00:00Z\"}]}]}}]}");
}

TEST_CASE("Gotify: plain text, louder when more severe") {
  CHECK(ship::gotify_body(kSender, banned()) ==
        "{\"title\":\"web-1: ban 203.0.113.9 (sshd)\",\"message\":\"5 findings in 10m\\nNEXT STEPS:"
        "\\nwarder explain 203.0.113.9\\nwarder unban 203.0.113.9      # if it is one of yours\","
        "\"priority\":5,\"extras\":{\"client::display\":{\"contentType\":\"text/plain\"}}}");
}

TEST_CASE("PagerDuty: what is acknowledged here is acknowledged there, what is told on is not") {
  model::Event event;
  event.kind = model::EventKind::kIncident;
  event.severity = model::Severity::kNotice;
  event.detail = R"({"incident":"monitor/vault/schema","number":12,"uid":0,"by":"root"})";
  ship::Message message;
  message.what = event;
  const json known = json::parse(ship::pagerduty_body(kSender, "R0UTE", message));
  CHECK(known["event_action"] == "acknowledge");
  const json trigger =
      json::parse(ship::pagerduty_body(kSender, "R0UTE", monitored("bad", model::Severity::kHigh)));
  CHECK(known["dedup_key"] == trigger["dedup_key"]);
  message.event()->detail = R"({"incident":"monitor/vault/schema","number":12})";
  CHECK(json::parse(ship::pagerduty_body(kSender, "R0UTE", message))["event_action"] == "trigger");
}

TEST_CASE("PagerDuty: an incident is triggered and resolved under one key") {
  const json trigger =
      json::parse(ship::pagerduty_body(kSender, "R0UTE", monitored("bad", model::Severity::kHigh)));
  CHECK(trigger["routing_key"] == "R0UTE");
  CHECK(trigger["event_action"] == "trigger");
  CHECK(trigger["payload"]["severity"] == "error");
  CHECK(trigger["payload"]["source"] == "web-1");
  CHECK(trigger["payload"]["timestamp"] == "2026-11-02T12:00:00Z");
  CHECK(trigger["payload"]["summary"] ==
        "web-1: integrity (vault): schema: the schema has changed: new trigger x");
  CHECK(trigger["payload"]["custom_details"]["next_steps"] ==
        "warder monitor accept vault\nwarder events --kind integrity");
  const json resolve = json::parse(
      ship::pagerduty_body(kSender, "R0UTE", monitored("good", model::Severity::kNotice)));
  CHECK(resolve["event_action"] == "resolve");
  CHECK(resolve["dedup_key"] == trigger["dedup_key"]);
  CHECK(json::parse(ship::pagerduty_body(kSender, "R", banned()))["dedup_key"] !=
        trigger["dedup_key"]);
}

// severity, and whether it begins or ends, of each alert of the body.
std::vector<std::string> alerts_of(const json& body) {
  std::vector<std::string> all;
  for (const json& alert : body) {
    all.push_back(alert["labels"]["severity"].get<std::string>() +
                  (alert.contains("startsAt") ? " begins" : " ends"));
  }
  return all;
}

TEST_CASE("Alertmanager: the end has the labels of the beginning, whatever the severity was") {
  using All = std::vector<std::string>;
  const json begin =
      json::parse(ship::alertmanager_body(kSender, monitored("bad", model::Severity::kHigh)));
  CHECK(begin[0]["labels"] == json{{"alertname", "warder_integrity"},
                                   {"instance", "web-1"},
                                   {"severity", "high"},
                                   {"incident", "monitor/vault/schema"},
                                   {"jail", "vault"}});
  CHECK(begin[0]["startsAt"] == "2026-11-02T12:00:00Z");
  CHECK(begin[0]["endsAt"] == "2027-01-31T12:00:00Z");
  CHECK(alerts_of(begin) ==
        All{"high begins", "info ends", "notice ends", "warning ends", "critical ends"});
  const json worse =
      json::parse(ship::alertmanager_body(kSender, monitored("bad", model::Severity::kCritical)));
  CHECK(alerts_of(worse) ==
        All{"critical begins", "info ends", "notice ends", "warning ends", "high ends"});
  const json end =
      json::parse(ship::alertmanager_body(kSender, monitored("good", model::Severity::kNotice)));
  CHECK(alerts_of(end) ==
        All{"info ends", "notice ends", "warning ends", "high ends", "critical ends"});
  CHECK(end[3]["labels"] == begin[0]["labels"]);
  CHECK(end[4]["labels"] == worse[0]["labels"]);
  CHECK(end[3]["endsAt"] == "2026-11-02T12:00:00Z");
}

TEST_CASE("Alertmanager: what tells no end is left to its resolve_timeout") {
  ship::Message message = monitored("bad", model::Severity::kHigh);
  model::Event event = *message.event();
  event.detail = R"({"incident":"x"})";
  message.what = event;
  const json alerts = json::parse(ship::alertmanager_body(kSender, message));
  REQUIRE(alerts.size() == 1);
  CHECK_FALSE(alerts[0].contains("endsAt"));
}

TEST_CASE("a mail names error, cause and next step, and threads by the incident") {
  const ship::MailEnvelope envelope{"warder@example.org", {"ops@example.org"}};
  const std::string bad =
      ship::mail_text(envelope, "web-1", monitored("bad", model::Severity::kHigh), kTime);
  const std::string good =
      ship::mail_text(envelope, "web-1", monitored("good", model::Severity::kNotice), kTime);
  const auto header = [](const std::string& mail, const std::string& name) {
    const std::size_t at = mail.find(name + ": ");
    REQUIRE(at != std::string::npos);
    return mail.substr(at, mail.find("\r\n", at) - at);
  };
  CHECK(header(bad, "References") == header(good, "References"));
  CHECK(header(bad, "In-Reply-To") == header(good, "In-Reply-To"));
  const std::size_t at = bad.find("base64\r\n\r\n") + 10;
  std::string part = bad.substr(at, bad.find("\r\n--", at) - at);
  std::erase(part, '\r');
  std::erase(part, '\n');
  const auto text = util::from_base64(part);
  REQUIRE(text);
  CHECK(std::string(text->begin(), text->end()) ==
        "EVENT\n    integrity (vault) (high)\n\nERROR\n    schema: the schema has changed: new "
        "trigger "
        "x\n\nCAUSE\n    an upgrade, or [a](http://b) @everyone\n\nDETAILS\n    Host     web-1\n"
        "    Time     2026-11-02T12:00:00Z\n    Kind     integrity\n    Jail     vault\n\n"
        "NEXT STEPS\n    warder monitor accept vault\n    warder events --kind integrity\n");
}
