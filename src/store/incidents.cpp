#include "store/incidents.h"

#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace warder::store {
namespace {

using model::Event;

std::int64_t micros(util::WallTime time) { return time.time_since_epoch().count(); }

std::int64_t micros(std::chrono::hours time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

util::WallTime to_time(std::int64_t value) {
  return util::WallTime(std::chrono::microseconds(value));
}

std::int64_t number_of(DestinationId destination) { return static_cast<std::int64_t>(destination); }

// Named in one message that speaks of many.
constexpr std::size_t kMostNamed = 5;

struct Due {
  std::int64_t number = 0;
  DestinationId destination{};
  std::int64_t after = 0;
  std::int64_t left = 0;
  std::string name;
  std::int64_t opened = 0;
  model::Severity severity = model::Severity::kInfo;
  std::string jail;
  std::string message;
};

std::string age(const Due& due, util::WallTime now) {
  return util::format_duration(
      std::max(std::chrono::seconds(1),
               std::chrono::floor<std::chrono::seconds>(now - to_time(due.opened))));
}

Event one(const Due& due, util::WallTime now) {
  Event event;
  event.kind = model::EventKind::kIncident;
  event.severity = due.severity;
  event.jail = due.jail;
  event.message =
      util::printable_again(fmt::format("not acknowledged for {}: {}", age(due, now), due.message),
                            Event::kLongestMessage);
  event.detail = nlohmann::json{{"incident", due.name},
                                {"number", due.number},
                                {"next", fmt::format("warder alerts ack {}", due.number)}}
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return event;
}

Event many(const std::vector<Due>& all, util::WallTime now) {
  Event event;
  event.kind = model::EventKind::kIncident;
  nlohmann::json numbers = nlohmann::json::array();
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    event.severity = std::max(event.severity, all[i].severity);
    numbers.push_back(all[i].number);
    if (i < kMostNamed) {
      text += fmt::format("{}{} {}, {}", i == 0 ? "" : "; ", all[i].number,
                          util::printable_again(all[i].name, 80), age(all[i], now));
    }
  }
  event.message =
      util::printable_again(fmt::format("{} incidents are not acknowledged: {}{}", all.size(), text,
                                        all.size() > kMostNamed ? "; ..." : ""),
                            Event::kLongestMessage);
  event.detail = nlohmann::json{{"incident", "not-acknowledged"},
                                {"numbers", std::move(numbers)},
                                {"next", "warder alerts list"}}
                     .dump();
  return event;
}

}  // namespace

std::string_view to_string(IncidentEnd how) {
  switch (how) {
    case IncidentEnd::kOver:
      return "over";
    case IncidentEnd::kAcknowledged:
      return "acknowledged";
    case IncidentEnd::kSilent:
      return "silent";
    case IncidentEnd::kCrowded:
      return "crowded out";
  }
  return "unknown";
}

