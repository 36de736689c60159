#include "engine/replay.h"

#include "engine/address_words.h"
#include "engine/history.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace warder::engine {
namespace {

constexpr std::size_t kTextKept = 240;
constexpr std::size_t kExpireAtOnce = 10'000;
// Addresses looked for in one line that tells of a login.
constexpr std::size_t kMostInLine = 8;

// Words of lines that tell of a login that worked (OpenSSH, PAM, Dovecot, Vaultwarden, Nextcloud
// and others write one of them). Without their first letter, which some write large.
constexpr std::array<std::string_view, 5> kSuccess{"ccepted ", "ogged in", "ession opened",
                                                   "uthenticated", "ogin: user="};

bool tells_of_success(std::string_view line) {
  return std::any_of(kSuccess.begin(), kSuccess.end(), [&](std::string_view word) {
    return line.find(word) != std::string_view::npos;
  });
}

// All time banned; empty: for ever.
struct Side {
  const ReplayedBan* first = nullptr;
  bool forever = false;
  std::chrono::microseconds time{0};
};

std::map<net::Prefix, Side> by_address(std::span<const ReplayedBan> bans) {
  std::map<net::Prefix, Side> sides;
  for (const ReplayedBan& ban : bans) {
    Side& side = sides[ban.address];
    if (side.first == nullptr) {
      side.first = &ban;
    }
    if (ban.end) {
      side.time += *ban.end - ban.start;
    } else {
      side.forever = true;
    }
  }
  return sides;
}

const ReplayedBan* covering(const net::Prefix& address, const std::map<net::Prefix, Side>& sides) {
  for (const auto& [prefix, side] : sides) {
    if (prefix != address && prefix.contains(address)) {
      return side.first;
    }
  }
  return nullptr;
}

std::optional<std::chrono::microseconds> time_of(const Side& side) {
  return side.forever ? std::nullopt : std::optional(side.time);
}

}  // namespace

std::string_view to_string(ReplayChange::Kind kind) {
  switch (kind) {
    case ReplayChange::Kind::kAdded:
      return "added";
    case ReplayChange::Kind::kRemoved:
      return "removed";
    case ReplayChange::Kind::kLonger:
      return "longer";
    case ReplayChange::Kind::kShorter:
      return "shorter";
    case ReplayChange::Kind::kSooner:
      return "sooner";
    case ReplayChange::Kind::kLater:
      break;
  }
  return "later";
}

std::vector<ReplayChange> compare(std::span<const ReplayedBan> before,
                                  std::span<const ReplayedBan> after) {
  using Kind = ReplayChange::Kind;
  const std::map<net::Prefix, Side> old_sides = by_address(before);
  const std::map<net::Prefix, Side> new_sides = by_address(after);
  std::vector<ReplayChange> changes;
  for (const auto& [address, old_side] : old_sides) {
    const auto found = new_sides.find(address);
    ReplayChange change;
    change.address = address;
    change.before = old_side.first;
    change.before_time = time_of(old_side);
    if (found == new_sides.end()) {
      change.kind = Kind::kRemoved;
      change.covered_by = covering(address, new_sides);
      changes.push_back(change);
      continue;
    }
    const Side& new_side = found->second;
    change.after = new_side.first;
    change.after_time = time_of(new_side);
    // For ever is longer than any time.
    const auto old_length = std::pair(
        old_side.forever, old_side.forever ? std::chrono::microseconds(0) : old_side.time);
    const auto new_length = std::pair(
        new_side.forever, new_side.forever ? std::chrono::microseconds(0) : new_side.time);
    if (old_length != new_length) {
      change.kind = new_length > old_length ? Kind::kLonger : Kind::kShorter;
    } else if (change.before->start != change.after->start) {
      change.kind = change.after->start < change.before->start ? Kind::kSooner : Kind::kLater;
    } else {
      continue;
    }
    changes.push_back(change);
  }
  for (const auto& [address, side] : new_sides) {
    if (!old_sides.contains(address)) {
      ReplayChange change;
      change.address = address;
      change.after = side.first;
      change.after_time = time_of(side);
      change.covered_by = covering(address, old_sides);
      changes.push_back(change);
    }
  }
  const auto start = [](const ReplayChange& change) {
    return change.after != nullptr ? change.after->start : change.before->start;
  };
  std::stable_sort(changes.begin(), changes.end(),
                   [&](const ReplayChange& a, const ReplayChange& b) {
                     return std::tuple(a.kind, start(a)) < std::tuple(b.kind, start(b));
                   });
  return changes;
}

std::vector<Innocent> innocents(const ReplayReport& report, std::uint32_t maxretry) {
  std::vector<Innocent> found;
  for (const auto& [address, seen] : report.addresses) {
    if (seen.bans > 0 && (seen.successes > 0 || seen.findings <= maxretry)) {
      found.push_back({address, seen});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Innocent& a, const Innocent& b) {
    return std::tuple(b.seen.successes, a.seen.findings) <
           std::tuple(a.seen.successes, b.seen.findings);
  });
  return found;
}

