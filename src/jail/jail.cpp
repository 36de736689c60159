#include "jail/jail.h"

#include "jail/alert_counter.h"
#include "jail/ban_time.h"
#include "jail/density_table.h"
#include "jail/never_ban.h"
#include "jail/notice_book.h"
#include "jail/source_table.h"
#include "jail/steady_time.h"
#include "jail/validate.h"
#include "jail/widening.h"
#include "util/duration.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <optional>
#include <unordered_map>
#include <utility>

namespace warder::jail {
namespace {

// A subnet that a filter captured from a log is not believed when it is wider than this.
constexpr unsigned kWidestCapturedV4 = 16;
constexpr unsigned kWidestCapturedV6 = 32;
// Wider prefixes are watched for density in proportion to the sources.
constexpr std::size_t kSourcesPerWidePrefix = 16;
// tick() looks at this part of each table.
constexpr std::size_t kTicksPerSweep = 16;
constexpr std::size_t kMostReplayedBans = 100'000;

Tick ticks(std::chrono::microseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

SourceTable::Counting counting_of(const JailOptions& options) {
  if (options.counting == Counting::kCompat) {
    return RateCounting(ticks(options.findtime));
  }
  return WindowCounting(options.maxretry, ticks(options.findtime));
}

// SplitMix64 (Steele, Lea and Flood, 2014): spreads rndtime, seeded with the secret key.
double next_random(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1p-53;
}

}  // namespace

struct Jail::Impl {
  Impl(JailOptions jail_options, const JailContext& jail_context, BanTime time_rule)
      : options(std::move(jail_options)),
        context(jail_context),
        ban_time(std::move(time_rule)),
        findtime(ticks(options.findtime)),
        steps_v4(steps_of(32, options.ipv4_widen)),
        steps_v6(steps_of(options.ipv6_prefix, options.ipv6_widen)),
        sources(counting_of(options), findtime, options.sources),
        density(findtime, std::max<std::size_t>(options.sources / kSourcesPerWidePrefix, 100)),
        notices(options.name),
        random_state(siphash(context.key, options.name)) {
    if (options.outcome == Outcome::kAlert) {
      alerts.emplace(options, context.key);
    }
  }

  JailOptions options;
  JailContext context;
  BanTime ban_time;
  Tick findtime;
  std::vector<Step> steps_v4;
  std::vector<Step> steps_v6;
  SourceTable sources;
  DensityTable density;
  std::optional<AlertCounter> alerts;  // in place of `sources`, in a jail that alerts
  NeverBan never_ban;
  std::vector<net::Prefix> proxies;
  SteadyTime time;
  NoticeBook notices;
  OneAddressWatch one_address;
  std::uint64_t random_state;
  JailCounters counters;
  std::uint64_t evicted_before = 0;  // by the tables of the jails this one replaced
  std::uint64_t evicted_told = 0;
  // Only between create() and restore_done(): until when a prefix was banned, by its hash.
  std::unordered_map<std::uint64_t, Tick> replayed_bans;

  std::uint64_t hash(const net::Prefix& prefix) const {
    return std::max<std::uint64_t>(hash_prefix(context.key, prefix), 1);
  }
  const std::vector<Step>& steps(const net::Prefix& prefix) const {
    return prefix.family() == net::Family::kIpv4 ? steps_v4 : steps_v6;
  }
  std::uint64_t evicted() const {
    return evicted_before + (alerts ? alerts->evicted() : sources.evicted());
  }

  // What is counted as one. A network that holds somebody who is never banned falls apart into
  // single addresses.
  net::Prefix source_of(const net::Prefix& address) const {
    if (address.family() == net::Family::kIpv6 && address.length() > options.ipv6_prefix) {
      const net::Prefix network(address.address(), options.ipv6_prefix);
      return never_ban.touches(network) ? address : network;
    }
    return address;
  }

