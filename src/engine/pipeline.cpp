#include "engine/pipeline.h"

#include "engine/event_ids.h"
#include "engine/history.h"
#include "log/log.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::engine {
namespace {

// Bans that end in one call of tick(), so that a million ending at once do not hold up the lines.
constexpr std::size_t kExpireAtOnce = 10'000;

using WhenFull = Recorder::WhenFull;

constexpr std::string_view kTimeOver = "its time is over";
constexpr std::string_view kJailGone = "its jail is no longer enabled";

}  // namespace

Pipeline::Pipeline(const jail::HashKey& key, firewall::Firewall& firewall, Recorder& recorder,
                   Notices& notices, const util::Clock& clock)
    : key_(key),
      recorder_(recorder),
      notices_(notices),
      clock_(clock),
      bans_(key),
      offenders_(key),
      firewall_(firewall, bans_, recorder, clock) {}

util::Status Pipeline::use(std::shared_ptr<const JailSet> set) {
  const bool count_offenders =
      std::any_of(set->jails.begin(), set->jails.end(), [](const CompiledJail& jail) {
        return jail.options.increment.enabled && jail.options.increment.overalljails;
      });
  // A name keeps its index for the life of the process: bans are held by index.
  std::vector<std::pair<jail::JailIndex, jail::Jail>> made;
  std::vector<std::string> names;
  for (const Slot& slot : slots_) {
    names.push_back(slot.name);
  }
  for (const CompiledJail& compiled : set->jails) {
    auto known = std::find(names.begin(), names.end(), compiled.options.name);
    if (known == names.end()) {
      known = names.insert(names.end(), compiled.options.name);
    }
    const auto index = static_cast<jail::JailIndex>(known - names.begin());
    auto jail = jail::Jail::create(compiled.options, context_of(index, count_offenders));
    if (!jail) {
      return jail.error().with_context(fmt::format("jail {}", compiled.options.name));
    }
    made.emplace_back(index, std::move(*jail));
  }

  // From here on nothing fails.
  count_offenders_ = count_offenders;
  std::vector<std::optional<jail::Jail>> old;
  for (Slot& slot : slots_) {
    old.push_back(std::exchange(slot.jail, std::nullopt));
    slot.filter = nullptr;
  }
  old.resize(names.size());
  for (std::size_t i = slots_.size(); i < names.size(); ++i) {
    slots_.push_back(Slot{names[i], std::nullopt, nullptr, {}});
  }
  std::vector<std::optional<firewall::Scope>> scopes(slots_.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    auto& [index, jail] = made[i];
    if (old[index]) {
      jail.adopt(std::move(*old[index]));
    }
    slots_[index].jail = std::move(jail);
    slots_[index].filter = set->jails[i].filter;
    slots_[index].lines = set->jails[i].lines;
    scopes[index] = set->jails[i].scope;
  }
  set_ = std::move(set);
  programs_.clear();
  logs_.clear();
  set_own_addresses(own_addresses_);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto index = static_cast<jail::JailIndex>(i);
    if (!slots_[i].jail && bans_.size(index) > 0) {
      bans_.remove_jail(index, [&](const jail::ActiveBan& ban) {
        record_end({slots_[index].name, ban.address, ban.end}, clock_.now(), store::BanEnd::kLifted,
                   kJailGone, WhenFull::kDrop);
      });
    }
  }
  firewall_.use_scopes(scopes);
  return {};
}

void Pipeline::set_own_addresses(std::vector<net::Prefix> addresses) {
  own_addresses_ = std::move(addresses);
  const jail::HostAddresses host{own_addresses_, set_->matcher.trusted_proxies, set_->never_ban};
  for (Slot& slot : slots_) {
    if (slot.jail) {
      slot.jail->set_host_addresses(host);
    }
  }
}

jail::JailContext Pipeline::context_of(jail::JailIndex index, bool count_offenders) {
  jail::JailContext context;
  context.index = index;
  context.key = key_;
  context.bans = &bans_;
  context.offenders = &offenders_;
  context.count_offenders = count_offenders;
  return context;
}

