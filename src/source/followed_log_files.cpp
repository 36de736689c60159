// FollowedLog: which files are which generations, and what is said when that changes.
#include "source/followed_log.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::source {
namespace {

using model::Severity;

bool is_permission(int error) { return error == EACCES || error == EPERM; }

}  // namespace

void FollowedLog::check() {
  const LookedAt now = look_at(path_);
  switch (now.state) {
    case LookedAt::State::kRegular:
      missing_at_.reset();
      real_path_ = now.path;
      if (current_ != nullptr && current_->identity() == now.facts->identity) {
        current_->set_place(now.facts->identity, now.path, Compression::kNone);
        current_->pending = true;
      } else {
        settle(now);
      }
      break;
    case LookedAt::State::kAbsent:
      if (current_ != nullptr || !looked_) {
        settle(now);
      }
      if (start_at_tail_ && generations_.empty()) {
        // Nothing was there to be skipped, which is worth remembering over a restart.
        start_at_tail_ = false;
        dirty_ = true;
      }
      if (!missing_at_ && !problem_) {
        missing_at_ = context_.clock.monotonic() + context_.options.missing_after;
      }
      break;
    case LookedAt::State::kRefused:
      missing_at_.reset();
      if (current_ != nullptr || !looked_) {
        settle(now);
      }
      set_problem(NoticeKind::kRefused, 0, Severity::kHigh,
                  fmt::format("{}: {} and is not read; put the log file itself there",
                              util::printable(path_), now.why));
      break;
    case LookedAt::State::kFailed:
      missing_at_.reset();
      set_problem(
          NoticeKind::kUnreadable, now.error, Severity::kHigh,
          fmt::format("{}: cannot be looked at ({}); give user {} the right to pass through "
                      "the folders above it",
                      util::printable(path_), std::strerror(now.error), ::geteuid()));
      if (!is_permission(now.error)) {
        retry_at_ = context_.clock.monotonic() + backoff_.next();
      }
      break;
  }
}

// Finds out which files are which generations, and goes on with those found.
void FollowedLog::settle(const LookedAt& now) {
  const bool first_look = !looked_;
  const Generation* before = current_;
  if (forget_unjudged(before)) {
    before = nullptr;
  }
  const Generation* const newest = generations_.empty() ? nullptr : generations_.back().get();
  looked_ = true;
  const bool was_known = restored_ || !generations_.empty() || last_life_ != 0;
  Succession succession = find_succession(generations_, now, real_path_, context_.options.read_at);
  current_ = nullptr;
  for (Candidate& file : succession.candidates) {
    if (file.generation != nullptr) {
      file.generation->set_place(file.facts.identity, file.path, file.compression);
      file.generation->detached = false;
      if (file.cut_at) {
        go_on_at(*file.generation, *file.cut_at, file.facts.size);
      }
      const bool grew =
          file.compression == Compression::kNone && file.facts.size > file.generation->offset();
      if (!file.generation->dormant || grew || !file.rolled) {
        file.generation->pending = true;
        file.generation->dormant = false;
      }
    }
  }
  for (const std::size_t i : succession.fresh) {
    Candidate& file = succession.candidates[i];
    if (file.compression == Compression::kOther) {
      say(NoticeKind::kLost, Severity::kWarning,
          fmt::format("{}: {} is compressed in a form the agent does not read; its lines were not "
                      "judged. Use gzip, or delay compression by one rotation",
                      util::printable(path_), util::printable(file.path)));
      continue;
    }
    auto generation = std::make_unique<Generation>(file.facts);
    generation->set_place(file.facts.identity, file.path, file.compression);
    generation->found_again = file.rolled.has_value();
    start_at_tail_ = start_at_tail_ && !was_known;
    file.generation = generation.get();
    generations_.push_back(std::move(generation));
    dirty_ = true;
  }
  if (succession.has_current) {
    current_ = succession.candidates.front().generation;
    current_->quiet_since.reset();
    current_->dormant = false;
  }
  for (const std::unique_ptr<Generation>& generation : generations_) {
    if (generation.get() != current_ && !generation->quiet_since) {
      generation->quiet_since = context_.clock.monotonic();
      generation->pending = generation->pending || generation->is_open();
    }
  }
  if (first_look && was_known) {
    tell_of_start(succession, newest);
  } else if (before != nullptr || !succession.not_found.empty()) {
    tell_of_change(succession, before);
  }
  for (Generation* const generation : succession.not_found) {
    if (!generation->is_open()) {
      remove(*generation);
    }
  }
  keep_anchor();
  if (has_rolled()) {
    tick_at_ = context_.clock.monotonic() + context_.options.scan_interval;
  }
}

