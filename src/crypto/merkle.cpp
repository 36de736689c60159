#include "crypto/merkle.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <optional>

namespace warder::crypto::merkle {
namespace {

// The left half of a tree of n > 1 leaves: the largest power of two below n.
std::uint64_t split(std::uint64_t n) { return std::bit_floor(n - 1); }

void append_all(std::vector<Hash>* out, const std::vector<Hash>& more) {
  out->insert(out->end(), more.begin(), more.end());
}

// SUBPROOF of section 2.1.4.1. `whole`: the old tree is exactly this subtree's, so that the reader
// knows its root already.
std::vector<Hash> subproof(std::span<const Hash> leaves, std::uint64_t m, bool whole) {
  if (m == leaves.size()) {
    return whole ? std::vector<Hash>{} : std::vector<Hash>{root(leaves)};
  }
  const std::uint64_t k = split(leaves.size());
  std::vector<Hash> proof;
  if (m <= k) {
    proof = subproof(leaves.first(k), m, whole);
    proof.push_back(root(leaves.subspan(k)));
  } else {
    proof = subproof(leaves.subspan(k), m - k, false);
    proof.push_back(root(leaves.first(k)));
  }
  return proof;
}

}  // namespace

Hash empty_root() { return sha256({}); }

Hash leaf_hash(util::ByteView entry) {
  thread_local Sha256 stream;
  const std::uint8_t tag = 0;
  stream.update({&tag, 1});
  stream.update(entry);
  return stream.finish();
}

Hash node_hash(const Hash& left, const Hash& right) {
  std::array<std::uint8_t, 65> bytes;
  bytes[0] = 1;
  std::copy(left.begin(), left.end(), bytes.begin() + 1);
  std::copy(right.begin(), right.end(), bytes.begin() + 33);
  return sha256(bytes);
}

std::vector<Subtree> cover(std::uint64_t begin, std::uint64_t end) {
  assert(begin <= end);
  std::vector<Subtree> parts;
  while (begin < end) {
    // As large as the start is aligned for and as the rest has room for.
    const unsigned aligned = begin == 0 ? 63U : static_cast<unsigned>(std::countr_zero(begin));
    const unsigned fits = static_cast<unsigned>(std::bit_width(end - begin)) - 1;
    const unsigned level = std::min(aligned, fits);
    parts.push_back({level, begin >> level});
    begin += std::uint64_t{1} << level;
  }
  return parts;
}

util::Result<Frontier> Frontier::restore(std::uint64_t size, std::string_view peaks) {
  const auto count = static_cast<std::size_t>(std::popcount(size));
  if (peaks.size() != count * sizeof(Hash)) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("a Merkle frontier of {} leaves has {} bytes, not {}", size,
                                   count * sizeof(Hash), peaks.size()));
  }
  Frontier frontier;
  frontier.size_ = size;
  frontier.peaks_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(frontier.peaks_[i].data(), peaks.data() + i * sizeof(Hash), sizeof(Hash));
  }
  return frontier;
}

void Frontier::append(const Hash& leaf) { append({0, size_}, leaf); }

void Frontier::append(const Subtree& subtree, const Hash& hash) {
  assert(subtree.first_leaf() == size_ && (size_ & ((std::uint64_t{1} << subtree.level) - 1)) == 0);
  Hash carried = hash;
  for (std::uint64_t rest = size_ >> subtree.level; (rest & 1U) != 0; rest >>= 1U) {
    carried = node_hash(peaks_.back(), carried);
    peaks_.pop_back();
  }
  peaks_.push_back(carried);
  size_ = subtree.end_leaf();
}

Hash Frontier::root() const {
  if (peaks_.empty()) {
    return empty_root();
  }
  Hash hash = peaks_.back();
  for (auto peak = peaks_.rbegin() + 1; peak != peaks_.rend(); ++peak) {
    hash = node_hash(*peak, hash);
  }
  return hash;
}

std::string Frontier::serialize() const {
  std::string bytes;
  bytes.reserve(peaks_.size() * sizeof(Hash));
  for (const Hash& peak : peaks_) {
    bytes.append(util::as_text(peak));
  }
  return bytes;
}

Hash root(std::span<const Hash> leaves) {
  Frontier frontier;
  for (const Hash& leaf : leaves) {
    frontier.append(leaf);
  }
  return frontier.root();
}

std::vector<Hash> inclusion_proof(std::span<const Hash> leaves, std::uint64_t index) {
  assert(index < leaves.size());
  if (leaves.size() == 1) {
    return {};
  }
  const std::uint64_t k = split(leaves.size());
  std::vector<Hash> proof;
  if (index < k) {
    append_all(&proof, inclusion_proof(leaves.first(k), index));
    proof.push_back(root(leaves.subspan(k)));
  } else {
    append_all(&proof, inclusion_proof(leaves.subspan(k), index - k));
    proof.push_back(root(leaves.first(k)));
  }
  return proof;
}

// Section 2.1.3.2.
bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                      std::span<const Hash> proof, const Hash& root) {
  if (index >= size) {
    return false;
  }
  std::uint64_t fn = index;
  std::uint64_t sn = size - 1;
  Hash hash = leaf;
  for (const Hash& step : proof) {
    if (sn == 0) {
      return false;
    }
    if ((fn & 1U) != 0 || fn == sn) {
      hash = node_hash(step, hash);
      while ((fn & 1U) == 0 && fn != 0) {
        fn >>= 1U;
        sn >>= 1U;
      }
    } else {
      hash = node_hash(hash, step);
    }
    fn >>= 1U;
    sn >>= 1U;
  }
  return sn == 0 && hash == root;
}

std::vector<Hash> consistency_proof(std::span<const Hash> leaves, std::uint64_t old_size) {
  assert(old_size > 0 && old_size <= leaves.size());
  return subproof(leaves, old_size, true);
}

// Section 2.1.4.2.
bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t new_size,
                        const Hash& new_root, std::span<const Hash> proof) {
  if (old_size == 0 || old_size > new_size) {
    return false;
  }
  if (old_size == new_size) {
    return proof.empty() && old_root == new_root;
  }
  // A complete old tree is itself the first step; the proof leaves it out.
  const bool complete = std::has_single_bit(old_size);
  if (proof.empty() && !complete) {
    return false;
  }
  std::uint64_t fn = old_size - 1;
  std::uint64_t sn = new_size - 1;
  while ((fn & 1U) != 0) {
    fn >>= 1U;
    sn >>= 1U;
  }
  Hash fr = complete ? old_root : proof.front();
  Hash sr = fr;
  for (const Hash& step : complete ? proof : proof.subspan(1)) {
    if (sn == 0) {
      return false;
    }
    if ((fn & 1U) != 0 || fn == sn) {
      fr = node_hash(step, fr);
      sr = node_hash(step, sr);
      while ((fn & 1U) == 0 && fn != 0) {
        fn >>= 1U;
        sn >>= 1U;
      }
    } else {
      sr = node_hash(sr, step);
    }
    fn >>= 1U;
    sn >>= 1U;
  }
  return sn == 0 && fr == old_root && sr == new_root;
}

}  // namespace warder::crypto::merkle