util::Status Incidents::open(Connection& connection, Names& jails) {
  connection_ = &connection;
  jails_ = &jails;
  const auto prepare = [&](Statement* statement, std::string_view sql) -> util::Status {
    WARDER_ASSIGN_OR_RETURN(*statement, connection.prepare(sql));
    return {};
  };
  WARDER_RETURN_IF_ERROR(prepare(&find_,
                                 "SELECT number, severity, acknowledged FROM incident "
                                 "WHERE name = ?1 AND ended IS NULL"));
  WARDER_RETURN_IF_ERROR(prepare(
      &insert_,
      "INSERT INTO incident(name, opened, last, events, severity, kind, jail, message, tells_end) "
      "VALUES(?1, ?2, ?2, 1, ?3, ?4, ?5, ?6, ?7) RETURNING number"));
  WARDER_RETURN_IF_ERROR(prepare(
      &update_,
      "UPDATE incident SET last = max(last, ?2), events = events + 1, "
      "severity = max(severity, ?3), kind = ?4, jail = ?5, message = ?6 WHERE number = ?1"));
  WARDER_RETURN_IF_ERROR(
      prepare(&end_, "UPDATE incident SET ended = ?2, how = ?3 WHERE number = ?1"));
  WARDER_RETURN_IF_ERROR(
      prepare(&acknowledge_,
              "UPDATE incident SET acknowledged = ?2, acknowledged_by = ?3, note = ?4 "
              "WHERE number = ?1 AND ended IS NULL"));
  WARDER_RETURN_IF_ERROR(prepare(&add_escalation_,
                                 "INSERT INTO escalation(incident, destination, due, after, left) "
                                 "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET "
                                 "due = min(due, ?3), after = ?4, left = ?5"));
  WARDER_RETURN_IF_ERROR(prepare(&hasten_,
                                 "UPDATE escalation SET due = ?3 "
                                 "WHERE incident = ?1 AND destination = ?2 AND due > ?3"));
  WARDER_RETURN_IF_ERROR(prepare(&drop_escalations_, "DELETE FROM escalation WHERE incident = ?1"));
  WARDER_RETURN_IF_ERROR(prepare(
      &due_,
      "SELECT e.incident, e.destination, e.after, e.left, i.name, i.opened, i.severity, j.name, "
      "i.message FROM escalation AS e JOIN incident AS i ON i.number = e.incident "
      "LEFT JOIN jail AS j ON j.number = i.jail WHERE e.due <= ?1 "
      "ORDER BY e.destination, i.severity DESC, e.incident"));
  WARDER_RETURN_IF_ERROR(prepare(&advance_,
                                 "UPDATE escalation SET due = ?3, left = left - 1 "
                                 "WHERE incident = ?1 AND destination = ?2"));
  WARDER_RETURN_IF_ERROR(
      prepare(&remove_, "DELETE FROM escalation WHERE incident = ?1 AND destination = ?2"));
  WARDER_RETURN_IF_ERROR(prepare(&next_, "SELECT min(due) FROM escalation"));
  WARDER_RETURN_IF_ERROR(prepare(&shift_, "UPDATE escalation SET due = due + ?1"));
  WARDER_RETURN_IF_ERROR(
      prepare(&tell_,
              "INSERT INTO incident_told(incident, destination, sequence, times) "
              "VALUES(?1, ?2, ?3, 1) ON CONFLICT DO UPDATE SET sequence = ?3, times = times + 1"));
  WARDER_RETURN_IF_ERROR(
      prepare(&told_of_, "SELECT destination FROM incident_told WHERE incident = ?1"));
  WARDER_RETURN_IF_ERROR(prepare(&crowd_,
                                 "SELECT number FROM incident WHERE ended IS NULL "
                                 "ORDER BY severity, acknowledged IS NULL, last LIMIT max(0, "
                                 "(SELECT count(*) FROM incident WHERE ended IS NULL) - ?1)"));
  WARDER_RETURN_IF_ERROR(prepare(&seen_, "SELECT last FROM seen WHERE name = ?1"));
  return prepare(&see_, "INSERT OR REPLACE INTO seen VALUES(?1, ?2)");
}

