#include "jail/decision.h"

namespace warder::jail {

std::string_view to_string(IgnoreReason reason) {
  switch (reason) {
    case IgnoreReason::kNone:
      return "not ignored";
    case IgnoreReason::kUnbannable:
      return "unbannable";
    case IgnoreReason::kOwnAddress:
      return "own address";
    case IgnoreReason::kIgnoreip:
      return "ignoreip";
    case IgnoreReason::kProxy:
      return "trusted proxy";
    case IgnoreReason::kNeverBan:
      return "never banned";
    case IgnoreReason::kTooOld:
      return "too old";
    case IgnoreReason::kNoAddress:
      return "no address";
    case IgnoreReason::kExpected:
      return "expected";
    case IgnoreReason::kNoKey:
      return "no key";
    case IgnoreReason::kQuiet:
      return "told already";
    case IgnoreReason::kSeen:
      return "seen before";
  }
  return "unknown";
}

std::string_view to_string(DecisionKind kind) {
  switch (kind) {
    case DecisionKind::kIgnored:
      return "ignored";
    case DecisionKind::kCounted:
      return "counted";
    case DecisionKind::kBan:
      return "ban";
    case DecisionKind::kWouldBan:
      return "would ban";
    case DecisionKind::kAlreadyBanned:
      return "already banned";
    case DecisionKind::kBanOver:
      return "ban over";
    case DecisionKind::kAlert:
      return "alert";
    case DecisionKind::kReread:
      return "reread";
    case DecisionKind::kRefused:
      return "refused";
  }
  return "unknown";
}

}  // namespace warder::jail
