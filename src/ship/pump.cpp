#include "ship/pump.h"

#include "ship/digest.h"
#include "util/backoff.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace warder::ship {
namespace {

using Kind = Outcome::Kind;

// Attempts are written down for so many items of a summary; it may speak for a million.
constexpr std::size_t kMostMarked = 500;
constexpr std::size_t kLongestReason = 500;
constexpr std::chrono::minutes kReportPause{1};

}  // namespace

class Pump::Impl {
 public:
  Impl(Outbox& outbox, Destination& destination, ShipperOptions options, const util::Clock& clock,
       OnReport on_report)
      : outbox_(outbox),
        destination_(destination),
        options_(options),
        clock_(clock),
        on_report_(std::move(on_report)),
        digest_(std::string(destination.name()), options.digest),
        quiet_(options.quiet),
        backoff_(options.first_retry, options.longest_retry, options.jitter_seed),
        most_(std::max<std::size_t>(1, destination.batch_limit())),
        limit_(most_),
        room_(most_ + 1) {}

  std::optional<util::MonotonicTime> step() {
    const util::MonotonicTime now = clock_.monotonic();
    if (now < blocked_until_) {
      return blocked_until_;
    }
    if (!settle()) {
      return blocked_until_;
    }
    report_given_up(now);
    const bool more = load(now);
    if (now < blocked_until_) {
      return blocked_until_;
    }
    fill(now);
    if (!more) {
      release();
    }
    if (pending_.empty()) {
      return more ? now : next_event();
    }
    if (requests_made_ && now < last_request_ + options_.pause) {
      return last_request_ + options_.pause;
    }
    deliver();
    // All of a batch at once: each telling waits for the disk.
    (void)settle();
    return blocked_until_ > now ? blocked_until_ : now;
  }

  void reload() { reload_ = true; }
  void stopping() { stopping_ = true; }

  ShipperStatus status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  // What the outbox has still to be told: done or given up, but it could not write that down.
  struct Verdict {
    std::vector<std::uint64_t> items;
    bool given_up = false;
    std::string reason;
    std::vector<Outbox::Receipt> receipts;
  };

  // When something is to be done though nothing comes.
  std::optional<util::MonotonicTime> next_event() const {
    auto next = digest_.next_due();
    const auto or_at = [&next](util::MonotonicTime due) {
      next = next ? std::min(*next, due) : due;
    };
    if (unreported_ != 0) {
      or_at(last_given_up_report_ + kReportPause);
    }
    if (const auto wait = quiet_.wait(clock_.now())) {
      or_at(clock_.monotonic() + *wait);
    }
    return next;
  }

  // False, and backing off, when the outbox cannot be written.
  bool settle() {
    while (!verdicts_.empty()) {
      const Verdict& verdict = verdicts_.front();
      const util::Status told = verdict.given_up
                                    ? outbox_.give_up(verdict.items, verdict.reason)
                                    : outbox_.delivered(verdict.items, verdict.receipts);
      if (!told) {
        fail("outbox: " + told.error().message(), {});
        return false;
      }
      verdicts_.pop_front();
    }
    return true;
  }

  // Reads further items while there is room for them. True when there may be more.
  bool load(util::MonotonicTime now) {
    if (reload_) {
      // Going back while something is held would read it a second time.
      if (!pending_.empty() || suspect_ || !digest_.empty()) {
        return false;
      }
      reload_ = false;
      last_loaded_ = 0;
      quiet_.forget();
    }
    if (digest_.full() || quiet_.full() || pending_.size() + digest_.ready() >= room_) {
      return false;
    }
    const auto items = outbox_.next(last_loaded_, kMostLoaded);
    if (!items) {
      fail("outbox: " + items.error().message(), {});
      outbox_failing_ = true;
      return false;
    }
    if (std::exchange(outbox_failing_, false)) {
      recovered();
    }
    for (const model::OutboxItem& item : *items) {
      if (quiet_.holds(item, clock_.now())) {
        quiet_.hold(item);
      } else {
        digest_.add(item, now);
      }
      last_loaded_ = item.id;
    }
    return items->size() == kMostLoaded;
  }

  void fill(util::MonotonicTime now) {
    while (pending_.size() < room_) {
      auto message = digest_.take(now);
      if (!message) {
        return;
      }
      pending_.push_back(std::move(*message));
    }
  }

  void release() {
    if (auto held = quiet_.release(destination_.name(), clock_.now())) {
      pending_.push_back(std::move(*held));
    }
  }

