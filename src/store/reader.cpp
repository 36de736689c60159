#include "store/reader.h"

#include "store/database.h"
#include "store/event_row.h"
#include "store/leaf.h"
#include "store/schema.h"
#include "store/sql_guard.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <utility>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

util::WallTime to_time(std::int64_t micros) {
  return util::WallTime(std::chrono::microseconds(micros));
}
std::int64_t to_micros(util::WallTime time) { return time.time_since_epoch().count(); }

std::optional<util::WallTime> optional_time(const Rows& rows, int column) {
  const auto micros = rows.optional_integer(column);
  return micros ? std::optional(to_time(*micros)) : std::nullopt;
}

// Columns: jail, address, start, until, count, reason.
util::Result<model::Ban> read_ban(const Rows& rows) {
  WARDER_ASSIGN_OR_RETURN(const net::Prefix address, decode_address(rows.blob(1)));
  return model::Ban{.jail = std::string(rows.text(0)),
                    .address = address,
                    .start = to_time(rows.integer(2)),
                    .end = optional_time(rows, 3),
                    .count = static_cast<std::uint32_t>(rows.integer(4)),
                    .reason = std::string(rows.text(5))};
}

// Columns: jail, address, count, start, until.
util::Result<Offender> read_offender(const Rows& rows) {
  WARDER_ASSIGN_OR_RETURN(const net::Prefix address, decode_address(rows.blob(1)));
  return Offender{.jail = std::string(rows.text(0)),
                  .address = address,
                  .count = static_cast<std::uint32_t>(rows.integer(2)),
                  .start = to_time(rows.integer(3)),
                  .end = optional_time(rows, 4)};
}

constexpr std::string_view kBanColumns = "j.name, b.address, b.start, b.until, b.count, b.reason";

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

class Reader::Impl {
 public:
  Impl(std::filesystem::path path, std::string vfs)
      : path_(std::move(path)), vfs_(std::move(vfs)) {}

  util::Status open();
  // Opens the new file when the old one was moved away.
  util::Result<Connection*> connection();

  // Runs a query and hands each row over; `each` gives false to stop.
  template <typename Each, typename... Values>
  util::Status rows(std::string_view sql, Each each, const Values&... values) {
    WARDER_ASSIGN_OR_RETURN(Statement statement, connection_->prepare(sql));
    Rows rows = statement.run(values...);
    while (rows.next()) {
      WARDER_ASSIGN_OR_RETURN(const bool more, each(rows));
      if (!more) {
        return {};
      }
    }
    return rows.status();
  }
  template <typename... Values>
  util::Result<std::int64_t> number(std::string_view sql, const Values&... values) {
    std::int64_t number = 0;
    WARDER_RETURN_IF_ERROR(rows(
        sql,
        [&](const Rows& row) -> util::Result<bool> {
          number = row.integer(0);
          return true;
        },
        values...));
    return number;
  }
  util::Status events(const std::string& sql, const EventCallback& callback) {
    return rows(sql, [&](const Rows& row) -> util::Result<bool> {
      WARDER_ASSIGN_OR_RETURN(const StoredEvent event, read_event(row));
      return callback(event);
    });
  }
  // One committed state for all statements until it goes.
  class Snapshot {
   public:
    explicit Snapshot(Connection* connection) : connection_(connection) {}
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot() { connection_->roll_back(); }
    util::Status begin() { return connection_->execute("BEGIN"); }

   private:
    Connection* connection_;
  };

  util::Result<std::vector<OutboxCounts>> outbox_counts();
  util::Result<std::vector<model::OutboxItem>> items(const std::string& condition,
                                                     DestinationId destination, std::int64_t due,
                                                     std::size_t limit,
                                                     std::vector<std::string>* errors);
  util::Status fill(AddressHistory* history, const net::IpAddress& address, std::size_t limit);
  util::Status fill(Figures* figures);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::string vfs_;
  std::unique_ptr<Connection> connection_;
};

