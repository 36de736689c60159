#include "source/followed_log.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::source {
namespace {

using model::Severity;

// Rolled files held open to see whether they still grow, and those remembered after that.
constexpr std::size_t kMostDraining = 8;
constexpr std::size_t kMostDormant = 4;

bool is_gone(int error) { return error == ENOENT || error == ENOTDIR || error == ESTALE; }

bool is_permission(int error) { return error == EACCES || error == EPERM; }

}  // namespace

FollowedLog::FollowedLog(FollowContext& context, std::uint32_t index, std::string path,
                         Origin origin, StartAt start_at)
    : context_(context),
      index_(index),
      path_(std::move(path)),
      real_path_(path_),
      start_at_tail_(origin == Origin::kThereAtStart && start_at == StartAt::kTail),
      backoff_(std::chrono::seconds(1), std::chrono::seconds(60), index) {}

void FollowedLog::restore(const std::optional<std::string>& record) {
  if (!record) {
    return;
  }
  start_at_tail_ = false;
  const util::Result<PositionRecord> decoded = decode_position(*record);
  if (!decoded) {
    say(NoticeKind::kPositionInvalid, Severity::kWarning,
        fmt::format("{}: the stored position cannot be used ({}); the log is read from its start",
                    util::printable(path_), decoded.error().message()));
    return;
  }
  restored_ = true;
  seed_ = decoded->seed;
  for (const GenerationRecord& generation : decoded->generations) {
    generations_.push_back(std::make_unique<Generation>(generation));
    last_life_ = std::max(last_life_, generation.life);
  }
}

// --- reading -------------------------------------------------------------------------------------

void FollowedLog::written() {
  if (current_ != nullptr) {
    current_->pending = true;
  } else {
    check();
  }
}

bool FollowedLog::has_rolled() const {
  return generations_.size() > (current_ != nullptr ? 1U : 0U);
}

void FollowedLog::rolled_written(const std::string& path) {
  const FactsResult looked = facts_of_path(path);
  if (!looked.facts || !S_ISREG(looked.facts->mode)) {
    return;
  }
  for (const std::unique_ptr<Generation>& generation : generations_) {
    if (generation.get() != current_ && generation->compression() == Compression::kNone &&
        may_be_same(generation->identity(), looked.facts->identity)) {
      generation->set_place(looked.facts->identity, path, Compression::kNone);
      generation->pending = true;
      generation->dormant = false;
      generation->quiet_since = context_.clock.monotonic();
      tick_at_ = context_.clock.monotonic() + context_.options.scan_interval;
    }
  }
}

// Of a file of which nothing was judged yet, no bytes can tell that it was copied and truncated
// since: a copy that appears is looked at, and read if it is newer than what is known.
void FollowedLog::rolled_appeared() {
  check();
  if (current_ == nullptr || current_->offset() != 0 || start_at_tail_) {
    return;
  }
  settle(look_at(path_));
}

FollowedLog::Opening FollowedLog::open(Generation& generation) {
  const int error = generation.open(context_.files, context_.options.read_at);
  if (error == 0) {
    if (start_at_tail_ && &generation == current_) {
      choose_start(generation);
    }
    start_at_tail_ = false;
    return Opening::kOpen;
  }
  if (is_gone(error)) {
    return Opening::kStale;
  }
  if (is_permission(error)) {
    const FactsResult facts = facts_of_path(generation.path());
    set_problem(NoticeKind::kUnreadable, error, Severity::kHigh,
                fmt::format("{}: cannot be read ({}; mode {:04o}, owner {}); let user {} read it, "
                            "for instance with: setfacl -m u:{}:r {}",
                            util::printable(generation.path()), std::strerror(error),
                            facts.facts ? facts.facts->mode & 07777U : 0U,
                            facts.facts ? facts.facts->owner : 0U, ::geteuid(), ::geteuid(),
                            util::printable(generation.path())));
    // A change of its mode is told by the kernel; until then there is nothing to try.
    generation.pending = false;
    generation.dormant = &generation != current_;
    return Opening::kLater;
  }
  fail(generation, error);
  return Opening::kLater;
}

