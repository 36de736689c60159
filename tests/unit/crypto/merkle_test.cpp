#include "crypto/merkle.h"

#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace warder;
using crypto::merkle::Frontier;
using crypto::merkle::Hash;
using crypto::merkle::Subtree;

namespace {

// The inputs of the reference implementation's tests (certificate-transparency, merkletree tests).
std::vector<Hash> reference_leaves() {
  std::vector<Hash> leaves;
  for (const char* hex : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                          "606162636465666768696a6b6c6d6e6f"}) {
    leaves.push_back(crypto::merkle::leaf_hash(*util::from_hex(hex)));
  }
  return leaves;
}

// Section 2.1.1 of RFC 9162 as it is written, to judge the incremental form.
Hash root_by_definition(std::span<const Hash> leaves) {
  if (leaves.size() == 1) {
    return leaves[0];
  }
  std::size_t k = 1;
  while (k * 2 < leaves.size()) {
    k *= 2;
  }
  return crypto::merkle::node_hash(root_by_definition(leaves.first(k)),
                                   root_by_definition(leaves.subspan(k)));
}

std::vector<Hash> numbered_leaves(std::size_t count) {
  std::vector<Hash> leaves;
  for (std::size_t i = 0; i < count; ++i) {
    leaves.push_back(crypto::merkle::leaf_hash(util::as_bytes(std::to_string(i))));
  }
  return leaves;
}

}  // namespace

TEST_CASE("roots are those of the reference implementation") {
  CHECK(util::to_hex(crypto::merkle::empty_root()) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::vector<Hash> leaves = reference_leaves();
  const std::span<const Hash> all(leaves);
  const char* const roots[] = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  };
  for (std::size_t n = 1; n <= 8; ++n) {
    CHECK(util::to_hex(crypto::merkle::root(all.first(n))) == roots[n - 1]);
  }
}

TEST_CASE("the growing tree agrees with the definition, through its stored form") {
  const std::vector<Hash> leaves = numbered_leaves(70);
  Frontier frontier;
  for (std::size_t n = 0; n < leaves.size(); ++n) {
    frontier.append(leaves[n]);
    CHECK(frontier.size() == n + 1);
    CHECK(frontier.root() == root_by_definition(std::span(leaves).first(n + 1)));
    const auto restored = Frontier::restore(frontier.size(), frontier.serialize());
    REQUIRE(restored);
    CHECK(*restored == frontier);
  }
  CHECK(Frontier::restore(5, "short").error().message() ==
        "a Merkle frontier of 5 leaves has 64 bytes, not 5");
}

TEST_CASE("every proof verifies, and none for anything else") {
  const std::vector<Hash> leaves = numbered_leaves(19);
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    const auto tree = std::span<const Hash>(leaves).first(n);
    const Hash root = crypto::merkle::root(tree);
    for (std::size_t i = 0; i < n; ++i) {
      const auto proof = crypto::merkle::inclusion_proof(tree, i);
      CHECK(crypto::merkle::verify_inclusion(leaves[i], i, n, proof, root));
      CHECK_FALSE(crypto::merkle::verify_inclusion(leaves[(i + 1) % 19], i, n, proof, root));
      CHECK_FALSE(crypto::merkle::verify_inclusion(leaves[i], n, n, proof, root));
      if (!proof.empty()) {
        auto shorter = proof;
        shorter.pop_back();
        CHECK_FALSE(crypto::merkle::verify_inclusion(leaves[i], i, n, shorter, root));
      }
      auto longer = proof;
      longer.push_back(root);
      CHECK_FALSE(crypto::merkle::verify_inclusion(leaves[i], i, n, longer, root));
    }
    for (std::size_t m = 1; m <= n; ++m) {
      const Hash old_root = crypto::merkle::root(tree.first(m));
      const auto proof = crypto::merkle::consistency_proof(tree, m);
      CHECK(crypto::merkle::verify_consistency(m, old_root, n, root, proof));
      CHECK_FALSE(crypto::merkle::verify_consistency(m, leaves[0], n, leaves[1], proof));
      CHECK_FALSE(
          crypto::merkle::verify_consistency(m, crypto::merkle::empty_root(), n, root, proof));
      CHECK_FALSE(crypto::merkle::verify_consistency(n + 1, old_root, n, root, proof));
      auto longer = proof;
      longer.push_back(root);
      CHECK_FALSE(crypto::merkle::verify_consistency(m, old_root, n, root, longer));
    }
  }
}

TEST_CASE("a cover is the fewest aligned subtrees from left to right") {
  CHECK(crypto::merkle::cover(0, 0).empty());
  CHECK(crypto::merkle::cover(0, 7) == std::vector<Subtree>{{2, 0}, {1, 2}, {0, 6}});
  CHECK(crypto::merkle::cover(3, 13) == std::vector<Subtree>{{0, 3}, {2, 1}, {2, 2}, {0, 12}});
}

TEST_CASE("a tree folds from any cover of its leaves") {
  const std::vector<Hash> leaves = numbered_leaves(23);
  const std::span<const Hash> all(leaves);
  for (std::size_t cut = 0; cut <= leaves.size(); ++cut) {
    Frontier frontier;
    for (const std::uint64_t begin : {std::uint64_t{0}, static_cast<std::uint64_t>(cut)}) {
      const std::uint64_t end = begin == 0 ? cut : leaves.size();
      for (const Subtree& part : crypto::merkle::cover(begin, end)) {
        frontier.append(part, crypto::merkle::root(all.subspan(
                                  part.first_leaf(), part.end_leaf() - part.first_leaf())));
      }
      if (begin == 0) {
        CHECK(frontier.root() == crypto::merkle::root(all.first(cut)));
      }
      if (cut == 0) {
        break;
      }
    }
    CHECK(frontier.root() == crypto::merkle::root(all.first(cut == 0 ? 0 : leaves.size())));
  }
}
