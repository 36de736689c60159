#include "agent/ask.h"
#include "agent/command.h"
#include "agent/output.h"
#include "agent/user_name.h"
#include "agent/wiring.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace warder::agent {
namespace {

using nlohmann::json;

struct Words {
  std::string destination;
  std::string kind;
  std::string incident;
  std::string note;
  std::string severity;
  bool ended = false;
  bool over = false;
};

// What `alerts send` takes for KIND: a severity, as the scripts had it, or a kind with the severity
// that it usually has.
struct Sent {
  std::string_view word;
  std::string_view kind;
  std::string_view severity;
};
constexpr Sent kSent[] = {
    {"info", "security", "info"},           {"notice", "security", "notice"},
    {"warning", "security", "warning"},     {"critical", "security", "critical"},
    {"security", "security", "high"},       {"backup", "backup", "high"},
    {"integrity", "integrity", "critical"}, {"monitor", "monitor", "warning"},
};

ExitStatus test(const Globals& globals, const Words& words) {
  api::Request request;
  request.command = api::Command::kTestAlert;
  request.destination = words.destination;
  request.kind = words.kind;
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    return complain(answer.error());
  }
  const json document = json::parse(*answer);
  bool good = true;
  TextTable table({"DESTINATION", "RESULT"});
  for (const json& row : document["destinations"]) {
    const std::string error = row.value("error", "");
    good = good && error.empty();
    table.add({row.value("name", ""), error.empty() ? "delivered" : "FAILED: " + error});
  }
  if (globals.json) {
    print(*answer + '\n');
  } else {
    print(table.to_text());
  }
  return good ? ExitStatus::kOk : ExitStatus::kFailed;
}

ExitStatus retry(const Globals& globals, const Words& words) {
  api::Request request;
  request.command = api::Command::kRetryDead;
  request.destination = words.destination;
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    return complain(answer.error());
  }
  print(globals.json
            ? *answer + '\n'
            : fmt::format("to be tried again: {}\n",
                          counted(json::parse(*answer).value("revived", 0ULL), "dead letter")));
  return ExitStatus::kOk;
}

// "3m", "2h", "4d": one unit is enough for how old something is.
std::string age(util::WallTime then, util::WallTime now) {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  const auto passed = std::max(seconds(0), std::chrono::floor<seconds>(now - then));
  const auto unit = passed >= hours(48)    ? hours(24)
                    : passed >= hours(2)   ? hours(1)
                    : passed >= minutes(2) ? seconds(60)
                                           : seconds(1);
  return util::format_duration(passed / unit * seconds(unit));
}

util::WallTime time_of(const json& object, const char* name) {
  return util::parse_rfc3339(object.value(name, "")).value_or(util::WallTime());
}

// "ops, pager 2 times (waiting); then boss in 12m"
std::string told_text(const json& incident, util::WallTime now) {
  std::string text;
  for (const json& told : incident["told"]) {
    const auto times = told.value("times", 1);
    const std::string state = told.value("state", "");
    text += fmt::format("{}{}{}{}", text.empty() ? "" : ", ", told.value("destination", ""),
                        times > 1 ? fmt::format(" {} times", times) : std::string(),
                        state == "delivered" ? std::string() : " (" + state + ")");
  }
  for (const json& coming : incident["coming"]) {
    text += fmt::format("{}then {} in {}", text.empty() ? "" : "; ",
                        coming.value("destination", ""), age(now, time_of(coming, "due")));
  }
  return text.empty() ? "nobody" : text;
}

// The name often ends with what the message begins with: a jail's key, or the first words. That is
// long enough once.
std::string incident_text(const std::string& name, std::string_view message) {
  for (const std::size_t bar : {name.find('|'), name.rfind('|')}) {
    const std::string_view shared = std::string_view(name).substr(bar + 1);
    if (message.starts_with(shared)) {
      return name + std::string(message.substr(shared.size()));
    }
  }
  return fmt::format("{}: {}", name, message);
}

