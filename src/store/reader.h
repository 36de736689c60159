#pragma once

#include "model/ban.h"
#include "model/event.h"
#include "model/line.h"
#include "model/outbox.h"
#include "net/address.h"
#include "store/batch.h"
#include "store/checkpoint.h"
#include "store/incident.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::store {

// An event with its place in the history.
struct StoredEvent {
  std::uint64_t sequence = 0;
  model::Event event;
  // What destinations gave for it: (name, receipt). Filled by Reader::events() and address().
  std::vector<std::pair<std::string, std::string>> receipts = {};
};

// One JSON object on one line, the form of `warder events --json`:
// {"sequence":7,"id":"00ff..","time":"2026-11-02T12:00:00Z","kind":"ban","severity":"high",
//  "jail":"sshd","address":"192.0.2.7","message":"...","detail":{...},"receipts":{"trail":"..."}}
// jail, address, detail and receipts are left out when empty.
std::string to_json(const StoredEvent& stored);

// Which events; an empty field lets all pass.
struct EventFilter {
  std::optional<util::WallTime> since = std::nullopt;  // at or after
  std::optional<util::WallTime> until = std::nullopt;  // before
  std::optional<std::string> jail = std::nullopt;
  // Events whose address or prefix lies in this one.
  std::optional<net::Prefix> within = std::nullopt;
  std::optional<model::EventKind> kind = std::nullopt;
  std::optional<model::Severity> least = std::nullopt;
  // Sequence greater than this; to read on.
  std::optional<std::uint64_t> after = std::nullopt;
  enum class Order : std::uint8_t { kNewestFirst, kOldestFirst } order = Order::kNewestFirst;
  std::size_t limit = 1000;
};

struct PastBan {
  model::Ban ban;
  util::WallTime ended{};
  BanEnd how = BanEnd::kExpired;
};

// How often a jail banned an address, over running and past bans.
struct Offender {
  std::string jail;
  net::Prefix address;
  std::uint32_t count = 0;
  // Start of the latest ban and its end as decided (empty: for ever).
  util::WallTime start{};
  std::optional<util::WallTime> end;
};

// Everything the history knows of one address: also what concerns a prefix that holds it.
struct AddressHistory {
  std::uint64_t events = 0;
  std::uint64_t findings = 0;
  std::optional<util::WallTime> first;
  std::optional<util::WallTime> last;
  std::vector<model::Ban> active;
  std::vector<PastBan> past;        // newest first, at most `limit`
  std::vector<StoredEvent> recent;  // newest first, at most `limit`
};

struct OutboxCounts {
  DestinationId destination{};
  std::string name;
  std::uint64_t pending = 0;
  std::uint64_t dead = 0;
  std::uint64_t delivered = 0;  // since the database was made
  std::uint64_t dropped = 0;    // overflow and retention, since the database was made
  std::optional<util::WallTime> oldest_pending;
};

struct DeadLetter {
  model::OutboxItem item;
  std::string error;
};

struct Figures {
  std::string origin;
  util::WallTime created{};
  std::uint64_t tree_size = 0;   // events ever stored
  std::uint64_t first_kept = 0;  // sequences below were pruned
  std::uint64_t active_bans = 0;
  std::uint64_t past_bans = 0;
  util::ByteCount database;
  util::ByteCount journal;
  std::optional<std::uint64_t> checkpoint_size;
  std::optional<util::WallTime> checkpoint_time;
  std::vector<OutboxCounts> outbox;
};

// Read-only view of the store for one thread at a time, beside the writer or in another process
// (each with a connection of its own). Each call sees one committed state. When the database was
// set aside meanwhile the next call opens the new one.
//
// A streaming function calls back once a row without holding the others; the callback returns false
// to stop. A callback must not call the same Reader, and must not take long: while it runs the
// journal cannot be reset.
//
// Errors: kNotFound, kDenied, kIo; kInvalid for a database of another program or a newer warder, or
// one that is damaged; kUnavailable when it is locked for longer than two seconds.
class Reader {
 public:
  static util::Result<Reader> open(const std::filesystem::path& path, std::string_view vfs = {});
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  using BanCallback = std::function<bool(const model::Ban&)>;
  using EventCallback = std::function<bool(const StoredEvent&)>;

  // Bans that have not ended by `now`, in no order; a ban is only lent to the callback.
  util::Status active_bans(util::WallTime now, const BanCallback& callback);
  // How many bans are running, or ended without anybody having recorded that yet.
  struct BanCount {
    std::uint64_t ipv4 = 0;
    std::uint64_t ipv6 = 0;
  };
  util::Result<BanCount> count_bans();
  // The kFinding events of a jail from `since` on, in the order of their time; of all jails in one
  // pass when `jail` is empty.
  util::Status recent_findings(std::string_view jail, util::WallTime since,
                               const EventCallback& callback);
  // Is an event of this id in the history?
  util::Result<bool> has_event(const model::EventId& id);
  // Offenders of all jails whose latest ban began at or after `since`.
  util::Status offenders(util::WallTime since,
                         const std::function<bool(const Offender&)>& callback);
  util::Result<std::vector<model::Position>> positions();
  util::Result<std::optional<model::Position>> position(std::string_view source,
                                                        std::string_view log);

  // What Batch::kept put there; empty when nothing has that name.
  util::Result<std::optional<std::string>> kept(std::string_view name);
  // The names that begin with `prefix`, in their order.
  util::Result<std::vector<std::string>> kept_names(std::string_view prefix);

  util::Status events(const EventFilter& filter, const EventCallback& callback);
  util::Result<AddressHistory> address(const net::IpAddress& address, std::size_t limit);
  // Bans are counted row by row, a million in some 20 ms: only where somebody wants to know.
  enum class CountBans : bool { kNo, kYes };
  util::Result<Figures> figures(CountBans count = CountBans::kYes);

  // Pending items whose sequence is `first` or higher, due or not, in the order of the events.
  util::Result<std::vector<model::OutboxItem>> outbox_from(DestinationId destination,
                                                           std::uint64_t first, std::size_t limit);
  util::Result<std::vector<OutboxCounts>> outbox_counts();
  // Open incidents, the worst first and of equal ones the oldest; or those that have ended, the
  // last first.
  enum class Which : bool { kOpen, kEnded };
  util::Result<std::vector<Incident>> incidents(Which which, std::size_t limit);
  // By its number; kNotFound.
  util::Result<Incident> incident(std::int64_t number);
  // Whether one of that name is open: what was told before the start, and whose end has yet to be
  // told. False also when the history cannot be read.
  bool is_open_incident(std::string_view name);

  util::Result<std::vector<DeadLetter>> outbox_dead(DestinationId destination, std::size_t limit);

  // Gives back what is kept of pages read, a megabyte after everything was read at a start.
  void give_back_memory();

  // Time of the newest event that has not come from a line (a log's clock may be another one);
  // empty when there is none among the newest.
  util::Result<std::optional<util::WallTime>> last_written();
  // The newest signed checkpoint, empty before the first.
  util::Result<std::optional<std::string>> checkpoint();

  // The rows of any statement that only reads, for `warder events --sql`: the names of the columns,
  // then each row as text. kInvalid when it is no statement that only reads, or more than one;
  // ended with kTimeout after `limit`.
  util::Status query(std::string_view sql, std::chrono::milliseconds limit,
                     const std::function<bool(const std::vector<std::string>&)>& callback);

 private:
  class Impl;
  explicit Reader(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// The newest checkpoint of the history in that file, without trusting it; empty before the first,
// and when no history is there.
std::optional<Checkpoint> newest_checkpoint(const std::filesystem::path& database);

}  // namespace warder::store
