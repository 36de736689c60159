#include "engine/stored_state.h"

#include "engine/history.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace warder::engine {
namespace {

// A jail while its history is being told to it.
struct Listener {
  jail::Jail* jail = nullptr;
  jail::JailIndex index = 0;
  util::WallTime since{};
  // Bans that ended while the agent was away. The history does not hold these unbans yet: they are
  // told to the jail where they belong in time.
  std::vector<std::pair<util::WallTime, net::Prefix>> ended;
  std::size_t next_ended = 0;
  SeenEvents* seen = nullptr;

  void tell_ended(util::WallTime until) {
    for (; next_ended < ended.size() && ended[next_ended].first <= until; ++next_ended) {
      jail->restore_unban(ended[next_ended].second);
    }
  }
  void tell_counted(const model::Event& event) {
    const auto counted = counted_key(event);
    if (!counted) {
      return;
    }
    if (event.kind == model::EventKind::kFinding) {
      jail->restore_counted(counted->key, counted->value, event.time, counted->attempts);
    } else if (event.kind == model::EventKind::kAlert) {
      jail->restore_alert(counted->key, event.time);
    }
  }
  void tell(const model::Event& event) {
    tell_ended(event.time);
    if (event.kind == model::EventKind::kFinding && seen != nullptr) {
      seen->add(event.id);
    }
    if (jail->options().outcome != jail::Outcome::kBan) {
      tell_counted(event);
    } else if (!event.address) {
      return;  // of when the jail did something else
    } else if (event.kind == model::EventKind::kFinding) {
      jail->restore_finding(*event.address, event.time, event.line ? event.line->attempts : 1);
    } else if (event.kind == model::EventKind::kBan || event.kind == model::EventKind::kWouldBan) {
      jail->restore_ban(ban_of(event));
    } else if (event.kind == model::EventKind::kUnban) {
      jail->restore_unban(*event.address);
    }
  }
};

using Listeners = std::map<std::string, Listener, std::less<>>;

Listeners listeners_of(Jails& jails, util::WallTime now) {
  Listeners all;
  for (std::size_t i = 0; i < jails.slots().size(); ++i) {
    if (Jails::Slot& slot = jails.slots()[i]; slot.jail) {
      all[slot.name] = {
          &*slot.jail, static_cast<jail::JailIndex>(i), now - slot.jail->history_needed(), {}, 0,
          &slot.seen};
    }
  }
  return all;
}

util::Status load_bans(store::Reader& reader, Jails& jails, BanKeeper& keeper, util::WallTime now,
                       Listeners& listeners, LoadReport& report) {
  using WhenFull = Recorder::WhenFull;
  WARDER_ASSIGN_OR_RETURN(const store::Reader::BanCount bans, reader.count_bans());
  jails.bans().reserve(bans.ipv4, bans.ipv6);
  auto known = listeners.end();  // most rows are of the same jail as the one before
  return reader.active_bans(util::WallTime{}, [&](const model::Ban& ban) {
    if (known == listeners.end() || known->first != ban.jail) {
      known = listeners.find(ban.jail);
    }
    if (ban.end && *ban.end <= now) {
      // It ended while the agent was away: nobody recorded that yet.
      keeper.record_end(
          {ban.jail, ban.address, ban.end, *ban.end, store::BanEnd::kExpired, kTimeOver},
          WhenFull::kDrop);
      if (known != listeners.end()) {
        known->second.ended.emplace_back(*ban.end, ban.address);
      }
      return true;
    }
    if (known == listeners.end()) {
      // Its jail was taken out of the configuration while the agent was away.
      ++report.orphans;
      keeper.record_end({ban.jail, ban.address, ban.end, now, store::BanEnd::kLifted, kJailGone},
                        WhenFull::kDrop);
      return true;
    }
    const Listener& owner = known->second;
    const bool wide = !ban.address.is_single() &&
                      ban.address.length() <
                          (ban.address.address().is_v4() ? 32U : owner.jail->options().ipv6_prefix);
    jails.bans().add({owner.index, ban.address, ban.end, false, wide});
    ++report.running;
    return true;
  });
}

util::Status load_events(store::Reader& reader, Listeners& listeners) {
  store::EventFilter filter;
  for (const auto& [name, listener] : listeners) {
    filter.since = std::min(filter.since.value_or(listener.since), listener.since);
  }
  filter.order = store::EventFilter::Order::kOldestFirst;
  filter.limit = std::size_t{1} << 40U;
  return reader.events(filter, [&](const store::StoredEvent& stored) {
    const auto listener = listeners.find(stored.event.jail);
    if (listener != listeners.end() && stored.event.time >= listener->second.since) {
      listener->second.tell(stored.event);
    }
    return true;
  });
}

}  // namespace

util::Result<LoadReport> load_state(store::Reader& reader, Jails& jails, BanKeeper& keeper,
                                    util::WallTime now) {
  WARDER_RETURN_IF_ERROR(jails.begin_anew());
  LoadReport report;
  Listeners listeners = listeners_of(jails, now);
  WARDER_RETURN_IF_ERROR(load_bans(reader, jails, keeper, now, listeners, report));
  WARDER_RETURN_IF_ERROR(load_offenders(reader, jails.set(), jails));
  for (auto& [name, listener] : listeners) {
    std::sort(listener.ended.begin(), listener.ended.end());
  }
  WARDER_RETURN_IF_ERROR(load_events(reader, listeners));
  for (auto& [name, listener] : listeners) {
    listener.tell_ended(now);
    listener.jail->restore_done();
  }
  return report;
}

util::Status load_offenders(store::Reader& reader, const JailSet& set, Jails& jails) {
  if (!Jails::counts_offenders(set)) {
    return {};
  }
  const std::vector<jail::JailIndex> places = jails.places_of(set);
  std::map<std::string_view, jail::JailIndex> by_name;
  for (std::size_t i = 0; i < places.size(); ++i) {
    by_name.emplace(set.jails[i].options.name, places[i]);
  }
  return reader.offenders(util::WallTime{}, [&](const store::Offender& offender) {
    if (const auto jail = by_name.find(offender.jail); jail != by_name.end()) {
      jails.offenders().set_history(jail->second, offender.address,
                                    {offender.count, offender.start});
    }
    return true;
  });
}

}  // namespace warder::engine
