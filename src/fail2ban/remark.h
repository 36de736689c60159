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
  kLeftOut,  // fail2ban starts without this jail, and so do we
};

std::string_view to_string(Verdict verdict);

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
