#pragma once

#include "util/bytes.h"
#include "util/result.h"

#include <filesystem>
#include <memory>

namespace warder::store {

// Disk space kept back in a file of its own, PATH.reserve, for the one event that says that the
// disk is full. The store's thread.
class Reserve {
 public:
  // `path` of the database.
  Reserve(const std::filesystem::path& path, util::ByteCount size);

  // Makes it if it is not there. A failure (the disk is full still) changes nothing.
  util::Status keep();
  // Gives the space back; false when there was none.
  bool release();

  static std::filesystem::path file_of(const std::filesystem::path& path);

 private:
  std::filesystem::path file_;
  util::ByteCount size_;
};

// The same in PATH.index-reserve, for a page of the journal's index that is stored into just when
// the file system finds no room for it (btrfs writes elsewhere what it changes; mapped_index.h asks
// before each lock, but a page can be written back between that and the store). Such a store raises
// SIGBUS; the space is given up to it within the signal, and the store goes on. From then on
// was_taken(), and whoever writes makes it again first: the next such store would end the process.
//
// The store's thread. What was kept last is what faults of the process take.
class IndexReserve {
 public:
  IndexReserve(const std::filesystem::path& path, util::ByteCount size);
  ~IndexReserve();

  util::Status keep();
  // A store took it, and it was not made again since.
  bool was_taken() const;

  static std::filesystem::path file_of(const std::filesystem::path& path);

 private:
  struct Taker;
  std::filesystem::path file_;
  util::ByteCount size_;
  std::unique_ptr<Taker> taker_;
};

}  // namespace warder::store