  IgnoreReason ignore_reason(const net::Prefix& address) const {
    if (address.is_single()) {
      return never_ban.reason(address);
    }
    const unsigned widest =
        address.family() == net::Family::kIpv4 ? kWidestCapturedV4 : kWidestCapturedV6;
    if (address.length() < widest) {
      return IgnoreReason::kUnbannable;
    }
    return never_ban.hit_by(address);
  }

  std::optional<OffenderTable::History> history(const net::Prefix& address) const {
    return options.increment.overalljails ? context.offenders->find_overall(address)
                                          : context.offenders->find(context.index, address);
  }

  std::uint32_t weight(const net::Prefix& source, util::WallTime time_of_finding) const {
    if (options.counting != Counting::kCompat || !options.increment.enabled) {
      return 1;
    }
    const auto known = history(source);
    if (!known || std::chrono::floor<std::chrono::seconds>(time_of_finding) <= known->last) {
      return 1;
    }
    return known_offender_weight(known->count, options.maxretry);
  }

  // A ban that is about to be made.
  struct Candidate {
    net::Prefix address;
    bool wide = false;
    std::uint32_t count = 0;
    std::uint32_t limit = 0;
    std::string reason;
  };

  // May this prefix be banned as a whole? Counts the refusals that the cost cap causes.
  bool may_widen(const net::Prefix& wide, Tick now) {
    if (never_ban.touches(wide)) {
      return false;
    }
    if (context.bans->wide(context.index) >= options.widen_limit) {
      ++counters.widening_capped;
      notices.happened(NoticeKind::kWideningCapped, now);
      return false;
    }
    return true;
  }

  // Counts the finding for each wider prefix; calls dense(step, prefix, density) for those in which
  // enough failures came from enough children, whose count then begins anew.
  template <typename Dense>
  void add_density(const net::Prefix& source, Tick at, std::uint32_t attempts, Dense dense) {
    for (const Step& step : steps(source)) {
      if (step.length >= source.length()) {
        continue;
      }
      const net::Prefix wide(source.address(), step.length);
      const std::uint64_t key = hash(wide);
      const DensityTable::Density found =
          density.add(key, child_of(context.key, source.address(), step), at, attempts);
      if (found.children >= step.children && found.failures >= step.children * options.maxretry) {
        density.erase(key);
        dense(step, wide, found);
      }
    }
  }

  // The wider prefix whose children are banned in sufficient number, the new one included.
  void widen_by_bans(Candidate& candidate, util::WallTime now, Tick tick) {
    for (const Step& step : steps(candidate.address)) {
      if (step.child_length != candidate.address.length()) {
        continue;
      }
      const net::Prefix wide(candidate.address.address(), step.length);
      const auto others = static_cast<std::uint32_t>(step.children - 1);
      if (banned_children(*context.bans, context.index, wide, step, others, now) < others ||
          !may_widen(wide, tick)) {
        return;
      }
      candidate = {wide, true, step.children, step.children,
                   fmt::format("{} of its {} are banned", step.children, children_name(step))};
    }
  }

  static std::string children_name(const Step& step) {
    return step.child_length == 32 || step.child_length == 128
               ? "addresses"
               : fmt::format("/{} networks", step.child_length);
  }

