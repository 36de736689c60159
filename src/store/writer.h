#pragma once

#include "crypto/ed25519.h"
#include "store/ban_table.h"
#include "store/batch.h"
#include "store/database.h"
#include "store/event_log.h"
#include "store/incidents.h"
#include "store/names.h"
#include "store/options.h"
#include "store/outbox.h"
#include "store/retention.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::store {

using Destinations = std::vector<std::pair<DestinationId, std::string>>;

// The one writing connection: opens the database and does everything inside transactions. Knows no
// queue, thread or second attempt; Store decides what follows from a failure. One thread.
class Writer {
 public:
  // Opens or makes the database. `known` are destinations whose numbers are in use already (after
  // the database was set aside). `trouble` says what a failure was.
  static util::Result<std::unique_ptr<Writer>> open(const Options& options,
                                                    const util::Clock& clock, const Hooks& hooks,
                                                    const Destinations& known, Trouble* trouble);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() = default;

  // Runs `body`, which calls the functions of the next group, as one transaction: all of it is on
  // disk, or nothing has happened.
  util::Status transaction(const std::function<util::Status()>& body);

  // Inside a transaction.
  util::Status apply(const Batch& batch);
  util::Status apply(const OutboxUpdate& update);
  util::Result<DestinationId> destination(std::string_view name);
  // An event of the store's own.
  util::Status report(model::EventKind kind, model::Severity severity, std::string_view message,
                      std::string detail = {});
  // False also when that cannot be read.
  bool is_open_incident(std::string_view name);

  // Transactions of their own.
  util::Result<std::optional<std::string>> make_checkpoint(const crypto::Ed25519SecretKey& key);
  // Tells what nobody has acknowledged in time; whether there was something.
  util::Result<bool> escalate();
  // One slice of retention; whether the round is at its end.
  util::Result<bool> maintain();

  // Moves the journal into the database when it is long (or in any case when `all`). A failure here
  // takes nothing back that was committed. A reader that keeps the journal from being reset is
  // reported by the second value.
  util::Status checkpoint_journal(bool all);
  // The journal is longer than its limit, because a reader holds it.
  bool journal_too_long() const { return journal_too_long_; }

  // When escalate() is due.
  std::optional<util::WallTime> next_escalation() const { return next_escalation_; }
  std::uint64_t tree_size() const { return log_.tree().size(); }
  // How far the newest checkpoint and the event that bears it go.
  std::uint64_t checkpointed() const { return checkpointed_; }
  util::Result<Destinations> destinations() { return outbox_.destinations(); }

  // Of the last failure.
  Trouble trouble() const { return connection_->trouble(); }

 private:
  Writer(const Options& options, const util::Clock& clock, const Hooks& hooks)
      : options_(options), clock_(clock), hooks_(hooks) {}

  util::Status set_up(const Destinations& known);
  util::Status write_meta();
  util::Status finish_transaction();
  // To these destinations; to those of the route when there are none. Its place, or nothing when it
  // is there already.
  util::Result<std::optional<std::uint64_t>> record(model::Event event,
                                                    std::vector<DestinationId> destinations);
  util::Status apply_incidents(const Batch& batch,
                               const std::vector<std::optional<std::uint64_t>>& sequences);
  util::Status tell_on(const Incidents::Escalation& escalation);
  util::Status enqueue_also(const Incidents::Also& also, std::uint64_t sequence,
                            model::Severity severity);
  util::Status report_losses(const std::vector<OutboxLoss>& losses, std::string_view why);
  util::Status report_round();

  const Options& options_;
  const util::Clock& clock_;
  const Hooks& hooks_;
  std::unique_ptr<Connection> connection_;
  Names jails_;
  EventLog log_;
  BanTable bans_;
  Outbox outbox_;
  Incidents incidents_;
  Retention retention_;
  Statement begin_;
  Statement commit_;
  Statement set_position_;
  Statement keep_;
  Statement forget_;
  Statement insert_checkpoint_;
  std::string origin_;
  std::uint64_t checkpointed_ = 0;
  std::optional<util::WallTime> next_escalation_;
  bool incidents_changed_ = false;
  int journal_pages_ = 0;  // set by SQLite's WAL hook at each commit
  bool journal_too_long_ = false;
  bool shrinking_ = false;
};

}  // namespace warder::store
