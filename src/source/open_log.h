#pragma once

#include "source/file_identity.h"
#include "util/descriptor.h"

#include <optional>
#include <string>

namespace warder::source {

// What stands at the path of a log.
struct LookedAt {
  enum class State {
    kRegular,  // a file that may be read; `facts` and `path` are set
    kAbsent,   // nothing there, or a folder on the way is missing
    kRefused,  // something that is never read; `why` says what
    kFailed,   // looking failed with `error`
  };
  State state = State::kAbsent;
  std::optional<FileFacts> facts;
  std::string path;  // where the file itself is, links resolved
  bool link = false;
  std::string why;
  int error = 0;
};

// Looks without opening for reading, so that no FIFO hangs and no device wakes. Read is only a
// regular file on a real file system (not procfs, sysfs and the like). A link is followed only
// where its maker could have read the target himself or needs no trick to: its owner is root, the
// agent's user, or the owner of the target; anything else could lead the agent to a secret.
LookedAt look_at(const std::string& path);

// Opens for reading what look_at() found and checks that it still is the same; errno otherwise
// (ESTALE when another file stands there now).
struct OpenedLog {
  util::Descriptor fd;
  std::optional<FileFacts> facts;
  int error = 0;
};
OpenedLog open_log(const std::string& real_path);

}  // namespace warder::source