util::Status Pipeline::load(store::Reader& reader) {
  const util::WallTime now = clock_.now();
  // The jails begin anew: what they counted is in the history, or will be judged again.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].jail) {
      WARDER_ASSIGN_OR_RETURN(
          slots_[i].jail,
          jail::Jail::create(slots_[i].jail->options(),
                             context_of(static_cast<jail::JailIndex>(i), count_offenders_)));
    }
  }
  set_own_addresses(own_addresses_);
  std::map<std::string, jail::JailIndex, std::less<>> indexes;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].jail) {
      indexes.emplace(slots_[i].name, static_cast<jail::JailIndex>(i));
    }
  }
  bans_ = jail::BanTable(key_);
  offenders_ = jail::OffenderTable(key_);
  std::uint64_t restored = 0;
  std::uint64_t orphans = 0;
  std::map<std::string, std::vector<EndedBan>, std::less<>> ended;
  WARDER_RETURN_IF_ERROR(reader.active_bans(util::WallTime{}, [&](const model::Ban& ban) {
    if (ban.end && *ban.end <= now) {
      // It ended while the agent was away: nobody recorded that yet.
      record_end({ban.jail, ban.address, ban.end}, *ban.end, store::BanEnd::kExpired, kTimeOver,
                 WhenFull::kDrop);
      ended[ban.jail].push_back({*ban.end, ban.address});
      return true;
    }
    const auto index = indexes.find(ban.jail);
    if (index == indexes.end()) {
      // Its jail was taken out of the configuration while the agent was away.
      ++orphans;
      record_end({ban.jail, ban.address, ban.end}, now, store::BanEnd::kLifted, kJailGone,
                 WhenFull::kDrop);
      return true;
    }
    const bool wide =
        !ban.address.is_single() &&
        ban.address.length() < (ban.address.address().is_v4()
                                    ? 32U
                                    : slots_[index->second].jail->options().ipv6_prefix);
    bans_.add({index->second, ban.address, ban.end, false, wide});
    ++restored;
    return true;
  }));
  WARDER_RETURN_IF_ERROR(reader.offenders(util::WallTime{}, [&](const store::Offender& offender) {
    if (const auto index = indexes.find(offender.jail); index != indexes.end()) {
      offenders_.set_history(index->second, offender.address, {offender.count, offender.start});
    }
    return true;
  }));
  for (Slot& slot : slots_) {
    if (slot.jail) {
      std::vector<EndedBan>& gone = ended[slot.name];
      std::sort(gone.begin(), gone.end());
      WARDER_RETURN_IF_ERROR(load_history(reader, *slot.jail, gone, now));
    }
  }
  if (restored > 0) {
    notices_.plain(model::EventKind::kRestore, model::Severity::kInfo,
                   fmt::format("{} bans are still running and stay in effect", restored));
  }
  if (orphans > 0) {
    log::notice("{} bans of jails that are no longer enabled were lifted", orphans);
  }
  return {};
}

util::Status Pipeline::load_history(store::Reader& reader, jail::Jail& jail,
                                    const std::vector<EndedBan>& ended, util::WallTime now) {
  store::EventFilter filter;
  filter.jail = jail.options().name;
  filter.since = now - jail.history_needed();
  filter.order = store::EventFilter::Order::kOldestFirst;
  filter.limit = std::size_t{1} << 40U;
  // The history does not hold these unbans yet: told to the jail where they belong in time.
  std::size_t next_ended = 0;
  const auto tell_ended = [&](util::WallTime until) {
    for (; next_ended < ended.size() && ended[next_ended].first <= until; ++next_ended) {
      jail.restore_unban(ended[next_ended].second);
    }
  };
  WARDER_RETURN_IF_ERROR(reader.events(filter, [&](const store::StoredEvent& stored) {
    const model::Event& event = stored.event;
    if (!event.address) {
      return true;
    }
    tell_ended(event.time);
    if (event.kind == model::EventKind::kFinding) {
      jail.restore_finding(*event.address, event.time, attempts_of(event));
    } else if (event.kind == model::EventKind::kBan || event.kind == model::EventKind::kWouldBan) {
      jail.restore_ban(ban_of(event));
    } else if (event.kind == model::EventKind::kUnban) {
      jail.restore_unban(*event.address);
    }
    return true;
  }));
  tell_ended(now);
  jail.restore_done();
  return {};
}