util::Status Reader::Impl::open() {
  connection_.reset();
  std::error_code ignored;
  if (!std::filesystem::exists(path_, ignored)) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{}: there is no store; has the agent run?", path_.string()));
  }
  WARDER_ASSIGN_OR_RETURN(connection_, Connection::open(path_, Connection::Mode::kReadOnly, vfs_));
  util::Status ready = connection_->execute("PRAGMA query_only=ON;PRAGMA cache_size=-1000");
  if (ready) {
    ready = check_schema(*connection_, Empty::kRefuse);
  }
  if (!ready) {
    connection_.reset();
    return ready.error().with_context(path_.string());
  }
  return {};
}

util::Result<Connection*> Reader::Impl::connection() {
  int moved = 0;
  if (connection_) {
    sqlite3_file_control(connection_->handle(), nullptr, SQLITE_FCNTL_HAS_MOVED, &moved);
  }
  if (!connection_ || moved != 0) {
    WARDER_RETURN_IF_ERROR(open());
  }
  connection_->forgive();
  return connection_.get();
}

util::Result<Reader> Reader::open(const std::filesystem::path& path, std::string_view vfs) {
  auto impl = std::make_unique<Impl>(path, std::string(vfs));
  WARDER_RETURN_IF_ERROR(impl->open());
  return Reader(std::move(impl));
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

util::Status Reader::active_bans(util::WallTime now, const BanCallback& callback) {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  Impl::Snapshot snapshot(connection);
  WARDER_RETURN_IF_ERROR(snapshot.begin());
  // There may be a million: neither a look-up of the jail's name nor an allocation for each.
  std::map<std::int64_t, std::string> jails;
  WARDER_RETURN_IF_ERROR(
      impl_->rows("SELECT number, name FROM jail", [&](const Rows& row) -> util::Result<bool> {
        jails[row.integer(0)] = std::string(row.text(1));
        return true;
      }));
  model::Ban ban;
  return impl_->rows(
      "SELECT jail, address, start, until, count, reason FROM ban "
      "WHERE until IS NULL OR until > ?1",
      [&](const Rows& row) -> util::Result<bool> {
        WARDER_ASSIGN_OR_RETURN(ban.address, decode_address(row.blob(1)));
        const auto jail = jails.find(row.integer(0));
        ban.jail.assign(jail == jails.end() ? std::string_view() : jail->second);
        ban.start = to_time(row.integer(2));
        ban.end = optional_time(row, 3);
        ban.count = static_cast<std::uint32_t>(row.integer(4));
        ban.reason.assign(row.text(5));
        return callback(ban);
      },
      to_micros(now));
}

util::Result<std::uint64_t> Reader::count_bans() {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  WARDER_ASSIGN_OR_RETURN(const std::int64_t count, impl_->number("SELECT count(*) FROM ban"));
  return static_cast<std::uint64_t>(count);
}

util::Status Reader::recent_findings(std::string_view jail, util::WallTime since,
                                     const EventCallback& callback) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  return impl_->rows(
      fmt::format("SELECT {} FROM {} WHERE e.time >= ?1 AND e.kind = ?2 AND (?3 = '' OR j.name = "
                  "?3) ORDER BY e.time, e.sequence",
                  kEventColumns, kEventTables),
      [&](const Rows& row) -> util::Result<bool> {
        WARDER_ASSIGN_OR_RETURN(const StoredEvent event, read_event(row));
        return callback(event);
      },
      to_micros(since), static_cast<int>(model::EventKind::kFinding), jail);
}

