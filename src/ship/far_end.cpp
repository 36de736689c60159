#include "ship/far_end.h"

namespace warder::ship {

Outcome outcome_of(const util::Error& error) {
  using util::ErrorCode;
  Outcome outcome;
  outcome.reason = error.message();
  switch (error.code()) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
    case ErrorCode::kIo:
    case ErrorCode::kConflict:
    case ErrorCode::kConfiguration:  // who answered has not judged what was sent
      outcome.kind = Outcome::Kind::kRetry;
      break;
    case ErrorCode::kDenied:
    case ErrorCode::kNotFound:
      outcome.kind = Outcome::Kind::kRejected;
      break;
    default:
      outcome.kind = Outcome::Kind::kRefused;
      break;
  }
  return outcome;
}

}  // namespace warder::ship
