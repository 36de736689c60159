#include "engine/inquiry.h"

#include "util/thread_name.h"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>

namespace warder::engine {

struct SideThread::State {
  std::size_t most = 0;
  std::function<void()> begin;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> tasks;  // guarded by mutex, as all that follows
  bool running = false;
  bool closed = false;

  void run() {
    util::name_thread("questions");
    begin();
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return closed || !tasks.empty(); });
      if (closed) {
        break;
      }
      const std::function<void()> task = std::move(tasks.front());
      tasks.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
    running = false;
    changed.notify_all();
  }
};

SideThread::SideThread(std::size_t most, std::function<void()> begin)
    : state_(std::make_shared<State>()) {
  state_->most = most;
  state_->begin = std::move(begin);
}

SideThread::~SideThread() {
  constexpr std::chrono::seconds kPatience{2};
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->tasks.clear();
  state_->changed.notify_all();
  state_->changed.wait_for(lock, kPatience, [&] { return !state_->running; });
}

bool SideThread::post(std::function<void()> task) {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed || state_->tasks.size() >= state_->most) {
    return false;
  }
  if (!state_->running) {
    // Not before there is something to do: most agents never need it. Signals are the main
    // thread's.
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    try {
      std::thread([state = state_] { state->run(); }).detach();
      state_->running = true;
    } catch (const std::system_error&) {
      // Told by the return value.
    }
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    if (!state_->running) {
      return false;
    }
  }
  state_->tasks.push_back(std::move(task));
  state_->changed.notify_all();
  return true;
}

}  // namespace warder::engine