util::Result<std::unique_ptr<Replay>> Replay::create(const CompiledJail& jail,
                                                     const filter::MatcherOptions& matcher,
                                                     std::vector<net::Prefix> never_ban,
                                                     util::WallTime now) {
  filter::MatcherOptions options = matcher;
  options.lines = jail.lines;
  WARDER_ASSIGN_OR_RETURN(auto built, filter::Matcher::build({jail.filter}, std::move(options)));
  built->set_reading(filter::Reading::kCatchUp);
  std::unique_ptr<Replay> replay(new Replay(std::move(built), now));
  jail::JailContext context;
  // The key only has to be unknown to those who write the log while it is judged; a fixed one makes
  // the random part of ban times repeatable.
  context.key = jail::HashKey{};
  context.bans = &replay->bans_;
  context.offenders = &replay->offenders_;
  WARDER_ASSIGN_OR_RETURN(jail::Jail made, jail::Jail::create(jail.options, context));
  replay->jail_ = std::make_unique<jail::Jail>(std::move(made));
  replay->jail_->set_host_addresses({{}, matcher.trusted_proxies, std::move(never_ban)});
  return replay;
}

Replay::Replay(std::unique_ptr<filter::Matcher> matcher, util::WallTime now)
    : matcher_(std::move(matcher)),
      now_(now),
      bans_(jail::HashKey{}),
      offenders_(jail::HashKey{}) {}

void Replay::begin_log(std::string name) {
  log_ = std::move(name);
  line_ = 0;
}

void Replay::on_line(const model::Line& line) {
  ++report_.lines;
  ++line_;
  offset_ = line.offset;
  found_ = false;
  matcher_->match(line, now_, *this);
  if (!found_ && tells_of_success(line.text)) {
    note_success(line.text);
  }
}

void Replay::on_finding(std::size_t, model::Finding&& finding) {
  found_ = true;
  if (!finding.identifier.empty()) {
    ++report_.findings;
    ++report_.named;  // what a name meant then is not known now
    return;
  }
  if (!finding.time_from_line) {
    if (!time_) {
      ++report_.findings;
      ++report_.undated;
      return;
    }
    finding.time = *time_;
  }
  judge(finding);
}

void Replay::on_stored(const store::StoredEvent& stored) {
  const model::Event& event = stored.event;
  if (event.kind != model::EventKind::kFinding || !event.address) {
    return;
  }
  model::Finding finding;
  finding.address = *event.address;
  finding.time = event.time;
  finding.time_from_line = true;
  finding.attempts = event.line ? event.line->attempts : 1;
  finding.text = event.message;
  line_ = 0;
  offset_ = 0;
  log_.clear();
  if (event.line) {
    log_ = event.line->log;
    offset_ = event.line->at;
  }
  judge(finding);
}

void Replay::judge(const model::Finding& finding) {
  ++report_.findings;
  report_.first = std::min(report_.first.value_or(finding.time), finding.time);
  report_.last = std::max(report_.last.value_or(finding.time), finding.time);
  if (!time_ || finding.time > *time_) {
    time_ = finding.time;
    bans_.expire(finding.time, kExpireAtOnce, [](const jail::ActiveBan&) {});
    jail_->tick(finding.time);
  }
  if (finding.without_address) {
    return;
  }
  if (ReplayReport::Address* address = address_of(finding.address)) {
    ++address->findings;
  }
  const jail::Decision decision = jail_->on_finding(finding, time_.value_or(finding.time));
  using jail::DecisionKind;
  if (decision.kind == DecisionKind::kIgnored) {
    ++report_.ignored;
  } else if (decision.kind == DecisionKind::kAlreadyBanned) {
    ++report_.prevented;
  }
  // A ban that would be over by now is one all the same.
  if (!decision.ban ||
      (decision.kind != DecisionKind::kBan && decision.kind != DecisionKind::kWouldBan &&
       decision.kind != DecisionKind::kBanOver)) {
    return;
  }
  if (ReplayReport::Address* address = address_of(finding.address)) {
    ++address->bans;
  }
  if (report_.bans.size() == kMostBans) {
    ++report_.bans_left_out;
    return;
  }
  const model::Ban& ban = *decision.ban;
  report_.bans.push_back({ban.address, ban.start, ban.end, ban.count, ban.reason, log_, line_,
                          offset_, finding.text.substr(0, kTextKept)});
}

void Replay::note_success(std::string_view line) {
  std::size_t found = 0;
  for_each_address(line, [&](const net::IpAddress& address) {
    if (ReplayReport::Address* seen = address_of(net::Prefix(address))) {
      ++seen->successes;
    }
    return ++found < kMostInLine;
  });
}

ReplayReport::Address* Replay::address_of(const net::Prefix& address) {
  const auto known = report_.addresses.find(address);
  if (known != report_.addresses.end()) {
    return &known->second;
  }
  return report_.addresses.size() < kMostAddresses ? &report_.addresses[address] : nullptr;
}

}  // namespace warder::engine
