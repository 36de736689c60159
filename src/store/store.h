#pragma once

#include "crypto/ed25519.h"
#include "store/batch.h"
#include "store/options.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace warder::store {

// The writing side of the history: one SQLite connection on a thread of its own, which is the only
// one that writes and checkpoints (reading is store/reader.h). Batches go in by a bounded queue and
// are committed in groups, each batch wholly inside one transaction.
//
// All functions are thread safe. Nothing here waits for the disk except wait(), flush(),
// destination() and close(); submit() waits when the queue is full.
//
// When a commit fails the batches stay in the queue and are tried again (1 s to 30 s apart):
//   - disk full: the reserve is set free for one event that says so;
//   - a failed write or sync: the connection is not trusted any more; the journal is rewritten, the
//     database opened anew and the queue applied again (event ids keep that from counting twice);
//   - a damaged database: moved aside whole as PATH.damaged-YYYYMMDDTHHMMSSZ, a new one started.
// A position moves only with its events, so what never reached the disk is read again.
class Store {
 public:
  // Opens or creates the database (0600) and starts the thread. `clock` must outlive the store.
  // `key` signs checkpoints; without one they are not made. Errors: kInvalid for a database of a
  // newer warder or of another program (nothing is touched; the text says what to do), kDenied and
  // kIo when it cannot be opened. A damaged database is no error, see Hooks::set_aside (called on
  // the calling thread in that case, before open() returns).
  static util::Result<std::unique_ptr<Store>> open(const Options& options, const util::Clock& clock,
                                                   std::optional<crypto::Ed25519SecretKey> key,
                                                   Hooks hooks);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  // close() with a limit of ten seconds.
  ~Store();

  // Puts a batch into the queue; waits while it is full, until `stop` is requested (kUnavailable,
  // the batch is not taken). A batch larger than the whole queue is taken when the queue is empty.
  util::Result<Ticket> submit(Batch&& batch, std::stop_token stop = {});
  // The same without waiting: kUnavailable when full, and `batch` is as before.
  util::Result<Ticket> try_submit(Batch& batch);

  Ticket durable_through() const;
  // Waits until `ticket` is on disk, without the delay of the group. kTimeout after `limit`,
  // kUnavailable when the store closes first.
  util::Status wait(Ticket ticket, std::chrono::milliseconds limit);
  // wait() for everything submitted so far.
  util::Status flush(std::chrono::milliseconds limit);

  // The number of a destination, made when new. Waits for the disk.
  util::Result<DestinationId> destination(std::string_view name);

  // What became of items that Reader::outbox_from() returned. They take effect with the returned
  // ticket; until then outbox_from() returns the same items again, so wait() before the next call.
  // A `receipt`, when not empty, is kept with each item as long as the event.
  Ticket outbox_delivered(DestinationId destination, std::span<const std::uint64_t> ids,
                          std::string receipt);
  // One more attempt was made; not to be tried before `until`.
  Ticket outbox_retry(DestinationId destination, std::span<const std::uint64_t> ids,
                      util::WallTime until, std::string error);
  // Given up: a dead letter, which stays until revived or until its event is pruned.
  Ticket outbox_dead(DestinationId destination, std::span<const std::uint64_t> ids,
                     std::string error);
  // Dead letters to be tried again from the beginning: the named ones, or all when `ids` is empty.
  Ticket outbox_revive(DestinationId destination, std::span<const std::uint64_t> ids);

  // Makes a checkpoint now, if there is an event since the last.
  Ticket make_checkpoint();
  // Does what is due: checkpoint, ended bans into the history, retention. The thread does so by
  // itself every ten minutes while there is something to do.
  Ticket maintain();

  // An integrity check (store/verify.h, FaultKind::kDatabase) found the file damaged: it is moved
  // aside and a new one started, as if SQLite had said so to the store itself.
  Ticket set_aside(std::string why);

  Health health() const;

  // Stops taking batches, writes what is queued, makes the last checkpoint and closes the database.
  // kTimeout when the disk does not take the queue within `limit`; the rest is given up (its lines
  // will be read again). Idempotent.
  util::Status close(std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::store