util::Result<bool> Incidents::is_new(std::string_view name, util::WallTime time) {
  std::optional<std::int64_t> last;
  {
    Rows rows = seen_.run(name);
    if (rows.next()) {
      last = rows.integer(0);
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  // Not written at each event: which day it was seen is enough.
  if (!last || micros(time) - *last > micros(std::chrono::hours(24))) {
    WARDER_RETURN_IF_ERROR(see_.execute(name, micros(time)));
  }
  return !last || micros(time) - *last > micros(kLongSilence);
}

util::Result<std::optional<Incidents::Open>> Incidents::find(std::string_view name) {
  Rows rows = find_.run(name);
  std::optional<Open> open;
  if (rows.next()) {
    open = Open{rows.integer(0), static_cast<model::Severity>(rows.integer(1)),
                rows.optional_integer(2)};
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return open;
}

util::Result<bool> Incidents::is_open(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const std::optional<Open> open, find(name));
  return open.has_value();
}

util::Status Incidents::end(std::int64_t number, util::WallTime time, IncidentEnd how) {
  WARDER_RETURN_IF_ERROR(drop_escalations_.execute(number));
  return end_.execute(number, micros(time), static_cast<int>(how));
}

util::Result<std::int64_t> Incidents::begin(const IncidentEntry& entry, const Event& event) {
  // The least severe goes, of these what somebody knows of, then the oldest.
  std::vector<std::int64_t> crowded;
  {
    Rows rows = crowd_.run(kMostOpen - 1);
    while (rows.next()) {
      crowded.push_back(rows.integer(0));
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  for (const std::int64_t number : crowded) {
    WARDER_RETURN_IF_ERROR(end(number, event.time, IncidentEnd::kCrowded));
  }
  std::optional<std::int64_t> jail;
  if (!event.jail.empty()) {
    WARDER_ASSIGN_OR_RETURN(jail, jails_->number(event.jail));
  }
  Rows rows = insert_.run(std::string_view(entry.name), micros(event.time),
                          static_cast<int>(event.severity), static_cast<int>(event.kind), jail,
                          std::string_view(event.message), static_cast<int>(entry.tells_end));
  std::int64_t number = 0;
  while (rows.next()) {
    number = rows.integer(0);
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return number;
}

util::Result<Incidents::Also> Incidents::happened(const IncidentEntry& entry, const Event& event,
                                                  std::uint64_t sequence,
                                                  const std::vector<DestinationId>& told) {
  WARDER_ASSIGN_OR_RETURN(std::optional<Open> open, find(entry.name));
  if (entry.is_over) {
    if (!open) {
      return Also();
    }
    WARDER_RETURN_IF_ERROR(end(open->number, event.time, IncidentEnd::kOver));
    // Whoever heard of it hears of its end, whatever else they want to hear.
    return told_of(open->number);
  }
  // An acknowledgement covers what was known: worse, or the same again much later, is another one.
  if (open && open->acknowledged &&
      (event.severity > open->severity ||
       (!entry.tells_end && micros(event.time) - *open->acknowledged > micros(kCovered)))) {
    WARDER_RETURN_IF_ERROR(end(open->number, event.time, IncidentEnd::kAcknowledged));
    open.reset();
  }
  std::int64_t number = 0;
  if (open) {
    number = open->number;
    std::optional<std::int64_t> jail;
    if (!event.jail.empty()) {
      WARDER_ASSIGN_OR_RETURN(jail, jails_->number(event.jail));
    }
    WARDER_RETURN_IF_ERROR(
        update_.execute(number, micros(event.time), static_cast<int>(event.severity),
                        static_cast<int>(event.kind), jail, std::string_view(event.message)));
  } else {
    WARDER_ASSIGN_OR_RETURN(number, begin(entry, event));
  }
  for (const DestinationId destination : told) {
    WARDER_RETURN_IF_ERROR(this->told(number, destination, sequence));
  }
  if (open && open->acknowledged) {
    return Also();
  }
  // Of one that is known and no worse everybody is told already, or will be; only never later than
  // this event asks for: the first may have been held for the end of quiet hours, this one not.
  const bool is_known = open && event.severity <= open->severity;
  for (const EscalateTo& to : entry.escalate) {
    const std::int64_t due = micros(entry.clock + to.after);
    WARDER_RETURN_IF_ERROR(
        is_known ? hasten_.execute(number, number_of(to.destination), due)
                 : add_escalation_.execute(number, number_of(to.destination), due,
                                           std::chrono::microseconds(to.after).count(), to.times));
  }
  return Also();
}

util::Result<Incidents::Also> Incidents::told_of(std::int64_t number) {
  Also also;
  Rows rows = told_of_.run(number);
  while (rows.next()) {
    also.push_back(static_cast<DestinationId>(rows.integer(0)));
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return also;
}

util::Result<Incidents::Also> Incidents::acknowledge(const Acknowledgement& given,
                                                     util::WallTime time) {
  WARDER_RETURN_IF_ERROR(acknowledge_.execute(
      given.incident, micros(time), std::string_view(given.by), std::string_view(given.note)));
  WARDER_RETURN_IF_ERROR(drop_escalations_.execute(given.incident));
  return told_of(given.incident);
}

util::Status Incidents::told(std::int64_t incident, DestinationId destination,
                             std::uint64_t sequence) {
  return tell_.execute(incident, number_of(destination), sequence);
}

util::Result<std::vector<Incidents::Escalation>> Incidents::escalate(util::WallTime now) {
  std::map<DestinationId, std::vector<Due>> due;
  {
    Rows rows = due_.run(micros(now));
    while (rows.next()) {
      Due one{.number = rows.integer(0),
              .destination = static_cast<DestinationId>(rows.integer(1)),
              .after = rows.integer(2),
              .left = rows.integer(3),
              .name = std::string(rows.text(4)),
              .opened = rows.integer(5),
              .severity = static_cast<model::Severity>(rows.integer(6)),
              .jail = rows.is_null(7) ? std::string() : std::string(rows.text(7)),
              .message = std::string(rows.text(8))};
      due[one.destination].push_back(std::move(one));
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  std::vector<Escalation> escalations;
  for (const auto& [destination, all] : due) {
    Escalation together{.destination = destination, .event = {}, .incidents = {}};
    for (const Due& incident : all) {
      // From now on, not from when it was due: what a host slept through is not made up for.
      WARDER_RETURN_IF_ERROR(incident.left > 1
                                 ? advance_.execute(incident.number, number_of(destination),
                                                    micros(now) + incident.after)
                                 : remove_.execute(incident.number, number_of(destination)));
      if (all.size() <= kMostAtOnce) {
        escalations.push_back({destination, one(incident, now), {incident.number}});
      } else {
        together.incidents.push_back(incident.number);
      }
    }
    if (!together.incidents.empty()) {
      together.event = many(all, now);
      escalations.push_back(std::move(together));
    }
  }
  return escalations;
}

util::Status Incidents::shift(std::chrono::microseconds by) { return shift_.execute(by.count()); }

util::Result<std::optional<util::WallTime>> Incidents::next_escalation() {
  Rows rows = next_.run();
  std::optional<util::WallTime> next;
  if (rows.next() && !rows.is_null(0)) {
    next = to_time(rows.integer(0));
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return next;
}

util::Status Incidents::prune(util::WallTime now) {
  std::vector<std::int64_t> silent;
  {
    WARDER_ASSIGN_OR_RETURN(Statement find,
                            connection_->prepare("SELECT number FROM incident WHERE ended IS NULL "
                                                 "AND last < iif(tells_end, ?1, ?2)"));
    Rows rows = find.run(micros(now) - micros(kLongSilence), micros(now) - micros(kSilence));
    while (rows.next()) {
      silent.push_back(rows.integer(0));
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  for (const std::int64_t number : silent) {
    WARDER_RETURN_IF_ERROR(end(number, now, IncidentEnd::kSilent));
  }
  return connection_->execute(fmt::format(
      "DELETE FROM incident WHERE number IN (SELECT number FROM incident WHERE ended IS NOT NULL "
      "ORDER BY number DESC LIMIT -1 OFFSET {0});"
      "DELETE FROM incident_told WHERE incident NOT IN (SELECT number FROM incident);"
      "DELETE FROM seen WHERE last < {1} OR name IN (SELECT name FROM seen ORDER BY last DESC "
      "LIMIT -1 OFFSET {2})",
      kMostEnded, micros(now) - micros(kLongSilence), kMostNames));
}

}  // namespace warder::store
