#pragma once

#include "util/clock.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace warder::engine {

// A thread that does one task after the other. Any thread may post; tasks that wait are bounded.
class SideThread {
 public:
  // `begin` runs first on the new thread. `most` tasks wait at one time.
  SideThread(std::size_t most, std::function<void()> begin);
  // Drops what waits. A task that does not end within two seconds is left to itself: it must own
  // everything it uses.
  ~SideThread();
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;

  // False when too many wait, or no thread could be started.
  bool post(std::function<void()> task);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

// Has questions answered beside the thread of the lines: names looked up, programs asked. Each
// question is asked once and its answer kept for a while; who asks meanwhile waits for the same
// answer. Everything is bounded, so that neither a slow answerer nor a stranger who causes
// questions costs more than answers. One thread (the pipeline's) uses it; `find` runs on the side
// thread.
template <typename Answer>
class Inquiry {
 public:
  struct Limits {
    std::size_t questions = 1'000;  // that wait to be asked
    std::size_t askers = 10'000;    // that wait for an answer, together
    std::size_t kept = 10'000;      // answers; the oldest goes first
  };
  using Then = std::function<void(const Answer&)>;
  // Has a task run on the thread that uses the inquiry; may drop it at the end of the program.
  using Deliver = std::function<void(std::function<void()>)>;

  Inquiry(Limits limits, Deliver deliver, const util::Clock& clock, std::function<void()> begin)
      : limits_(limits),
        shared_(std::make_shared<Shared>()),
        clock_(clock),
        thread_(limits.questions, std::move(begin)) {
    shared_->deliver = std::move(deliver);
    shared_->inquiry = this;
  }
  ~Inquiry() {
    shared_->inquiry = nullptr;
    const std::lock_guard lock(shared_->mutex);
    shared_->deliver = nullptr;
  }
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  // Calls `then` at once when the answer is known, else when it is. False: too much waits, and
  // `then` is dropped. `find` must own what it uses.
  bool ask(const std::string& key, std::chrono::microseconds keep, std::function<Answer()> find,
           Then then) {
    if (const auto known = known_.find(key); known != known_.end()) {
      if (known->second.until > clock_.monotonic()) {
        then(known->second.answer);
        return true;
      }
      forget(known);
    }
    if (askers_ >= limits_.askers) {
      ++dropped_;
      return false;
    }
    const auto asked = asked_.find(key);
    if (asked == asked_.end()) {
      auto task = [shared = shared_, key, keep, find = std::move(find)] {
        std::function<void()> settle = [shared, key, keep, answer = find()] {
          if (shared->inquiry != nullptr) {
            shared->inquiry->settle(key, keep, answer);
          }
        };
        const std::lock_guard lock(shared->mutex);
        if (shared->deliver) {
          shared->deliver(std::move(settle));
        }
      };
      if (!thread_.post(std::move(task))) {
        ++dropped_;
        return false;
      }
    }
    ++askers_;
    asked_[key].push_back(std::move(then));
    return true;
  }

  // From now on at least so many answers are kept.
  void keep_at_least(std::size_t kept) { limits_.kept = std::max(limits_.kept, kept); }

  std::size_t waiting() const { return askers_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Known {
    Answer answer;
    util::MonotonicTime until;
    std::list<std::string>::iterator place;  // in order_
  };
  // Outlives the inquiry as long as an answer is on its way. `inquiry` is used on the asking thread
  // alone.
  struct Shared {
    std::mutex mutex;
    Deliver deliver;  // guarded by mutex
    Inquiry* inquiry = nullptr;
  };
  using KnownMap = std::unordered_map<std::string, Known>;

  void forget(typename KnownMap::iterator known) {
    order_.erase(known->second.place);
    known_.erase(known);
  }

  void settle(const std::string& key, std::chrono::microseconds keep, const Answer& answer) {
    while (known_.size() >= limits_.kept) {
      forget(known_.find(order_.front()));
    }
    order_.push_back(key);
    known_.insert_or_assign(key, Known{answer, clock_.monotonic() + keep, std::prev(order_.end())});
    const auto asked = asked_.find(key);
    if (asked == asked_.end()) {
      return;
    }
    const std::vector<Then> askers = std::exchange(asked->second, {});
    asked_.erase(asked);
    askers_ -= askers.size();
    for (const Then& then : askers) {
      then(answer);
    }
  }

  Limits limits_;
  const std::shared_ptr<Shared> shared_;
  const util::Clock& clock_;
  KnownMap known_;
  std::list<std::string> order_;  // of known_, oldest first
  std::unordered_map<std::string, std::vector<Then>> asked_;
  std::size_t askers_ = 0;
  std::uint64_t dropped_ = 0;
  SideThread thread_;  // the last, so that it ends first
};

}  // namespace warder::engine
