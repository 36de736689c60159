#pragma once

#include "util/bytes.h"
#include "util/result.h"

#include <string>
#include <vector>

namespace warder::config {

// All that reading a configuration asks of the world, so that tests read from memory.
class FileReader {
 public:
  virtual ~FileReader() = default;

  // The whole file. kNotFound when there is none, kInvalid when it is larger than `limit`.
  virtual util::Result<std::string> read(const std::string& path, util::ByteCount limit) = 0;
  // The names (not paths) in a folder, in any order. kNotFound when there is none.
  virtual util::Result<std::vector<std::string>> list(const std::string& folder) = 0;
};

// The real file system. Only regular files are read: a FIFO or a device cannot block the agent.
class DiskFiles : public FileReader {
 public:
  util::Result<std::string> read(const std::string& path, util::ByteCount limit) override;
  util::Result<std::vector<std::string>> list(const std::string& folder) override;
};

}  // namespace warder::config