void Pipeline::begin(std::size_t index, const source::Source& source) {
  source_index_ = index;
  source_ = &source;
  now_ = clock_.now();
  if (logs_.size() <= index) {
    logs_.resize(index + 1);
  }
}

void Pipeline::set_reading(filter::Reading reading) {
  reading_ = reading;
  for (auto& [inputs, program] : programs_) {
    program.matcher->set_reading(reading);
  }
}

Pipeline::Program* Pipeline::program_for(const std::vector<std::uint32_t>& inputs) {
  if (const auto known = programs_.find(inputs); known != programs_.end()) {
    return &known->second;
  }
  Program program;
  std::vector<std::shared_ptr<const filter::Filter>> filters;
  filter::MatcherOptions options = set_->matcher;
  for (const std::uint32_t input : inputs) {
    const Slot& slot = slots_[input];
    if (slot.jail && slot.filter) {
      filters.push_back(slot.filter);
      options.lines_by_filter.push_back(slot.lines);
      program.jails.push_back(static_cast<jail::JailIndex>(input));
    }
  }
  if (filters.empty()) {
    return nullptr;
  }
  auto matcher = filter::Matcher::build(std::move(filters), std::move(options));
  if (!matcher) {
    // Each filter compiled alone; together they exceed what one search may use.
    notices_.plain(model::EventKind::kConfig, model::Severity::kCritical,
                   fmt::format("a log is not judged: {}", matcher.error().message()));
    return nullptr;
  }
  program.matcher = std::move(*matcher);
  program.matcher->set_reading(reading_);
  return &programs_.emplace(inputs, std::move(program)).first->second;
}

Pipeline::Log& Pipeline::log_of(std::uint32_t index) {
  auto& logs = logs_[source_index_];
  if (logs.size() <= index) {
    logs.resize(index + 1);
  }
  if (!logs[index]) {
    const source::LogInfo& info = source_->log_info(index);
    Log log;
    log.name = info.name;
    if (const Program* program = program_for(info.inputs)) {
      log.matcher = program->matcher.get();
      log.jails = &program->jails;
    }
    logs[index] = std::move(log);
  }
  return *logs[index];
}

void Pipeline::on_line(const model::Line& line) {
  ++lines_;
  const Log& log = log_of(line.log);
  if (log.matcher == nullptr) {
    return;
  }
  line_ = &line;
  log_ = &log;
  log.matcher->match(line, now_, *this);
}

void Pipeline::on_notice(const source::Notice& notice) { notices_.source(notice); }

void Pipeline::on_notice(std::size_t filter, const filter::Notice& notice) {
  notices_.filter(slots_[(*log_->jails)[filter]].name, notice);
}

void Pipeline::on_finding(std::size_t filter, model::Finding&& finding) {
  const jail::JailIndex index = (*log_->jails)[filter];
  jail::Jail& jail = *slots_[index].jail;
  const jail::Decision decision = jail.on_finding(finding, now_);
  using jail::DecisionKind;
  if (decision.kind == DecisionKind::kIgnored || decision.kind == DecisionKind::kAlreadyBanned) {
    // Counted by the jail, and told summed up: an address that may not be banned, or whose packets
    // were on the way when it was, must not fill the history.
    return;
  }
  model::Event event = finding_event(jail.options().name, finding, decision,
                                     {log_->name, line_->generation, line_->offset});
  const model::EventId cause = event.id;
  recorder_.event(std::move(event), WhenFull::kDrop);
  if (decision.kind == DecisionKind::kBan || decision.kind == DecisionKind::kWouldBan) {
    put_into_effect(index, decision, cause, line_->received, WhenFull::kDrop);
  }
}

