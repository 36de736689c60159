#include "store/writer.h"

#include "crypto/random.h"
#include "crypto/sha256.h"
#include "model/witness.h"
#include "store/checkpoint.h"
#include "store/files.h"
#include "store/schema.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

// Journal pages at which it is moved into the database, and at which a reader that prevents that is
// reported (64 MiB).
constexpr int kJournalPages = 1000;
constexpr int kMostJournalPages = 16384;

int note_journal_pages(void* pages, sqlite3* /*database*/, const char* /*name*/, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

// Of the event at this place of a batch; empty when it was stored before, and when there is none.
std::optional<std::uint64_t> sequence_of(const std::vector<std::optional<std::uint64_t>>& sequences,
                                         std::size_t event) {
  return event < sequences.size() ? sequences[event] : std::nullopt;
}

}  // namespace

util::Result<std::unique_ptr<Writer>> Writer::open(const Options& options, const util::Clock& clock,
                                                   const Hooks& hooks, const Destinations& known,
                                                   Trouble* trouble) {
  *trouble = Trouble::kDamaged;
  if (was_emptied(options.path)) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: is empty, but a store was here", options.path.string()));
  }
  *trouble = Trouble::kIo;
  WARDER_RETURN_IF_ERROR(prepare_file(options.path));
  std::unique_ptr<Writer> writer(new Writer(options, clock, hooks));
  auto connection = Connection::open(options.path, Connection::Mode::kReadWrite, options.vfs);
  if (!connection) {
    return connection.error();
  }
  writer->connection_ = std::move(connection).value();
  // The history has no triggers: one that is there would undo what is written.
  sqlite3_db_config(writer->connection_->handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  const util::Status ready = writer->set_up(known);
  if (!ready) {
    // A table that is missing where the header says that it is ours: SQLite calls that an error of
    // the statement.
    *trouble = writer->trouble() == Trouble::kOther ? Trouble::kDamaged : writer->trouble();
    return ready.error().with_context(options.path.string());
  }
  *trouble = Trouble::kNone;
  return writer;
}

util::Status Writer::set_up(const Destinations& known) {
  Connection& connection = *connection_;
  WARDER_RETURN_IF_ERROR(check_schema(connection, Use::kWrite));
  // auto_vacuum only takes effect before the first table. The journal is moved by
  // checkpoint_journal(), never inside a commit, so that its failure is not taken for the commit's.
  WARDER_RETURN_IF_ERROR(connection.execute(fmt::format(
      "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA journal_mode=WAL;PRAGMA synchronous={};"
      "PRAGMA wal_autocheckpoint=0;PRAGMA journal_size_limit=16777216;PRAGMA secure_delete=OFF;"
      "PRAGMA temp_store=MEMORY;PRAGMA cache_size=-2000",
      options_.relaxed_sync ? "NORMAL" : "FULL")));
  sqlite3_wal_hook(connection.handle(), note_journal_pages, &journal_pages_);
  WARDER_RETURN_IF_ERROR(migrate(connection));
  WARDER_RETURN_IF_ERROR(write_meta());
  WARDER_RETURN_IF_ERROR(jails_.open(connection, "jail"));
  WARDER_RETURN_IF_ERROR(log_.open(connection, jails_));
  WARDER_RETURN_IF_ERROR(bans_.open(connection, jails_));
  WARDER_RETURN_IF_ERROR(outbox_.open(connection, options_.outbox_limit));
  WARDER_RETURN_IF_ERROR(incidents_.open(connection, jails_));
  WARDER_ASSIGN_OR_RETURN(next_escalation_, incidents_.next_escalation());
  WARDER_RETURN_IF_ERROR(retention_.open(connection, options_, bans_, outbox_, clock_));
  WARDER_ASSIGN_OR_RETURN(begin_, connection.prepare("BEGIN IMMEDIATE"));
  WARDER_ASSIGN_OR_RETURN(commit_, connection.prepare("COMMIT"));
  WARDER_ASSIGN_OR_RETURN(set_position_,
                          connection.prepare("INSERT OR REPLACE INTO position VALUES(?1, ?2, ?3)"));
  WARDER_ASSIGN_OR_RETURN(keep_, connection.prepare("INSERT OR REPLACE INTO kept VALUES(?1, ?2)"));
  WARDER_ASSIGN_OR_RETURN(forget_, connection.prepare("DELETE FROM kept WHERE name = ?1"));
  WARDER_ASSIGN_OR_RETURN(
      insert_checkpoint_,
      connection.prepare("INSERT OR REPLACE INTO checkpoint VALUES(?1, ?2, ?3)"));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t newest,
                          connection.integer("SELECT coalesce(max(size), 0) FROM checkpoint"));
  checkpointed_ = static_cast<std::uint64_t>(newest);
  WARDER_ASSIGN_OR_RETURN(
      const std::int64_t witnesses,
      connection.integer(fmt::format("SELECT count(*) FROM event WHERE sequence = {} AND kind = {} "
                                     "AND detail LIKE '{{\"checkpoint\":%'",
                                     newest, static_cast<int>(model::EventKind::kStore))));
  checkpointed_ += static_cast<std::uint64_t>(witnesses);
  if (known.empty()) {
    return {};
  }
  return transaction([&]() -> util::Status {
    for (const auto& [number, name] : known) {
      WARDER_RETURN_IF_ERROR(outbox_.adopt(number, name));
    }
    return {};
  });
}

