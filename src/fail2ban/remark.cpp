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

std::string_view remedy_of(LeftOut why) {
  switch (why) {
    case LeftOut::kAsThere:
      return "the jail is left out, as in fail2ban; mend it, or set enabled = false";
    case LeftOut::kNoStart:
      return "the jail is left out; fail2ban itself does not start with it; mend it, or set "
             "enabled = false";
    case LeftOut::kNoEffect:
      break;
  }
  return "the jail is left out; in fail2ban it runs and finds nothing; mend it, or set enabled = "
         "false";
}

}  // namespace warder::fail2ban