  Decision on_finding(const model::Finding& finding, util::WallTime now);
  void judge_alert(const model::Finding& finding, Tick at, Decision& decision);
  Decision decide(Decision decision, Candidate candidate, Tick last, util::WallTime now);
  void restore_finding(const net::Prefix& address, util::WallTime when, std::uint32_t attempts);
  bool in_replayed_ban(const net::Prefix& source, Tick at) const;
};

Decision Jail::Impl::on_finding(const model::Finding& finding, util::WallTime now) {
  ++counters.findings;
  const Tick tick = time.now(now);
  Tick at = time.to_tick(finding.time);
  Decision decision;
  decision.limit = options.maxretry;
  decision.time = finding.time;
  if (at > tick) {
    ++counters.future_clamped;
    at = tick;
    decision.time = now;
  }
  if (options.outcome != Outcome::kBan) {
    judge_alert(finding, at, decision);
    return decision;
  }
  if (finding.without_address) {
    decision.ignored = IgnoreReason::kNoAddress;
    ++counters.ignored;
    return decision;
  }
  if (auto notice = one_address.observe(options.name, finding.address, proxies, tick)) {
    notices.tell(std::move(*notice));
  }
  decision.source = source_of(finding.address);

  decision.ignored = ignore_reason(finding.address);
  if (decision.ignored != IgnoreReason::kNone) {
    ++counters.ignored;
    notices.ignored(finding.address, decision.ignored, tick);
    return decision;
  }
  if (at < tick - findtime) {
    decision.ignored = IgnoreReason::kTooOld;
    ++counters.ignored;
    notices.happened(NoticeKind::kTooOld, tick);
    return decision;
  }
  if (const auto ban = context.bans->covering(context.index, decision.source, now);
      ban && (options.observe || !ban->observed)) {
    ++counters.already_banned;
    decision.kind = DecisionKind::kAlreadyBanned;
    decision.ban = model::Ban{options.name, ban->address, {}, ban->end, 1, {}};
    return decision;
  }

  const std::uint64_t key = hash(decision.source);
  const Tally tally =
      sources.add(key, at, finding.attempts, weight(decision.source, decision.time));
  std::optional<Candidate> candidate;
  if (tally.count >= options.maxretry) {
    sources.erase(key);
    candidate = Candidate{
        decision.source, false, tally.count, options.maxretry,
        fmt::format("{} findings in {}", tally.count, util::format_duration(options.findtime))};
  }
  add_density(decision.source, at, finding.attempts,
              [&](const Step& step, const net::Prefix& wide, const DensityTable::Density& found) {
                if (may_widen(wide, tick)) {
                  candidate =
                      Candidate{wide, true, found.failures, step.children * options.maxretry,
                                fmt::format("{} findings from {} of its {} in {}", found.failures,
                                            found.children, children_name(step),
                                            util::format_duration(options.findtime))};
                }
              });
  if (!candidate) {
    ++counters.counted;
    decision.kind = DecisionKind::kCounted;
    decision.count = tally.count;
    return decision;
  }
  widen_by_bans(*candidate, now, tick);
  return decide(std::move(decision), std::move(*candidate), tally.last, now);
}

// However old the finding is: an alert that comes late is better than none, and the window is that
// of the lines' own times.
void Jail::Impl::judge_alert(const model::Finding& finding, Tick at, Decision& decision) {
  if (options.outcome == Outcome::kReread) {
    decision.kind = DecisionKind::kReread;
    ++counters.counted;
    return;
  }
  alerts->judge(finding, at, decision);
  switch (decision.kind) {
    case DecisionKind::kAlert:
      ++counters.alerts;
      break;
    case DecisionKind::kCounted:
      ++counters.counted;
      break;
    default:
      ++(decision.ignored == IgnoreReason::kQuiet ? counters.quiet : counters.ignored);
  }
}

Decision Jail::Impl::decide(Decision decision, Candidate candidate, Tick last, util::WallTime now) {
  const auto known = history(candidate.address);
  const BanTime::Length length = ban_time.length(known, next_random(random_state));
  if (length.formula_failed) {
    notices.happened(NoticeKind::kBanTime, time.newest());
  }
  model::Ban ban;
  ban.jail = options.name;
  ban.address = candidate.address;
  ban.start = time.to_wall(last);
  if (length.time) {
    // Whole seconds, so that table, kernel and store hold the same end.
    ban.end = std::min<util::WallTime>(
        std::chrono::ceil<std::chrono::seconds>(ban.start + *length.time), kLatestEnd);
  }
  ban.count = known ? known->count + 1 : 1;
  ban.reason = std::move(candidate.reason);
  decision.count = candidate.count;
  decision.limit = candidate.limit;
  const bool over = ban.end && *ban.end <= now;
  if (over) {
    decision.kind = DecisionKind::kBanOver;
  } else if (context.bans->add({context.index, ban.address, ban.end, options.observe,
                                candidate.wide}) == BanTable::Added::kFull) {
    decision.kind = DecisionKind::kRefused;
    ++counters.refused;
    notices.happened(NoticeKind::kBanTableFull, time.newest());
  } else {
    decision.kind = options.observe ? DecisionKind::kWouldBan : DecisionKind::kBan;
    ++counters.bans;
    counters.wide_bans += candidate.wide ? 1 : 0;
    if (!options.observe && (options.increment.enabled || context.count_offenders)) {
      context.offenders->add(context.index, ban.address, ban.start);
    }
  }
  decision.ban = std::move(ban);
  return decision;
}

bool Jail::Impl::in_replayed_ban(const net::Prefix& source, Tick at) const {
  if (replayed_bans.empty()) {
    return false;
  }
  const auto banned = [&](const net::Prefix& prefix) {
    const auto found = replayed_bans.find(hash(prefix));
    return found != replayed_bans.end() && at < found->second;
  };
  const auto& wider = steps(source);
  return banned(source) || std::any_of(wider.begin(), wider.end(), [&](const Step& step) {
           return step.length < source.length() &&
                  banned(net::Prefix(source.address(), step.length));
         });
}

void Jail::Impl::restore_finding(const net::Prefix& address, util::WallTime when,
                                 std::uint32_t attempts) {
  const Tick at = time.restored(when);
  const net::Prefix source = source_of(address);
  if (ignore_reason(address) != IgnoreReason::kNone || in_replayed_ban(source, at)) {
    return;
  }
  const std::uint64_t key = hash(source);
  const Tally tally = sources.add(key, at, attempts, weight(source, when));
  if (tally.count >= options.maxretry) {
    sources.erase(key);
  }
  add_density(source, at, attempts, [](const auto&...) {});
}

util::Result<Jail> Jail::create(JailOptions options, const JailContext& context) {
  assert(context.bans != nullptr && context.offenders != nullptr);
  WARDER_RETURN_IF_ERROR(validate(options).with_context("jail " + options.name));
  WARDER_ASSIGN_OR_RETURN(
      BanTime ban_time,
      BanTime::create(options.bantime, options.increment).with_context("jail " + options.name));
  Jail jail(std::make_unique<Impl>(std::move(options), context, std::move(ban_time)));
  jail.set_host_addresses({});
  return jail;
}

Jail::Jail(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Jail::~Jail() = default;
Jail::Jail(Jail&&) noexcept = default;
Jail& Jail::operator=(Jail&&) noexcept = default;

void Jail::set_host_addresses(const HostAddresses& addresses) {
  HostAddresses ignored = addresses;
  if (!impl_->options.ignoreself) {
    ignored.own.clear();
  }
  impl_->never_ban = NeverBan(ignored, impl_->options.ignoreip);
  impl_->proxies = addresses.proxies;
}

Decision Jail::on_finding(const model::Finding& finding, util::WallTime now) {
  return impl_->on_finding(finding, now);
}

std::chrono::microseconds Jail::history_needed() const {
  const JailOptions& options = impl_->options;
  if (impl_->alerts) {
    return std::max(options.findtime * 2, options.quiet);
  }
  return options.findtime * (options.counting == Counting::kCompat ? 10 : 2);
}

void Jail::restore_finding(const net::Prefix& address, util::WallTime time,
                           std::uint32_t attempts) {
  impl_->restore_finding(address, time, attempts);
}

void Jail::restore_counted(std::string_view key, std::string_view value, util::WallTime time,
                           std::uint32_t attempts) {
  if (auto& alerts = impl_->alerts; alerts) {
    alerts->restore_finding(key, value, impl_->time.restored(time), attempts);
  }
}

void Jail::restore_alert(std::string_view key, util::WallTime time) {
  if (auto& alerts = impl_->alerts; alerts) {
    alerts->restore_alert(key, impl_->time.restored(time));
  }
}

void Jail::restore_ban(const model::Ban& ban) {
  const std::uint64_t key = impl_->hash(ban.address);
  impl_->sources.erase(key);
  impl_->density.erase(key);
  if (impl_->replayed_bans.size() < kMostReplayedBans) {
    impl_->replayed_bans[key] = ban.end ? impl_->time.to_tick(*ban.end) : kLatestTick;
  }
}

void Jail::restore_unban(const net::Prefix& address) {
  impl_->replayed_bans.erase(impl_->hash(address));
}

void Jail::restore_done() { impl_->replayed_bans = {}; }

void Jail::adopt(Jail&& old) {
  Impl& from = *old.impl_;
  impl_->time = from.time;
  impl_->counters = from.counters;
  impl_->evicted_before = from.evicted();
  impl_->evicted_told = from.evicted_told;
  impl_->notices = std::move(from.notices);
  impl_->one_address = from.one_address;
  impl_->sources.take_over(from.sources);
  impl_->density.take_over(from.density);
  if (auto& alerts = impl_->alerts; alerts && from.alerts) {
    alerts->take_over(*from.alerts);
  }
  old.impl_.reset();
}

void Jail::forget(const net::Prefix& address) {
  for (const net::Prefix& prefix : {address, impl_->source_of(address)}) {
    impl_->sources.erase(impl_->hash(prefix));
    impl_->density.erase(impl_->hash(prefix));
  }
}

void Jail::tick(util::WallTime now) {
  const Tick tick = impl_->time.now(now);
  impl_->sources.sweep(tick, impl_->sources.segments() / kTicksPerSweep + 1);
  impl_->density.sweep(tick, impl_->density.segments() / kTicksPerSweep + 1);
  if (auto& alerts = impl_->alerts; alerts) {
    alerts->sweep(tick, kTicksPerSweep);
  }
  if (const std::uint64_t news = impl_->evicted() - impl_->evicted_told; news > 0) {
    impl_->notices.happened(NoticeKind::kSourcesEvicted, tick, news);
    impl_->evicted_told += news;
  }
}

std::vector<Notice> Jail::take_notices(util::WallTime now) {
  return impl_->notices.take(impl_->time.now(now), false);
}

std::vector<Notice> Jail::take_last_notices(util::WallTime now) {
  tick(now);
  return impl_->notices.take(impl_->time.now(now), true);
}

void Jail::clock_stepped(std::chrono::microseconds by) { impl_->time.step(by); }

Jail::SourceState Jail::state(const net::Prefix& address, util::WallTime now) const {
  const net::Prefix source = impl_->source_of(address);
  return {source, impl_->sources.count(impl_->hash(source), impl_->time.to_tick(now)),
          impl_->options.maxretry};
}

Jail::KeyState Jail::key_state(std::string_view key, util::WallTime now) const {
  KeyState state{0, impl_->options.maxretry, false};
  if (const auto& alerts = impl_->alerts; alerts) {
    const Tick tick = impl_->time.to_tick(now);
    state.count = alerts->count(key, tick);
    state.quiet = alerts->is_quiet(key, tick);
  }
  return state;
}

const JailOptions& Jail::options() const { return impl_->options; }
JailIndex Jail::index() const { return impl_->context.index; }

JailCounters Jail::counters() const {
  JailCounters counters = impl_->counters;
  counters.sources_evicted = impl_->evicted();
  counters.sources = impl_->sources.size();
  counters.sources_capacity = impl_->sources.capacity();
  counters.memory = sizeof(Impl) + impl_->sources.memory() + impl_->density.memory();
  if (const auto& alerts = impl_->alerts; alerts) {
    counters.sources = alerts->keys();
    counters.sources_capacity = alerts->capacity();
    counters.memory += alerts->memory();
  }
  return counters;
}

}  // namespace warder::jail
