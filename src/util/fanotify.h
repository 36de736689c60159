#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <sys/types.h>

namespace warder::util {

// What happened to a name of a watched folder, as a group made with FAN_REPORT_DFID_NAME tells it
// (fanotify(7)). The texts are the kernel's bytes and live as long as the buffer does.
struct FanotifyRecord {
  std::uint64_t mask = 0;
  pid_t pid = 0;
  // The file system's number (8 bytes), then length, type and bytes of the folder's handle as
  // name_to_handle_at(2) gives them.
  std::string_view folder;
  // Empty or "." for the folder itself.
  std::string_view name;
};

// Takes apart what one read(2) gave. False when the kernel's queue was too short for all that
// happened, or the bytes are no events.
bool read_fanotify(std::string_view bytes, const std::function<void(const FanotifyRecord&)>& use);

}  // namespace warder::util
