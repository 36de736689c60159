#pragma once

#include "crypto/merkle.h"
#include "store/database.h"
#include "util/result.h"

#include <cstdint>
#include <set>
#include <vector>

namespace warder::store {

// What is left of events that retention removed: the hashes of as few aligned subtrees as cover
// them, cut at the size of every stored checkpoint. So the root of each of these checkpoints, and
// of the whole, can still be folded and compared. At most 2 * 63 hashes lie between two
// checkpoints.
class PrunedTree {
 public:
  util::Status open(Connection& connection);

  // Takes the leaf that follows the last; save() writes what changed.
  void append(const crypto::merkle::Hash& leaf);
  util::Status save();
  // Reads the end of the tree again (at the start of a transaction, or when one was rolled back).
  util::Status load();

  // Leaves that are covered: the first event that is kept.
  std::uint64_t end() const { return end_; }

 private:
  struct Part {
    crypto::merkle::Subtree subtree;
    crypto::merkle::Hash hash{};
  };

  Connection* connection_ = nullptr;
  Statement load_end_;
  Statement load_parts_;
  Statement load_cuts_;
  Statement remove_;
  Statement insert_;
  Statement save_end_;
  std::uint64_t end_ = 0;
  // The parts behind the last cut, which alone can still grow together.
  std::vector<Part> parts_;
  std::uint64_t parts_begin_ = 0;
  std::set<std::uint64_t> cuts_;
};

}  // namespace warder::store
