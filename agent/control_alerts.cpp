// What the control socket does about alerts: incidents, acknowledgements, tests, reports.
#include "agent/control.h"
#include "model/event.h"
#include "store/incident.h"
#include "store/reader.h"
#include "util/clock.h"
#include "util/strings.h"
#include "util/users.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace warder::agent {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr std::chrono::seconds kAlertLimit{25};
constexpr std::chrono::milliseconds kAlertLook{50};
constexpr std::size_t kMostIncidents = 1000;
constexpr std::size_t kLongestNote = 500;
constexpr std::size_t kLongestIncident = 200;

std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

json object_of(const store::Incident& incident) {
  json object{{"number", incident.number},
              {"name", incident.name},
              {"opened", util::format_rfc3339(incident.opened)},
              {"last", util::format_rfc3339(incident.last)},
              {"events", incident.events},
              {"severity", model::to_string(incident.severity)},
              {"kind", model::to_string(incident.kind)},
              {"message", incident.message},
              {"told", json::array()},
              {"coming", json::array()}};
  if (!incident.jail.empty()) {
    object["jail"] = incident.jail;
  }
  if (incident.ended) {
    object["ended"] = util::format_rfc3339(*incident.ended);
    object["how"] = store::to_string(incident.how.value_or(store::IncidentEnd::kOver));
  }
  if (incident.acknowledged) {
    object["acknowledged"] = {{"time", util::format_rfc3339(*incident.acknowledged)},
                              {"by", incident.acknowledged_by},
                              {"note", incident.note}};
  }
  for (const store::Incident::Told& told : incident.told) {
    using State = store::Incident::Told::State;
    object["told"].push_back({{"destination", told.destination},
                              {"times", told.times},
                              {"state", told.state == State::kDelivered ? "delivered"
                                        : told.state == State::kWaiting ? "waiting"
                                                                        : "dead letter"}});
  }
  for (const store::Incident::Coming& coming : incident.coming) {
    object["coming"].push_back({{"destination", coming.destination},
                                {"due", util::format_rfc3339(coming.due)},
                                {"times", coming.times}});
  }
  return object;
}

util::Result<store::Incident> find_incident(store::Reader& reader, const std::string& key) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<store::Incident> open,
                          reader.incidents(store::Reader::Which::kOpen, kMostIncidents));
  const auto named = [&open](std::string_view name) {
    return std::find_if(open.begin(), open.end(),
                        [name](const store::Incident& one) { return one.name == name; });
  };
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error == std::errc() && end == key.data() + key.size()) {
    WARDER_ASSIGN_OR_RETURN(store::Incident incident, reader.incident(number));
    if (incident.ended) {
      const auto again = named(incident.name);
      return Error(ErrorCode::kConflict,
                   fmt::format("incident {} has ended ({}){}", number,
                               store::to_string(incident.how.value_or(store::IncidentEnd::kOver)),
                               again == open.end()
                                   ? std::string()
                                   : fmt::format("; the same is open again as {}", again->number)));
    }
    return incident;
  }
  const auto found = named(key);
  if (found != open.end()) {
    return *found;
  }
  return Error(ErrorCode::kNotFound,
               fmt::format("no open incident is named '{}'; `warder alerts list` shows them and "
                           "their numbers",
                           util::printable(key, 100)));
}

// What a test alert shows, for who wants to see how alerts of a kind look.
struct Sample {
  std::string_view kind;
  std::string_view what;
  std::string_view cause;
  std::string_view next;
};
constexpr Sample kSamples[] = {
    {"security", "an administrator signed in from an unknown address",
     "This is a test: nobody signed in. A real alert names the jail and the address.",
     "warder events --kind alert --since 1d"},
    {"backup", "the backup of vaultwarden failed",
     "This is a test: no backup failed. A real alert says which step failed and why.",
     "warder backup list"},
    {"integrity", "the database of vaultwarden is damaged",
     "This is a test: no database is damaged. A real alert quotes what integrity_check found.",
     "warder events --kind integrity --since 1d"},
    {"monitor", "the disk of vaultwarden is full to 93 %",
     "This is a test: the disk was not looked at. A real alert names the limit that was passed.",
     "warder monitor list"},
};

