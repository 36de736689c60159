#pragma once

#include "util/descriptor.h"
#include "util/result.h"

#include <filesystem>
#include <string_view>

namespace warder::storage {

// A text as a file of mode 0600 that lies in memory and nowhere else, for libraries that take
// nothing but a path (memfd_create(2)). It ends with this object; no child process gets it.
class MemoryFile {
 public:
  static util::Result<MemoryFile> holding(std::string_view text);

  // /proc/self/fd/N: good in this process, as often as it is opened.
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit MemoryFile(util::Descriptor file);

  util::Descriptor file_;
  std::filesystem::path path_;
};

}  // namespace warder::storage
