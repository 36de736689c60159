#include "ship/status_rule.h"

namespace warder::ship {

Outcome::Kind judge_status(int status) {
  if (status >= 200 && status < 300) {
    return Outcome::Kind::kDelivered;
  }
  if (status == 408 || status == 425 || status == 429 || status >= 500) {
    return Outcome::Kind::kRetry;
  }
  switch (status) {
    case 401:
    case 402:
    case 403:
    case 404:
    case 405:
    case 407:
    case 410:
      return Outcome::Kind::kRejected;
    default:
      break;
  }
  // A redirect is not followed with a secret in hand: the address is wrong, not the message. Below
  // 200 nothing is an answer.
  return status < 400 ? Outcome::Kind::kRejected : Outcome::Kind::kRefused;
}

}  // namespace warder::ship