// Which kinds other programs may put into the history.
std::optional<model::EventKind> reported_kind(const std::string& name) {
  const auto kind = model::parse_event_kind(name.empty() ? "security" : name);
  switch (kind.value_or(model::EventKind::kFinding)) {
    case model::EventKind::kSecurity:
    case model::EventKind::kBackup:
    case model::EventKind::kIntegrity:
    case model::EventKind::kMonitor:
      return kind;
    default:
      return std::nullopt;
  }
}

// What the text of a report has in common with the same report tomorrow.
std::string without_numbers(std::string_view message) {
  std::string out;
  for (const char c : message.substr(0, kLongestIncident / 2)) {
    if (c < '0' || c > '9') {
      out += c;
    } else if (out.empty() || out.back() != '#') {
      out += '#';
    }
  }
  return util::to_valid_utf8(out);
}

}  // namespace

util::Result<std::string> Control::incidents(const api::Request& request) {
  if (!request.text.empty() && request.text != "ended") {
    return Error(ErrorCode::kInvalid, "the request's field 'text' may be \"ended\" here");
  }
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts_.database));
  WARDER_ASSIGN_OR_RETURN(const std::vector<store::Incident> all,
                          reader.incidents(request.text.empty() ? store::Reader::Which::kOpen
                                                                : store::Reader::Which::kEnded,
                                           request.limit == 0 ? kMostIncidents : request.limit));
  json rows = json::array();
  for (const store::Incident& incident : all) {
    rows.push_back(object_of(incident));
  }
  return dump(
      {{"now", util::format_rfc3339(util::SystemClock().now())}, {"incidents", std::move(rows)}});
}

util::Result<std::string> Control::acknowledge(const api::Request& request) {
  if (!request.uid) {
    return Error(ErrorCode::kDenied, "the kernel does not say who asks");
  }
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts_.database));
  WARDER_ASSIGN_OR_RETURN(const store::Incident incident, find_incident(reader, request.key));
  if (incident.acknowledged) {
    return dump({{"number", incident.number},
                 {"name", incident.name},
                 {"already", true},
                 {"by", incident.acknowledged_by}});
  }
  const std::string by =
      util::find_user_name(*request.uid).value_or(fmt::format("uid {}", *request.uid));
  const std::string note = util::printable(util::trim(request.text), kLongestNote);
  model::Event event;
  event.kind = model::EventKind::kIncident;
  event.severity = model::Severity::kNotice;
  event.time = util::SystemClock().now();
  event.jail = incident.jail;
  event.message =
      util::printable_again(fmt::format("{} acknowledged incident {}{}{} ({})", by, incident.number,
                                        note.empty() ? "" : ": ", note, incident.message),
                            model::Event::kLongestMessage);
  event.detail = dump({{"incident", incident.name},
                       {"number", incident.number},
                       {"uid", *request.uid},
                       {"by", by},
                       {"note", note}});
  WARDER_RETURN_IF_ERROR(parts_.engine->acknowledge(
      std::move(event),
      store::Acknowledgement{.event = 0, .incident = incident.number, .by = by, .note = note}));
  return dump({{"number", incident.number}, {"name", incident.name}, {"by", by}});
}

