#include "vault/watcher.h"

#include "util/descriptor.h"
#include "util/thread_name.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace warder::vault {

class Watcher::Impl {
 public:
  Impl(Provider& provider, WatcherOptions options, const util::Clock& clock, OnChange on_change,
       OnState on_state)
      : provider_(provider),
        options_(std::move(options)),
        clock_(clock),
        patience_(options_.interval, options_.first_retry, options_.seed),
        on_change_(std::move(on_change)),
        on_state_(std::move(on_state)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    watch_file();
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    stop_ = true;
    provider_.stop();
    wake();
    thread_.join();
  }

  void wake() {
    const std::uint64_t one = 1;
    // A full counter means that it is awake already.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  }

  WatcherState state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  // The folder, not the file: the file is replaced by renaming. Without inotify (watch limit
  // reached) the interval remains.
  void watch_file() {
    const auto file = provider_.watched_file();
    if (!file) {
      return;
    }
    file_name_ = file->filename().string();
    notify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const auto folder = file->has_parent_path() ? file->parent_path() : std::filesystem::path(".");
    if (!notify_ || ::inotify_add_watch(notify_.get(), folder.c_str(),
                                        IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE) < 0) {
      notify_.reset();
    }
  }

  void run() {
    util::name_thread("vault");
    look();
    while (!stop_) {
      if (wait()) {
        look();
      }
    }
  }

  void look() {
    check();
    if (options_.on_look && !stop_) {
      options_.on_look();
    }
    if (!options_.on_notice || stop_) {
      return;
    }
    for (const ProviderNotice& notice : provider_.news()) {
      options_.on_notice(notice);
    }
  }

  // Whether to look at the provider: the interval is over, the file changed, or somebody asked.
  bool wait() {
    std::array<pollfd, 2> polled{
        {{wake_.get(), POLLIN, 0}, {notify_ ? notify_.get() : -1, POLLIN, 0}}};
    const auto now = std::chrono::steady_clock::now();
    if (now >= upkeep_at_) {
      upkeep_at_ = now + provider_.upkeep(options_.interval);
    }
    const auto until = std::min(upkeep_at_, check_at_);
    const auto limit = std::chrono::ceil<std::chrono::milliseconds>(
        std::max(until - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0)));
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(limit.count()));
    if (ready <= 0) {
      return ready == 0 && std::chrono::steady_clock::now() >= check_at_;
    }
    bool look = false;
    std::uint64_t count = 0;
    if (::read(wake_.get(), &count, sizeof count) > 0) {
      look = true;
    }
    return drain_notifications() || look;
  }

  // Other files of the folder (the lock, temporary ones) are none of our business.
  bool drain_notifications() {
    if (!notify_) {
      return false;
    }
    bool ours = false;
    alignas(inotify_event) std::array<char, 4096> buffer;
    ssize_t got = 0;
    while ((got = ::read(notify_.get(), buffer.data(), buffer.size())) > 0) {
      for (ssize_t at = 0; at < got;) {
        const auto* const event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        ours = ours || (event->mask & IN_Q_OVERFLOW) != 0 ||
               (event->len != 0 && file_name_ == event->name);
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return ours;
  }

  void check() {
    check_at_ = std::chrono::steady_clock::now() + options_.interval;
    if (stop_) {
      return;
    }
    // The versions alone first: where asking for them is cheaper, secrets move only on a change.
    if (versions_) {
      const auto now =
          ask<std::uint64_t>([this](const std::string& name) { return provider_.version(name); });
      if (!now) {
        return;
      }
      if (*now == *versions_) {
        set_fresh();
        return;
      }
    }
    auto documents = ask<Document>([this](const std::string& name) { return provider_.get(name); });
    if (!documents) {
      return;
    }
    set_fresh();
    std::map<std::string, std::uint64_t, std::less<>> versions;
    for (const auto& [name, document] : *documents) {
      versions.emplace(name, document.version);
    }
    if (!versions_ || *versions_ != versions) {
      versions_ = std::move(versions);
      on_change_(std::move(*documents));
    }
  }

  // What `question` answers for each document that exists; empty, and the state stale, when the
  // provider is away.
  template <typename T, typename Question>
  std::optional<std::map<std::string, T, std::less<>>> ask(const Question& question) {
    std::map<std::string, T, std::less<>> answers;
    bool known_there = false;
    for (const std::string& name : options_.names) {
      util::Result<T> answer = question(name);
      if (answer) {
        answers.emplace(name, std::move(answer).value());
        continue;
      }
      // A vault that is gone answers kNotFound like one without the document, and one may go
      // between two questions. Only from one that is there it is an answer.
      std::string reason = answer.error().message();
      if (answer.error().code() == util::ErrorCode::kNotFound && !known_there) {
        const auto health = provider_.health();
        known_there = health && health->ready;
        if (health && !health->text.empty()) {
          reason = health->text;
        }
      }
      if (answer.error().code() != util::ErrorCode::kNotFound || !known_there) {
        set_stale(reason);
        check_at_ = std::chrono::steady_clock::now() +
                    patience_.after(provider_.last_failure().value_or(failure_of(answer.error())));
        return std::nullopt;
      }
    }
    return answers;
  }

  void set_stale(const std::string& reason) {
    if (stop_) {
      return;  // the call was ended by us
    }
    WatcherState now;
    {
      const std::lock_guard lock(mutex_);
      if (state_.stale_since && state_.reason == reason) {
        return;
      }
      if (!state_.stale_since) {
        state_.stale_since = clock_.now();
      }
      state_.reason = reason;
      now = state_;
    }
    on_state_(now);
  }

  void set_fresh() {
    patience_.reset();
    {
      const std::lock_guard lock(mutex_);
      if (!state_.stale_since) {
        return;
      }
      state_ = {};
    }
    on_state_({});
  }

  Provider& provider_;
  const WatcherOptions options_;
  const util::Clock& clock_;
  Patience patience_;  // used by the thread alone
  const OnChange on_change_;
  const OnState on_state_;
  const util::Descriptor wake_;
  util::Descriptor notify_;
  std::string file_name_;
  std::atomic<bool> stop_{false};
  // Used by the thread alone, as versions_.
  std::chrono::steady_clock::time_point check_at_;
  std::chrono::steady_clock::time_point upkeep_at_;
  // Of the set last handed over; empty: none yet. Used by the thread alone.
  std::optional<std::map<std::string, std::uint64_t, std::less<>>> versions_;
  mutable std::mutex mutex_;
  WatcherState state_;  // guarded by mutex_
  std::thread thread_;
};

Watcher::Watcher(Provider& provider, WatcherOptions options, const util::Clock& clock,
                 OnChange on_change, OnState on_state)
    : impl_(std::make_unique<Impl>(provider, std::move(options), clock, std::move(on_change),
                                   std::move(on_state))) {}

Watcher::~Watcher() = default;

void Watcher::check_now() { impl_->wake(); }

WatcherState Watcher::state() const { return impl_->state(); }

}  // namespace warder::vault