// The end of the last complete line, so that a line being written is judged whole.
void FollowedLog::choose_start(Generation& generation) {
  generation.refresh_facts();
  const std::uint64_t size = generation.size();
  const std::uint64_t back = std::min<std::uint64_t>(size, context_.buffer.size());
  const std::span<char> buffer = std::span(context_.buffer).first(static_cast<std::size_t>(back));
  const ReadResult got = read_fully(generation.reader(), size - back, buffer);
  const std::string_view bytes(buffer.data(), got.count);
  const std::size_t line_end = bytes.rfind('\n');
  const std::size_t place =
      line_end == std::string_view::npos ? (got.count == size ? 0 : got.count) : line_end + 1;
  const std::size_t tail = std::min(place, LineCursor::kTail);
  generation.cursor() =
      LineCursor(size - back + place, std::string(bytes.substr(place - tail, tail)));
  begin(generation);
}

LineCursor::Outcome FollowedLog::read_generation(Generation& generation, std::size_t most,
                                                 Turn& turn) {
  generation.touch();
  waiting_ = generation.backlog();
  generation.refresh_facts();
  LineCursor& cursor = generation.cursor();
  const bool shorter = generation.size() < cursor.offset() + cursor.pending() ||
                       (cursor.offset() == 0 && generation.size() < waiting_);
  if (generation.compression() == Compression::kNone && shorter) {
    return LineCursor::Outcome::kChanged;
  }
  reading_ = &generation;
  turn_ = &turn;
  LineCursor::Step step;
  do {
    received_ = context_.clock.now();
    const std::uint64_t before = cursor.offset();
    step = cursor.step(generation.reader(), context_.buffer,
                       static_cast<std::size_t>(context_.options.longest_line.value), *this);
    turn.read += step.read;
    dirty_ = dirty_ || cursor.offset() != before;
  } while (step.outcome == LineCursor::Outcome::kMore && turn.read < most);
  reading_ = nullptr;
  turn_ = nullptr;
  if (step.outcome == LineCursor::Outcome::kMore || step.outcome == LineCursor::Outcome::kEnd) {
    generation.refresh_head();
  }
  if (step.outcome == LineCursor::Outcome::kFailed) {
    fail(generation, step.error);
  }
  return step.outcome;
}

bool FollowedLog::waits(const Generation& generation) const {
  return generation.retry_at && context_.clock.monotonic() < *generation.retry_at;
}

bool FollowedLog::ready() const {
  return std::any_of(generations_.begin(), generations_.end(), [&](const auto& generation) {
    return generation->pending && !waits(*generation);
  });
}

FollowedLog::Turn FollowedLog::read(std::size_t most) {
  Turn turn;
  bool failed = false;
  for (std::size_t i = 0; i < generations_.size(); ++i) {
    Generation& generation = *generations_[i];
    if (!generation.pending) {
      continue;
    }
    if (waits(generation)) {
      failed = true;
      continue;
    }
    const Opening opening = generation.is_open() ? Opening::kOpen : open(generation);
    if (opening == Opening::kLater) {
      failed = true;
      continue;
    }
    if (opening == Opening::kStale) {
      // Somebody was faster, or the file is not what it was. Looking again settles it, unless it
      // changes again: then it waits a little.
      generation.retry_at = context_.clock.monotonic() + backoff_.next();
      current_ = &generation == current_ ? nullptr : current_;
      settle(look_at(path_));
      turn.more = ready();
      return turn;
    }
    switch (read_generation(generation, most, turn)) {
      case LineCursor::Outcome::kMore:
        turn.more = true;
        return turn;
      case LineCursor::Outcome::kChanged:
        if (generation.compression() == Compression::kNone) {
          cut(generation);
        } else {
          lose(generation);
        }
        turn.more = true;
        return turn;
      case LineCursor::Outcome::kFailed:
        failed = true;
        continue;
      case LineCursor::Outcome::kEnd:
        break;
    }
    generation.pending = false;
    generation.retry_at.reset();
    if (&generation != current_ && generation.compression() != Compression::kNone) {
      finish(generation);
    }
  }
  if (!failed && current_ != nullptr) {
    backoff_.reset();
    clear_problem();
  }
  retire();
  return turn;
}

