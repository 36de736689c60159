#pragma once

#include "store/batch.h"
#include "util/bytes.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace warder::store {

enum class State : std::uint8_t {
  kRunning,
  // The last commit failed. What was acknowledged is safe, what is queued waits, attempts go on.
  kDegraded,
};

struct Health {
  State state = State::kRunning;
  // Empty while running; else what failed and what the operator can do.
  std::string reason;
  std::size_t queued_batches = 0;
  util::ByteCount queued;
  std::uint64_t failed_commits = 0;
};

struct Options {
  // The database; "-wal", "-shm", ".reserve" and ".index-reserve" lie beside it. The folder must
  // exist.
  std::filesystem::path path;
  // Names this log in its checkpoints, without blanks and '+': "warder/host.example". Kept in the
  // database at its creation; a later value is ignored there (the log keeps its name).
  std::string origin;

  // A commit comes at the latest this long after the first batch of a group, or when so many
  // events are waiting.
  std::chrono::milliseconds commit_interval{100};
  std::size_t commit_events = 1000;
  // What may wait for the disk; then submit() waits.
  util::ByteCount queue_limit = util::mebibytes(8);

  // History kept: whichever limit is met first. 0 = no such limit.
  std::chrono::hours retention_age{24 * 90};
  std::uint64_t retention_events = 0;
  util::ByteCount size_limit = util::mebibytes(1024);

  // A signed checkpoint is made when this much has passed or so many events came since the last,
  // and at stop; never without a new event.
  std::chrono::minutes checkpoint_interval{60};
  std::uint64_t checkpoint_events = 100'000;

  // Entries waiting for one destination; above it the oldest of the lowest severity go first,
  // counted and reported.
  std::uint64_t outbox_limit = 100'000;

  // Space set free when the disk is full, so that the event that says so finds room.
  util::ByteCount reserve = util::mebibytes(1);

  // How long after a failed commit the next attempt comes; doubles up to the second.
  std::chrono::milliseconds first_retry{1000};
  std::chrono::milliseconds longest_retry{30000};

  // SQLite's synchronous=NORMAL instead of FULL: a power loss may take the last commits.
  bool relaxed_sync = false;
  // Name of the SQLite VFS; empty is the system's. For tests that break the disk.
  std::string vfs;
};

// Called on the store's thread, which waits meanwhile: hand over and return. Each may be empty.
struct Hooks {
  // Everything with a ticket up to this one is on disk.
  std::function<void(Ticket through)> durable;
  std::function<void(const Health&)> state;
  // The database was damaged and now lies, whole, at `where`; a new one is in use. The caller reads
  // the kernel's bans back and submits them.
  std::function<void(const std::filesystem::path& where, const std::string& why)> set_aside;
  // A new signed checkpoint (the text of the note), to be taken out of this machine. `outbox` is
  // called as well.
  std::function<void(const std::string& note)> checkpoint;
  // Where an event that the store itself makes (set aside, retention, disk full, outbox overflow)
  // is to go.
  std::function<std::vector<DestinationId>(const model::Event&)> route;
  // The incident that such an event belongs to; `told` are the destinations of its route.
  std::function<std::optional<IncidentEntry>(const model::Event&,
                                             const std::vector<DestinationId>& told)>
      incident;
  // Something was put into an outbox without a ticket: a checkpoint, an alert that nobody has
  // acknowledged.
  std::function<void()> outbox;
};

}  // namespace warder::store
