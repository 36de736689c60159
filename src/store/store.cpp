#include "store/store.h"

#include "log/log.h"
#include "store/command.h"
#include "store/committer.h"
#include "util/backoff.h"
#include "util/thread_name.h"

#include <fmt/core.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::chrono::seconds kDestructorLimit{10};
constexpr std::chrono::seconds kDestinationLimit{10};

}  // namespace

class Store::Impl {
 public:
  Impl(const Options& options, const util::Clock& clock,
       std::optional<crypto::Ed25519SecretKey> key, Hooks hooks)
      : options_(options),
        clock_(clock),
        hooks_(std::move(hooks)),
        committer_(options_, clock_, std::move(key), hooks_),
        backoff_(options.first_retry, options.longest_retry,
                 static_cast<std::uint64_t>(clock.now().time_since_epoch().count())) {}

  util::Status start();
  util::Result<Ticket> submit(Batch* batch, const std::stop_token* wait_until);
  Ticket enqueue(Command command);
  // With mutex_ held.
  Ticket enqueue_locked(Command command);
  Ticket durable_through() const { return durable_.load(std::memory_order_acquire); }
  util::Status wait(Ticket ticket, std::chrono::milliseconds limit);
  Ticket last_ticket() const;
  Health health() const;
  util::Status close(std::chrono::milliseconds limit);

 private:
  // Of the store's thread.
  void run();
  std::vector<Command*> next_group(std::unique_lock<std::mutex>& lock);
  void finish(const std::vector<Command*>& group);
  void note_failure(const Error& error);
  void note_recovery();

  const Options options_;
  const util::Clock& clock_;
  const Hooks hooks_;

  mutable std::mutex mutex_;
  std::condition_variable work_;      // for the store's thread
  std::condition_variable_any room_;  // for callers: room in the queue, a ticket durable, the end
  // Guarded by mutex_. The elements in front, once handed out by next_group(), belong to the thread
  // until it takes them off; a deque leaves them in place while others are added behind.
  std::deque<Command> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t queued_events_ = 0;
  Ticket next_ticket_ = 1;
  bool urgent_ = false;   // somebody waits: no delay for the sake of the group
  bool closing_ = false;  // no more batches; write what is there
  bool give_up_ = false;  // the limit of close() is over
  bool ended_ = false;
  Health health_;

  std::atomic<Ticket> durable_{0};

  // Of the store's thread alone (and of start(), before it runs).
  Committer committer_;
  util::Backoff backoff_;

  std::mutex joining_;
  std::thread thread_;
};

util::Status Store::Impl::start() {
  WARDER_RETURN_IF_ERROR(committer_.start());
  thread_ = std::thread([this] { run(); });
  return {};
}

util::Result<Ticket> Store::Impl::submit(Batch* batch, const std::stop_token* wait_until) {
  Command command;
  command.bytes = batch->bytes();
  command.events = batch->events.size();
  std::unique_lock lock(mutex_);
  const auto has_room = [&] {
    return closing_ || queue_.empty() ||
           queued_bytes_ + command.bytes <= options_.queue_limit.value;
  };
  if (wait_until != nullptr) {
    room_.wait(lock, *wait_until, has_room);
  }
  if (closing_) {
    return Error(ErrorCode::kUnavailable, "the store is closing");
  }
  if (!has_room()) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{} bytes are waiting for the disk", queued_bytes_));
  }
  command.what = std::move(*batch);
  return enqueue_locked(std::move(command));
}

Ticket Store::Impl::enqueue(Command command) {
  const std::lock_guard lock(mutex_);
  return enqueue_locked(std::move(command));
}

Ticket Store::Impl::enqueue_locked(Command command) {
  command.ticket = next_ticket_++;
  const Ticket ticket = command.ticket;
  if (ended_) {
    if (auto* asked = std::get_if<NewDestination>(&command.what)) {
      asked->answer->set_value(Error(ErrorCode::kUnavailable, "the store is closed"));
    }
    return ticket;
  }
  queued_bytes_ += command.bytes;
  queued_events_ += command.events;
  queue_.push_back(std::move(command));
  work_.notify_one();
  return ticket;
}

