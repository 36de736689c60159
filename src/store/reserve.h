#pragma once

#include "util/bytes.h"
#include "util/result.h"

#include <filesystem>
#include <memory>

namespace warder::store {

// PATH.reserve, beside the database at PATH.
std::filesystem::path reserve_of(const std::filesystem::path& path);

// Disk space kept back in a file of its own, for two things.
//
// The one event that says that the disk is full: release().
//
// A page of the journal's index that is stored into just when the file system finds no room for it
// (btrfs writes elsewhere what it changes; mapped_index.h asks before each lock, but a page can be
// written back between that and the store). Such a store raises SIGBUS; the reserve is given up to
// it and the store goes on. From then on was_taken(), and whoever writes makes it again first, or
// the next such store would end the process.
//
// The store's thread. The reserve that was made last is the one that faults of the process take.
class Reserve {
 public:
  // `path` of the database.
  Reserve(const std::filesystem::path& path, util::ByteCount size);
  ~Reserve();

  // Makes it if it is not there. A failure (the disk is full still) changes nothing.
  util::Status keep();
  // Gives the space back; false when there was none.
  bool release();

  // A store took it, and it was not made again since.
  bool was_taken() const;

 private:
  struct Taker;
  std::filesystem::path path_;
  util::ByteCount size_;
  std::unique_ptr<Taker> taker_;
};

}  // namespace warder::store
