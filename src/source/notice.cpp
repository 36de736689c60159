#include "source/notice.h"

namespace warder::source {

std::string_view to_string(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kRotated:
      return "rotated";
    case NoticeKind::kTruncated:
      return "truncated";
    case NoticeKind::kReplaced:
      return "replaced";
    case NoticeKind::kFoundAgain:
      return "found-again";
    case NoticeKind::kMissing:
      return "missing";
    case NoticeKind::kBack:
      return "back";
    case NoticeKind::kOversized:
      return "oversized";
    case NoticeKind::kIncomplete:
      return "incomplete";
    case NoticeKind::kUnreadable:
      return "unreadable";
    case NoticeKind::kRefused:
      return "refused";
    case NoticeKind::kLost:
      return "lost";
    case NoticeKind::kHole:
      return "hole";
    case NoticeKind::kPositionInvalid:
      return "position-invalid";
    case NoticeKind::kScanning:
      return "scanning";
    case NoticeKind::kOverflow:
      return "overflow";
    case NoticeKind::kTooMany:
      return "too-many";
    case NoticeKind::kJournalGap:
      return "journal-gap";
  }
  return "unknown";
}

}  // namespace warder::source