// No bytes can tell whether a file of which nothing was judged is still the one it was: it may have
// been copied, truncated and filled again. Such files, unless older than what was judged, are
// looked for anew, by the time of their last change. Returns whether `current` was one of them.
bool FollowedLog::forget_unjudged(const Generation* current) {
  bool forgot_current = false;
  while (!generations_.empty() && generations_.back()->offset() == 0) {
    Generation& last = *generations_.back();
    if (last.is_open() && last.unlinked() && last.size() != 0) {
      break;  // found by its bytes, or read to its end before it goes
    }
    forgot_current = forgot_current || &last == current;
    if (last.begun() && last.life() == last_life_) {
      --last_life_;
    }
    last.close();
    if (generations_.size() == 1) {
      last.detached = true;
      break;
    }
    generations_.pop_back();
  }
  return forgot_current;
}

// What is stored must name a generation as soon as there is one, even if nothing was judged of it:
// what comes after it is found by it.
void FollowedLog::keep_anchor() {
  const bool any = std::any_of(generations_.begin(), generations_.end(),
                               [](const auto& generation) { return generation->begun(); });
  if (!any && !generations_.empty() && !start_at_tail_) {
    begin(*generations_.front());
  }
}

void FollowedLog::tell_of_start(const Succession& succession, const Generation* newest) {
  for (const Candidate& file : succession.candidates) {
    if (file.generation != nullptr && file.rolled) {
      file.generation->found_again = true;
    }
  }
  if (generations_.empty() || succession.not_found.empty()) {
    return;
  }
  const Generation* const lost = succession.not_found.back();
  if (lost != newest || lost->offset() == 0) {
    return;
  }
  if (succession.has_current &&
      may_be_same(succession.candidates.front().facts.identity, lost->identity())) {
    say(NoticeKind::kTruncated, Severity::kWarning,
        fmt::format("{}: was truncated while the agent was stopped (it was judged up to offset {} "
                    "and has {} bytes now); reading from its start. What was written between then "
                    "and the truncation is lost",
                    util::printable(path_), lost->offset(),
                    succession.candidates.front().facts.size));
    return;
  }
  say(NoticeKind::kLost, Severity::kWarning,
      fmt::format("{}: the file that was judged up to offset {} is no longer there, nor a rotated "
                  "or compressed form of it; what was written to it after that is lost",
                  util::printable(path_), lost->offset()));
}

