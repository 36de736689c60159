#include "files/guards.h"

#include "log/log.h"
#include "util/strings.h"
#include "util/thread_name.h"
#include "util/thread_priority.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace warder::files {
namespace {

using std::chrono::microseconds;
using util::MonotonicTime;

// How long a change may be followed by others before it is looked at; how long, in times of what
// the look took, nothing is listened to afterwards, so that a busy file costs a part of a processor
// only.
constexpr microseconds kSettle{100'000};
constexpr int kQuiet = 10;
constexpr microseconds kLongestQuiet{30'000'000};
constexpr microseconds kRetry{1'000'000};

}  // namespace

Guards::Guards(FilesHooks hooks, const util::Clock& clock)
    : hooks_(std::move(hooks)), clock_(clock) {}

Guards::~Guards() = default;

void Guards::use(std::vector<FilesOptions> sections) {
  const std::lock_guard lock(mutex_);
  configured_ = sections;
  next_ = std::move(sections);
}

util::Status Guards::wish(Wish wish) {
  const std::lock_guard lock(mutex_);
  const bool known = std::any_of(configured_.begin(), configured_.end(),
                                 [&](const FilesOptions& one) { return one.name == wish.name; });
  if (!known) {
    return util::Error(util::ErrorCode::kNotFound,
                       fmt::format("no section [files {}] is enabled; warder files list",
                                   util::printable(wish.name, 64)));
  }
  wishes_.push_back(std::move(wish));
  return {};
}

util::Result<std::size_t> Guards::accept(const std::string& name, const std::string& path) {
  WARDER_ASSIGN_OR_RETURN(std::vector<Difference> told, stored_differences(hooks_, name));
  if (!path.empty()) {
    std::vector<Difference> here;
    std::ranges::copy_if(told, std::back_inserter(here),
                         [&](const Difference& one) { return is_within(one.path, path); });
    // A path that is no text can only be named as it is shown.
    if (here.empty()) {
      std::ranges::copy_if(told, std::back_inserter(here), [&](const Difference& one) {
        return is_within(shown_path(one.path), path);
      });
    }
    told = std::move(here);
  }
  const std::size_t count = told.size();
  if (count > 0) {
    WARDER_RETURN_IF_ERROR(wish({Wish::What::kAccept, name, std::move(told)}));
    return count;
  }
  return util::Error(
      util::ErrorCode::kNotFound,
      path.empty()
          ? fmt::format("nothing differs from the baseline of '{}'; warder files list",
                        util::printable(name, 64))
          : fmt::format("nothing at {} differs from the baseline of '{}'; warder files show {}",
                        util::printable(path), util::printable(name, 64),
                        util::printable(name, 64)));
}

util::Status Guards::want_full(const std::string& name) {
  return wish({Wish::What::kFull, name, {}});
}

util::Status Guards::want_baseline(const std::string& name) {
  return wish({Wish::What::kBaseline, name, {}});
}

Guards::One* Guards::find(const std::string& name) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const One& one) {
    return one.guard != nullptr && one.guard->options().name == name;
  });
  return found == all_.end() ? nullptr : &*found;
}

void Guards::take_changes() {
  std::optional<std::vector<FilesOptions>> next;
  std::vector<Wish> wishes;
  {
    const std::lock_guard lock(mutex_);
    next.swap(next_);
    wishes.swap(wishes_);
  }
  if (next) {
    std::vector<One> all;
    for (FilesOptions& options : *next) {
      One* const before = find(options.name);
      if (before != nullptr && before->guard->options() == options) {
        all.push_back(std::move(*before));
        continue;
      }
      One one;
      one.watch = std::make_unique<Watch>(options, clock_);
      one.guard = std::make_unique<Guard>(std::move(options), hooks_, clock_);
      if (before != nullptr) {
        one.guard->want_full();  // other paths or fields
      }
      all.push_back(std::move(one));
    }
    all_ = std::move(all);
  }
  for (const Wish& wish : wishes) {
    One* const one = find(wish.name);
    if (one == nullptr) {
      continue;
    }
    Guard* const guard = one->guard.get();
    switch (wish.what) {
      case Wish::What::kAccept:
        if (const util::Status accepted = guard->accept(wish.accepted); !accepted) {
          log::warning("files {}: not accepted: {}", wish.name, accepted.error().message());
        }
        break;
      case Wish::What::kFull:
        guard->want_full();
        break;
      case Wish::What::kBaseline:
        guard->want_baseline();
        break;
    }
  }
}

std::optional<MonotonicTime> Guards::step(const util::Pace::Rest& rest) {
  take_changes();
  std::optional<MonotonicTime> next;
  for (One& one : all_) {
    if (one.watch->lost()) {
      log::warning("files {}: more changed than the kernel keeps; all is looked at",
                   one.guard->options().name);
      one.watched = false;
    }
    scanned_ = one.guard.get();
    util::Status done;
    if (!one.watched) {
      done = one.watch->start(rest);
      one.watched = done.has_value();
      one.guard->set_watch(one.watch->text());
      // What changed while nobody told.
      one.guard->want_quick();
    }
    if (done && one.guard->due() <= clock_.monotonic()) {
      done = one.guard->scan(rest);
    }
    scanned_ = nullptr;
    if (!done && done.error().code() == util::ErrorCode::kUnavailable) {
      return clock_.monotonic();
    }
    const MonotonicTime due = one.watch->lost() ? clock_.monotonic() : one.guard->due();
    next = std::min(next.value_or(due), due);
  }
  return next;
}

