#include "migrate/compare.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace warder::migrate {

std::string_view to_string(Agreement agreement) {
  switch (agreement) {
    case Agreement::kEqual:
      return "equal";
    case Agreement::kOtherTime:
      return "other time";
    case Agreement::kOnlyFail2ban:
      return "only fail2ban";
    case Agreement::kOnlyWarder:
      return "only warder";
  }
  return "equal";
}

Comparator::Comparator(CompareOptions options, OnComparison on_comparison)
    : options_(options), on_comparison_(std::move(on_comparison)) {}

void Comparator::add(SeenBan ban, std::size_t side) {
  Waiting& waiting = waiting_[{ban.jail, ban.address}];
  std::deque<WaitingBan>& others = waiting.bans[1 - side];
  const auto apart = [&](const WaitingBan& waits) {
    const SeenBan& other = waits.ban;
    // Two stretches of time that may be points.
    const util::WallTime ban_first = ban.earliest.value_or(ban.time);
    const util::WallTime other_first = other.earliest.value_or(other.time);
    return std::max(
        {util::WallTime::duration::zero(), ban_first - other.time, other_first - ban.time});
  };
  // The nearest of those that wait.
  const auto nearest =
      std::min_element(others.begin(), others.end(),
                       [&](const auto& a, const auto& b) { return apart(a) < apart(b); });
  if (nearest == others.end() || apart(*nearest) > options_.patience) {
    if (waiting_bans_ >= options_.most_waiting) {
      ++counts_[ban.jail].forgotten;
      return;
    }
    ++waiting_bans_;
    const util::WallTime since = std::max(ban.time, now_);
    waiting.bans[side].push_back({std::move(ban), since});
    return;
  }
  const SeenBan& fail2ban = side == 0 ? ban : nearest->ban;
  const SeenBan& warder = side == 0 ? nearest->ban : ban;
  Comparison comparison;
  comparison.agreement =
      apart(*nearest) <= options_.tolerance ? Agreement::kEqual : Agreement::kOtherTime;
  comparison.jail = ban.jail;
  comparison.address = ban.address;
  comparison.fail2ban = fail2ban.time;
  comparison.warder = warder.time;
  comparison.lines = warder.lines.empty() ? fail2ban.lines : warder.lines;
  CompareCounts& counts = counts_[ban.jail];
  ++(comparison.agreement == Agreement::kEqual ? counts.equal : counts.other_time);
  others.erase(nearest);
  --waiting_bans_;
  on_comparison_(comparison);
}

void Comparator::tell_alone(const SeenBan& ban, std::size_t side) {
  Comparison comparison;
  comparison.agreement = side == 0 ? Agreement::kOnlyFail2ban : Agreement::kOnlyWarder;
  comparison.jail = ban.jail;
  comparison.address = ban.address;
  (side == 0 ? comparison.fail2ban : comparison.warder) = ban.time;
  comparison.lines = ban.lines;
  CompareCounts& counts = counts_[ban.jail];
  ++(side == 0 ? counts.only_fail2ban : counts.only_warder);
  on_comparison_(comparison);
}

void Comparator::advance(util::WallTime now) {
  now_ = now;
  give_up_before(now - options_.patience);
}

void Comparator::finish() { give_up_before(util::WallTime::max()); }

void Comparator::give_up_before(util::WallTime time) {
  std::vector<std::pair<SeenBan, std::size_t>> alone;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    bool empty = true;
    for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
      std::deque<WaitingBan>& bans = at->second.bans[side];
      for (auto ban = bans.begin(); ban != bans.end();) {
        if (ban->since < time) {
          alone.emplace_back(std::move(ban->ban), side);
          ban = bans.erase(ban);
          --waiting_bans_;
        } else {
          ++ban;
        }
      }
      empty = empty && bans.empty();
    }
    at = empty ? waiting_.erase(at) : std::next(at);
  }
  std::stable_sort(alone.begin(), alone.end(),
                   [](const auto& a, const auto& b) { return a.first.time < b.first.time; });
  for (const auto& [ban, side] : alone) {
    tell_alone(ban, side);
  }
}

CompareCounts Comparator::total() const {
  CompareCounts total;
  for (const auto& [jail, counts] : counts_) {
    total.equal += counts.equal;
    total.other_time += counts.other_time;
    total.only_fail2ban += counts.only_fail2ban;
    total.only_warder += counts.only_warder;
    total.forgotten += counts.forgotten;
  }
  return total;
}

}  // namespace warder::migrate