void FollowedLog::tell_of_change(const Succession& succession, const Generation* before) {
  for (const Generation* const lost : succession.not_found) {
    if (lost->is_open() || lost->detached || lost->backlog() == 0) {
      continue;
    }
    context_.totals.lost_bytes += lost->backlog();
    say(NoticeKind::kLost, Severity::kWarning,
        fmt::format("{}: a rotated file was removed before it was read to its end; the {} bytes "
                    "from offset {} were not judged",
                    util::printable(path_), lost->backlog(), lost->offset()),
        Range{lost->offset(), lost->backlog()});
  }
  if (before == nullptr) {
    return;
  }
  for (const Candidate& file : succession.candidates) {
    if (file.generation != before) {
      continue;
    }
    if (file.rolled) {
      say(NoticeKind::kRotated, Severity::kInfo,
          fmt::format("{}: rotated to {}; its rest is read first", util::printable(path_),
                      util::printable(file.path)));
    } else if (file.moved_in) {
      say(NoticeKind::kReplaced, Severity::kNotice,
          fmt::format("{}: another file took its place that begins with all that was judged (an "
                      "editor saved it?); going on at offset {}",
                      util::printable(path_), before->offset()));
    }
    return;
  }
  if (!succession.has_current) {
    return;  // removed or moved away: kMissing tells, unless it comes back
  }
  if (before->is_open() && before->unlinked()) {
    say(NoticeKind::kReplaced, Severity::kNotice,
        fmt::format("{}: was removed and another file put in its place; reading that one from its "
                    "start",
                    util::printable(path_)));
  } else {
    say(NoticeKind::kRotated, Severity::kInfo,
        fmt::format("{}: moved away; its rest is read as long as it is open, then the new file",
                    util::printable(path_)));
  }
}

// The file holds other bytes, or fewer, than were judged. It may be the current one or, when it was
// cut and then renamed before anybody looked, a rolled one.
void FollowedLog::cut(Generation& generation) {
  const std::uint64_t judged = generation.offset();
  const std::uint64_t known = waiting_;
  const Generation* const before = &generation;
  const std::uint64_t size_now = generation.size();
  generation.close();
  generation.detached = true;
  generation.pending = true;
  generation.quiet_since = context_.clock.monotonic();
  current_ = nullptr;
  dirty_ = true;
  settle(look_at(path_));
  const auto copy = std::find_if(generations_.begin(), generations_.end(),
                                 [&](const auto& other) { return other.get() == before; });
  if (copy != generations_.end()) {
    say(NoticeKind::kTruncated, Severity::kInfo,
        fmt::format("{}: was copied to {} and truncated; the rest is read from the copy, then the "
                    "log from its start",
                    util::printable(path_), util::printable((*copy)->path())));
    return;
  }
  context_.totals.lost_bytes += known;
  say(NoticeKind::kTruncated, Severity::kWarning,
      fmt::format("{}: was truncated (judged up to offset {}, {} bytes now) and no copy was found; "
                  "{} bytes that were known to wait are lost, and what was written since; reading "
                  "from its start",
                  util::printable(path_), judged, size_now, known),
      Range{judged, known});
}

// The file lost the end of what was judged: nothing of it is judged twice, and what is written now
// begins where it ends.
void FollowedLog::go_on_at(Generation& generation, std::uint64_t offset, std::uint64_t size) {
  say(NoticeKind::kTruncated, Severity::kWarning,
      fmt::format("{}: has lost its end (judged up to offset {}; of its {} bytes those from offset "
                  "{} on are missing or zero): the machine lost its power before they reached the "
                  "disk, or somebody cut the file. Reading goes on there, nothing is judged twice",
                  util::printable(path_), generation.offset(), size, offset));
  generation.go_on_at(offset);
  begin(generation);
}

// A rolled file is no longer what it was.
void FollowedLog::lose(Generation& generation) {
  context_.totals.lost_bytes += generation.backlog();
  say(NoticeKind::kLost, Severity::kWarning,
      fmt::format("{}: the rotated file {} was changed or cut before it was read to its end; what "
                  "followed offset {} was not judged",
                  util::printable(path_), util::printable(generation.path()), generation.offset()));
  remove(generation);
}

void FollowedLog::begin(Generation& generation) {
  if (generation.begun()) {
    return;
  }
  if (seed_ == LogSeed{}) {
    seed_ = log_seed(path_, generation.identity());
  }
  generation.begin(++last_life_);
  dirty_ = true;
}

void FollowedLog::remove(const Generation& generation) {
  if (current_ == &generation) {
    current_ = nullptr;
  }
  std::erase_if(generations_, [&](const auto& other) { return other.get() == &generation; });
  dirty_ = true;
}

}  // namespace warder::source