util::Status Store::Impl::wait(Ticket ticket, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  urgent_ = true;
  work_.notify_one();
  const bool in_time =
      room_.wait_for(lock, limit, [&] { return durable_through() >= ticket || ended_; });
  if (durable_through() >= ticket) {
    return {};
  }
  if (!in_time) {
    return Error(ErrorCode::kTimeout, health_.reason.empty()
                                          ? std::string("the disk did not take it in time")
                                          : health_.reason);
  }
  return Error(ErrorCode::kUnavailable, "the store closed before it was written");
}

Ticket Store::Impl::last_ticket() const {
  const std::lock_guard lock(mutex_);
  return next_ticket_ - 1;
}

Health Store::Impl::health() const {
  const std::lock_guard lock(mutex_);
  Health health = health_;
  health.queued_batches = queue_.size();
  health.queued = util::ByteCount{queued_bytes_};
  return health;
}

util::Status Store::Impl::close(std::chrono::milliseconds limit) {
  const std::lock_guard joining(joining_);
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    work_.notify_one();
    room_.notify_all();
    if (!room_.wait_for(lock, limit, [&] { return ended_; })) {
      give_up_ = true;
      work_.notify_one();
    }
  }
  if (thread_.joinable()) {
    thread_.join();
  }
  const std::lock_guard lock(mutex_);
  if (!queue_.empty()) {
    return Error(ErrorCode::kTimeout,
                 fmt::format("{} batches were not written: {}", queue_.size(), health_.reason));
  }
  return {};
}

void Store::Impl::run() {
  util::name_thread("store");
  std::unique_lock lock(mutex_);
  while (!give_up_) {
    const std::vector<Command*> group = next_group(lock);
    if (group.empty() && closing_) {
      break;
    }
    lock.unlock();
    util::Status stored = committer_.prepare();
    if (stored && !group.empty()) {
      stored = committer_.commit(group);
    }
    if (stored) {
      note_recovery();
      finish(group);
      committer_.do_what_is_due();
      lock.lock();
    } else {
      note_failure(stored.error());
      lock.lock();
      work_.wait_for(lock, backoff_.next(), [&] { return give_up_; });
    }
  }
  lock.unlock();
  committer_.close();
  lock.lock();
  ended_ = true;
  for (const Command& command : queue_) {
    if (const auto* asked = std::get_if<NewDestination>(&command.what)) {
      asked->answer->set_value(Error(ErrorCode::kUnavailable, "the store is closed"));
    }
  }
  room_.notify_all();
}

// Waits for the next work and takes as much from the front of the queue as belongs into one
// transaction; nothing when there is only maintenance to do, or the end.
std::vector<Command*> Store::Impl::next_group(std::unique_lock<std::mutex>& lock) {
  while (queue_.empty() && !closing_ && !committer_.is_maintaining()) {
    const auto next = committer_.next_due();
    if (!next) {
      work_.wait(lock);
      continue;
    }
    const auto left = *next - clock_.monotonic();
    if (left.count() <= 0) {
      return {};
    }
    work_.wait_for(lock, left);
  }
  if (!queue_.empty() && health_.state == State::kRunning) {
    work_.wait_for(lock, options_.commit_interval, [&] {
      return urgent_ || closing_ || queued_events_ >= options_.commit_events ||
             queued_bytes_ >= options_.queue_limit.value / 2;
    });
  }
  urgent_ = false;
  std::vector<Command*> group;
  std::size_t events = 0;
  for (Command& command : queue_) {
    if (!group.empty() && events + command.events > options_.commit_events) {
      urgent_ = true;  // the rest has waited already
      break;
    }
    group.push_back(&command);
    events += command.events;
  }
  return group;
}

void Store::Impl::finish(const std::vector<Command*>& group) {
  if (group.empty()) {
    return;
  }
  // Before the ticket counts as finished, so that who waits for it sees the result.
  committer_.run_requests(group);
  for (Command* command : group) {
    if (auto* asked = std::get_if<NewDestination>(&command->what)) {
      asked->answer->set_value(asked->number
                                   ? util::Result<DestinationId>(*asked->number)
                                   : Error(ErrorCode::kInvalid, "the name cannot be stored"));
    }
  }
  const Ticket through = group.back()->ticket;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < group.size(); ++i) {
      queued_bytes_ -= queue_.front().bytes;
      queued_events_ -= queue_.front().events;
      queue_.pop_front();
    }
    durable_.store(through, std::memory_order_release);
    room_.notify_all();
  }
  if (hooks_.durable) {
    hooks_.durable(through);
  }
}

