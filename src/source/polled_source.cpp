#include "source/polled_source.h"

#include "crypto/sha256.h"
#include "util/descriptor.h"
#include "util/encoding.h"
#include "util/strings.h"
#include "util/thread_name.h"

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace warder::source {
namespace {

using std::chrono::minutes;

constexpr std::size_t kMostWaiting = std::size_t{4} << 20U;
// Longer windows are asked for in parts, so that not all of a long absence hangs on one answer.
constexpr std::int64_t kLongestWindow = 60;  // minutes, beyond the overlap
// A position that only moved in time is written this seldom.
constexpr std::int64_t kWorthWriting = 10;  // minutes
constexpr std::chrono::seconds kFirstRetry{30};
constexpr std::chrono::minutes kLongestRetry{15};

std::int64_t minute_of(util::WallTime time) {
  return std::chrono::floor<minutes>(time.time_since_epoch()).count();
}

util::WallTime time_of(std::int64_t minute) { return util::WallTime(minutes(minute)); }

}  // namespace

// Asks on a thread of its own. The owner's thread starts one question at a time and takes out what
// came.
class PolledSource::Worker {
 public:
  explicit Worker(std::unique_ptr<RemoteLog> log)
      : log_(std::move(log)),
        ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread_([this] { run(); }) {}
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    log_->stop();
    changed_.notify_all();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int ready_fd() const { return ready_.get(); }

  void ask(Window window) {
    {
      const std::lock_guard lock(mutex_);
      asked_ = window;
      busy_ = true;
    }
    changed_.notify_all();
  }
  bool busy() const {
    const std::lock_guard lock(mutex_);
    return busy_;
  }
  std::uint64_t waiting_bytes() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }
  void drain() {
    std::uint64_t drained = 0;
    [[maybe_unused]] const ssize_t got = ::read(ready_.get(), &drained, sizeof drained);
  }
  bool take(RemoteLog::Entry& entry) {
    {
      const std::lock_guard lock(mutex_);
      if (entries_.empty()) {
        return false;
      }
      entry = std::move(entries_.front());
      entries_.pop_front();
      waiting_ -= size_of(entry);
    }
    changed_.notify_all();
    return true;
  }
  // How the question ended, once, when all its entries were taken.
  std::optional<util::Status> take_end() {
    const std::lock_guard lock(mutex_);
    if (!entries_.empty() || !end_) {
      return std::nullopt;
    }
    busy_ = false;
    return std::exchange(end_, std::nullopt);
  }

 private:
  static std::size_t size_of(const RemoteLog::Entry& entry) {
    return entry.id.size() + entry.text.size() + sizeof entry;
  }

  void run() {
    util::name_thread("polled-log");
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || asked_; });
      if (stopping_) {
        return;
      }
      const Window window = asked_.value_or(Window{});
      asked_.reset();
      lock.unlock();
      util::Status read =
          log_->read(time_of(window.from), time_of(window.until),
                     [this](RemoteLog::Entry entry) { return put(std::move(entry)); });
      lock.lock();
      end_ = std::move(read);
      wake();
    }
  }
  bool put(RemoteLog::Entry entry) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || waiting_ < kMostWaiting; });
    if (stopping_) {
      return false;
    }
    waiting_ += size_of(entry);
    entries_.push_back(std::move(entry));
    if (entries_.size() == 1) {
      wake();
    }
    return true;
  }
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(ready_.get(), &one, sizeof one);
  }

  const std::unique_ptr<RemoteLog> log_;
  const util::Descriptor ready_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Window> asked_;  // guarded by mutex_, as all below
  bool busy_ = false;            // from ask() to take_end()
  bool stopping_ = false;
  std::deque<RemoteLog::Entry> entries_;
  std::size_t waiting_ = 0;  // bytes of them
  std::optional<util::Status> end_;
  std::thread thread_;  // last: it uses all of them
};