util::Result<std::string> Control::report(const api::Request& request) {
  const auto severity = model::parse_severity(request.severity);
  if (!severity || util::trim(request.text).empty()) {
    return Error(ErrorCode::kInvalid, "a report needs text and a severity");
  }
  const auto kind = reported_kind(request.kind);
  if (!kind) {
    return Error(ErrorCode::kInvalid, fmt::format("a report cannot be of the kind '{}'; security, "
                                                  "backup, integrity or monitor",
                                                  util::printable(request.kind, 40)));
  }
  if (!request.state.empty() && (request.state != "good" || request.key.empty())) {
    return Error(ErrorCode::kInvalid,
                 "the state of a report may be \"good\", and then it names its incident");
  }
  model::Event event;
  event.kind = *kind;
  event.severity = *severity;
  event.time = util::SystemClock().now();
  const std::string_view text = util::trim(request.text);
  event.message = util::printable(text.substr(0, text.find('\n')), model::Event::kLongestMessage);
  json detail{{"by", util::printable(request.by, 128)}, {"text", request.text}};
  detail["incident"] =
      fmt::format("report/{}/{}", model::to_string(*kind),
                  request.key.empty() ? without_numbers(event.message)
                                      : util::printable(request.key, kLongestIncident / 2));
  if (!request.key.empty()) {
    detail["state"] = request.state.empty() ? "bad" : request.state;
  }
  event.detail = dump(detail);
  if (event.detail.size() > model::Event::kLongestDetail) {
    return Error(ErrorCode::kInvalid, "the text is too long to be kept whole; send it in parts");
  }
  WARDER_RETURN_IF_ERROR(parts_.engine->record(std::move(event)));
  return dump({{"recorded", true}});
}

util::Result<std::string> Control::test_alert(const std::string& destination,
                                              const std::string& kind) {
  const Sample* sample = nullptr;
  for (const Sample& one : kSamples) {
    if (one.kind == kind) {
      sample = &one;
    }
  }
  if (!kind.empty() && sample == nullptr) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("there is no test of the kind '{}'; security, backup, integrity or "
                             "monitor",
                             util::printable(kind, 40)));
  }
  const std::vector<engine::Shipping::State> before = parts_.shipping->states();
  if (before.empty()) {
    return Error(ErrorCode::kNotFound,
                 "no destination is configured, no alert leaves this host: add a section "
                 "[destination NAME] to the configuration, or a member to the vault's document "
                 "alerts, then `warder reload`; `warder check --schema` explains their keys");
  }
  json rows = json::array();
  std::vector<engine::Shipping::State> waiting;
  for (const engine::Shipping::State& state : before) {
    if (destination.empty() || state.name == destination) {
      waiting.push_back(state);
    }
  }
  if (waiting.empty() && !destination.empty()) {
    return Error(
        ErrorCode::kNotFound,
        fmt::format("no destination is named '{}'; warder status lists them", destination));
  }
  // It goes the whole way of a real alert: history, outbox, shipper.
  model::Event event;
  event.kind = model::EventKind::kAlert;
  event.severity = model::Severity::kCritical;
  event.time = util::SystemClock().now();
  event.message = "a test alert: if you can read this, alerts of this host reach you";
  if (sample != nullptr) {
    event.message = fmt::format("a test alert ({}): {}", sample->kind, sample->what);
    event.detail = dump({{"test", sample->kind},
                         {"cause", sample->cause},
                         {"next", sample->next},
                         {"incident", fmt::format("test/{}", sample->kind)}});
  }
  WARDER_RETURN_IF_ERROR(parts_.engine->record(std::move(event)));
  const auto end = std::chrono::steady_clock::now() + kAlertLimit;
  while (!waiting.empty()) {
    const bool late = std::chrono::steady_clock::now() > end;
    const std::vector<engine::Shipping::State> now = parts_.shipping->states();
    std::erase_if(waiting, [&](const engine::Shipping::State& was) {
      for (const engine::Shipping::State& is : now) {
        if (is.name != was.name) {
          continue;
        }
        const bool delivered = is.status.delivered > was.status.delivered;
        const bool failed =
            is.status.requests > was.status.requests && !is.status.last_error.empty();
        if (!delivered && !failed && !late) {
          return false;
        }
        const std::string error =
            delivered ? ""
            : failed  ? is.status.last_error
                     : "nothing was sent within 25 s; its `events`, `severity` or `jails` may keep "
                       "test alerts out";
        rows.push_back({{"name", is.name}, {"error", error}});
      }
      return true;
    });
    if (!waiting.empty()) {
      std::this_thread::sleep_for(kAlertLook);
    }
  }
  return dump({{"destinations", std::move(rows)}});
}

}  // namespace warder::agent
