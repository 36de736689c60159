#include "ship/digest.h"

#include <utility>

namespace warder::ship {
namespace {

using model::EventKind;

bool is_urgent(const model::Event& event) {
  return event.severity == model::Severity::kCritical && event.kind != EventKind::kBan &&
         event.kind != EventKind::kWouldBan && event.kind != EventKind::kFinding;
}

}  // namespace

Digest::Digest(std::string destination, std::chrono::seconds window)
    : destination_(std::move(destination)), window_(window) {}

void Digest::add(const model::OutboxItem& item, util::MonotonicTime now) {
  roll(now);
  if (window_ == std::chrono::seconds(0)) {
    ready_.push_back(single(item));
    return;
  }
  if (!window_start_) {
    window_start_ = now;
    urgent_ = 0;
    fresh_ = 0;
    ready_.push_back(single(item));
    return;
  }
  if (item.fresh && fresh_ < kMostFresh) {
    ++fresh_;
    first_.push_back(single(item));
    return;
  }
  if (is_urgent(item.event) && urgent_ < kMostUrgent) {
    ++urgent_;
    ready_.push_back(single(item));
    return;
  }
  collected_.add(item);
}

std::optional<Message> Digest::take(util::MonotonicTime now) {
  roll(now);
  std::deque<Message>& from = first_.empty() ? ready_ : first_;
  if (from.empty()) {
    return std::nullopt;
  }
  Message message = std::move(from.front());
  from.pop_front();
  return message;
}

std::optional<util::MonotonicTime> Digest::next_due() const {
  if (ready() != 0) {
    return util::MonotonicTime{};
  }
  if (window_start_ && !collected_.empty()) {
    return *window_start_ + window_;
  }
  return std::nullopt;
}

bool Digest::full() const { return collected_.size() >= Gathering::kMostItems; }

bool Digest::empty() const { return ready() == 0 && collected_.empty(); }

void Digest::roll(util::MonotonicTime now) {
  if (!window_start_ || now < *window_start_ + window_) {
    return;
  }
  if (collected_.empty()) {
    window_start_.reset();
    return;
  }
  ready_.push_back(
      std::exchange(collected_, {})
          .tell(destination_, std::chrono::round<std::chrono::seconds>(now - *window_start_)));
  window_start_ = now;
  urgent_ = 0;
  fresh_ = 0;
}

Message Digest::single(const model::OutboxItem& item) const {
  return single_message(destination_, item);
}

}  // namespace warder::ship
