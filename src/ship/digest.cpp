#include "ship/digest.h"

#include "util/encoding.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

namespace warder::ship {
namespace {

using model::EventKind;

bool is_urgent(const model::Event& event) {
  return event.severity == model::Severity::kCritical && event.kind != EventKind::kBan &&
         event.kind != EventKind::kWouldBan && event.kind != EventKind::kFinding;
}

// The entries with the highest counts, most first; equal ones in the order of their keys.
template <typename Key>
std::vector<std::pair<Key, std::uint64_t>> most_counted(const std::map<Key, std::uint64_t>& counts,
                                                        std::size_t most) {
  std::vector<std::pair<Key, std::uint64_t>> all(counts.begin(), counts.end());
  const std::size_t kept = std::min(most, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    [](const auto& a, const auto& b) {
                      return a.second != b.second ? a.second > b.second : a.first < b.first;
                    });
  all.resize(kept);
  return all;
}

}  // namespace

struct Digest::Collected {
  struct Kind {
    std::uint64_t count = 0;
    std::map<std::string, std::uint64_t> jails;
    std::uint64_t other_jails = 0;
    std::string example;
    model::Severity example_severity = model::Severity::kInfo;
  };
  std::vector<std::uint64_t> items;
  // To send a single item as what it is.
  std::optional<model::OutboxItem> first;
  model::EventId last;
  util::WallTime from{};
  util::WallTime until{};
  model::Severity severity = model::Severity::kInfo;
  std::map<EventKind, Kind> kinds;
  std::map<net::Prefix, std::uint64_t> addresses;
  bool addresses_estimated = false;
};

Digest::Digest(std::string destination, std::chrono::seconds window)
    : destination_(std::move(destination)),
      window_(window),
      collected_(std::make_unique<Collected>()) {}

Digest::~Digest() = default;

void Digest::add(const model::OutboxItem& item, util::MonotonicTime now) {
  roll(now);
  if (window_ == std::chrono::seconds(0)) {
    ready_.push_back(single(item));
    return;
  }
  if (!window_start_) {
    window_start_ = now;
    urgent_ = 0;
    ready_.push_back(single(item));
    return;
  }
  if (is_urgent(item.event) && urgent_ < kMostUrgent) {
    ++urgent_;
    ready_.push_back(single(item));
    return;
  }
  collect(item);
}

std::optional<Message> Digest::take(util::MonotonicTime now) {
  roll(now);
  if (ready_.empty()) {
    return std::nullopt;
  }
  Message message = std::move(ready_.front());
  ready_.pop_front();
  return message;
}

std::optional<util::MonotonicTime> Digest::next_due() const {
  if (!ready_.empty()) {
    return util::MonotonicTime{};
  }
  if (window_start_ && !collected_->items.empty()) {
    return *window_start_ + window_;
  }
  return std::nullopt;
}

bool Digest::full() const { return collected_->items.size() >= kMostItems; }

bool Digest::empty() const { return ready_.empty() && collected_->items.empty(); }

void Digest::roll(util::MonotonicTime now) {
  if (!window_start_ || now < *window_start_ + window_) {
    return;
  }
  if (collected_->items.empty()) {
    window_start_.reset();
    return;
  }
  ready_.push_back(summarise(now));
  window_start_ = now;
  urgent_ = 0;
}

Message Digest::single(const model::OutboxItem& item) const {
  Message message;
  message.key = event_key(destination_, item.event.id);
  message.items = {item.id};
  message.event = item.event;
  message.sequence = item.sequence;
  return message;
}

void Digest::collect(const model::OutboxItem& item) {
  Collected& all = *collected_;
  const model::Event& event = item.event;
  if (all.items.empty()) {
    all.first = item;
    all.from = event.time;
    all.until = event.time;
  }
  all.items.push_back(item.id);
  all.last = event.id;
  all.from = std::min(all.from, event.time);
  all.until = std::max(all.until, event.time);
  all.severity = std::max(all.severity, event.severity);
  Collected::Kind& kind = all.kinds[event.kind];
  if (++kind.count == 1 || event.severity > kind.example_severity) {
    kind.example = event.message;
    kind.example_severity = event.severity;
  }
  if (!event.jail.empty()) {
    const auto found = kind.jails.find(event.jail);
    if (found != kind.jails.end()) {
      ++found->second;
    } else if (kind.jails.size() < kMostJails) {
      kind.jails.emplace(event.jail, 1);
    } else {
      ++kind.other_jails;
    }
  }
  if (event.address) {
    const auto found = all.addresses.find(*event.address);
    if (found != all.addresses.end()) {
      ++found->second;
    } else if (all.addresses.size() < kMostAddresses) {
      all.addresses.emplace(*event.address, 1);
    } else {
      all.addresses_estimated = true;
    }
  }
}

Message Digest::summarise(util::MonotonicTime now) {
  const std::unique_ptr<Collected> all = std::exchange(collected_, std::make_unique<Collected>());
  if (all->items.size() == 1) {
    return single(*all->first);
  }
  Message message;
  message.key = fmt::format("{}-{}", event_key(destination_, all->first->event.id),
                            util::to_hex(all->last.bytes));
  message.items = std::move(all->items);
  message.sequence = all->first->sequence;
  Summary summary;
  summary.from = all->from;
  summary.until = all->until;
  // After an outage the events span more than the window in which they were collected.
  summary.window = std::max({std::chrono::round<std::chrono::seconds>(now - *window_start_),
                             std::chrono::round<std::chrono::seconds>(all->until - all->from),
                             std::chrono::seconds(1)});
  summary.total = message.items.size();
  summary.severity = all->severity;
  for (auto& [kind, counted] : all->kinds) {
    Summary::Kind told;
    told.kind = kind;
    told.count = counted.count;
    told.example = std::move(counted.example);
    std::uint64_t with_jail = counted.other_jails;
    for (const auto& [jail, count] : counted.jails) {
      with_jail += count;
    }
    told.jails = most_counted(counted.jails, Summary::kMostNamed);
    for (const auto& [jail, count] : told.jails) {
      with_jail -= count;
    }
    told.other_jails = with_jail;
    summary.kinds.push_back(std::move(told));
  }
  summary.addresses = most_counted(all->addresses, Summary::kMostNamed);
  summary.addresses_estimated = all->addresses_estimated;
  message.summary = std::move(summary);
  return message;
}

}  // namespace warder::ship
