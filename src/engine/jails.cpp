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

util::Status Jails::use(std::shared_ptr<const JailSet> set) {
  bool count_offenders = false;
  bool count_over_all = false;
  for (const CompiledJail& compiled : set->jails) {
    count_offenders = count_offenders || compiled.options.increment.enabled;
    count_over_all = count_over_all || (compiled.options.increment.enabled &&
                                        compiled.options.increment.overalljails);
  }
  std::vector<std::string> names;
  for (const Slot& slot : slots_) {
    names.push_back(slot.name);
  }
  std::vector<std::pair<std::size_t, jail::Jail>> made;
  for (const CompiledJail& compiled : set->jails) {
    auto known = std::find(names.begin(), names.end(), compiled.options.name);
    if (known == names.end()) {
      known = names.insert(names.end(), compiled.options.name);
    }
    const auto index = static_cast<std::size_t>(known - names.begin());
    WARDER_ASSIGN_OR_RETURN(jail::Jail jail, make(compiled.options, index, count_over_all));
    made.emplace_back(index, std::move(jail));
  }

  // From here on nothing fails.
  count_offenders_ = count_offenders;
  count_over_all_ = count_over_all;
  std::vector<std::optional<jail::Jail>> old;
  for (Slot& slot : slots_) {
    old.push_back(std::exchange(slot.jail, std::nullopt));
    slot.filter = nullptr;
  }
  old.resize(names.size());
  for (std::size_t i = slots_.size(); i < names.size(); ++i) {
    slots_.emplace_back().name = names[i];
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    auto& [index, jail] = made[i];
    if (auto& before = old[index]) {
      jail.adopt(std::move(*before));
    }
    slots_[index].jail = std::move(jail);
    slots_[index].filter = set->jails[i].filter;
    slots_[index].lines = set->jails[i].lines;
    slots_[index].scope = set->jails[i].scope;
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
  offenders_ = jail::OffenderTable(key_);
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