util::Status Writer::write_meta() {
  WARDER_ASSIGN_OR_RETURN(
      Statement insert,
      connection_->prepare("INSERT INTO meta VALUES(?1, ?2) ON CONFLICT DO NOTHING"));
  // Each database is a log of its own, also when it replaces a damaged one within the second or on
  // a machine whose clock starts anew with each boot: two logs of one name would look like one that
  // was rolled back.
  WARDER_ASSIGN_OR_RETURN(const std::int64_t there,
                          connection_->integer("SELECT count(*) FROM meta"));
  if (there == 0) {
    const util::WallTime now = clock_.now();
    std::array<std::uint8_t, 4> chance{};
    WARDER_RETURN_IF_ERROR(crypto::random_bytes(chance));
    const std::string origin =
        fmt::format("{}/{}-{}", options_.origin, compact_time(now), util::to_hex(chance));
    WARDER_RETURN_IF_ERROR(connection_->execute("BEGIN IMMEDIATE"));
    util::Status done = insert.execute(std::string_view("origin"), std::string_view(origin));
    if (done) {
      done = insert.execute(std::string_view("created"), now.time_since_epoch().count());
    }
    if (done) {
      done = connection_->execute("COMMIT");
    }
    if (!done) {
      connection_->roll_back();
      return done;
    }
  }
  WARDER_ASSIGN_OR_RETURN(Statement find,
                          connection_->prepare("SELECT value FROM meta WHERE name = 'origin'"));
  Rows rows = find.run();
  origin_ = rows.next() ? std::string(rows.text(0)) : std::string();
  return rows.status();
}

util::Status Writer::transaction(const std::function<util::Status()>& body) {
  connection_->forgive();
  util::Status done = begin_.execute();
  if (done) {
    done = body();
  }
  if (done) {
    done = finish_transaction();
  }
  if (!done) {
    connection_->roll_back();
    jails_.rolled_back();
    log_.rolled_back();
    outbox_.rolled_back();
    retention_.rolled_back();
    incidents_changed_ = false;
    return done;
  }
  log_.committed();
  outbox_.committed();
  retention_.committed();
  if (std::exchange(incidents_changed_, false)) {
    // What is on disk is not called back when this cannot be read.
    if (const auto next = incidents_.next_escalation()) {
      next_escalation_ = *next;
    }
  }
  return {};
}

util::Status Writer::finish_transaction() {
  WARDER_ASSIGN_OR_RETURN(const std::vector<OutboxLoss> losses, outbox_.trim());
  WARDER_RETURN_IF_ERROR(report_losses(losses, "its outbox is full"));
  WARDER_RETURN_IF_ERROR(log_.save());
  return commit_.execute();
}

util::Status Writer::apply(const Batch& batch) {
  std::vector<std::optional<std::uint64_t>> sequences;
  sequences.reserve(batch.events.size());
  for (const model::Event& event : batch.events) {
    WARDER_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> sequence, log_.append(event));
    sequences.push_back(sequence);
  }
  std::vector<bool> fresh(batch.events.size());
  for (const Novelty& novelty : batch.novelties) {
    if (sequence_of(sequences, novelty.event)) {
      WARDER_ASSIGN_OR_RETURN(const bool is_new,
                              incidents_.is_new(novelty.name, batch.events[novelty.event].time));
      fresh[novelty.event] = is_new;
    }
  }
  for (const OutboxEntry& entry : batch.outbox) {
    if (const auto sequence = sequence_of(sequences, entry.event)) {
      WARDER_RETURN_IF_ERROR(outbox_.enqueue(
          entry.destination, *sequence, batch.events[entry.event].severity, fresh[entry.event]));
    }
  }
  for (const ClockStep& step : batch.clock_steps) {
    if (sequence_of(sequences, step.event)) {
      WARDER_RETURN_IF_ERROR(bans_.shift(step.by));
      WARDER_RETURN_IF_ERROR(incidents_.shift(step.by));
      incidents_changed_ = true;
    }
  }
  WARDER_RETURN_IF_ERROR(apply_incidents(batch, sequences));
  for (const BanChange& change : batch.bans) {
    WARDER_RETURN_IF_ERROR(bans_.apply(change));
  }
  for (const model::Position& position : batch.positions) {
    WARDER_RETURN_IF_ERROR(set_position_.execute(
        std::string_view(position.source), std::string_view(position.log), Blob{position.record}));
  }
  for (const Kept& kept : batch.kept) {
    WARDER_RETURN_IF_ERROR(kept.value.empty()
                               ? forget_.execute(std::string_view(kept.name))
                               : keep_.execute(std::string_view(kept.name), Blob{kept.value}));
  }
  return {};
}