void Pipeline::put_into_effect(jail::JailIndex index, const jail::Decision& decision,
                               const model::EventId& cause, util::WallTime received,
                               WhenFull when_full) {
  const model::Ban& ban = *decision.ban;
  if (decision.kind == jail::DecisionKind::kWouldBan) {
    log::notice("jail {}: would ban {} ({})", ban.jail, ban.address.to_string(),
                util::printable(ban.reason, 200));
    recorder_.event(ban_event(model::EventKind::kWouldBan, ban, cause), when_full);
    return;
  }
  firewall_.ban(index, ban.address, ban.end);
  pending_.push_back(
      {index, ban, ban_event(model::EventKind::kBan, ban, cause), received, when_full});
}

void Pipeline::flush() {
  firewall_.flush([this](std::size_t place, const std::optional<std::string>& refusal,
                         bool in_effect) { record_ban(place, refusal, in_effect); });
  pending_.clear();
}

void Pipeline::record_ban(std::size_t place, const std::optional<std::string>& refusal,
                          bool in_effect) {
  PendingBan& pending = pending_[place];
  if (refusal) {
    bans_.remove(pending.jail, pending.ban.address);
    notices_.plain(model::EventKind::kFirewall, model::Severity::kWarning,
                   fmt::format("jail {}: {}", pending.ban.jail, *refusal));
    return;
  }
  add_effect(&pending.event, in_effect, clock_.now() - pending.received);
  log::notice("jail {}: {}{}", pending.ban.jail, pending.event.message,
              in_effect ? "" : " (not in effect: the firewall is away)");
  recorder_.event(std::move(pending.event), pending.when_full);
  store::BanChange change;
  change.ban = std::move(pending.ban);
  recorder_.ban(std::move(change), pending.when_full);
}

void Pipeline::record_end(const EndingBan& ban, util::WallTime when, store::BanEnd how,
                          std::string_view why, WhenFull when_full) {
  store::BanChange change;
  change.action = store::BanChange::Action::kEnd;
  change.ban.jail = ban.jail;
  change.ban.address = ban.address;
  change.how = how;
  change.ended = when;
  recorder_.ban(std::move(change), when_full);
  recorder_.event(unban_event(ban.jail, ban.address, ban.end, when, why), when_full);
}

void Pipeline::tick() {
  const util::WallTime now = clock_.now();
  if (const auto step = clock_watch_.observe(now, clock_.monotonic())) {
    notices_.plain(
        model::EventKind::kAgent, model::Severity::kWarning,
        fmt::format("the clock was set by {}; counts and bans go on as if it had not been",
                    util::format_duration(*step)));
    bans_.clock_stepped(*step);
    for (Slot& slot : slots_) {
      if (slot.jail) {
        slot.jail->clock_stepped(*step);
      }
    }
  }
  bans_.expire(now, kExpireAtOnce, [&](const jail::ActiveBan& ban) {
    // The kernel's own clock has taken it out already.
    record_end({slots_[ban.jail].name, ban.address, ban.end}, ban.end.value_or(now),
               store::BanEnd::kExpired, kTimeOver, WhenFull::kDrop);
  });
  for (Slot& slot : slots_) {
    if (slot.jail) {
      slot.jail->tick(now);
      for (const jail::Notice& notice : slot.jail->take_notices(now)) {
        notices_.jail(slot.name, notice);
      }
    }
  }
}

std::chrono::milliseconds Pipeline::tick_interval() const {
  // Nothing counted and nothing banned: nothing to do, so no wake-up.
  for (const Slot& slot : slots_) {
    if (slot.jail && slot.jail->counters().sources > 0) {
      return std::chrono::seconds(1);
    }
  }
  return bans_.size() > 0 ? std::chrono::seconds(1) : std::chrono::seconds(0);
}

void Pipeline::finish() {
  const util::WallTime now = clock_.now();
  for (Slot& slot : slots_) {
    if (slot.jail) {
      for (const jail::Notice& notice : slot.jail->take_last_notices(now)) {
        notices_.jail(slot.name, notice);
      }
    }
  }
}

