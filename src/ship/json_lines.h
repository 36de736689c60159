#pragma once

#include "ship/destination.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace warder::ship {

struct JsonLinesOptions {
  std::string name;  // of the destination
  std::string host;  // this machine
  std::filesystem::path path;
  enum class Sync {
    kBatch,  // flushed to disk before items count as delivered
    kNever,  // left to the kernel: lost by a power cut, not by a crash of the agent
  };
  Sync sync = Sync::kBatch;
  enum class Lines {
    kJson,
    kFail2ban,  // fail2ban_line.h
  };
  Lines lines = Lines::kJson;
};

// Appends one JSON object a line to a file (0640, created when missing), for a log shipper or for
// jq; or lines like those of fail2ban's log, for what reads that. Follows a rotation: when the path
// names another file than the open one, or none, it is opened anew. A line is whole or not there: a
// short write is cut off again, and a half line found at the end when the file is opened (power
// cut) is cut off too, since its event was never counted as delivered. The path must not be a
// symbolic link. Holds a lock (flock) on the file: two writers are refused.
std::unique_ptr<Destination> make_json_lines(JsonLinesOptions options);

}  // namespace warder::ship