void Guards::look(const util::Pace::Rest& rest) {
  for (One& one : all_) {
    look(one, rest);
  }
}

void Guards::look(One& one, const util::Pace::Rest& rest) {
  const MonotonicTime now = clock_.monotonic();
  if (!one.watched || now < one.quiet_until) {
    return;
  }
  if (!one.watch->is_pending()) {
    if (one.watch->read()) {
      // What follows at once is looked at together.
      one.quiet_until = now + kSettle;
    }
    return;
  }
  one.watch->read();
  TouchedPaths paths = one.watch->take();
  const util::Status looked = one.guard->look(paths, rest);
  const MonotonicTime after = clock_.monotonic();
  const auto quiet = std::clamp<microseconds>(kQuiet * (after - now), kSettle, kLongestQuiet);
  one.quiet_until = after + (looked ? quiet : kRetry);
  if (!looked) {
    log::warning("files {}: {}", one.guard->options().name, looked.error().message());
    if (looked.error().code() == util::ErrorCode::kDenied) {
      one.guard->want_full();  // it tells what is wrong with the baseline
    } else {
      one.watch->give_back(std::move(paths));
    }
  }
}

std::vector<int> Guards::descriptors() const {
  std::vector<int> descriptors;
  const MonotonicTime now = clock_.monotonic();
  for (const One& one : all_) {
    if (one.watched && one.watch->descriptor() >= 0 && now >= one.quiet_until) {
      descriptors.push_back(one.watch->descriptor());
    }
  }
  return descriptors;
}

std::optional<MonotonicTime> Guards::look_due() const {
  std::optional<MonotonicTime> next;
  const MonotonicTime now = clock_.monotonic();
  for (const One& one : all_) {
    if (one.watched && one.watch->descriptor() >= 0 &&
        (one.watch->is_pending() || now < one.quiet_until)) {
      next = std::min(next.value_or(one.quiet_until), one.quiet_until);
    }
  }
  return next;
}

bool Guards::is_outdated() const {
  const std::lock_guard lock(mutex_);
  return scanned_ != nullptr && next_ &&
         std::find(next_->begin(), next_->end(), scanned_->options()) == next_->end();
}

FilesThread::FilesThread(FilesHooks hooks, const util::Clock& clock)
    : clock_(clock),
      guards_(std::move(hooks), clock),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

FilesThread::~FilesThread() { stop(); }

void FilesThread::use(std::vector<FilesOptions> sections) {
  const bool any = !sections.empty();
  guards_.use(std::move(sections));
  if (any && !thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  } else {
    wake();
  }
}

util::Result<std::size_t> FilesThread::accept(const std::string& name, const std::string& path) {
  auto accepted = guards_.accept(name, path);
  wake();
  return accepted;
}

util::Status FilesThread::want_full(const std::string& name) {
  WARDER_RETURN_IF_ERROR(guards_.want_full(name));
  wake();
  return {};
}

util::Status FilesThread::want_baseline(const std::string& name) {
  WARDER_RETURN_IF_ERROR(guards_.want_baseline(name));
  wake();
  return {};
}

void FilesThread::wake() {
  const std::uint64_t one = 1;
  // Cannot fail: the counter is far from its limit.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void FilesThread::stop() {
  if (!thread_.joinable()) {
    return;
  }
  stop_ = true;
  wake();
  thread_.join();
}

void FilesThread::wait(std::optional<MonotonicTime> until, Listening listening) {
  std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
  if (listening == Listening::kToFiles) {
    if (const auto look = guards_.look_due()) {
      until = std::min(until.value_or(*look), *look);
    }
    for (const int descriptor : guards_.descriptors()) {
      fds.push_back({descriptor, POLLIN, 0});
    }
  }
  timespec time{};
  if (until) {
    const auto left = std::max(*until - clock_.monotonic(), microseconds(0));
    time.tv_sec = std::chrono::floor<std::chrono::seconds>(left).count();
    time.tv_nsec = (left % std::chrono::seconds(1)).count() * 1000;
  }
  if (::ppoll(fds.data(), fds.size(), until ? &time : nullptr, nullptr) > 0 &&
      fds.front().revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
  }
}

void FilesThread::run() {
  util::name_thread("files");
  util::lower_thread_priority(util::DiskPriority::kIdle);  // lines come first
  // Within a look nothing else is looked at.
  const util::Pace::Rest plain = [this](microseconds pause) {
    const MonotonicTime until = clock_.monotonic() + pause;
    while (!stop_ && clock_.monotonic() < until) {
      wait(until, Listening::kNot);
    }
    return !stop_;
  };
  const util::Pace::Rest rest = [this, &plain](microseconds pause) {
    const MonotonicTime until = clock_.monotonic() + pause;
    while (!stop_ && !guards_.is_outdated()) {
      guards_.look(plain);
      if (clock_.monotonic() >= until) {
        return true;
      }
      wait(until, Listening::kToFiles);
    }
    return false;
  };
  while (!stop_) {
    const std::optional<MonotonicTime> next = guards_.step(rest);
    if (stop_) {
      break;
    }
    if (!next || *next > clock_.monotonic()) {
      wait(next, Listening::kToFiles);
    }
    guards_.look(plain);
  }
}

}  // namespace warder::files
