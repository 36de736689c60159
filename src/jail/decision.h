#pragma once

#include "model/ban.h"
#include "net/address.h"
#include "util/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::jail {

enum class DecisionKind : std::uint8_t {
  kIgnored,        // not counted; see `ignored`
  kCounted,        // `count` of `limit`
  kBan,            // `ban` is to be put into effect; it stands in the BanTable already
  kWouldBan,       // the same in observe mode: the BanTable holds it as observed
  kAlreadyBanned,  // covered by a ban of this jail that has not ended; not counted
  kBanOver,        // the limit was reached, but so long ago that the ban has already ended
  kAlert,          // of jails that alert: the limit was reached, people are to be told
  kReread,         // of jails that say so: the vault's documents are to be read again
  kRefused,        // the limit was reached, but the BanTable is full
};

enum class IgnoreReason : std::uint8_t {
  kNone,
  kUnbannable,  // loopback, multicast, link-local, reserved (net::IpAddress::is_bannable)
  kOwnAddress,  // of this host (ignoreself)
  kIgnoreip,    // listed in ignoreip
  kProxy,       // a trusted proxy
  kNeverBan,    // gateway, vault, administrator: the engine's list
  kTooOld,      // older than findtime
  kNoAddress,   // the jail bans, and the line blames no address
  // Of jails that alert:
  kExpected,  // what paths or networks allow; or a trigger that nothing went before
  kNoKey,     // none of the fields that `key` names says anything
  kQuiet,     // told already, within `quiet`
  kSeen,      // no new value of the field that is counted
};

// A stable word for events and `explain`: "ignoreip", "own address", ...
std::string_view to_string(IgnoreReason reason);
std::string_view to_string(DecisionKind kind);

// What a jail answers to one finding.
struct Decision {
  DecisionKind kind = DecisionKind::kIgnored;
  IgnoreReason ignored = IgnoreReason::kNone;
  // The finding's time as it was counted (never in the future). Store this one: what is replayed at
  // the next start must be what was counted.
  util::WallTime time{};
  // What is counted and banned as one: the address, or its IPv6 prefix.
  net::Prefix source;
  // Attempts so far within findtime, this one included, and how many ban. Set for kCounted; for
  // kBan, kWouldBan, kBanOver and kRefused the number that led to it.
  std::uint32_t count = 0;
  std::uint32_t limit = 0;
  // For kBan, kWouldBan, kBanOver, kRefused: the ban in question, `address` being the wider prefix
  // when the source's neighbourhood is banned. For kAlreadyBanned: address and end of the ban that
  // covers the source; start, count and reason are not known here.
  std::optional<model::Ban> ban;
  // Of jails that alert: what was counted, as "role web-1", and the value of the field whose
  // different values count. Printable.
  std::string key;
  std::string value;
};

}  // namespace warder::jail
