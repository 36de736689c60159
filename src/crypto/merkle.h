#pragma once

#include "crypto/sha256.h"
#include "util/encoding.h"
#include "util/result.h"

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// The Merkle tree of RFC 9162 (Certificate Transparency 2.0) section 2.1, over SHA-256:
//   leaf  = SHA-256(0x00 || entry)
//   node  = SHA-256(0x01 || left || right)
//   the empty tree has the root SHA-256("").
// Pure functions and plain values; thread safe.
namespace warder::crypto::merkle {

using Hash = Sha256Digest;

Hash empty_root();
Hash leaf_hash(util::ByteView entry);
Hash node_hash(const Hash& left, const Hash& right);

// A complete aligned part of the tree: the leaves [index << level, (index + 1) << level).
struct Subtree {
  unsigned level = 0;
  std::uint64_t index = 0;

  std::uint64_t first_leaf() const { return index << level; }
  std::uint64_t end_leaf() const { return (index + 1) << level; }
  friend auto operator<=>(const Subtree&, const Subtree&) = default;
};

// The fewest aligned subtrees that make up the leaves [begin, end), from left to right. Any tree
// whose size is a boundary of such a cover can be folded from it.
std::vector<Subtree> cover(std::uint64_t begin, std::uint64_t end);

// A growing tree in constant space: the roots of its complete subtrees ("peaks"), largest first, at
// most 64.
class Frontier {
 public:
  Frontier() = default;
  // What serialize() wrote. kInvalid when the number of bytes does not fit the size.
  static util::Result<Frontier> restore(std::uint64_t size, std::string_view peaks);

  void append(const Hash& leaf);
  // Appends a whole complete subtree; its first leaf must be size() (as in a pruned history).
  void append(const Subtree& subtree, const Hash& hash);

  std::uint64_t size() const { return size_; }
  Hash root() const;
  // The peaks one after the other, 32 bytes each.
  std::string serialize() const;

  friend bool operator==(const Frontier&, const Frontier&) = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> peaks_;
};

Hash root(std::span<const Hash> leaves);

// Section 2.1.3: the hashes that lead from leaf `index` to the root. Requires index <
// leaves.size().
std::vector<Hash> inclusion_proof(std::span<const Hash> leaves, std::uint64_t index);
bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                      std::span<const Hash> proof, const Hash& root);

// Section 2.1.4: shows that the tree of the first `old_size` leaves is a prefix of the whole.
// Requires 0 < old_size <= leaves.size().
std::vector<Hash> consistency_proof(std::span<const Hash> leaves, std::uint64_t old_size);
bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t new_size,
                        const Hash& new_root, std::span<const Hash> proof);

}  // namespace warder::crypto::merkle
