#pragma once

#include "files/entry.h"
#include "files/scope.h"
#include "util/bytes.h"
#include "util/pace.h"
#include "util/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// What a walk came across.
struct WalkCounts {
  std::uint64_t entries = 0;
  std::uint64_t files_read = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t denied = 0;     // content or names that could not be read
  std::uint64_t too_large = 0;  // larger than is read
  std::uint64_t unsteady = 0;   // changed each time they were read
  std::uint64_t mounts = 0;     // other file systems, not entered
  std::uint64_t too_deep = 0;   // folders below kDeepest, not entered
};

struct WalkLimits {
  static constexpr std::size_t kDeepest = 100;  // folders within each other; one descriptor each
  std::uint64_t most_entries = 2'000'000;
  util::ByteCount largest_file = util::mebibytes(1024);
};

// Told of what a walk finds, in the order of compare_paths().
class Visitor {
 public:
  virtual ~Visitor() = default;
  // The next path. An entry that is answered lets its content be taken for known when size, times
  // and inode are the same; null: the content is read.
  virtual util::Result<const Entry*> at(std::string_view path) = 0;
  // What is there. Not called for a path that went meanwhile.
  virtual util::Status found(Entry entry) = 0;
};

// Walks folders and reads files: without following a link below the root, without changing times of
// access where the kernel allows it (O_NOATIME), without opening anything but files and folders,
// within the file system of the root. One buffer; memory grows with the names of the folders on the
// way, not with the tree. Of one thread.
class Walk {
 public:
  enum class Depth : std::uint8_t {
    kAll,   // with everything below
    kSelf,  // the path alone
  };

  // All must outlive it.
  Walk(const Scope& scope, WalkLimits limits, util::Pace& pace);
  ~Walk();

  // What is at `root` and below it; nothing when it does not exist. kUnavailable when Pace ends it,
  // kInvalid when there are more entries than the limits allow, else what the visitor says.
  util::Status run(const std::string& root, Depth depth, Visitor& visitor);
  const WalkCounts& counts() const { return counts_; }

 private:
  struct Frame;
  util::Status visit(int folder, const char* name, const std::string& path, Depth depth,
                     Visitor& visitor);
  enum class Read : std::uint8_t { kDone, kAgain, kGone, kStopped };
  Read read_content(int folder, const char* name, Entry* entry);
  Read read_once(int folder, const char* name, Entry* entry);

  const Scope& scope_;
  const WalkLimits limits_;
  util::Pace& pace_;
  WalkCounts counts_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::vector<Frame> stack_;
  std::uint64_t device_ = 0;
};

}  // namespace warder::files