// An event that is in the history already counts in no incident a second time.
util::Status Writer::apply_incidents(const Batch& batch,
                                     const std::vector<std::optional<std::uint64_t>>& sequences) {
  for (const IncidentEntry& entry : batch.incidents) {
    const auto sequence = sequence_of(sequences, entry.event);
    if (!sequence) {
      continue;
    }
    std::vector<DestinationId> told;
    for (const OutboxEntry& item : batch.outbox) {
      if (item.event == entry.event) {
        told.push_back(item.destination);
      }
    }
    const model::Event& event = batch.events[entry.event];
    incidents_changed_ = true;
    WARDER_ASSIGN_OR_RETURN(const Incidents::Also also,
                            incidents_.happened(entry, event, *sequence, told));
    WARDER_RETURN_IF_ERROR(enqueue_also(also, *sequence, event.severity));
  }
  for (const Acknowledgement& given : batch.acknowledgements) {
    const auto sequence = sequence_of(sequences, given.event);
    if (!sequence) {
      continue;
    }
    const model::Event& event = batch.events[given.event];
    incidents_changed_ = true;
    WARDER_ASSIGN_OR_RETURN(const Incidents::Also also, incidents_.acknowledge(given, event.time));
    WARDER_RETURN_IF_ERROR(enqueue_also(also, *sequence, event.severity));
  }
  return {};
}

util::Status Writer::enqueue_also(const Incidents::Also& also, std::uint64_t sequence,
                                  model::Severity severity) {
  for (const DestinationId destination : also) {
    WARDER_RETURN_IF_ERROR(outbox_.enqueue(destination, sequence, severity));
  }
  return {};
}

util::Result<bool> Writer::escalate() {
  std::size_t told = 0;
  const util::Status done = transaction([&]() -> util::Status {
    WARDER_ASSIGN_OR_RETURN(const std::vector<Incidents::Escalation> due,
                            incidents_.escalate(clock_.now()));
    incidents_changed_ = true;
    told = due.size();
    for (const Incidents::Escalation& one : due) {
      WARDER_RETURN_IF_ERROR(tell_on(one));
    }
    return {};
  });
  if (!done) {
    return done.error();
  }
  return told > 0;
}

util::Status Writer::tell_on(const Incidents::Escalation& escalation) {
  // Who keeps a record of everything has this in it, too.
  std::vector<DestinationId> destinations{escalation.destination};
  if (hooks_.route) {
    const std::vector<DestinationId> also = hooks_.route(escalation.event);
    destinations.insert(destinations.end(), also.begin(), also.end());
  }
  WARDER_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> sequence,
                          record(escalation.event, std::move(destinations)));
  for (const std::int64_t incident : escalation.incidents) {
    if (sequence) {
      WARDER_RETURN_IF_ERROR(incidents_.told(incident, escalation.destination, *sequence));
    }
  }
  return {};
}

util::Status Writer::apply(const OutboxUpdate& update) {
  return outbox_.apply(update, clock_.now());
}

util::Result<DestinationId> Writer::destination(std::string_view name) {
  return outbox_.destination(name);
}

bool Writer::is_open_incident(std::string_view name) {
  const auto open = incidents_.is_open(name);
  return open && *open;
}

util::Status Writer::report(model::EventKind kind, model::Severity severity,
                            std::string_view message, std::string detail) {
  model::Event event;
  event.kind = kind;
  event.severity = severity;
  event.message = std::string(message);
  event.detail = std::move(detail);
  const auto recorded = record(std::move(event), {});
  return recorded ? util::Status() : recorded.error();
}

