#include "filter/notice.h"

namespace warder::filter {

std::string_view to_string(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kDateOff:
      return "date off";
    case NoticeKind::kNoDate:
      return "no date";
    case NoticeKind::kBadDate:
      return "bad date";
    case NoticeKind::kBadAddress:
      return "bad address";
    case NoticeKind::kHostName:
      return "host name";
    case NoticeKind::kNoAddress:
      return "no address";
    case NoticeKind::kMalformed:
      return "malformed line";
    case NoticeKind::kForwarded:
      return "client differs from peer";
    case NoticeKind::kProxyAddress:
      return "address of a proxy";
    case NoticeKind::kSessionLost:
      return "session lost";
    case NoticeKind::kOutOfMemory:
      return "out of memory";
  }
  return "unknown";
}

}  // namespace warder::filter