  void deliver() {
    const std::size_t count = std::min(limit_, pending_.size());
    std::vector<Outcome> outcomes = destination_.deliver(std::span(pending_).first(count));
    last_request_ = clock_.monotonic();
    requests_made_ = true;
    {
      const std::lock_guard lock(mutex_);
      ++status_.requests;
    }
    // A destination that breaks its contract must not lose anything.
    outcomes.resize(count, Outcome{Kind::kRetry, {}, "the destination gave no outcome"});
    if (stopping_ && outcomes.front().kind == Kind::kRetry) {
      return;
    }
    const auto all = [&](Kind kind) {
      return std::all_of(outcomes.begin(), outcomes.end(),
                         [&](const Outcome& outcome) { return outcome.kind == kind; });
    };
    if (count > 1 && all(Kind::kRefused)) {
      limit_ = count / 2;
      return;
    }
    if (all(Kind::kRejected)) {
      rejected(count, outcomes.front());
      return;
    }
    judge(std::move(outcomes));
  }

  // Goes through mixed outcomes in order.
  void judge(std::vector<Outcome> outcomes) {
    const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(outcomes.size());
    std::vector<Message> batch(std::make_move_iterator(pending_.begin()),
                               std::make_move_iterator(end));
    pending_.erase(pending_.begin(), end);
    const Outcome* waiting = nullptr;
    std::vector<Message> left;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (outcomes[i].kind == Kind::kDelivered) {
        delivered(std::move(batch[i]), std::move(outcomes[i].receipt));
      } else if (outcomes[i].kind == Kind::kRefused) {
        give_up(std::move(batch[i]), outcomes[i].reason);
      } else {
        waiting = waiting == nullptr ? &outcomes[i] : waiting;
        left.push_back(std::move(batch[i]));
      }
    }
    pending_.insert(pending_.begin(), std::make_move_iterator(left.begin()),
                    std::make_move_iterator(left.end()));
    if (waiting != nullptr) {
      wait(*waiting);
    }
  }

  Message pop_front() {
    Message message = std::move(pending_.front());
    pending_.erase(pending_.begin());
    return message;
  }

  // A suspect goes back to where it was.
  void acquit() {
    if (suspect_) {
      pending_.insert(pending_.begin(), std::move(*suspect_));
      suspect_.reset();
    }
  }

  void rejected(std::size_t count, const Outcome& outcome) {
    if (count > 1) {
      // Find out with one message whether it is the message.
      limit_ = 1;
      return;
    }
    if (on_trial_) {
      // The one behind it was taken, and this one is rejected again.
      on_trial_ = false;
      give_up(pop_front(), outcome.reason);
      return;
    }
    if (suspect_) {
      // Two in a row: it is the destination.
      wait(outcome);
      return;
    }
    if (pending_.size() > 1) {
      suspect_ = pop_front();
      return;
    }
    wait(outcome);
  }

  void delivered(Message message, std::string receipt) {
    const std::uint64_t items = message.items.size();
    if (verdicts_.empty() || verdicts_.back().given_up) {
      verdicts_.emplace_back();
    }
    Verdict& verdict = verdicts_.back();
    if (!receipt.empty()) {
      for (const std::uint64_t item : message.items) {
        verdict.receipts.push_back({item, receipt});
      }
    }
    if (verdict.items.empty()) {
      verdict.items = std::move(message.items);
    } else {
      verdict.items.insert(verdict.items.end(), message.items.begin(), message.items.end());
    }
    limit_ = std::min(limit_ * 2, most_);
    on_trial_ = false;
    if (suspect_) {
      acquit();
      on_trial_ = true;
      limit_ = 1;
    }
    {
      const std::lock_guard lock(mutex_);
      status_.delivered += items;
      status_.last_success = clock_.now();
    }
    recovered();
  }

  void recovered() {
    backoff_.reset();
    failing_since_.reset();
    {
      const std::lock_guard lock(mutex_);
      status_.failing_since.reset();
      status_.last_error.clear();
    }
    if (std::exchange(reported_, false)) {
      report(Report::Kind::kRecovered, 0, {});
    }
  }

  void give_up(Message message, const std::string& reason) {
    const std::uint64_t items = message.items.size();
    const std::string printable = util::printable_again(reason, kLongestReason);
    verdicts_.push_back(Verdict{std::move(message.items), true, printable, {}});
    {
      const std::lock_guard lock(mutex_);
      status_.given_up += items;
    }
    unreported_ += items;
    unreported_reason_ = printable;
    report_given_up(clock_.monotonic());
  }

  // A destination that refuses everything must not breed an event an item.
  void report_given_up(util::MonotonicTime now) {
    if (unreported_ == 0 || (given_up_reported_ && now < last_given_up_report_ + kReportPause)) {
      return;
    }
    given_up_reported_ = true;
    last_given_up_report_ = now;
    report(Report::Kind::kGaveUp, std::exchange(unreported_, 0), unreported_reason_);
  }

  // The head of the queue has to wait, and so has everything behind it.
  void wait(const Outcome& outcome) {
    // It was in one batch with others, or was tried alone; either way the trial is over.
    on_trial_ = false;
    acquit();
    const auto until = fail(outcome.reason, outcome.after);
    const Message& head = pending_.front();
    const auto marked = std::span(head.items).first(std::min(head.items.size(), kMostMarked));
    if (const auto told =
            outbox_.retry(marked, until, util::printable_again(outcome.reason, kLongestReason));
        !told) {
      fail("outbox: " + told.error().message(), {});
    }
    expire();
  }

  // After a long failure: what is older than the limit becomes dead letters.
  void expire() {
    if (!failing_since_ || clock_.monotonic() - *failing_since_ < options_.give_up) {
      return;
    }
    const util::WallTime oldest = clock_.now() - options_.give_up;
    std::string reason;
    {
      const std::lock_guard lock(mutex_);
      reason = status_.last_error;
    }
    while (!pending_.empty()) {
      const Message& head = pending_.front();
      if (head.time() > oldest) {
        return;
      }
      give_up(pop_front(), reason);
    }
  }

  // Starts or prolongs the back-off; the wall time of its end.
  util::WallTime fail(const std::string& reason, std::optional<std::chrono::seconds> after) {
    const util::MonotonicTime now = clock_.monotonic();
    std::chrono::milliseconds pause = backoff_.next();
    if (after) {
      pause = std::max(pause, std::chrono::milliseconds(*after));
    }
    blocked_until_ = now + pause;
    if (!failing_since_) {
      failing_since_ = now;
    }
    {
      const std::lock_guard lock(mutex_);
      if (!status_.failing_since) {
        status_.failing_since = clock_.now();
      }
      status_.last_error = util::printable_again(reason, kLongestReason);
    }
    if (backoff_.attempts() == kReportAfter && !reported_) {
      reported_ = true;
      report(Report::Kind::kFailing, 0, reason);
    }
    return clock_.now() + pause;
  }

  void report(Report::Kind kind, std::uint64_t items, const std::string& reason) {
    on_report_(Report{kind, std::string(destination_.name()), items, reason});
  }

  Outbox& outbox_;
  Destination& destination_;
  const ShipperOptions options_;
  const util::Clock& clock_;
  const OnReport on_report_;
  Digest digest_;
  QuietTime quiet_;
  util::Backoff backoff_;
  // Most messages of a delivery, and how many at present: fewer while something refused is sought.
  const std::size_t most_;
  std::size_t limit_;
  // Messages held: one more than go at once, to try when the one before it is rejected.
  const std::size_t room_;
  std::vector<Message> pending_;
  // Rejected and put aside while the next one is tried.
  std::optional<Message> suspect_;
  // The head of pending_ is a suspect whose successor was taken.
  bool on_trial_ = false;
  std::deque<Verdict> verdicts_;
  std::uint64_t last_loaded_ = 0;
  util::MonotonicTime blocked_until_{};
  util::MonotonicTime last_request_{};
  bool requests_made_ = false;
  bool reported_ = false;
  bool outbox_failing_ = false;
  // Items given up since the last report of that.
  std::uint64_t unreported_ = 0;
  std::string unreported_reason_;
  bool given_up_reported_ = false;
  util::MonotonicTime last_given_up_report_{};
  std::optional<util::MonotonicTime> failing_since_;
  std::atomic<bool> reload_{false};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  ShipperStatus status_;  // guarded by mutex_
};

Pump::Pump(Outbox& outbox, Destination& destination, ShipperOptions options,
           const util::Clock& clock, OnReport on_report)
    : impl_(std::make_unique<Impl>(outbox, destination, options, clock, std::move(on_report))) {}

Pump::~Pump() = default;

std::optional<util::MonotonicTime> Pump::step() { return impl_->step(); }

void Pump::reload() { impl_->reload(); }

void Pump::stopping() { impl_->stopping(); }

ShipperStatus Pump::status() const { return impl_->status(); }

}  // namespace warder::ship
