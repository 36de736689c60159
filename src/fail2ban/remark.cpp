#include "fail2ban/remark.h"

namespace warder::fail2ban {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRuns:
      return "runs";
    case Verdict::kDiffers:
      return "differs";
    case Verdict::kRefused:
      return "refused";
    case Verdict::kLeftOut:
      return "left out";
  }
  return "refused";
}

}  // namespace warder::fail2ban
