#pragma once

#include "model/event.h"
#include "net/address.h"

#include <cstdint>
#include <optional>
#include <string>

namespace warder::jail {

enum class NoticeKind : std::uint8_t {
  kIgnored,         // findings from an address that is never banned, summed up
  kOneAddress,      // every finding comes from one private or proxy address
  kSourcesEvicted,  // sources were forgotten before their time, summed up
  kBanTableFull,    // bans could not be made, summed up
  kWideningCapped,  // wider bans were not made because of the cost cap, summed up
  kBanTime,         // the ban time formula failed, the plain ban time was used
  kTooOld,          // findings were older than findtime and not counted, summed up
};

// Something the operator should know that is no decision. The engine makes an event of it.
struct Notice {
  NoticeKind kind = NoticeKind::kIgnored;
  model::Severity severity = model::Severity::kNotice;
  std::optional<net::Prefix> address;
  std::uint64_t count = 0;  // how often it happened since the last notice of this kind and address
  std::string message;      // what, why, what to do
};

}  // namespace warder::jail
