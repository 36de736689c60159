#include "engine/jails.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::engine {

util::Result<jail::Jail> Jails::make(const jail::JailOptions& options, std::size_t index,
                                     bool count_over_all) {
  jail::JailContext context;
  context.index = static_cast<jail::JailIndex>(index);
  context.key = key_;
  context.bans = &bans_;
  context.offenders = &offenders_;
  context.count_offenders = count_over_all;
  auto jail = jail::Jail::create(options, context);
  if (!jail) {
    return jail.error().with_context(fmt::format("jail {}", options.name));
  }
  return jail;
}

bool Jails::counts_offenders(const JailSet& set) {
  return std::any_of(set.jails.begin(), set.jails.end(), [](const CompiledJail& compiled) {
    return compiled.options.increment.enabled;
  });
}

std::vector<jail::JailIndex> Jails::places_of(const JailSet& set) const {
  std::vector<std::string_view> names;
  for (const Slot& slot : slots_) {
    names.push_back(slot.name);
  }
  std::vector<jail::JailIndex> places;
  for (const CompiledJail& compiled : set.jails) {
    auto known = std::find(names.begin(), names.end(), compiled.options.name);
    if (known == names.end()) {
      known = names.insert(names.end(), compiled.options.name);
    }
    places.push_back(static_cast<jail::JailIndex>(known - names.begin()));
  }
  return places;
}

util::Status Jails::use(std::shared_ptr<const JailSet> set) {
  bool count_over_all = false;
  for (const CompiledJail& compiled : set->jails) {
    count_over_all = count_over_all || (compiled.options.increment.enabled &&
                                        compiled.options.increment.overalljails);
  }
  const std::vector<jail::JailIndex> places = places_of(*set);
  std::vector<jail::Jail> made;
  for (std::size_t i = 0; i < places.size(); ++i) {
    WARDER_ASSIGN_OR_RETURN(jail::Jail jail,
                            make(set->jails[i].options, places[i], count_over_all));
    made.push_back(std::move(jail));
  }

  // From here on nothing fails.
  count_offenders_ = counts_offenders(*set);
  count_over_all_ = count_over_all;
  std::vector<std::optional<jail::Jail>> old;
  for (Slot& slot : slots_) {
    old.push_back(std::exchange(slot.jail, std::nullopt));
    slot.filter = nullptr;
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    const std::size_t place = places[i];
    if (place == slots_.size()) {
      slots_.emplace_back().name = set->jails[i].options.name;
      old.emplace_back();
    }
    if (auto& before = old[place]) {
      made[i].adopt(std::move(*before));
    }
    slots_[place].jail = std::move(made[i]);
    slots_[place].filter = set->jails[i].filter;
    slots_[place].lines = set->jails[i].lines;
    slots_[place].scope = set->jails[i].scope;
  }
  set_ = std::move(set);
  set_own_addresses(std::move(own_addresses_));
  return {};
}

util::Status Jails::begin_anew() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.jail) {
      WARDER_ASSIGN_OR_RETURN(slot.jail, make(slot.jail->options(), i, count_over_all_));
      slot.seen = {};
    }
  }
  set_own_addresses(std::move(own_addresses_));
  bans_ = jail::BanTable(key_);
  forget_offenders();
  return {};
}

void Jails::set_own_addresses(std::vector<net::Prefix> addresses) {
  own_addresses_ = std::move(addresses);
  const jail::HostAddresses host{own_addresses_, set_->matcher.trusted_proxies, set_->never_ban};
  for (Slot& slot : slots_) {
    if (slot.jail) {
      slot.jail->set_host_addresses(host);
    }
  }
}

void Jails::clock_stepped(std::chrono::microseconds by) {
  bans_.clock_stepped(by);
  for (Slot& slot : slots_) {
    if (slot.jail) {
      slot.jail->clock_stepped(by);
    }
  }
}

std::vector<const jail::Jail*> Jails::running() const {
  std::vector<const jail::Jail*> all;
  for (const Slot& slot : slots_) {
    if (slot.jail) {
      all.push_back(&*slot.jail);
    }
  }
  return all;
}

jail::Jail* Jails::find(std::string_view name) {
  for (Slot& slot : slots_) {
    if (slot.jail && slot.name == name) {
      return &*slot.jail;
    }
  }
  return nullptr;
}

}  // namespace warder::engine
