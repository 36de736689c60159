#pragma once

#include "config/place.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace warder::fail2ban {

// How something of a fail2ban configuration fares here. A jail fares as the worst of its remarks.
enum class Verdict : std::uint8_t {
  kRuns,     // means the same here
  kDiffers,  // runs, but not in every respect as there
  kRefused,  // cannot be honoured; the configuration is refused as long as it stands there
  kLeftOut,  // fail2ban does not run this jail either; the others run
};

std::string_view to_string(Verdict verdict);

// Why a jail is left out, as the remedy of its remark says it.
enum class LeftOut : std::uint8_t {
  kAsThere,   // fail2ban starts without it
  kNoStart,   // fail2ban ends, or runs none of its jails
  kNoEffect,  // fail2ban runs it, and it finds nothing
};
std::string_view remedy_of(LeftOut why);

// One thing to tell about a fail2ban configuration. All texts are printable.
struct Remark {
  Verdict verdict = Verdict::kRuns;
  config::Place place;
  std::string subject;  // "action sendmail-whois", "backend"
  std::string text;     // how it differs, or why it is refused
  std::string remedy;   // what to do; empty when there is nothing to do

  friend bool operator==(const Remark&, const Remark&) = default;
};

}  // namespace warder::fail2ban
