#pragma once

#include "crypto/ed25519.h"
#include "store/command.h"
#include "store/files.h"
#include "store/options.h"
#include "store/reserve.h"
#include "store/writer.h"
#include "util/clock.h"
#include "util/result.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::store {

// Gets commands onto the disk through a Writer and decides what follows when that fails: the second
// attempt, opening anew, setting aside, the reserve. Also what is done in between: checkpoints,
// moving the journal, retention. One thread (the store's); the queue is none of its business.
class Committer {
 public:
  Committer(const Options& options, const util::Clock& clock,
            std::optional<crypto::Ed25519SecretKey> key, const Hooks& hooks);

  // Opens the database; see Store::open().
  util::Status start();

  // Before commit() and do_what_is_due(): makes the reserve again that a fault took. Without it the
  // next page for which there is no room ends the process, so nothing is to be written after an
  // Error.
  util::Status prepare();
  // All of `group` in one transaction; it is on disk, or the Error says why it could not be brought
  // there and the same group is to be tried again later.
  util::Status commit(std::span<Command* const> group);
  // The commands of a group that are no rows: checkpoint, maintenance, setting aside.
  void run_requests(std::span<Command* const> group);
  // After a commit that succeeded behind ones that failed.
  void recovered(const std::string& reason);

  // What is due, a small piece at a time: call after each commit and while is_maintaining().
  void do_what_is_due();
  bool is_maintaining() const { return maintaining_; }
  // When do_what_is_due() should run again though nothing is committed; empty when nothing has
  // changed since the last time and nobody waits for an acknowledgement.
  std::optional<util::MonotonicTime> next_due() const;

  // The last checkpoint, the journal moved, the database closed.
  void close();

 private:
  bool commit_once(std::span<Command* const> group, util::Status* status);
  util::Status apply(Command& command);
  util::Status open_writer();
  util::Status set_aside(const std::string& why);
  bool drop_unstorable(std::span<Command* const> group);
  void say_disk_is_full(const std::string& why);
  void escalate();
  void checkpoint_history(bool at_once);
  void checkpoint_journal();
  void maintain_slice();
  void step_failed(std::string_view what, const util::Error& error);
  // After a failed write or sync nothing that this connection believes is trusted.
  void drop_writer();
  void remember(const NewDestination& destination);
  std::optional<util::MonotonicTime> next_maintenance() const;

  // An event of the store's own that waits for the next transaction.
  struct Note {
    model::EventKind kind;
    model::Severity severity;
    std::string message;
    std::string detail = {};
  };

  const Options& options_;
  const util::Clock& clock_;
  const std::optional<crypto::Ed25519SecretKey> key_;
  const Hooks& hooks_;
  std::unique_ptr<Writer> writer_;
  bool journal_untrusted_ = false;
  Reserve reserve_;
  IndexReserve index_reserve_;
  bool index_reserve_missed_ = false;  // that it was taken is said
  bool reserve_kept_ = false;
  bool full_reported_ = false;
  bool journal_reported_ = false;
  std::vector<Note> notes_;
  Destinations destinations_;
  bool maintaining_ = false;
  bool changed_since_maintenance_ = false;
  util::MonotonicTime next_maintenance_{};
  util::MonotonicTime last_checkpoint_{};
  util::MonotonicTime no_escalation_before_{};
};

}  // namespace warder::store