// max(start) being the only aggregate, SQLite takes the other columns from the row that has it.
util::Status Reader::offenders(util::WallTime since,
                               const std::function<bool(const Offender&)>& callback) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  return impl_->rows(
      "SELECT j.name, b.address, b.count, max(b.start) AS latest, b.until FROM (SELECT jail, "
      "address, count, start, until FROM ban UNION ALL SELECT jail, address, count, start, until "
      "FROM past_ban) AS b LEFT JOIN jail AS j ON j.number = b.jail GROUP BY b.address, b.jail "
      "HAVING latest >= ?1",
      [&](const Rows& row) -> util::Result<bool> {
        WARDER_ASSIGN_OR_RETURN(const Offender offender, read_offender(row));
        return callback(offender);
      },
      to_micros(since));
}

util::Result<std::optional<Offender>> Reader::offender(std::string_view jail,
                                                       const net::Prefix& address) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::optional<Offender> found;
  const std::string bytes = encode_address(address);
  WARDER_RETURN_IF_ERROR(impl_->rows(
      "SELECT j.name, b.address, b.count, b.start, b.until FROM (SELECT jail, address, count, "
      "start, until FROM ban WHERE address = ?1 UNION ALL SELECT jail, address, count, start, "
      "until FROM past_ban WHERE address = ?1) AS b JOIN jail AS j ON j.number = b.jail "
      "WHERE j.name = ?2 ORDER BY b.start DESC LIMIT 1",
      [&](const Rows& row) -> util::Result<bool> {
        WARDER_ASSIGN_OR_RETURN(found, read_offender(row));
        return true;
      },
      Blob{bytes}, jail));
  return found;
}

util::Result<std::vector<model::Position>> Reader::positions() {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::vector<model::Position> positions;
  WARDER_RETURN_IF_ERROR(impl_->rows(
      "SELECT source, log, record FROM position", [&](const Rows& row) -> util::Result<bool> {
        positions.push_back(
            {std::string(row.text(0)), std::string(row.text(1)), std::string(row.blob(2))});
        return true;
      }));
  return positions;
}

util::Result<std::optional<model::Position>> Reader::position(std::string_view source,
                                                              std::string_view log) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::optional<model::Position> position;
  WARDER_RETURN_IF_ERROR(impl_->rows(
      "SELECT record FROM position WHERE source = ?1 AND log = ?2",
      [&](const Rows& row) -> util::Result<bool> {
        position = model::Position{std::string(source), std::string(log), std::string(row.blob(0))};
        return true;
      },
      source, log));
  return position;
}

util::Status Reader::events(const EventFilter& filter, const EventCallback& callback) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::string where = "1";
  if (filter.since) {
    where += fmt::format(" AND e.time >= {}", to_micros(*filter.since));
  }
  if (filter.until) {
    where += fmt::format(" AND e.time < {}", to_micros(*filter.until));
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

util::Result<Figures> Reader::figures() {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  Impl::Snapshot snapshot(connection);
  WARDER_RETURN_IF_ERROR(snapshot.begin());
  Figures figures;
  WARDER_RETURN_IF_ERROR(impl_->fill(&figures));
  return figures;
}

util::Status Reader::Impl::fill(Figures* figures) {
  WARDER_RETURN_IF_ERROR(
      rows("SELECT name, value FROM meta", [&](const Rows& row) -> util::Result<bool> {
        if (row.text(0) == "origin") {
          figures->origin = std::string(row.text(1));
        } else if (row.text(0) == "created") {
          figures->created = to_time(row.integer(1));
        }
        return true;
      }));
  WARDER_RETURN_IF_ERROR(
      rows("SELECT size, pruned FROM tree", [&](const Rows& row) -> util::Result<bool> {
        figures->tree_size = static_cast<std::uint64_t>(row.integer(0));
        figures->first_kept = static_cast<std::uint64_t>(row.integer(1));
        return true;
      }));
  WARDER_RETURN_IF_ERROR(rows("SELECT size, time FROM checkpoint ORDER BY size DESC LIMIT 1",
                              [&](const Rows& row) -> util::Result<bool> {
                                figures->checkpoint_size =
                                    static_cast<std::uint64_t>(row.integer(0));
                                figures->checkpoint_time = to_time(row.integer(1));
                                return true;
                              }));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t active, number("SELECT count(*) FROM ban"));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t past, number("SELECT count(*) FROM past_ban"));
  figures->active_bans = static_cast<std::uint64_t>(active);
  figures->past_bans = static_cast<std::uint64_t>(past);
  const auto size_of = [](const std::filesystem::path& file) {
    std::error_code failed;
    const auto size = std::filesystem::file_size(file, failed);
    return util::ByteCount{failed ? 0 : size};
  };
  figures->database = size_of(path_);
  figures->journal = size_of(path_.string() + "-wal");
  WARDER_ASSIGN_OR_RETURN(figures->outbox, outbox_counts());
  return {};
}

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
      fmt::format("SELECT {}, o.attempts, o.error FROM outbox AS o CROSS JOIN {} WHERE "
                  "o.destination = ?1 AND e.sequence = o.sequence AND {} ORDER BY o.sequence "
                  "LIMIT ?3",
                  kEventColumns, kEventTables, condition),
      [&](const Rows& row) -> util::Result<bool> {
        WARDER_ASSIGN_OR_RETURN(StoredEvent stored, read_event(row));
        items.push_back({.id = stored.sequence,
                         .sequence = stored.sequence,
                         .attempts = static_cast<std::uint32_t>(row.integer(kEventColumnCount)),
                         .event = std::move(stored.event)});
        if (errors != nullptr) {
          errors->emplace_back(row.text(kEventColumnCount + 1));
        }
        return true;
      },
      static_cast<std::int64_t>(destination), due, limit));
  return items;
}

