#include "jail/alert_counter.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace warder::jail {
namespace {

// Keys and values are stored with events: bounded, printable, and hashed as they are stored.
constexpr std::size_t kLongestWord = 256;
// A window of two keeps one time, which is all that "within?" asks.
constexpr std::uint32_t kOnce = 2;

Tick ticks(std::chrono::microseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

std::string_view captured(const model::Finding& finding, std::string_view name) {
  const auto found = std::find_if(finding.captures.begin(), finding.captures.end(),
                                  [name](const auto& capture) { return capture.first == name; });
  return found == finding.captures.end() ? std::string_view{} : std::string_view(found->second);
}

// What the finding says about `name`; empty when nothing.
std::string word_of(const JailOptions& options, const model::Finding& finding,
                    std::string_view name) {
  if (name == kKeyAddress) {
    if (finding.without_address) {
      return {};
    }
    const net::Prefix& address = finding.address;
    return address.family() == net::Family::kIpv6 && address.length() > options.ipv6_prefix
               ? net::Prefix(address.address(), options.ipv6_prefix).to_string()
               : address.to_string();
  }
  if (name == kKeyHour) {
    const auto of_day = finding.time - std::chrono::floor<std::chrono::days>(finding.time);
    return fmt::format("{:02}", std::chrono::floor<std::chrono::hours>(of_day).count());
  }
  return util::printable(name == kKeyUser ? finding.user : captured(finding, name), kLongestWord);
}

// A jail whose findings only count for another one needs one place more: it asks how many there
// are, not whether the next one is the last.
WindowCounting window(const JailOptions& options) {
  return {options.maxretry + (options.trigger.empty() ? 0U : 1U), ticks(options.findtime)};
}

}  // namespace

AlertCounter::AlertCounter(const JailOptions& options, const HashKey& key)
    : options_(options),
      key_(key),
      paths_(Expected::paths(options.paths).value_or({})),
      networks_(Expected::networks(options.networks).value_or({})),
      counts_(window(options), ticks(options.findtime), options.sources),
      values_(WindowCounting(kOnce, ticks(options.findtime)), ticks(options.findtime),
              options.sources),
      quiet_(WindowCounting(kOnce, ticks(options.quiet)), ticks(options.quiet), options.sources) {
  if (options.learn) {
    first_.emplace(ticks(options.findtime), ticks(*options.learn), options.sources);
  }
}

std::uint64_t AlertCounter::hash(std::string_view text) const {
  return std::max<std::uint64_t>(siphash(key_, text), 1);
}

std::uint64_t AlertCounter::hash(std::string_view key, std::string_view value) const {
  return hash(fmt::format("{}:{}{}", key.size(), key, value));
}

bool AlertCounter::is_expected(const model::Finding& finding) const {
  if (options_.outside == Outside::kNone) {
    return false;
  }
  std::vector<std::string_view> identities;
  for (const std::string& name : options_.key) {
    const std::string_view value =
        name == kKeyUser ? std::string_view(finding.user) : captured(finding, name);
    if (!value.empty()) {
      identities.push_back(value);
    }
  }
  if (options_.outside == Outside::kPaths) {
    return paths_.allows_path(identities, captured(finding, "path"));
  }
  return finding.without_address || networks_.allows_address(identities, finding.address.address());
}

void AlertCounter::judge(const model::Finding& finding, Tick at, Decision& decision) {
  const auto ignore = [&decision](IgnoreReason why) {
    decision.kind = DecisionKind::kIgnored;
    decision.ignored = why;
  };
  decision.limit = options_.maxretry;
  if (!finding.without_address &&
      std::any_of(options_.ignoreip.begin(), options_.ignoreip.end(),
                  [&](const net::Prefix& known) { return known.contains(finding.address); })) {
    return ignore(IgnoreReason::kIgnoreip);
  }
  if (is_expected(finding)) {
    return ignore(IgnoreReason::kExpected);
  }
  for (const std::string& name : options_.key) {
    if (const std::string word = word_of(options_, finding, name); !word.empty()) {
      decision.key = fmt::format("{} {}", name, word);
      break;
    }
  }
  if (decision.key.empty()) {
    return ignore(IgnoreReason::kNoKey);
  }
  const std::uint64_t key = hash(decision.key);
  if (quiet_.count(key, at) > 0) {
    return ignore(IgnoreReason::kQuiet);
  }
  if (first_) {
    return judge_sight(*first_, finding, key, at, decision);
  }
  if (options_.trigger_pattern) {
    decision.count = counts_.count(key, at);
    if (finding.pattern == *options_.trigger_pattern) {
      if (decision.count < options_.maxretry) {
        return ignore(IgnoreReason::kExpected);
      }
      decision.kind = DecisionKind::kAlert;
      restore_alert(decision.key, at);
      return;
    }
  }
  if (!options_.distinct.empty()) {
    decision.value = word_of(options_, finding, options_.distinct);
    const std::uint64_t both = hash(decision.key, decision.value);
    if (values_.count(both, at) > 0) {
      return ignore(IgnoreReason::kSeen);
    }
    values_.add(both, at, 1, 1);
  }
  decision.count = counts_.add(key, at, options_.distinct.empty() ? finding.attempts : 1, 1).count;
  decision.kind = DecisionKind::kCounted;
  if (!options_.trigger_pattern && decision.count >= options_.maxretry) {
    decision.kind = DecisionKind::kAlert;
    restore_alert(decision.key, at);
  }
}

// Nothing is concluded from a value that is not there: some logs leave the field out.
void AlertCounter::judge_sight(FirstSight& first, const model::Finding& finding, std::uint64_t key,
                               Tick at, Decision& decision) {
  decision.limit = 1;
  decision.value = word_of(options_, finding, options_.distinct);
  if (decision.value.empty()) {
    decision.kind = DecisionKind::kIgnored;
    decision.ignored = IgnoreReason::kNoKey;
    return;
  }
  switch (first.see(key, hash(decision.key, decision.value), at)) {
    case FirstSight::Sight::kKnown:
      decision.kind = DecisionKind::kIgnored;
      decision.ignored = IgnoreReason::kSeen;
      return;
    case FirstSight::Sight::kNoted:
      decision.count = counts_.add(key, at, 1, 1).count;
      decision.kind = DecisionKind::kCounted;
      return;
    case FirstSight::Sight::kNew:
      decision.count = 1;
      decision.kind = DecisionKind::kAlert;
      restore_alert(decision.key, at);
  }
}

void AlertCounter::restore_finding(std::string_view key, std::string_view value, Tick at,
                                   std::uint32_t attempts) {
  if (first_) {
    if (!value.empty()) {
      first_->note(hash(key), hash(key, value), at);
    }
  } else if (!options_.distinct.empty()) {
    values_.add(hash(key, value), at, 1, 1);
  }
  counts_.add(hash(key), at, options_.distinct.empty() ? attempts : 1, 1);
}

void AlertCounter::restore_alert(std::string_view key, Tick at) {
  const std::uint64_t hashed = hash(key);
  counts_.erase(hashed);
  if (options_.quiet.count() > 0) {
    quiet_.add(hashed, at, 1, 1);
  }
}

void AlertCounter::take_over(const AlertCounter& old) {
  counts_.take_over(old.counts_);
  values_.take_over(old.values_);
  quiet_.take_over(old.quiet_);
  if (first_ && old.first_) {
    first_->take_over(*old.first_);
  }
}

void AlertCounter::sweep(Tick now, std::size_t part) {
  for (SourceTable* table : {&counts_, &values_, &quiet_}) {
    table->sweep(now, table->segments() / part + 1);
  }
  if (first_) {
    first_->sweep(now, part);
  }
}

std::uint32_t AlertCounter::count(std::string_view key, Tick now) const {
  return counts_.count(hash(key), now);
}

bool AlertCounter::is_quiet(std::string_view key, Tick now) const {
  return quiet_.count(hash(key), now) > 0;
}

}  // namespace warder::jail
