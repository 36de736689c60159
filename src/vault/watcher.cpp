#include "vault/watcher.h"

#include "util/descriptor.h"

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
        on_change_(std::move(on_change)),
        on_state_(std::move(on_state)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    watch_file();
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    stop_ = true;
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
    check();
    while (!stop_) {
      if (wait()) {
        check();
      }
    }
  }

  // Whether to look at the provider: the interval is over, the file changed, or somebody asked.
  bool wait() {
    std::array<pollfd, 2> polled{
        {{wake_.get(), POLLIN, 0}, {notify_ ? notify_.get() : -1, POLLIN, 0}}};
    const auto limit =
        std::chrono::duration_cast<std::chrono::milliseconds>(options_.interval).count();
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(limit));
    if (ready <= 0) {
      return ready == 0;
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
    DocumentSet documents;
    std::map<std::string, std::uint64_t, std::less<>> versions;
    for (const std::string& name : options_.names) {
      auto document = provider_.get(name);
      if (document) {
        versions.emplace(name, document->version);
        documents.emplace(name, std::move(document).value());
      } else if (document.error().code() != util::ErrorCode::kNotFound || !is_there()) {
        set_stale(document.error().message());
        return;
      }
    }
    set_fresh();
    if (!versions_ || *versions_ != versions) {
      versions_ = std::move(versions);
      on_change_(std::move(documents));
    }
  }

  // A vault that is gone answers kNotFound like one without the document. Only the latter is an
  // answer.
  bool is_there() {
    const auto health = provider_.health();
    return health && health->ready;
  }

  void set_stale(const std::string& reason) {
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
  const OnChange on_change_;
  const OnState on_state_;
  const util::Descriptor wake_;
  util::Descriptor notify_;
  std::string file_name_;
  std::atomic<bool> stop_{false};
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
