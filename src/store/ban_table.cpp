#include "store/ban_table.h"

#include "store/leaf.h"

#include <optional>
#include <utility>
#include <vector>

namespace warder::store {
namespace {

std::int64_t micros(util::WallTime time) { return time.time_since_epoch().count(); }

}  // namespace

util::Status BanTable::open(Connection& connection, Names& names) {
  connection_ = &connection;
  names_ = &names;
  WARDER_ASSIGN_OR_RETURN(
      set_, connection.prepare("INSERT OR REPLACE INTO ban(address, jail, start, until, count, "
                               "reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"));
  WARDER_ASSIGN_OR_RETURN(
      move_, connection.prepare(
                 "INSERT OR REPLACE INTO past_ban(address, jail, start, until, count, reason, "
                 "ended, how) SELECT address, jail, start, until, count, reason, ?3, ?4 FROM ban "
                 "WHERE address = ?1 AND jail = ?2"));
  WARDER_ASSIGN_OR_RETURN(remove_,
                          connection.prepare("DELETE FROM ban WHERE address = ?1 AND jail = ?2"));
  WARDER_ASSIGN_OR_RETURN(shift_,
                          connection.prepare("UPDATE ban SET until = until + ?1 WHERE until "
                                             "IS NOT NULL"));
  WARDER_ASSIGN_OR_RETURN(
      scan_, connection.prepare("SELECT address, jail, until FROM ban WHERE (address, jail) > (?1, "
                                "?2) ORDER BY address, jail LIMIT ?3"));
  WARDER_ASSIGN_OR_RETURN(
      scan_past_,
      connection.prepare("SELECT address, jail, start, ended FROM past_ban WHERE (address, jail, "
                         "start) > (?1, ?2, ?3) ORDER BY address, jail, start LIMIT ?4"));
  WARDER_ASSIGN_OR_RETURN(
      remove_past_, connection.prepare("DELETE FROM past_ban WHERE address = ?1 AND jail = ?2 AND "
                                       "start = ?3"));
  return {};
}

util::Status BanTable::apply(const BanChange& change) {
  const std::string address = encode_address(change.ban.address);
  WARDER_ASSIGN_OR_RETURN(const std::int64_t jail, names_->number(change.ban.jail));
  if (change.action == BanChange::Action::kEnd) {
    WARDER_RETURN_IF_ERROR(
        move_.execute(Blob{address}, jail, micros(change.ended), static_cast<int>(change.how)));
    return remove_.execute(Blob{address}, jail);
  }
  std::optional<std::int64_t> until;
  if (change.ban.end) {
    until = micros(*change.ban.end);
  }
  return set_.execute(Blob{address}, jail, micros(change.ban.start), until, change.ban.count,
                      std::string_view(change.ban.reason));
}

util::Status BanTable::shift(std::chrono::microseconds by) { return shift_.execute(by.count()); }

util::Result<bool> BanTable::sweep(util::WallTime now, std::int64_t limit) {
  struct Ended {
    std::string address;
    std::int64_t jail;
    std::int64_t when;
  };
  std::vector<Ended> ended;
  std::int64_t seen = 0;
  Cursor next;
  {
    Rows rows = scan_.run(Blob{running_.address}, running_.jail, limit);
    while (rows.next()) {
      ++seen;
      next = {std::string(rows.blob(0)), rows.integer(1), 0};
      const auto until = rows.optional_integer(2);
      if (until && *until <= micros(now)) {
        ended.push_back({next.address, next.jail, *until});
      }
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  for (const Ended& ban : ended) {
    WARDER_RETURN_IF_ERROR(
        move_.execute(Blob{ban.address}, ban.jail, ban.when, static_cast<int>(BanEnd::kExpired)));
    WARDER_RETURN_IF_ERROR(remove_.execute(Blob{ban.address}, ban.jail));
  }
  const bool at_end = seen < limit;
  running_ = at_end ? Cursor{} : std::move(next);
  return at_end;
}

util::Result<bool> BanTable::forget(util::WallTime cutoff, std::int64_t limit,
                                    std::uint64_t* removed) {
  std::vector<Cursor> old;
  std::int64_t seen = 0;
  Cursor next;
  {
    Rows rows = scan_past_.run(Blob{past_.address}, past_.jail, past_.start, limit);
    while (rows.next()) {
      ++seen;
      next = {std::string(rows.blob(0)), rows.integer(1), rows.integer(2)};
      if (rows.integer(3) < micros(cutoff)) {
        old.push_back(next);
      }
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  for (const Cursor& ban : old) {
    WARDER_RETURN_IF_ERROR(remove_past_.execute(Blob{ban.address}, ban.jail, ban.start));
  }
  *removed += old.size();
  const bool at_end = seen < limit;
  past_ = at_end ? Cursor{} : std::move(next);
  return at_end;
}

}  // namespace warder::store