std::string incidents_text(const json& document, bool ended) {
  const util::WallTime now = time_of(document, "now");
  TextTable table({"NUMBER", "SEVERITY", ended ? "ENDED" : "AGE", "EVENTS", ended ? "HOW" : "TOLD",
                   "ACKNOWLEDGED", "INCIDENT"});
  for (const json& incident : document["incidents"]) {
    const json acknowledged = incident.value("acknowledged", json::object());
    const std::string note = acknowledged.value("note", "");
    table.add({std::to_string(incident.value("number", 0LL)), incident.value("severity", ""),
               age(time_of(incident, ended ? "ended" : "opened"), now),
               std::to_string(incident.value("events", 0ULL)),
               ended ? incident.value("how", "") : told_text(incident, now),
               acknowledged.empty() ? "no"
                                    : fmt::format("{}{}{}", acknowledged.value("by", ""),
                                                  note.empty() ? "" : ": ", note),
               incident_text(incident.value("name", ""), incident.value("message", ""))});
  }
  if (!table.empty()) {
    return table.to_text();
  }
  return ended ? "no incident has ended\n" : "no incident is open\n";
}

ExitStatus list(const Globals& globals, const Words& words) {
  api::Request request;
  request.command = api::Command::kIncidents;
  request.text = words.ended ? "ended" : "";
  return ask_and_print(globals, request,
                       [&](const json& document) { return incidents_text(document, words.ended); });
}

ExitStatus acknowledge(const Globals& globals, const Words& words) {
  api::Request request;
  request.command = api::Command::kAcknowledge;
  request.key = words.incident;
  request.text = util::to_valid_utf8(words.note);
  return ask_and_print(globals, request, [](const json& document) {
    return fmt::format("incident {} ({}) is {}acknowledged by {}\n", document.value("number", 0LL),
                       document.value("name", ""),
                       document.value("already", false) ? "already " : "",
                       document.value("by", ""));
  });
}

ExitStatus send(const Globals& globals, const Words& words) {
  const auto* const sent = std::find_if(std::begin(kSent), std::end(kSent),
                                        [&](const Sent& one) { return one.word == words.kind; });
  if (sent == std::end(kSent)) {
    return complain(util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("'{}' is no kind of alert; info, notice, warning, critical, security, backup, "
                    "integrity or monitor",
                    util::printable(words.kind, 40))));
  }
  if (words.over && words.incident.empty()) {
    return complain(
        util::Error(util::ErrorCode::kInvalid, "--over needs --incident: which one is over?"));
  }
  auto text = read_report();
  if (!text) {
    return complain(text.error());
  }
  api::Request request;
  request.command = api::Command::kReport;
  request.kind = sent->kind;
  request.severity = words.over               ? "notice"
                     : words.severity.empty() ? std::string(sent->severity)
                                              : words.severity;
  request.text = std::move(*text);
  request.key = words.incident;
  request.state = words.over ? "good" : "";
  request.by = user_name();
  return ask_and_print(globals, request, [](const json&) {
    return "recorded, and told to the destinations that want it\n";
  });
}

}  // namespace

Run declare_alerts(CLI::App& app) {
  app.require_subcommand(1);
  auto words = std::make_shared<Words>();
  CLI::App* list_words = app.add_subcommand(
      "list", "open incidents: since when, how often, who was told, who knows of it");
  list_words->add_flag("--ended", words->ended, "those that have ended, the last first");
  CLI::App* ack_words =
      app.add_subcommand("ack", "say that you know of an incident: nobody else is told of it");
  ack_words->add_option("INCIDENT", words->incident, "its number or name in `warder alerts list`")
      ->required();
  ack_words->add_option("--note", words->note, "what the others should know");
  CLI::App* send_words =
      app.add_subcommand("send", "an alert of your own; what happened is read from standard input");
  send_words
      ->add_option("KIND", words->kind,
                   "warning, critical, info, notice (of the kind security), or security, backup, "
                   "integrity, monitor")
      ->required();
  send_words->add_option("--severity", words->severity, "another than the kind usually has");
  send_words->add_option("--incident", words->incident,
                         "its name, when the same may be sent again or be over");
  send_words->add_flag("--over", words->over, "the incident is over");
  CLI::App* test_words = app.add_subcommand("test", "send a test alert and say how it fared");
  test_words->add_option("DESTINATION", words->destination, "only this one (default: all)");
  test_words->add_option("--kind", words->kind,
                         "as an alert of this kind looks: security, backup, integrity, monitor");
  CLI::App* retry_words = app.add_subcommand("retry", "try again what was given up (dead letters)");
  retry_words->add_option("DESTINATION", words->destination, "of this destination")->required();
  return [=](const Globals& globals) {
    return list_words->parsed()   ? list(globals, *words)
           : ack_words->parsed()  ? acknowledge(globals, *words)
           : send_words->parsed() ? send(globals, *words)
           : test_words->parsed() ? test(globals, *words)
                                  : retry(globals, *words);
  };
}

}  // namespace warder::agent