util::Result<std::vector<model::OutboxItem>> Reader::outbox_next(DestinationId destination,
                                                                 util::WallTime now,
                                                                 std::size_t limit) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  return impl_->items("o.state = 0 AND o.due <= ?2", destination, to_micros(now), limit, nullptr);
}

util::Result<std::vector<model::OutboxItem>> Reader::outbox_from(DestinationId destination,
                                                                 std::uint64_t first,
                                                                 std::size_t limit) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  return impl_->items("o.state = 0 AND o.sequence >= ?2", destination,
                      static_cast<std::int64_t>(first), limit, nullptr);
}

util::Result<std::optional<util::WallTime>> Reader::outbox_due(DestinationId destination) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::optional<util::WallTime> due;
  WARDER_RETURN_IF_ERROR(impl_->rows(
      "SELECT min(due) FROM outbox WHERE destination = ?1 AND state = 0",
      [&](const Rows& row) -> util::Result<bool> {
        due = optional_time(row, 0);
        return true;
      },
      static_cast<std::int64_t>(destination)));
  return due;
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

util::Result<std::optional<std::string>> Reader::checkpoint() {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::optional<std::string> note;
  WARDER_RETURN_IF_ERROR(impl_->rows("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1",
                                     [&](const Rows& row) -> util::Result<bool> {
                                       note = std::string(row.text(0));
                                       return true;
                                     }));
  return note;
}

util::Status Reader::query(std::string_view sql, std::chrono::milliseconds limit,
                           const std::function<bool(const std::vector<std::string>&)>& callback) {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  const SqlGuard guard(*connection, limit);
  WARDER_ASSIGN_OR_RETURN(Statement statement, connection->prepare(sql));
  Rows rows = statement.run();
  std::vector<std::string> values;
  for (int column = 0; column < rows.columns(); ++column) {
    values.emplace_back(rows.name(column));
  }
  if (values.empty()) {
    return Error(ErrorCode::kInvalid, "no SELECT statement");
  }
  bool more = callback(values);
  while (more && rows.next()) {
    for (int column = 0; column < rows.columns(); ++column) {
      values[static_cast<std::size_t>(column)] = std::string(rows.text(column));
    }
    more = callback(values);
  }
  return rows.status();
}

}  // namespace warder::store
