#include "ship/gathering.h"

#include "ship/incident.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::ship {
namespace {

using model::EventKind;

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

void Gathering::add(const model::OutboxItem& item) {
  const model::Event& event = item.event;
  if (items_.empty()) {
    first_ = item;
    from_ = event.time;
    until_ = event.time;
  }
  items_.push_back(item.id);
  last_ = event.id;
  from_ = std::min(from_, event.time);
  until_ = std::max(until_, event.time);
  severity_ = std::max(severity_, event.severity);
  Kind& kind = kinds_[event.kind];
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
    const auto found = addresses_.find(*event.address);
    if (found != addresses_.end()) {
      ++found->second;
    } else if (addresses_.size() < kMostAddresses) {
      addresses_.emplace(*event.address, 1);
    } else {
      addresses_estimated_ = true;
    }
  }
  if (!is_common(event.kind)) {
    note(event);
  }
}

// The most severe first, of equal ones the earliest.
void Gathering::note(const model::Event& event) {
  const auto place = std::find_if(worst_.begin(), worst_.end(), [&](const Summary::Line& line) {
    return line.severity < event.severity;
  });
  if (place == worst_.end() && worst_.size() >= Summary::kMostLines) {
    return;
  }
  worst_.insert(place, {event.time, event.severity, event.jail, event.message});
  if (worst_.size() > Summary::kMostLines) {
    worst_.pop_back();
  }
}

Message Gathering::tell(std::string_view destination, std::chrono::seconds window) && {
  if (items_.size() == 1) {
    return single_message(destination, first_);
  }
  Message message;
  message.key =
      fmt::format("{}-{}", event_key(destination, first_.event.id), util::to_hex(last_.bytes));
  message.items = std::move(items_);
  message.sequence = first_.sequence;
  Summary summary;
  summary.from = from_;
  summary.until = until_;
  // After an outage the events span more than the window in which they were collected.
  summary.window = std::max(
      {window, std::chrono::round<std::chrono::seconds>(until_ - from_), std::chrono::seconds(1)});
  summary.total = message.items.size();
  summary.severity = severity_;
  for (auto& [kind, counted] : kinds_) {
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
  summary.worst = std::move(worst_);
  summary.addresses = most_counted(addresses_, Summary::kMostNamed);
  summary.addresses_estimated = addresses_estimated_;
  message.what = std::move(summary);
  return message;
}

Message single_message(std::string_view destination, const model::OutboxItem& item) {
  Message message;
  message.key = event_key(destination, item.event.id);
  message.items = {item.id};
  message.what = item.event;
  message.sequence = item.sequence;
  return message;
}

}  // namespace warder::ship