void Store::Impl::note_failure(const Error& error) {
  Health now;
  {
    const std::lock_guard lock(mutex_);
    health_.state = State::kDegraded;
    health_.reason = fmt::format("the history cannot be written: {}", error.message());
    ++health_.failed_commits;
    now = health_;
  }
  if (backoff_.attempts() == 0) {
    log::error("store: {}", now.reason);
  }
  if (hooks_.state) {
    hooks_.state(now);
  }
}

void Store::Impl::note_recovery() {
  Health now;
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    if (health_.state == State::kRunning) {
      return;
    }
    reason = std::exchange(health_.reason, {});
    health_.state = State::kRunning;
    now = health_;
  }
  backoff_.reset();
  committer_.recovered(reason);
  if (hooks_.state) {
    hooks_.state(now);
  }
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() {
  if (const util::Status closed = impl_->close(kDestructorLimit); !closed) {
    log::error("store: {}", closed.error().message());
  }
}

util::Result<std::unique_ptr<Store>> Store::open(const Options& options, const util::Clock& clock,
                                                 std::optional<crypto::Ed25519SecretKey> key,
                                                 Hooks hooks) {
  auto impl = std::make_unique<Impl>(options, clock, std::move(key), std::move(hooks));
  WARDER_RETURN_IF_ERROR(impl->start());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

util::Result<Ticket> Store::submit(Batch&& batch, std::stop_token stop) {
  return impl_->submit(&batch, &stop);
}

util::Result<Ticket> Store::try_submit(Batch& batch) { return impl_->submit(&batch, nullptr); }

Ticket Store::durable_through() const { return impl_->durable_through(); }

util::Status Store::wait(Ticket ticket, std::chrono::milliseconds limit) {
  return impl_->wait(ticket, limit);
}

util::Status Store::flush(std::chrono::milliseconds limit) {
  return impl_->wait(impl_->last_ticket(), limit);
}

util::Result<DestinationId> Store::destination(std::string_view name) {
  auto answer = std::make_shared<std::promise<util::Result<DestinationId>>>();
  auto future = answer->get_future();
  Command command;
  command.what = NewDestination{std::string(name), std::move(answer), std::nullopt};
  const Ticket ticket = impl_->enqueue(std::move(command));
  WARDER_RETURN_IF_ERROR(impl_->wait(ticket, kDestinationLimit));
  return future.get();
}

Ticket Store::outbox_delivered(DestinationId destination, std::span<const std::uint64_t> ids,
                               std::string receipt) {
  Command command;
  command.what = OutboxUpdate{OutboxUpdate::What::kDelivered,
                              destination,
                              {ids.begin(), ids.end()},
                              {},
                              std::move(receipt)};
  return impl_->enqueue(std::move(command));
}

Ticket Store::outbox_retry(DestinationId destination, std::span<const std::uint64_t> ids,
                           util::WallTime until, std::string error) {
  Command command;
  command.what = OutboxUpdate{
      OutboxUpdate::What::kRetry, destination, {ids.begin(), ids.end()}, until, std::move(error)};
  return impl_->enqueue(std::move(command));
}

Ticket Store::outbox_dead(DestinationId destination, std::span<const std::uint64_t> ids,
                          std::string error) {
  Command command;
  command.what = OutboxUpdate{
      OutboxUpdate::What::kDead, destination, {ids.begin(), ids.end()}, {}, std::move(error)};
  return impl_->enqueue(std::move(command));
}

Ticket Store::outbox_revive(DestinationId destination, std::span<const std::uint64_t> ids) {
  Command command;
  command.what =
      OutboxUpdate{OutboxUpdate::What::kRevive, destination, {ids.begin(), ids.end()}, {}, {}};
  return impl_->enqueue(std::move(command));
}

Ticket Store::make_checkpoint() {
  Command command;
  command.what = MakeCheckpoint{};
  return impl_->enqueue(std::move(command));
}

Ticket Store::maintain() {
  Command command;
  command.what = Maintain{};
  return impl_->enqueue(std::move(command));
}

Ticket Store::set_aside(std::string why) {
  Command command;
  command.what = SetAside{std::move(why)};
  return impl_->enqueue(std::move(command));
}

Health Store::health() const { return impl_->health(); }

util::Status Store::close(std::chrono::milliseconds limit) { return impl_->close(limit); }

}  // namespace warder::store
