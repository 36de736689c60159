#include "store/reader_impl.h"

#include <fmt/core.h>

namespace warder::store {

util::Result<std::vector<Incident>> Reader::Impl::incidents(const std::string& condition,
                                                            std::int64_t argument,
                                                            std::size_t limit) {
  std::vector<Incident> all;
  WARDER_RETURN_IF_ERROR(rows(
      fmt::format(
          "SELECT i.number, i.name, i.opened, i.last, i.ended, i.how, i.events, i.severity, "
          "i.kind, j.name, i.message, i.acknowledged, i.acknowledged_by, i.note "
          "FROM incident AS i LEFT JOIN jail AS j ON j.number = i.jail WHERE {} LIMIT ?2",
          condition),
      [&](const Rows& row) -> util::Result<bool> {
        Incident incident;
        incident.number = row.integer(0);
        incident.name = std::string(row.text(1));
        incident.opened = to_time(row.integer(2));
        incident.last = to_time(row.integer(3));
        incident.ended = optional_time(row, 4);
        if (const auto how = row.optional_integer(5)) {
          incident.how = static_cast<IncidentEnd>(*how);
        }
        incident.events = static_cast<std::uint64_t>(row.integer(6));
        incident.severity = static_cast<model::Severity>(row.integer(7));
        incident.kind = static_cast<model::EventKind>(row.integer(8));
        incident.jail = std::string(row.text(9));
        incident.message = std::string(row.text(10));
        incident.acknowledged = optional_time(row, 11);
        incident.acknowledged_by = std::string(row.text(12));
        incident.note = std::string(row.text(13));
        all.push_back(std::move(incident));
        return true;
      },
      argument, limit));
  for (Incident& incident : all) {
    WARDER_RETURN_IF_ERROR(rows(
        "SELECT d.name, t.times, o.state FROM incident_told AS t "
        "JOIN destination AS d ON d.number = t.destination LEFT JOIN outbox AS o "
        "ON o.destination = t.destination AND o.sequence = t.sequence "
        "WHERE t.incident = ?1 ORDER BY d.name",
        [&](const Rows& row) -> util::Result<bool> {
          using State = Incident::Told::State;
          const auto state = row.optional_integer(2);
          incident.told.push_back({std::string(row.text(0)),
                                   !state        ? State::kDelivered
                                   : *state == 0 ? State::kWaiting
                                                 : State::kDead,
                                   static_cast<std::uint64_t>(row.integer(1))});
          return true;
        },
        incident.number));
    WARDER_RETURN_IF_ERROR(rows(
        "SELECT d.name, e.due, e.left FROM escalation AS e "
        "JOIN destination AS d ON d.number = e.destination "
        "WHERE e.incident = ?1 ORDER BY e.due, d.name",
        [&](const Rows& row) -> util::Result<bool> {
          incident.coming.push_back({std::string(row.text(0)), to_time(row.integer(1)),
                                     static_cast<std::uint32_t>(row.integer(2))});
          return true;
        },
        incident.number));
  }
  return all;
}

util::Result<std::vector<Incident>> Reader::incidents(Which which, std::size_t limit) {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  Impl::Snapshot snapshot(connection);
  WARDER_RETURN_IF_ERROR(snapshot.begin());
  return impl_->incidents(
      which == Which::kOpen ? "i.ended IS NULL AND ?1 = 0 ORDER BY i.severity DESC, i.number"
                            : "i.ended IS NOT NULL AND ?1 = 0 ORDER BY i.ended DESC, i.number DESC",
      0, limit);
}

util::Result<Incident> Reader::incident(std::int64_t number) {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  Impl::Snapshot snapshot(connection);
  WARDER_RETURN_IF_ERROR(snapshot.begin());
  WARDER_ASSIGN_OR_RETURN(const std::vector<Incident> found,
                          impl_->incidents("i.number = ?1", number, 1));
  if (found.empty()) {
    return util::Error(util::ErrorCode::kNotFound, fmt::format("there is no incident {}", number));
  }
  return found.front();
}

bool Reader::is_open_incident(std::string_view name) {
  if (!impl_->connection()) {
    return false;
  }
  const auto open =
      impl_->number("SELECT count(*) FROM incident WHERE name = ?1 AND ended IS NULL", name);
  return open && *open > 0;
}

}  // namespace warder::store
