#include "store/leaf.h"
#include "store/reader_impl.h"
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

// Columns: jail, address, count, start, until.
util::Result<Offender> read_offender(const Rows& rows) {
  WARDER_ASSIGN_OR_RETURN(const net::Prefix address, decode_address(rows.blob(1)));
  return Offender{.jail = std::string(rows.text(0)),
                  .address = address,
                  .count = static_cast<std::uint32_t>(rows.integer(2)),
                  .start = to_time(rows.integer(3)),
                  .end = optional_time(rows, 4)};
}

}  // namespace

util::Result<model::Ban> read_ban(const Rows& rows) {
  WARDER_ASSIGN_OR_RETURN(const net::Prefix address, decode_address(rows.blob(1)));
  return model::Ban{.jail = std::string(rows.text(0)),
                    .address = address,
                    .start = to_time(rows.integer(2)),
                    .end = optional_time(rows, 3),
                    .count = static_cast<std::uint32_t>(rows.integer(4)),
                    .reason = std::string(rows.text(5))};
}

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
    ready = check_schema(*connection_, Use::kRead);
  }
  if (!ready) {
    const util::Status told = advised(*connection_, std::move(ready));
    connection_.reset();
    return told.error().with_context(path_.string());
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

util::Result<Reader::BanCount> Reader::count_bans() {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  BanCount count;
  WARDER_RETURN_IF_ERROR(
      impl_->rows("SELECT count(*), total(length(address) > 5) FROM ban", [&](const Rows& row) {
        count.ipv6 = static_cast<std::uint64_t>(row.integer(1));
        count.ipv4 = static_cast<std::uint64_t>(row.integer(0)) - count.ipv6;
        return util::Result<bool>(false);
      }));
  return count;
}

util::Status Reader::recent_findings(std::string_view jail, util::WallTime since,
                                     const EventCallback& callback) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  return impl_->rows(
      fmt::format("SELECT {} FROM {} WHERE e.time >= ?1 AND e.sequence >= (SELECT min(first) FROM "
                  "event_span WHERE latest >= ?1) AND e.kind = ?2 AND (?3 = '' OR j.name = ?3) "
                  "ORDER BY e.time, e.sequence",
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

util::Result<std::optional<std::string>> Reader::kept(std::string_view name) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::optional<std::string> value;
  WARDER_RETURN_IF_ERROR(impl_->rows(
      "SELECT value FROM kept WHERE name = ?1",
      [&](const Rows& row) -> util::Result<bool> {
        value = std::string(row.blob(0));
        return true;
      },
      name));
  return value;
}

util::Result<std::vector<std::string>> Reader::kept_names(std::string_view prefix) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::vector<std::string> names;
  WARDER_RETURN_IF_ERROR(impl_->rows(
      "SELECT name FROM kept WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
      [&](const Rows& row) -> util::Result<bool> {
        names.emplace_back(row.text(0));
        return true;
      },
      prefix));
  return names;
}

util::Result<bool> Reader::has_event(const model::EventId& id) {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  bool known = false;
  WARDER_RETURN_IF_ERROR(impl_->rows(
      "SELECT 1 FROM event WHERE substr(id, 1, 6) = substr(?1, 1, 6) AND id = ?1",
      [&](const Rows&) -> util::Result<bool> {
        known = true;
        return false;
      },
      Blob{util::as_text(id.bytes)}));
  return known;
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

void Reader::give_back_memory() {
  if (const auto connection = impl_->connection()) {
    // Nothing depends on it.
    [[maybe_unused]] const util::Status done = (*connection)->execute("PRAGMA shrink_memory");
  }
}

util::Result<Figures> Reader::figures(CountBans count) {
  WARDER_ASSIGN_OR_RETURN(Connection* const connection, impl_->connection());
  Impl::Snapshot snapshot(connection);
  WARDER_RETURN_IF_ERROR(snapshot.begin());
  Figures figures;
  WARDER_RETURN_IF_ERROR(impl_->fill(&figures, count));
  return figures;
}

util::Status Reader::Impl::fill(Figures* figures, CountBans count) {
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
  if (count == CountBans::kYes) {
    WARDER_ASSIGN_OR_RETURN(const std::int64_t active, number("SELECT count(*) FROM ban"));
    WARDER_ASSIGN_OR_RETURN(const std::int64_t past, number("SELECT count(*) FROM past_ban"));
    figures->active_bans = static_cast<std::uint64_t>(active);
    figures->past_bans = static_cast<std::uint64_t>(past);
  }
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

util::Result<std::optional<util::WallTime>> Reader::last_written() {
  WARDER_RETURN_IF_ERROR(impl_->connection());
  std::optional<util::WallTime> time;
  WARDER_RETURN_IF_ERROR(
      impl_->rows("SELECT time FROM (SELECT sequence, time, log FROM event ORDER BY sequence DESC "
                  "LIMIT 10000) WHERE log IS NULL ORDER BY sequence DESC LIMIT 1",
                  [&](Rows& row) -> util::Result<bool> {
                    time = to_time(row.integer(0));
                    return true;
                  }));
  return time;
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
  // kInvalid is the statement's fault, what SQLite says against it and what the guard denies.
  const auto told = [&](util::Status status) {
    const Trouble trouble = connection->trouble();
    status = advised(*connection, std::move(status));
    if (status || trouble == Trouble::kFull || trouble == Trouble::kIo ||
        trouble == Trouble::kBusy || status.error().code() == ErrorCode::kTimeout) {
      return status;
    }
    return util::Status(Error(trouble == Trouble::kDamaged ? ErrorCode::kIo : ErrorCode::kInvalid,
                              status.error().message()));
  };
  auto statement = connection->prepare(sql);
  if (!statement) {
    return told(statement.error());
  }
  Rows rows = statement->run();
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
  return told(rows.status());
}

std::optional<Checkpoint> newest_checkpoint(const std::filesystem::path& database) {
  auto history = Reader::open(database);
  const auto note =
      history ? history->checkpoint() : util::Result<std::optional<std::string>>(history.error());
  auto checkpoint = parse_checkpoint(note ? note->value_or("") : std::string());
  return checkpoint ? std::optional(std::move(*checkpoint)) : std::nullopt;
}

}  // namespace warder::store