// A read or an open failed for now: tried again with growing pauses. The other generations go on.
void FollowedLog::fail(Generation& generation, int error) {
  if (error == ESTALE) {
    generation.close();  // the path is looked up anew
  }
  if (generation.compression() != Compression::kNone && error == EBADMSG) {
    say(NoticeKind::kLost, Severity::kWarning,
        fmt::format("{}: the rotated file {} is damaged (no valid gzip data); what followed offset "
                    "{} of its text was not judged",
                    util::printable(path_), util::printable(generation.path()),
                    generation.offset()));
    generation.pending = false;
    generation.close();
    generation.dormant = true;
    return;
  }
  set_problem(
      NoticeKind::kUnreadable, error, Severity::kHigh,
      fmt::format("{}: reading failed at offset {} ({}); it is tried again, nothing is "
                  "skipped. {}",
                  util::printable(generation.path()), generation.offset(), std::strerror(error),
                  error == EMFILE || error == ENFILE
                      ? "Raise the limit of open files (LimitNOFILE= of the unit, or fs.file-max)"
                      : "Look at the disk and at the kernel's messages"));
  generation.retry_at = context_.clock.monotonic() + backoff_.next();
}

// --- time ----------------------------------------------------------------------------------------

void FollowedLog::expect_now() {
  if (current_ == nullptr && missing_at_) {
    missing_at_ = context_.clock.monotonic();
  }
}

void FollowedLog::tick() {
  const util::MonotonicTime now = context_.clock.monotonic();
  if (missing_at_ && now >= *missing_at_) {
    missing_at_.reset();
    set_problem(NoticeKind::kMissing, ENOENT, Severity::kWarning,
                fmt::format("{}: is not there; it is read from its start as soon as it appears",
                            util::printable(path_)));
  }
  if (retry_at_ && now >= *retry_at_) {
    retry_at_.reset();
    check();
  }
  if (!tick_at_ || now < *tick_at_) {
    return;
  }
  tick_at_.reset();
  for (const std::unique_ptr<Generation>& generation : generations_) {
    if (generation.get() == current_ || !generation->is_open() || generation->pending) {
      continue;
    }
    generation->refresh_facts();
    if (generation->size() != generation->offset() + generation->cursor().pending()) {
      generation->pending = true;
      generation->quiet_since = now;
    } else if (now - generation->quiet_since.value_or(now) >= context_.options.quiet_after_rename) {
      finish(*generation);
      continue;
    }
    tick_at_ = now + context_.options.scan_interval;
  }
  retire();
}

std::optional<util::MonotonicTime> FollowedLog::wake_at() const {
  std::optional<util::MonotonicTime> earliest;
  const auto consider = [&](const std::optional<util::MonotonicTime>& time) {
    if (time && (!earliest || *time < *earliest)) {
      earliest = time;
    }
  };
  consider(missing_at_);
  consider(retry_at_);
  consider(tick_at_);
  for (const std::unique_ptr<Generation>& generation : generations_) {
    if (generation->pending && waits(*generation)) {
      consider(generation->retry_at);
    }
  }
  return earliest;
}

// Read to its end and quiet. It is opened again should it still grow under a rolled name.
void FollowedLog::finish(Generation& generation) {
  if (generation.cursor().pending() != 0) {
    say(NoticeKind::kIncomplete, Severity::kNotice,
        fmt::format("{}: the rotated file {} ends in a line without line end; its {} bytes from "
                    "offset {} were not judged",
                    util::printable(path_), util::printable(generation.path()),
                    generation.cursor().pending(), generation.offset()),
        Range{generation.offset(), generation.cursor().pending()});
  }
  generation.close();
  generation.dormant = true;
  dirty_ = true;
}

// Keeps the number of rolled generations bounded whatever rotates. Never drops the newest: what is
// newer than it is new.
void FollowedLog::retire() {
  std::size_t draining = 0;
  std::size_t dormant = 0;
  for (auto place = generations_.rbegin(); place != generations_.rend(); ++place) {
    Generation& generation = **place;
    if (&generation == current_ || generation.pending) {
      continue;
    }
    if (!generation.dormant && ++draining > kMostDraining) {
      finish(generation);
    }
    dormant += generation.dormant ? 1 : 0;
  }
  for (std::size_t i = 0; dormant > kMostDormant && i + 1 < generations_.size();) {
    if (generations_[i]->dormant && !generations_[i]->pending) {
      remove(*generations_[i]);
      --dormant;
    } else {
      ++i;
    }
  }
}

// --- what comes out ------------------------------------------------------------------------------

void FollowedLog::on_text(std::string_view text, std::uint64_t offset, std::uint64_t length) {
  hand_over(text, offset, length, false);
}

