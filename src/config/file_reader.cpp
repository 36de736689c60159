#include "config/file_reader.h"

#include "util/file.h"

#include <cerrno>
#include <dirent.h>
#include <memory>
#include <string_view>

namespace warder::config {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

util::Result<std::string> DiskFiles::read(const std::string& path, util::ByteCount limit) {
  return util::read_file(path, limit);
}

util::Result<std::vector<std::string>> DiskFiles::list(const std::string& folder) {
  // Not std::filesystem: it builds a path an entry, and every filter lists its folder.
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  if (open == nullptr) {
    return util::errno_error(folder, errno);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
    errno = 0;
  }
  if (errno != 0) {
    return util::errno_error(folder, errno);
  }
  return names;
}

}  // namespace warder::config
