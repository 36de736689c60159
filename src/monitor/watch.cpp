#include "monitor/watch.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace warder::monitor {
namespace {

using nlohmann::json;
using State = Outcome::State;

std::uint32_t failures_needed(const MonitorOptions& options, Check check) {
  switch (check) {
    case Check::kIntegrity:
    case Check::kQuick:
    case Check::kForeignKeys:
      return options.integrity_check_failures;
    default:
      return 1;
  }
}

// A run of these is worth a line of the history by itself: it proves that the check was made.
bool is_recorded(Check check) {
  return check == Check::kIntegrity || check == Check::kQuick || check == Check::kForeignKeys ||
         check == Check::kHistory;
}

model::Event event_of(const MonitorOptions& options, const Outcome& outcome,
                      model::Severity severity, const std::string& message, util::WallTime now) {
  model::Event event;
  event.kind = event_kind(outcome.check);
  event.severity = severity;
  event.time = now;
  event.jail = options.name;
  event.message = util::printable_again(fmt::format("{}: {}", to_string(outcome.check), message),
                                        model::Event::kLongestMessage);
  json detail{{"monitor", options.name},
              {"check", to_string(outcome.check)},
              {"state", to_string(outcome.state)},
              {"severity", model::to_string(options.severity_of(outcome.check))},
              {"incident", incident_of(options.name, outcome.check)}};
  if (!outcome.cause.empty()) {
    detail["cause"] = outcome.cause;
  }
  if (!outcome.next.empty()) {
    detail["next"] = outcome.next;
  }
  if (json facts = json::parse(outcome.facts, nullptr, false); facts.is_object()) {
    detail["facts"] = std::move(facts);
  }
  event.detail = detail.dump(-1, ' ', false, json::error_handler_t::replace);
  return event;
}

std::int64_t micros(util::WallTime time) { return time.time_since_epoch().count(); }

util::WallTime time_of(const json& value) {
  return value.is_number_integer()
             ? util::WallTime(std::chrono::microseconds(value.get<std::int64_t>()))
             : util::WallTime();
}

// Of a member that may be missing or of another type.
std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? json() : *found;
}

}  // namespace

std::string incident_of(std::string_view monitor, Check check) {
  return fmt::format("monitor/{}/{}", monitor, to_string(check));
}

std::vector<model::Event> Watch::judge(const MonitorOptions& options, const Outcome& outcome,
                                       util::WallTime now) {
  Known& known = known_[static_cast<std::size_t>(outcome.check)];
  const std::optional<State> before = known.state;
  std::vector<model::Event> events;
  const auto tell = [&](model::Severity severity, const std::string& message) {
    events.push_back(event_of(options, outcome, severity, message, now));
  };
  bool new_baseline = false;
  if (outcome.check == Check::kSchema && outcome.state == State::kGood &&
      (accept_ || schema_baseline_.empty())) {
    new_baseline = schema_baseline_ != outcome.baseline;
    schema_baseline_ = outcome.baseline;
    accept_ = false;
  }
  known.last = now;
  known.failures = outcome.state == State::kBad ? known.failures + 1 : 0;
  if (outcome.state == State::kBad && known.failures < failures_needed(options, outcome.check)) {
    tell(model::Severity::kInfo, fmt::format("{} (failure {} of {})", outcome.text, known.failures,
                                             failures_needed(options, outcome.check)));
    return events;
  }
  const bool changed = before != outcome.state || known.mark != outcome.mark;
  switch (outcome.state) {
    case State::kBad:
      if (changed) {
        tell(options.severity_of(outcome.check), outcome.text);
      } else if (is_recorded(outcome.check)) {
        tell(model::Severity::kInfo, fmt::format("still: {}", outcome.text));
      }
      break;
    case State::kUnknown:
      if (changed) {
        tell(model::Severity::kWarning, fmt::format("could not be made: {}", outcome.text));
      }
      break;
    case State::kGood:
      if (before == State::kBad || before == State::kUnknown) {
        tell(model::Severity::kNotice, fmt::format("good again: {}", outcome.text));
      } else if (is_recorded(outcome.check) || new_baseline) {
        tell(model::Severity::kInfo, outcome.text);
      }
      break;
  }
  if (changed) {
    known.since = now;
  }
  known.state = outcome.state;
  known.mark = outcome.mark;
  known.text = outcome.text;
  return events;
}

std::string Watch::to_text() const {
  json checks = json::object();
  for (std::size_t i = 0; i < kChecks; ++i) {
    const Known& known = known_[i];
    if (known.state || known.failures > 0) {
      json one{{"since", micros(known.since)},
               {"last", micros(known.last)},
               {"failures", known.failures},
               {"mark", known.mark},
               {"text", known.text}};
      if (known.state) {
        one["state"] = to_string(*known.state);
      }
      checks[std::string(to_string(static_cast<Check>(i)))] = std::move(one);
    }
  }
  return json{{"checks", std::move(checks)}, {"schema", schema_baseline_}, {"accept", accept_}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Watch Watch::parse(std::string_view text) {
  Watch watch;
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("checks") || !document["checks"].is_object()) {
    return watch;
  }
  for (const auto& [name, one] : document["checks"].items()) {
    const auto check = parse_check(name);
    if (!check || !one.is_object()) {
      continue;
    }
    Known& known = watch.known_[static_cast<std::size_t>(*check)];
    const std::string state = text_of(one, "state");
    for (const State candidate : {State::kGood, State::kBad, State::kUnknown}) {
      if (to_string(candidate) == state) {
        known.state = candidate;
      }
    }
    known.since = time_of(member(one, "since"));
    known.last = time_of(member(one, "last"));
    if (const json failures = member(one, "failures"); failures.is_number_unsigned()) {
      known.failures = failures.get<std::uint32_t>();
    }
    known.mark = text_of(one, "mark");
    known.text = text_of(one, "text");
  }
  watch.schema_baseline_ = text_of(document, "schema");
  watch.accept_ = member(document, "accept") == true;
  return watch;
}

}  // namespace warder::monitor
