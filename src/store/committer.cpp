#include "store/committer.h"

#include "log/log.h"
#include "model/incident_detail.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::store {
namespace {

using model::EventKind;
using model::Severity;
using util::Error;
using util::ErrorCode;

// Incidents of the store's own (ship/incident.h).
constexpr std::string_view kWritingIncident = "store/writing";
constexpr std::string_view kJournalIncident = "store/journal";
constexpr std::chrono::minutes kMaintenanceInterval{10};
// Behind a start, so that an agent that is restarted often has its history kept short as well.
constexpr std::chrono::minutes kFirstMaintenance{1};
constexpr std::chrono::minutes kLookAtClock{10};
// Some pages: what else is written at the same time may take of it.
constexpr util::ByteCount kIndexReserve = util::kibibytes(256);

}  // namespace

Committer::Committer(const Options& options, const util::Clock& clock,
                     std::optional<crypto::Ed25519SecretKey> key, const Hooks& hooks)
    : options_(options),
      clock_(clock),
      key_(std::move(key)),
      hooks_(hooks),
      reserve_(options.path, options.reserve),
      index_reserve_(options.path, std::min(options.reserve, kIndexReserve)) {}

util::Status Committer::start() {
  WARDER_RETURN_IF_ERROR(open_writer());
  WARDER_ASSIGN_OR_RETURN(destinations_, writer_->destinations());
  util::Status reserve = reserve_.keep();
  reserve_kept_ = reserve.has_value();
  if (const util::Status index = index_reserve_.keep(); reserve) {
    reserve = index;
  }
  if (!reserve) {
    log::warning("store: no space is kept back for a full disk: {}", reserve.error().message());
  }
  // What was told before the start and has ended meanwhile.
  journal_reported_ = writer_->is_open_incident(kJournalIncident);
  if (reserve_kept_ && writer_->is_open_incident(kWritingIncident)) {
    notes_.push_back({EventKind::kStore, Severity::kNotice, "the history is written again",
                      model::incident_detail(kWritingIncident, model::Trouble::kGood)});
  }
  last_checkpoint_ = clock_.monotonic();
  next_maintenance_ = last_checkpoint_ + kFirstMaintenance;
  changed_since_maintenance_ = true;  // bans ended while the agent was down
  return {};
}

// One attempt, and a second at once where something could be done about the failure.
util::Status Committer::commit(std::span<Command* const> group) {
  util::Status status;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (commit_once(group, &status)) {
      changed_since_maintenance_ = true;
      return {};
    }
    if (!writer_) {
      return status;
    }
    switch (writer_->trouble()) {
      case Trouble::kDamaged:
        WARDER_RETURN_IF_ERROR(set_aside(status.error().message()));
        break;
      case Trouble::kIo:
        drop_writer();
        break;
      case Trouble::kFull:
        say_disk_is_full(status.error().message());
        return status;
      case Trouble::kBusy:
        return status;
      case Trouble::kNone:
      case Trouble::kOther:
        return drop_unstorable(group) ? util::Status() : status;
    }
  }
  return status;
}

bool Committer::commit_once(std::span<Command* const> group, util::Status* status) {
  *status = open_writer();
  if (*status) {
    *status = writer_->transaction([&]() -> util::Status {
      for (const Note& note : notes_) {
        WARDER_RETURN_IF_ERROR(
            writer_->report(note.kind, note.severity, note.message, note.detail));
      }
      for (Command* command : group) {
        WARDER_RETURN_IF_ERROR(apply(*command));
      }
      return {};
    });
  }
  if (!*status) {
    return false;
  }
  notes_.clear();
  return true;
}

util::Status Committer::prepare() {
  if (!index_reserve_.was_taken()) {
    return {};
  }
  util::Status kept = index_reserve_.keep();
  if (!kept && !index_reserve_missed_) {
    log::warning(
        "store: there was no room for a page of the journal's index, which took {}; free space on "
        "the file system of {}",
        IndexReserve::file_of(options_.path).filename().string(), options_.path.string());
  }
  index_reserve_missed_ = !kept;
  return std::move(kept).with_context("the disk is full");
}

util::Status Committer::apply(Command& command) {
  if (const auto* batch = std::get_if<Batch>(&command.what)) {
    return writer_->apply(*batch);
  }
  if (const auto* update = std::get_if<OutboxUpdate>(&command.what)) {
    return writer_->apply(*update);
  }
  if (auto* asked = std::get_if<NewDestination>(&command.what)) {
    WARDER_ASSIGN_OR_RETURN(asked->number, writer_->destination(asked->name));
  }
  return {};
}