PolledSource::PolledSource(Options options, std::unique_ptr<RemoteLog> log,
                           const PositionLookup& positions, const util::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      info_{options_.log, options_.inputs},
      due_(clock.monotonic()),
      backoff_(kFirstRetry, kLongestRetry, options_.seed),
      worker_(std::make_unique<Worker>(std::move(log))) {
  status_.logs = 1;
  begin_at(positions(options_.log));
}

PolledSource::~PolledSource() = default;

void PolledSource::begin_at(const std::optional<std::string>& record) {
  const std::int64_t now = minute_of(clock_.now());
  if (!record) {
    const bool head = options_.start_at == StartAt::kHead;
    position_.from = now - (head ? minutes(kHead).count() : 0);
    return;
  }
  auto known = decode_window_position(*record);
  if (!known) {
    position_.from = now - minutes(kUnusable).count();
    first_notice_ = "the stored position cannot be used; the last day is read again";
    return;
  }
  position_ = std::move(*known);
  changed_ = false;
  if (const std::int64_t oldest = now - minutes(kLongestGap).count(); position_.from < oldest) {
    first_notice_ = fmt::format("what happened from {} until {} is no longer kept and was not read",
                                util::format_rfc3339(time_of(position_.from)),
                                util::format_rfc3339(time_of(oldest)));
    position_.from = oldest;
    changed_ = true;
  }
}

int PolledSource::poll_fd() const { return worker_->ready_fd(); }

std::optional<util::MonotonicTime> PolledSource::wake_at() const {
  return worker_->busy() ? std::nullopt : due_;
}

Pumped PolledSource::pump(LineHandler& handler, util::ByteCount budget) {
  Pumped pumped;
  if (first_notice_) {
    tell(handler, NoticeKind::kPositionInvalid, model::Severity::kHigh, *first_notice_);
    first_notice_.reset();
  }
  worker_->drain();
  RemoteLog::Entry entry;
  while (worker_->take(entry)) {
    judge(entry, handler, pumped);
    if (pumped.read.value >= budget.value) {
      pumped.more = true;
      return pumped;
    }
  }
  if (const auto end = worker_->take_end()) {
    finished(*end, handler);
  }
  if (!worker_->busy() && due_ && *due_ <= clock_.monotonic()) {
    ask(handler);
  }
  return pumped;
}

void PolledSource::ask(LineHandler& handler) {
  const std::int64_t now = minute_of(clock_.now());
  if (position_.from > now) {
    tell(handler, NoticeKind::kPositionInvalid, model::Severity::kWarning,
         "the clock was set back; the log is read again from there");
    position_.from = now - options_.overlap.count();
    changed_ = true;
  }
  if (position_.from == now) {
    due_ = clock_.monotonic() + minutes(1);  // no whole minute has passed yet
    return;
  }
  window_ = {position_.from,
             std::min(now, position_.from + options_.overlap.count() + kLongestWindow)};
  full_ = false;
  worker_->ask(window_);
}

void PolledSource::judge(const RemoteLog::Entry& entry, LineHandler& handler, Pumped& pumped) {
  pumped.read.value += entry.text.size();
  const std::uint64_t id = id_hash(entry.id);
  if (position_.seen.contains(id)) {
    return;
  }
  if (position_.seen.size() < WindowPosition::kMostSeen) {
    position_.seen.emplace(id, window_.until);
  } else {
    full_ = true;
  }
  changed_ = true;
  status_.bytes += entry.text.size();
  model::Line line;
  line.text = entry.text;
  // The entry's own: when it is read again, whenever that is, it is the same line.
  const crypto::Sha256Digest digest =
      crypto::sha256(util::as_bytes(fmt::format("{}\n{}", options_.log, entry.id)));
  std::copy_n(digest.begin(), line.generation.bytes.size(), line.generation.bytes.begin());
  line.length = entry.text.size();
  line.received = clock_.now();
  line.stamp = entry.happened;
  JsonGist gist(options_.kept_members, options_.longest_line.value);
  if (entry.text.size() > options_.longest_line.value) {
    ++status_.oversized;
    gist.feed(entry.text);
    line.text = gist.result();
    line.shortened = true;
    const bool judged = !line.text.empty() && !options_.kept_members.empty();
    Notice notice;
    notice.kind = NoticeKind::kOversized;
    notice.severity = judged ? model::Severity::kInfo : model::Severity::kWarning;
    notice.log = info_.name;
    notice.length = entry.text.size();
    notice.sha256 = util::to_hex(crypto::sha256(util::as_bytes(entry.text)));
    notice.text = fmt::format("{}: an entry of {} bytes is longer than the limit of {}; {}",
                              util::printable(info_.name), entry.text.size(),
                              util::format_bytes(options_.longest_line),
                              judged ? "what filters ask for was judged" : "it was not judged");
    handler.on_notice(notice);
    if (!judged) {
      return;
    }
  }
  ++pumped.lines;
  ++status_.lines;
  handler.on_line(line);
}

void PolledSource::finished(const util::Status& read, LineHandler& handler) {
  if (!read) {
    due_ = clock_.monotonic() + backoff_.next();
    if (!std::exchange(failing_, true)) {
      tell(
          handler, NoticeKind::kUnreadable, model::Severity::kHigh,
          fmt::format("cannot be read, what is in it is judged later: {}", read.error().message()));
    }
    return;
  }
  backoff_.reset();
  if (std::exchange(failing_, false)) {
    tell(handler, NoticeKind::kBack, model::Severity::kNotice, "is read again");
  }
  const std::int64_t now = minute_of(clock_.now());
  const bool caught_up = window_.until + 1 >= now;
  const std::int64_t before = position_.from;
  if (full_) {
    position_.from = window_.until;
    if (!std::exchange(full_told_, true)) {
      tell(handler, NoticeKind::kLost, model::Severity::kWarning,
           fmt::format("more than {} entries within {} minutes: all were judged, but entries that "
                       "appear late may be missed; a shorter overlap is enough for such a log",
                       WindowPosition::kMostSeen, options_.overlap.count()));
    }
  } else {
    position_.from =
        std::max(position_.from, std::min(window_.until, now - options_.overlap.count()));
  }
  std::erase_if(position_.seen, [&](const auto& one) { return one.second <= position_.from; });
  changed_ = changed_ || position_.from >= before + kWorthWriting;
  due_ = clock_.monotonic() + (caught_up ? options_.interval : minutes(0));
}

void PolledSource::tell(LineHandler& handler, NoticeKind kind, model::Severity severity,
                        std::string text) {
  Notice notice;
  notice.kind = kind;
  notice.severity = severity;
  notice.log = info_.name;
  notice.text = fmt::format("{}: {}", util::printable(info_.name), text);
  handler.on_notice(notice);
}

void PolledSource::take_positions(std::vector<model::Position>& positions) {
  if (std::exchange(changed_, false)) {
    positions.push_back({"remote", options_.log, encode(position_)});
  }
}

SourceStatus PolledSource::status() const {
  SourceStatus status = status_;
  status.backlog = worker_->waiting_bytes();
  status.unreadable = failing_ ? 1 : 0;
  return status;
}

}  // namespace warder::source
