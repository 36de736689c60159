#include "config/file_reader.h"

#include "util/file.h"

#include <filesystem>
#include <system_error>

namespace warder::config {

util::Result<std::string> DiskFiles::read(const std::string& path, util::ByteCount limit) {
  return util::read_file(path, limit);
}

util::Result<std::vector<std::string>> DiskFiles::list(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) {
    return util::errno_error(folder, error.value());
  }
  return names;
}

}  // namespace warder::config