util::Status Committer::open_writer() {
  if (writer_) {
    return {};
  }
  if (journal_untrusted_) {
    WARDER_RETURN_IF_ERROR(rewrite_journal(options_.path, options_.vfs));
    journal_untrusted_ = false;
  }
  Trouble trouble = Trouble::kNone;
  auto writer = Writer::open(options_, clock_, hooks_, {}, &trouble);
  if (!writer) {
    return trouble == Trouble::kDamaged ? set_aside(writer.error().message()) : writer.error();
  }
  writer_ = std::move(writer).value();
  return {};
}

void Committer::drop_writer() {
  writer_.reset();
  journal_untrusted_ = true;
}

util::Status Committer::set_aside(const std::string& why) {
  writer_.reset();
  WARDER_ASSIGN_OR_RETURN(const std::filesystem::path where,
                          set_aside_files(options_.path, clock_.now()));
  std::string message = fmt::format(
      "the database was damaged ({}); it was moved to {} and a new one started; bans are read back "
      "from the kernel",
      why, where.string());
  log::error("store: {}", message);
  notes_.push_back({EventKind::kStore, Severity::kCritical, std::move(message)});
  // The reserve marks that a store was here, and the file that comes now is new.
  reserve_.release();
  journal_untrusted_ = false;
  Trouble trouble = Trouble::kNone;
  WARDER_ASSIGN_OR_RETURN(writer_, Writer::open(options_, clock_, hooks_, destinations_, &trouble));
  reserve_kept_ = reserve_.keep().has_value();
  if (hooks_.set_aside) {
    hooks_.set_aside(where, why);
  }
  return {};
}

// A value that SQLite refuses would hold up everything behind it for ever, so the commands go one
// by one and what cannot be stored is dropped, with an event.
bool Committer::drop_unstorable(std::span<Command* const> group) {
  for (Command* const& command : group) {
    util::Status status;
    if (commit_once({&command, 1}, &status)) {
      continue;
    }
    const Trouble trouble = writer_ ? writer_->trouble() : Trouble::kIo;
    if (trouble != Trouble::kOther && trouble != Trouble::kNone) {
      return false;  // the whole group comes again; ids and set semantics make that harmless
    }
    std::string message =
        fmt::format("a batch of {} events could not be stored and was dropped: {}", command->events,
                    status.error().message());
    log::error("store: {}", message);
    notes_.push_back({EventKind::kStore, Severity::kHigh, std::move(message)});
    if (std::holds_alternative<Batch>(command->what)) {
      command->what = Batch{};
    }
  }
  return true;
}

void Committer::say_disk_is_full(const std::string& why) {
  if (full_reported_ || !reserve_.release()) {
    return;
  }
  reserve_kept_ = false;
  const util::Status said = writer_->transaction([&] {
    return writer_->report(
        EventKind::kStore, Severity::kCritical,
        fmt::format("the disk is full: {}; the history waits in memory, bans go on; free space on "
                    "the file system of {}",
                    why, options_.path.string()),
        model::incident_detail(kWritingIncident, model::Trouble::kBad));
  });
  full_reported_ = said.has_value();
}

void Committer::run_requests(std::span<Command* const> group) {
  for (Command* command : group) {
    if (const auto* asked = std::get_if<NewDestination>(&command->what)) {
      remember(*asked);
    } else if (std::holds_alternative<MakeCheckpoint>(command->what)) {
      checkpoint_history(true);
    } else if (std::holds_alternative<Maintain>(command->what)) {
      maintaining_ = true;
      while (maintaining_) {
        maintain_slice();
      }
    } else if (const auto* request = std::get_if<SetAside>(&command->what)) {
      if (const util::Status done = set_aside(request->why); !done) {
        log::error("store: {}", done.error().message());
      }
    }
  }
}

void Committer::remember(const NewDestination& destination) {
  if (!destination.number) {
    return;
  }
  std::pair known(*destination.number, destination.name);
  if (std::find(destinations_.begin(), destinations_.end(), known) == destinations_.end()) {
    destinations_.push_back(std::move(known));
  }
}

void Committer::recovered(const std::string& reason) {
  notes_.push_back({EventKind::kStore, Severity::kWarning,
                    fmt::format("the history is written again; before, {}", reason),
                    model::incident_detail(kWritingIncident, model::Trouble::kGood)});
  full_reported_ = false;
  reserve_kept_ = reserve_kept_ || reserve_.keep().has_value();
  static_cast<void>(index_reserve_.keep());  // at the start there may have been no room for it
  log::notice("store: the history is written again");
}

