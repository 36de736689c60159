#include "engine/operators.h"

#include "engine/event_ids.h"
#include "jail/never_ban.h"
#include "log/log.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace warder::engine {
namespace {

util::Error unknown_jail(std::string_view name) {
  return {util::ErrorCode::kNotFound, fmt::format("no jail is named '{}'; warder status lists them",
                                                  util::printable(name, 64))};
}

// Why nobody may ban the address or all of the prefix; empty when nothing is against it.
std::string_view protected_as(const jail::HostAddresses& host, const net::Prefix& address) {
  switch (jail::NeverBan(host).hit_by(address)) {
    case jail::IgnoreReason::kNone:
      return "";
    case jail::IgnoreReason::kOwnAddress:
      return "it is an address of this host";
    case jail::IgnoreReason::kProxy:
      return "it is a proxy of ours ([agent] trusted_proxies)";
    case jail::IgnoreReason::kNeverBan:
      return "it is on the never-ban list ([agent] never_ban)";
    default:
      return "it is no address that a ban can mean (loopback, link-local, multicast or reserved)";
  }
}

}  // namespace

util::Status check_jail(Jails& jails, std::string_view name) {
  return jails.find(name) == nullptr ? util::Status(unknown_jail(name)) : util::Status();
}

util::Result<bool> ban_by_hand(Jails& jails, BanKeeper& keeper, const util::Clock& clock,
                               std::string_view jail_name, const net::Prefix& address,
                               std::optional<std::chrono::seconds> duration) {
  const std::string_view name = jail_name.empty() ? std::string_view(kManualJail) : jail_name;
  const jail::Jail* const jail = jails.find(name);
  if (jail == nullptr) {
    return unknown_jail(name);
  }
  // The firewall knows more of them, and has the last word; it may be away.
  if (const std::string_view why = protected_as(jails.host_addresses(), address); !why.empty()) {
    return util::Error(util::ErrorCode::kDenied,
                       fmt::format("{} is not banned: {}", address.to_string(), why));
  }
  model::Ban ban;
  ban.jail = name;
  ban.address = address;
  ban.start = clock.now();
  ban.reason = "by an operator";
  if (!duration) {
    if (const auto& bantime = jail->options().bantime) {
      ban.end = ban.start + *bantime;
    }
  } else if (duration->count() >= 0) {
    ban.end = ban.start + *duration;
  }
  const auto added = jails.bans().add({jail->index(), address, ban.end, false, false});
  if (added == jail::BanTable::Added::kFull) {
    return util::Error(util::ErrorCode::kUnavailable,
                       fmt::format("all {} places for bans are taken", jails.bans().capacity()));
  }
  if (added == jail::BanTable::Added::kUnchanged) {
    // It is banned for longer already; the history must not say that it became shorter.
    ban.end = jails.bans().find(jail->index(), address)->end;
  }
  keeper.decided(jail->index(), ban, {random_event_id(), ban.start, BanKeeper::WhenFull::kHold});
  // Operators are told at once when the firewall refuses.
  const BanKeeper::Flushed flushed = keeper.flush();
  if (flushed.refused) {
    return util::Error(util::ErrorCode::kDenied, *flushed.refused);
  }
  return flushed.in_effect;
}

util::Result<std::size_t> unban_by_hand(Jails& jails, BanKeeper& keeper, std::string_view jail_name,
                                        const net::Prefix& address) {
  if (!jail_name.empty() && jails.find(jail_name) == nullptr) {
    return unknown_jail(jail_name);
  }
  std::vector<jail::ActiveBan> found;
  if (address.is_single() || address.length() == 64) {
    found = jails.bans().all_covering(address);
  }
  jails.bans().for_each([&](const jail::ActiveBan& ban) {
    if (address.contains(ban.address) &&
        std::find(found.begin(), found.end(), ban) == found.end()) {
      found.push_back(ban);
    }
  });
  std::size_t lifted = 0;
  for (const jail::ActiveBan& ban : found) {
    Jails::Slot& slot = jails.slots()[ban.jail];
    if (!jail_name.empty() && slot.name != jail_name) {
      continue;
    }
    if (slot.jail) {
      slot.jail->forget(ban.address);
    }
    keeper.lift(ban, "lifted by an operator", BanKeeper::WhenFull::kHold);
    log::notice("jail {}: {} unbanned by an operator", slot.name, ban.address.to_string());
    ++lifted;
  }
  keeper.flush();
  return lifted;
}

}  // namespace warder::engine
