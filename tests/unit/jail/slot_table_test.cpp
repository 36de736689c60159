#include "jail/slot_table.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <vector>

namespace warder::jail {
namespace {

// A key and a value; the hash is the key's, made as bad as a test wants.
struct Pair {
  std::uint32_t key;  // 0: unused
  std::uint32_t value;
};

struct PairLayout {
  // Keys share this many places: what an attacker would reach who knew the key of the hash.
  std::uint64_t places = 0;

  std::size_t slot_bytes() const { return sizeof(Pair); }
  static Pair load(const std::byte* bytes) {
    Pair pair;
    std::memcpy(&pair, bytes, sizeof pair);
    return pair;
  }
  bool used(const std::byte* bytes) const { return load(bytes).key != 0; }
  std::uint64_t hash_of(std::uint32_t key) const {
    const std::uint64_t spread = (places == 0 ? key : key % places) * 0x9E3779B97F4A7C15ULL;
    return spread ^ spread >> 32U;
  }
  std::uint64_t hash(const std::byte* bytes) const { return hash_of(load(bytes).key); }
};

using Table = SlotTable<PairLayout>;

std::byte* find(const Table& table, std::uint32_t key) {
  return table.find(table.layout().hash_of(key),
                    [&](const std::byte* bytes) { return PairLayout::load(bytes).key == key; });
}

void insert(Table& table, std::uint32_t key, std::uint32_t value) {
  std::byte* slot = table.insert(table.layout().hash_of(key));
  REQUIRE(slot != nullptr);
  REQUIRE_FALSE(table.layout().used(slot));
  const Pair pair{key, value};
  std::memcpy(slot, &pair, sizeof pair);
}

void require_equal(const Table& table, const std::map<std::uint32_t, std::uint32_t>& model) {
  REQUIRE(table.size() == model.size());
  std::size_t seen = 0;
  for (std::size_t i = 0; i < table.segments(); ++i) {
    table.for_each_in(i, [&](const std::byte* bytes) {
      const Pair pair = PairLayout::load(bytes);
      REQUIRE(model.at(pair.key) == pair.value);
      ++seen;
    });
  }
  REQUIRE(seen == model.size());
  for (const auto& [key, value] : model) {
    REQUIRE(find(table, key) != nullptr);
  }
}

TEST_CASE("A slot table does what a map does, however keys collide", "[model]") {
  const std::uint64_t places = GENERATE(std::uint64_t{0}, 1U, 2U, 7U, 100U);
  const std::size_t capacity = GENERATE(std::size_t{300}, 5000U);
  std::mt19937 random(static_cast<unsigned>(places));
  Table table(PairLayout{places}, capacity);
  std::map<std::uint32_t, std::uint32_t> model;
  const int steps = places == 0 || places == 100 ? 30'000 : 3'000;
  for (int i = 0; i < steps; ++i) {
    const auto key = static_cast<std::uint32_t>(1 + random() % 600);
    const auto value = static_cast<std::uint32_t>(random());
    std::byte* found = find(table, key);
    REQUIRE((found != nullptr) == model.contains(key));
    switch (random() % 4) {
      case 0:
        if (found != nullptr) {
          table.erase(found);
          model.erase(key);
        }
        break;
      case 1:
        if (random() % 200 == 0) {
          const auto keep = [&](std::uint32_t k) { return k % 3 != value % 3; };
          for (std::size_t s = 0; s < table.segments(); ++s) {
            table.sweep(s, [&](const std::byte* b) { return keep(PairLayout::load(b).key); });
          }
          std::erase_if(model, [&](const auto& entry) { return !keep(entry.first); });
        }
        break;
      default:
        if (found == nullptr && model.size() < capacity) {
          insert(table, key, value);
          model[key] = value;
        } else if (found == nullptr) {
          REQUIRE(table.insert(table.layout().hash_of(key)) == nullptr);
        }
    }
    if (i % 500 == 0) {
      require_equal(table, model);
    }
  }
  require_equal(table, model);
}

TEST_CASE("Memory follows what is stored, up and down, in small steps") {
  Table table(PairLayout{}, 100'000);
  const std::size_t empty = table.memory();
  CHECK(empty < 3'000);
  std::size_t before = empty;
  std::size_t largest_step = 0;
  for (std::uint32_t key = 1; key <= 100'000; ++key) {
    insert(table, key, key);
    largest_step = std::max(largest_step, table.memory() - before);
    before = table.memory();
  }
  CHECK(largest_step < 5'000);
  CHECK(table.memory() < 100'000 * sizeof(Pair) * 3 / 2);
  CHECK(table.insert(table.layout().hash_of(100'001)) == nullptr);
  for (std::size_t i = 0; i < table.segments(); ++i) {
    table.sweep(i, [](const std::byte* bytes) { return PairLayout::load(bytes).key <= 1000; });
  }
  CHECK(table.size() == 1000);
  CHECK(table.memory() < empty + 1000 * sizeof(Pair) * 3);
  for (std::size_t i = 0; i < table.segments(); ++i) {
    table.sweep(i, [](const std::byte*) { return false; });
  }
  CHECK(table.memory() == empty);
}

TEST_CASE("Room made beforehand suffices for evenly spread keys, and is not much too large") {
  Table table(PairLayout{}, 100'000);
  table.reserve(50'000);
  const std::size_t before = table.memory();
  CHECK(before < 50'000 * sizeof(Pair) * 3 / 2);
  for (std::uint32_t key = 1; key <= 50'000; ++key) {
    insert(table, key, key);
  }
  // No more than a few pieces had to grow.
  CHECK(table.memory() < before + before / 50);
  table.reserve(10);
  CHECK(table.size() == 50'000);
  CHECK(find(table, 50'000) != nullptr);
}

TEST_CASE("The victim is the best of the neighbourhood only") {
  Table table(PairLayout{1}, 100);
  const std::uint64_t hash = table.layout().hash_of(1);
  const auto lower = [](const std::byte* a, const std::byte* b) {
    return PairLayout::load(a).value < PairLayout::load(b).value;
  };
  CHECK(table.victim(hash, 4, lower) == nullptr);
  for (std::uint32_t key = 1; key <= 10; ++key) {
    insert(table, key, 100 - key);
  }
  CHECK(PairLayout::load(table.victim(hash, 4, lower)).key == 4);
  CHECK(PairLayout::load(table.victim(hash, 100, lower)).key == 10);
}

}  // namespace
}  // namespace warder::jail
