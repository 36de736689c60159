#include "util/fanotify.h"

#include <algorithm>
#include <cstring>
#include <sys/fanotify.h>

namespace warder::util {
namespace {

constexpr std::size_t kFileSystem = 8;

// Behind the header: the file system, length and type of the handle, the handle, and a name that
// ends with a zero if there is one.
void read_record(FanotifyRecord record, std::string_view info, bool has_name,
                 const std::function<void(const FanotifyRecord&)>& use) {
  constexpr std::size_t kFixed = kFileSystem + sizeof(unsigned) + sizeof(int);
  unsigned length = 0;
  if (info.size() < kFixed) {
    return;
  }
  std::memcpy(&length, info.data() + kFileSystem, sizeof length);
  if (length > info.size() - kFixed) {
    return;
  }
  record.folder = info.substr(0, kFixed + length);
  if (has_name) {
    const std::string_view name = info.substr(kFixed + length);
    record.name = name.substr(0, std::min(name.size(), name.find('\0')));
  }
  use(record);
}

}  // namespace

bool read_fanotify(std::string_view bytes, const std::function<void(const FanotifyRecord&)>& use) {
  bool all = true;
  while (bytes.size() >= sizeof(fanotify_event_metadata)) {
    fanotify_event_metadata event{};
    std::memcpy(&event, bytes.data(), sizeof event);
    if (event.event_len < sizeof event || event.event_len > bytes.size() ||
        event.metadata_len > event.event_len) {
      return false;
    }
    all = all && (event.mask & FAN_Q_OVERFLOW) == 0;
    std::string_view info = bytes.substr(event.metadata_len, event.event_len - event.metadata_len);
    while (info.size() >= sizeof(fanotify_event_info_header)) {
      fanotify_event_info_header header{};
      std::memcpy(&header, info.data(), sizeof header);
      if (header.len < sizeof header || header.len > info.size()) {
        break;
      }
      const bool has_name = header.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME;
      if (has_name || header.info_type == FAN_EVENT_INFO_TYPE_DFID) {
        read_record({.mask = event.mask, .pid = event.pid, .folder = {}, .name = {}},
                    info.substr(sizeof header, header.len - sizeof header), has_name, use);
      }
      info.remove_prefix(header.len);
    }
    bytes.remove_prefix(event.event_len);
  }
  return all;
}

}  // namespace warder::util
