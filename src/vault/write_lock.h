#pragma once

#include "util/descriptor.h"
#include "util/file.h"
#include "util/result.h"

#include <chrono>
#include <filesystem>
#include <optional>

namespace warder::vault {

// Keeps a second writer of `path` out, in this process or another, until it is destroyed: flock(2)
// on `<path>.lock`, which stays there (removing it would let two writers hold two locks).
class WriteLock {
 public:
  // kConflict when another one holds it longer than `wait`. `owner`: whose lock file it becomes
  // when root makes it.
  static util::Result<WriteLock> acquire(const std::filesystem::path& path,
                                         std::chrono::milliseconds wait,
                                         std::optional<util::FileOwner> owner);

 private:
  explicit WriteLock(util::Descriptor fd) : fd_(std::move(fd)) {}
  util::Descriptor fd_;
};

}  // namespace warder::vault