util::Status Pipeline::ban(std::string_view jail_name, const net::Prefix& address,
                           std::optional<std::chrono::seconds> duration) {
  const std::string_view name = jail_name.empty() ? std::string_view(kManualJail) : jail_name;
  const jail::Jail* jail = find(name);
  if (jail == nullptr) {
    return util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("no jail is named '{}'; warder status lists them", util::printable(name, 64)));
  }
  jail::Decision decision;
  decision.kind = jail::DecisionKind::kBan;
  model::Ban ban;
  ban.jail = name;
  ban.address = address;
  ban.start = clock_.now();
  ban.reason = "by an operator";
  if (!duration) {
    if (jail->options().bantime) {
      ban.end = ban.start + *jail->options().bantime;
    }
  } else if (duration->count() >= 0) {
    ban.end = ban.start + *duration;
  }
  const auto added = bans_.add({jail->index(), address, ban.end, false, false});
  if (added == jail::BanTable::Added::kFull) {
    return util::Error(util::ErrorCode::kUnavailable,
                       fmt::format("all {} places for bans are taken", bans_.capacity()));
  }
  if (added == jail::BanTable::Added::kUnchanged) {
    // It is banned for longer already; the history must not say that it became shorter.
    ban.end = bans_.find(jail->index(), address)->end;
  }
  decision.ban = ban;
  put_into_effect(jail->index(), decision, random_event_id(), ban.start, WhenFull::kHold);
  // Operators are told at once when the firewall refuses.
  std::optional<std::string> refused;
  firewall_.flush(
      [&](std::size_t place, const std::optional<std::string>& refusal, bool in_effect) {
        if (place + 1 == pending_.size()) {
          refused = refusal;
        }
        record_ban(place, refusal, in_effect);
      });
  pending_.clear();
  if (refused) {
    return util::Error(util::ErrorCode::kDenied, *refused);
  }
  return {};
}

util::Result<std::size_t> Pipeline::unban(std::string_view jail_name, const net::Prefix& address) {
  if (!jail_name.empty() && find(jail_name) == nullptr) {
    return util::Error(util::ErrorCode::kNotFound,
                       fmt::format("no jail is named '{}'; warder status lists them",
                                   util::printable(jail_name, 64)));
  }
  // Everything that lies in the given prefix, and what covers a single address: the operator wants
  // it to be reachable again.
  std::vector<jail::ActiveBan> found;
  if (address.is_single() || address.length() == 64) {
    found = bans_.all_covering(address);
  }
  bans_.for_each([&](const jail::ActiveBan& ban) {
    if (address.contains(ban.address) &&
        std::find(found.begin(), found.end(), ban) == found.end()) {
      found.push_back(ban);
    }
  });
  std::size_t lifted = 0;
  for (const jail::ActiveBan& ban : found) {
    Slot& slot = slots_[ban.jail];
    if (!jail_name.empty() && slot.name != jail_name) {
      continue;
    }
    bans_.remove(ban.jail, ban.address);
    if (slot.jail) {
      slot.jail->forget(ban.address);
    }
    if (!ban.observed) {
      firewall_.lifted(ban.jail, ban.address);
    }
    record_end({slot.name, ban.address, ban.end}, clock_.now(), store::BanEnd::kLifted,
               "lifted by an operator", WhenFull::kHold);
    log::notice("jail {}: {} unbanned by an operator", slot.name, ban.address.to_string());
    ++lifted;
  }
  flush();
  return lifted;
}

void Pipeline::record_all_bans() {
  const util::WallTime now = clock_.now();
  bans_.for_each([&](const jail::ActiveBan& active) {
    if (active.observed) {
      return;
    }
    store::BanChange change;
    change.ban.jail = slots_[active.jail].name;
    change.ban.address = active.address;
    change.ban.start = now;
    change.ban.end = active.end;
    change.ban.reason = "taken over from the kernel after the database was damaged";
    recorder_.ban(std::move(change), WhenFull::kHold);
  });
}

std::vector<const jail::Jail*> Pipeline::jails() const {
  std::vector<const jail::Jail*> all;
  for (const Slot& slot : slots_) {
    if (slot.jail) {
      all.push_back(&*slot.jail);
    }
  }
  return all;
}

const jail::Jail* Pipeline::find(std::string_view name) const {
  for (const Slot& slot : slots_) {
    if (slot.jail && slot.name == name) {
      return &*slot.jail;
    }
  }
  return nullptr;
}

std::string_view Pipeline::name_of(jail::JailIndex index) const { return slots_[index].name; }

}  // namespace warder::engine
