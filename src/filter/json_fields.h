#pragma once

#include "filter/json_condition.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// The fields that any filter of a log wants, as a tree along which a line is walked once, in
// whatever order its keys come. Plain value, filled before the first line.
class JsonFields {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot kNoSlot = 0xFFFFFFFF;

  struct Child {
    std::string key;
    std::uint32_t node;
  };
  struct Node {
    Slot slot = kNoSlot;
    // The texts of an array here are wanted as a list.
    bool collect = false;
    // Ordered by key, so that those of one first byte stand together; `first[b]` is the number of
    // the first of them plus one, zero for none.
    std::vector<Child> children;
    std::array<std::uint16_t, 256> first{};
    std::vector<std::uint32_t> elements;  // by index; kRoot where none is wanted
  };
  static constexpr std::uint32_t kRoot = 0;

  JsonFields() : nodes_(1) {}

  // The same slot for the same path.
  Slot add(const JsonPath& path);
  // As add(), and an array of texts there can be asked for as a list.
  Slot add_list(const JsonPath& path);

  std::size_t slots() const { return slots_; }
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  std::uint32_t child(std::uint32_t node, const std::string& key);
  std::uint32_t element(std::uint32_t node, std::size_t index);
  std::uint32_t find_or_make(const JsonPath& path);

  std::vector<Node> nodes_;
  std::uint32_t slots_ = 0;
};

}  // namespace warder::filter
