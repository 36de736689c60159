#pragma once

#include "storage/storage.h"
#include "util/bytes.h"
#include "util/clock.h"

#include <string>

namespace warder::storage {

// A folder on another disk or a mounted share. It is never made: a disk that is not mounted must be
// noticed, not filled up beneath. Files are 0600; one that is being written is called ".part-NAME".
class Directory : public Storage {
 public:
  // `bandwidth`: bytes a second, 0 for no limit.
  Directory(std::filesystem::path path, util::ByteCount bandwidth)
      : path_(std::move(path)), bandwidth_(bandwidth) {}

  std::string describe() const override;
  util::Result<std::vector<Object>> list(std::string_view prefix) override;
  util::Status put(const std::filesystem::path& file, std::string_view name,
                   const Progress& progress) override;
  util::Status get(std::string_view name, util::ByteSink& sink) override;
  util::Status remove(std::string_view name) override;

 private:
  const std::filesystem::path path_;
  const util::ByteCount bandwidth_;
  const util::SystemClock clock_;
};

}  // namespace warder::storage