void FollowedLog::hand_over(std::string_view text, std::uint64_t offset, std::uint64_t length,
                            bool shortened) {
  model::Line line;
  line.text = text;
  line.shortened = shortened;
  line.log = index_;
  begin(*reading_);
  line.generation = reading_->id(seed_);
  line.offset = offset;
  line.length = length;
  line.received = received_;
  ++turn_->lines;
  if (std::exchange(reading_->found_again, false)) {
    say(NoticeKind::kFoundAgain, Severity::kInfo,
        fmt::format("{}: was rotated while nobody looked; reading {} from offset {}",
                    util::printable(path_), util::printable(reading_->path()), offset));
  }
  context_.handler->on_line(line);
}

void FollowedLog::on_oversized(std::uint64_t offset, std::uint64_t length,
                               const crypto::Sha256Digest& digest, std::string_view gist) {
  begin(*reading_);
  ++context_.totals.oversized;
  Notice notice;
  notice.kind = NoticeKind::kOversized;
  notice.severity = Severity::kWarning;
  notice.log = path_;
  notice.offset = offset;
  notice.length = length;
  notice.sha256 = util::to_hex(digest);
  notice.text = fmt::format(
      "{}: a line of {} bytes at offset {} is longer than the limit of {} and was {} (SHA-256 {})"
      "{}",
      util::printable(reading_->path()), length, offset,
      util::format_bytes(context_.options.longest_line),
      gist.empty() ? "not judged" : "judged by those of its members that JSON filters ask for",
      notice.sha256,
      gist.empty() ? "; the next line is. Raise longest_line if such lines are normal here" : "");
  if (!gist.empty()) {
    notice.severity = Severity::kInfo;
    hand_over(gist, offset, length, true);
  }
  context_.handler->on_notice(notice);
}

void FollowedLog::on_hole(std::uint64_t offset, std::uint64_t length) {
  begin(*reading_);
  say(NoticeKind::kHole, Severity::kInfo,
      fmt::format("{}: {} bytes at offset {} are zeros that nobody wrote (the log was truncated "
                  "while its writer kept its place, or the machine lost its power) and are skipped",
                  util::printable(reading_->path()), length, offset),
      Range{offset, length});
}

void FollowedLog::say(NoticeKind kind, Severity severity, std::string text,
                      std::optional<Range> range) {
  // What names bytes that nobody judged is always said.
  const bool gated = kind != NoticeKind::kLost && kind != NoticeKind::kIncomplete;
  const std::optional<std::uint32_t> withheld =
      gated ? gate_.pass(kind, context_.clock.monotonic()) : 0;
  if (!withheld) {
    ++context_.totals.notices_withheld;
    return;
  }
  Notice notice;
  notice.kind = kind;
  notice.severity = severity;
  notice.log = path_;
  notice.text = std::move(text);
  if (*withheld != 0) {
    notice.text += fmt::format(" ({} notices like this were left out before)", *withheld);
  }
  notice.error = kind == NoticeKind::kUnreadable && problem_ ? problem_->error : 0;
  if (range) {
    notice.offset = range->offset;
    notice.length = range->length;
  }
  context_.handler->on_notice(notice);
}

void FollowedLog::set_problem(NoticeKind kind, int error, Severity severity, std::string text) {
  if (problem_ && problem_->kind == kind && problem_->error == error) {
    return;
  }
  problem_ = Problem{kind, error};
  say(kind, severity, std::move(text));
}

void FollowedLog::clear_problem() {
  if (!problem_) {
    return;
  }
  problem_.reset();
  say(NoticeKind::kBack, Severity::kNotice,
      fmt::format("{}: is read again", util::printable(path_)));
}

std::string FollowedLog::take_position() {
  dirty_ = false;
  PositionRecord record;
  record.seed = seed_;
  for (const std::unique_ptr<Generation>& generation : generations_) {
    if (generation->begun()) {
      record.generations.push_back(generation->record());
    }
  }
  if (record.generations.size() > PositionRecord::kMostGenerations) {
    const auto surplus = record.generations.size() - PositionRecord::kMostGenerations;
    record.generations.erase(record.generations.begin(),
                             record.generations.begin() + static_cast<std::ptrdiff_t>(surplus));
  }
  return encode(record);
}

std::uint64_t FollowedLog::backlog() const {
  std::uint64_t bytes = 0;
  for (const std::unique_ptr<Generation>& generation : generations_) {
    bytes += generation->backlog();
  }
  return bytes;
}

}  // namespace warder::source
