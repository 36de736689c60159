#include "store/reader_impl.h"

#include <fmt/core.h>

namespace warder::store {

util::Result<std::vector<OutboxCounts>> Reader::Impl::outbox_counts() {
  std::vector<OutboxCounts> all;
  WARDER_RETURN_IF_ERROR(
      rows("SELECT d.number, d.name, d.delivered, d.dropped, "
           "(SELECT count(*) FROM outbox WHERE destination = d.number AND state = 0), "
           "(SELECT count(*) FROM outbox WHERE destination = d.number AND state = 1), "
           "(SELECT time FROM event WHERE sequence = (SELECT min(sequence) FROM outbox WHERE "
           "destination = d.number AND state = 0)) FROM destination AS d ORDER BY d.number",
           [&](const Rows& row) -> util::Result<bool> {
             OutboxCounts counts;
             counts.destination = static_cast<DestinationId>(row.integer(0));
             counts.name = std::string(row.text(1));
             counts.delivered = static_cast<std::uint64_t>(row.integer(2));
             counts.dropped = static_cast<std::uint64_t>(row.integer(3));
             counts.pending = static_cast<std::uint64_t>(row.integer(4));
             counts.dead = static_cast<std::uint64_t>(row.integer(5));
             counts.oldest_pending = optional_time(row, 6);
             all.push_back(std::move(counts));
             return true;
           }));
  return all;
}

util::Result<std::vector<OutboxCounts>> Reader::outbox_counts() {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  Impl::Snapshot snapshot(connection);
  WARDER_RETURN_IF_ERROR(snapshot.begin());
  return impl_->outbox_counts();
}

util::Result<std::vector<model::OutboxItem>> Reader::Impl::items(const std::string& condition,
                                                                 DestinationId destination,
                                                                 std::int64_t due,
                                                                 std::size_t limit,
                                                                 std::vector<std::string>* errors) {
  std::vector<model::OutboxItem> items;
  WARDER_RETURN_IF_ERROR(rows(
      fmt::format("SELECT {}, o.attempts, o.error, o.fresh FROM outbox AS o CROSS JOIN {} WHERE "
                  "o.destination = ?1 AND e.sequence = o.sequence AND {} ORDER BY o.sequence "
                  "LIMIT ?3",
                  kEventColumns, kEventTables, condition),
      [&](const Rows& row) -> util::Result<bool> {
        WARDER_ASSIGN_OR_RETURN(StoredEvent stored, read_event(row));
        items.push_back({.id = stored.sequence,
                         .sequence = stored.sequence,
                         .attempts = static_cast<std::uint32_t>(row.integer(kEventColumnCount)),
                         .event = std::move(stored.event),
                         .fresh = row.integer(kEventColumnCount + 2) != 0});
        if (errors != nullptr) {
          errors->emplace_back(row.text(kEventColumnCount + 1));
        }
        return true;
      },
      static_cast<std::int64_t>(destination), due, limit));
  return items;
}

util::Result<std::vector<model::OutboxItem>> Reader::outbox_from(DestinationId destination,
                                                                 std::uint64_t first,
                                                                 std::size_t limit) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  return impl_->items("o.state = 0 AND o.sequence >= ?2", destination,
                      static_cast<std::int64_t>(first), limit, nullptr);
}

util::Result<std::vector<DeadLetter>> Reader::outbox_dead(DestinationId destination,
                                                          std::size_t limit) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::vector<std::string> errors;
  WARDER_ASSIGN_OR_RETURN(std::vector<model::OutboxItem> items,
                          impl_->items("o.state = 1 AND ?2 = 0", destination, 0, limit, &errors));
  std::vector<DeadLetter> letters;
  for (std::size_t i = 0; i < items.size(); ++i) {
    letters.push_back({std::move(items[i]), std::move(errors[i])});
  }
  return letters;
}

}  // namespace warder::store
