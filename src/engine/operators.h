#pragma once

#include "engine/ban_keeper.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

// What operators ask for by hand: `warder ban`, `warder unban`. Pipeline thread only.
namespace warder::engine {

// kNotFound when no running jail has the name.
util::Status check_jail(Jails& jails, std::string_view name);

// In kManualJail when `jail` is empty. Without a duration for the jail's ban time; for ever when it
// is negative. Whether the ban is in effect: not while the firewall is away. kNotFound for an
// unknown jail, kDenied for whom nobody bans and when the firewall refuses, kUnavailable when the
// table of bans is full.
util::Result<bool> ban_by_hand(Jails& jails, BanKeeper& keeper, const util::Clock& clock,
                               std::string_view jail, const net::Prefix& address,
                               std::optional<std::chrono::seconds> duration);

// Lifts everything that lies in the given prefix, and what covers a single address: the operator
// wants it to be reachable again. In all jails when `jail` is empty. How many bans were lifted.
util::Result<std::size_t> unban_by_hand(Jails& jails, BanKeeper& keeper, std::string_view jail,
                                        const net::Prefix& address);

}  // namespace warder::engine