util::Result<std::optional<std::uint64_t>> Writer::record(model::Event event,
                                                          std::vector<DestinationId> destinations) {
  event.time = clock_.now();
  const crypto::Sha256Digest digest = crypto::sha256(
      util::as_bytes(fmt::format("{}\n{}\n{}\n{}", origin_, log_.tree().size(),
                                 event.time.time_since_epoch().count(), event.message)));
  std::copy_n(digest.begin(), event.id.bytes.size(), event.id.bytes.begin());
  WARDER_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> sequence, log_.append(event));
  if (sequence && destinations.empty() && hooks_.route) {
    destinations = hooks_.route(event);
  }
  for (const DestinationId destination : destinations) {
    if (sequence) {
      WARDER_RETURN_IF_ERROR(outbox_.enqueue(destination, *sequence, event.severity));
    }
  }
  if (const auto entry =
          sequence && hooks_.incident ? hooks_.incident(event, destinations) : std::nullopt) {
    incidents_changed_ = true;
    WARDER_ASSIGN_OR_RETURN(const Incidents::Also also,
                            incidents_.happened(*entry, event, *sequence, destinations));
    WARDER_RETURN_IF_ERROR(enqueue_also(also, *sequence, event.severity));
  }
  return sequence;
}

util::Status Writer::report_losses(const std::vector<OutboxLoss>& losses, std::string_view why) {
  for (const OutboxLoss& loss : losses) {
    WARDER_RETURN_IF_ERROR(
        report(model::EventKind::kDestination, model::Severity::kWarning,
               fmt::format("destination {}: {}; {} undelivered items were dropped ({})", loss.name,
                           why, loss.total(), loss.to_text())));
  }
  return {};
}

util::Result<std::optional<std::string>> Writer::make_checkpoint(
    const crypto::Ed25519SecretKey& key) {
  const std::uint64_t size = log_.tree().size();
  if (size == checkpointed_) {
    return std::optional<std::string>();
  }
  const crypto::merkle::Hash root = log_.tree().root();
  WARDER_ASSIGN_OR_RETURN(std::string note, sign_checkpoint({origin_, size, root}, key));
  // The event that takes it outside stands behind what it speaks of, and comes with it or not at
  // all. Without anybody to take it there is none.
  model::Event witness;
  witness.kind = model::EventKind::kStore;
  witness.message = fmt::format("checkpoint of {} events", size);
  witness.detail = model::witness_detail({origin_, size, util::to_hex(root), note});
  std::vector<DestinationId> takers;
  if (hooks_.route) {
    takers = hooks_.route(witness);
  }
  WARDER_RETURN_IF_ERROR(transaction([&] {
    util::Status done = insert_checkpoint_.execute(size, clock_.now().time_since_epoch().count(),
                                                   std::string_view(note));
    if (done && !takers.empty()) {
      if (const auto recorded = record(std::move(witness), std::move(takers)); !recorded) {
        done = recorded.error();
      }
    }
    return done;
  }));
  checkpointed_ = log_.tree().size();
  return std::optional<std::string>(std::move(note));
}

util::Result<bool> Writer::maintain() {
  if (shrinking_) {
    connection_->forgive();
    WARDER_ASSIGN_OR_RETURN(const bool done, retention_.shrink());
    shrinking_ = !done;
    return done;
  }
  bool done = false;
  const util::Status kept = transaction([&]() -> util::Status {
    WARDER_ASSIGN_OR_RETURN(done, retention_.slice(log_));
    if (!done) {
      return {};
    }
    incidents_changed_ = true;
    WARDER_RETURN_IF_ERROR(incidents_.prune(clock_.now()));
    return report_round();
  });
  if (!kept) {
    return kept.error();
  }
  shrinking_ = done;
  return false;
}

util::Status Writer::report_round() {
  const Retention::Removed removed = retention_.take_removed();
  if (removed.tampered_events > 0) {
    WARDER_RETURN_IF_ERROR(report(
        model::EventKind::kIntegrity, model::Severity::kCritical,
        fmt::format("{} of the events {} to {} were changed or missing when retention removed "
                    "them: somebody edited the history",
                    removed.tampered_events, removed.first_event,
                    removed.first_event + removed.events - 1)));
  }
  WARDER_RETURN_IF_ERROR(
      report_losses(removed.losses, "it did not take events before retention removed them"));
  if (removed.events > 0) {
    WARDER_RETURN_IF_ERROR(
        report(model::EventKind::kStore, model::Severity::kInfo,
               fmt::format("retention removed {} events ({} to {}); their hashes stay in the tree",
                           removed.events, removed.first_event,
                           removed.first_event + removed.events - 1)));
  }
  return {};
}

util::Status Writer::checkpoint_journal(bool all) {
  if (!all && journal_pages_ < kJournalPages) {
    return {};
  }
  connection_->forgive();
  int in_journal = 0;
  int moved = 0;
  const int result = sqlite3_wal_checkpoint_v2(
      connection_->handle(), nullptr, all ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &in_journal, &moved);
  // A reader may keep part of the journal, or another process hold the lock: the next time will do.
  journal_too_long_ = in_journal > kMostJournalPages && moved < in_journal;
  if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) {
    return connection_->failure(result);
  }
  journal_pages_ = in_journal - moved;
  return {};
}

}  // namespace warder::store
