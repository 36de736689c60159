#pragma once

#include "config/file_reader.h"

#include <map>
#include <string>
#include <vector>

namespace warder::testing {

// Files that exist in memory only, for whoever reads a configuration.
class MemoryFiles : public config::FileReader {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> content) : content_(std::move(content)) {}

  util::Result<std::string> read(const std::string& path, util::ByteCount limit) override {
    const auto file = content_.find(path);
    if (file == content_.end()) {
      return util::Error(util::ErrorCode::kNotFound, path + ": No such file or directory");
    }
    if (file->second.size() > limit.value) {
      return util::Error(util::ErrorCode::kInvalid, path + ": is too large");
    }
    return file->second;
  }

  util::Result<std::vector<std::string>> list(const std::string& folder) override {
    const std::string prefix = folder == "." ? "" : folder + "/";
    std::vector<std::string> names;
    for (const auto& [path, text] : content_) {
      if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos) {
        names.push_back(path.substr(prefix.size()));
      }
    }
    if (names.empty()) {
      return util::Error(util::ErrorCode::kNotFound, folder + ": No such file or directory");
    }
    return names;
  }

 private:
  std::map<std::string, std::string> content_;
};

}  // namespace warder::testing