void Committer::do_what_is_due() {
  if (index_reserve_.was_taken()) {
    return;
  }
  escalate();
  checkpoint_history(false);
  checkpoint_journal();
  if (next_maintenance() && clock_.monotonic() >= next_maintenance_) {
    maintaining_ = true;
  }
  if (maintaining_) {
    maintain_slice();
  }
}

std::optional<util::MonotonicTime> Committer::next_due() const {
  auto next = next_maintenance();
  if (const auto due = writer_ ? writer_->next_escalation() : std::nullopt) {
    // It is a wall time, and the clock may be set meanwhile.
    const auto left = std::clamp<std::chrono::microseconds>(
        *due - clock_.now(), std::chrono::microseconds(0), kLookAtClock);
    const auto at = std::max(clock_.monotonic() + left, no_escalation_before_);
    next = next ? std::min(*next, at) : at;
  }
  return next;
}

void Committer::escalate() {
  const auto due = writer_ ? writer_->next_escalation() : std::nullopt;
  if (!due || *due > clock_.now() || clock_.monotonic() < no_escalation_before_) {
    return;
  }
  const auto told = writer_->escalate();
  if (!told) {
    no_escalation_before_ = clock_.monotonic() + options_.longest_retry;
    step_failed("what nobody has acknowledged could not be told on", told.error());
    return;
  }
  changed_since_maintenance_ = true;
  if (*told && hooks_.outbox) {
    hooks_.outbox();
  }
}

std::optional<util::MonotonicTime> Committer::next_maintenance() const {
  if (!changed_since_maintenance_) {
    return std::nullopt;
  }
  return next_maintenance_;
}

void Committer::checkpoint_history(bool at_once) {
  if (!key_ || !writer_) {
    return;
  }
  const util::MonotonicTime now = clock_.monotonic();
  const std::uint64_t fresh = writer_->tree_size() - writer_->checkpointed();
  const bool due = fresh > 0 && (at_once || fresh >= options_.checkpoint_events ||
                                 now - last_checkpoint_ >= options_.checkpoint_interval);
  if (!due) {
    return;
  }
  const auto note = writer_->make_checkpoint(*key_);
  if (!note) {
    step_failed("no checkpoint could be made", note.error());
    return;
  }
  last_checkpoint_ = now;
  const std::optional<std::string>& made = *note;
  if (!made) {
    return;
  }
  if (hooks_.checkpoint) {
    hooks_.checkpoint(*made);
  }
  if (hooks_.outbox) {
    hooks_.outbox();
  }
}

void Committer::checkpoint_journal() {
  if (!writer_) {
    return;
  }
  if (const util::Status moved = writer_->checkpoint_journal(false); !moved) {
    step_failed("the journal could not be moved into the database", moved.error());
    return;
  }
  if (writer_->journal_too_long() != journal_reported_) {
    journal_reported_ = writer_->journal_too_long();
    notes_.push_back(
        journal_reported_
            ? Note{EventKind::kStore, Severity::kWarning,
                   fmt::format("the journal of {} is longer than 64 MiB: a program has been "
                               "reading the database for a long time; end it",
                               options_.path.string()),
                   model::incident_detail(kJournalIncident, model::Trouble::kBad)}
            : Note{EventKind::kStore, Severity::kNotice,
                   fmt::format("the journal of {} is short again", options_.path.string()),
                   model::incident_detail(kJournalIncident, model::Trouble::kGood)});
  }
}

void Committer::maintain_slice() {
  if (writer_) {
    const auto done = writer_->maintain();
    if (done && !*done) {
      return;
    }
    if (!done) {
      step_failed("retention stopped", done.error());
    }
  }
  maintaining_ = false;
  changed_since_maintenance_ = false;
  next_maintenance_ = clock_.monotonic() + kMaintenanceInterval;
}

// What was committed stays; the step is tried again when it is due again.
void Committer::step_failed(std::string_view what, const Error& error) {
  log::warning("store: {}: {}", what, error.message());
  if (writer_->trouble() == Trouble::kIo) {
    drop_writer();
  } else if (writer_->trouble() == Trouble::kDamaged) {
    if (const util::Status done = set_aside(error.message()); !done) {
      log::error("store: {}", done.error().message());
    }
  }
}

void Committer::close() {
  const bool may_write = prepare().has_value();
  if (may_write) {
    checkpoint_history(true);
  }
  if (writer_ && may_write) {
    if (const util::Status moved = writer_->checkpoint_journal(true); !moved) {
      log::warning("store: the journal could not be moved into the database: {}",
                   moved.error().message());
    }
  }
  writer_.reset();
}

}  // namespace warder::store
