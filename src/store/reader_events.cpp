#include "store/leaf.h"
#include "store/reader_impl.h"
#include "store/time_spans.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <limits>
#include <optional>
#include <utility>

namespace warder::store {
namespace {

std::string blob_literal(std::string_view bytes) {
  return fmt::format("x'{}'", util::to_hex(util::as_bytes(bytes)));
}

// "x'..', x'..'": the address and every prefix that holds it, as stored.
std::string literals_of_holders(const net::IpAddress& address) {
  std::string list;
  for (unsigned length = 0; length <= address.bits(); ++length) {
    list += (length == 0 ? "" : ", ") + blob_literal(encode_address(net::Prefix(address, length)));
  }
  return list;
}

// What lies in `prefix`: BLOBs compare like memcmp, shorter ones first, and lengths keep the
// families apart.
std::string condition_within(const net::Prefix& prefix) {
  const std::string low(prefix.address().byte_view());
  std::string high = low;
  for (unsigned bit = prefix.length(); bit < prefix.address().bits(); ++bit) {
    high[bit / 8] =
        static_cast<char>(static_cast<unsigned char>(high[bit / 8]) | (0x80U >> (bit % 8)));
  }
  high.push_back('\xff');
  return fmt::format("e.address BETWEEN {} AND {} AND length(e.address) IN ({}, {})",
                     blob_literal(low), blob_literal(high), low.size(), low.size() + 1);
}

}  // namespace

util::Status Reader::Impl::events(const std::string& sql, const EventCallback& callback) {
  // Most histories have none, and then no event is asked about.
  WARDER_ASSIGN_OR_RETURN(const std::int64_t any, number("SELECT EXISTS(SELECT 1 FROM receipt)"));
  std::optional<Statement> receipts;
  if (any != 0) {
    WARDER_ASSIGN_OR_RETURN(
        receipts, connection_->prepare("SELECT d.name, r.receipt FROM destination AS d CROSS JOIN "
                                       "receipt AS r WHERE r.destination = d.number AND "
                                       "r.sequence = ?1 ORDER BY d.number"));
  }
  return rows(sql, [&](const Rows& row) -> util::Result<bool> {
    WARDER_ASSIGN_OR_RETURN(StoredEvent event, read_event(row));
    if (receipts) {
      Rows found = receipts->run(event.sequence);
      while (found.next()) {
        event.receipts.emplace_back(found.text(0), found.text(1));
      }
      WARDER_RETURN_IF_ERROR(found.status());
    }
    return callback(event);
  });
}

util::Status Reader::events(const EventFilter& filter, const EventCallback& callback) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::string where = "1";
  if (filter.since) {
    const std::int64_t since = to_micros(*filter.since);
    // The first span that holds one as late; all are after the end when none does.
    where += fmt::format(
        " AND e.time >= {0} AND e.sequence >= coalesce((SELECT min(first) FROM event_span WHERE "
        "latest >= {0}), {1})",
        since, std::numeric_limits<std::int64_t>::max());
  }
  if (filter.until) {
    const std::int64_t until = to_micros(*filter.until);
    where += fmt::format(
        " AND e.time < {0} AND e.sequence < coalesce((SELECT max(first) FROM event_span WHERE "
        "earliest < {0}), -{1}) + {1}",
        until, TimeSpans::kSize);
  }
  if (filter.jail) {
    where += fmt::format(" AND e.jail = (SELECT number FROM jail WHERE name = CAST({} AS TEXT))",
                         blob_literal(*filter.jail));
  }
  if (filter.within) {
    where += " AND " + condition_within(*filter.within);
  }
  if (filter.kind) {
    where += fmt::format(" AND e.kind = {}", static_cast<int>(*filter.kind));
  }
  if (filter.least) {
    where += fmt::format(" AND e.severity >= {}", static_cast<int>(*filter.least));
  }
  if (filter.after) {
    where += fmt::format(" AND e.sequence > {}", *filter.after);
  }
  const bool newest = filter.order == EventFilter::Order::kNewestFirst;
  return impl_->events(
      fmt::format("SELECT {} FROM {} WHERE {} ORDER BY e.sequence {} LIMIT {}", kEventColumns,
                  kEventTables, where, newest ? "DESC" : "ASC", filter.limit),
      callback);
}

util::Result<AddressHistory> Reader::address(const net::IpAddress& address, std::size_t limit) {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  Impl::Snapshot snapshot(connection);
  WARDER_RETURN_IF_ERROR(snapshot.begin());
  AddressHistory history;
  WARDER_RETURN_IF_ERROR(impl_->fill(&history, address, limit));
  return history;
}

util::Status Reader::Impl::fill(AddressHistory* history, const net::IpAddress& address,
                                std::size_t limit) {
  const std::string holders = literals_of_holders(address);
  WARDER_RETURN_IF_ERROR(
      rows(fmt::format("SELECT count(*), coalesce(sum(kind = {}), 0), min(time), max(time) FROM "
                       "event WHERE address IN ({})",
                       static_cast<int>(model::EventKind::kFinding), holders),
           [&](const Rows& row) -> util::Result<bool> {
             history->events = static_cast<std::uint64_t>(row.integer(0));
             history->findings = static_cast<std::uint64_t>(row.integer(1));
             history->first = optional_time(row, 2);
             history->last = optional_time(row, 3);
             return true;
           }));
  WARDER_RETURN_IF_ERROR(
      rows(fmt::format("SELECT {} FROM ban AS b LEFT JOIN jail AS j ON j.number = b.jail WHERE "
                       "b.address IN ({})",
                       kBanColumns, holders),
           [&](const Rows& row) -> util::Result<bool> {
             WARDER_ASSIGN_OR_RETURN(model::Ban ban, read_ban(row));
             history->active.push_back(std::move(ban));
             return true;
           }));
  WARDER_RETURN_IF_ERROR(
      rows(fmt::format("SELECT {}, b.ended, b.how FROM past_ban AS b LEFT JOIN jail AS j ON "
                       "j.number = b.jail WHERE b.address IN ({}) ORDER BY b.ended DESC LIMIT {}",
                       kBanColumns, holders, limit),
           [&](const Rows& row) -> util::Result<bool> {
             WARDER_ASSIGN_OR_RETURN(model::Ban ban, read_ban(row));
             history->past.push_back(
                 {std::move(ban), to_time(row.integer(6)), static_cast<BanEnd>(row.integer(7))});
             return true;
           }));
  return events(fmt::format("SELECT {} FROM {} WHERE e.address IN ({}) ORDER BY e.sequence DESC "
                            "LIMIT {}",
                            kEventColumns, kEventTables, holders, limit),
                [&](const StoredEvent& event) {
                  history->recent.push_back(event);
                  return true;
                });
}

}  // namespace warder::store
