#include "filter/json_fields.h"

#include <algorithm>

namespace warder::filter {

JsonFields::Slot JsonFields::add(const JsonPath& path) {
  Node& node = nodes_[find_or_make(path)];
  if (node.slot == kNoSlot) {
    node.slot = slots_++;
  }
  return node.slot;
}

JsonFields::Slot JsonFields::add_list(const JsonPath& path) {
  const Slot slot = add(path);
  nodes_[find_or_make(path)].collect = true;
  return slot;
}

std::uint32_t JsonFields::find_or_make(const JsonPath& path) {
  std::uint32_t node = kRoot;
  for (const JsonPath::Step& step : path.steps) {
    node = step.element ? element(node, *step.element) : child(node, step.key);
  }
  return node;
}

std::uint32_t JsonFields::child(std::uint32_t node, const std::string& key) {
  std::vector<Child>& children = nodes_[node].children;
  const auto place = std::lower_bound(
      children.begin(), children.end(), key,
      [](const Child& child, const std::string& wanted) { return child.key < wanted; });
  if (place != children.end() && place->key == key) {
    return place->node;
  }
  const auto made = static_cast<std::uint32_t>(nodes_.size());
  children.insert(place, {key, made});
  std::array<std::uint16_t, 256>& first = nodes_[node].first;
  first.fill(0);
  for (std::size_t i = children.size(); i-- > 0;) {
    if (!children[i].key.empty()) {
      first[static_cast<unsigned char>(children[i].key[0])] = static_cast<std::uint16_t>(i + 1);
    }
  }
  nodes_.emplace_back();
  return made;
}

std::uint32_t JsonFields::element(std::uint32_t node, std::size_t index) {
  std::vector<std::uint32_t>& elements = nodes_[node].elements;
  if (elements.size() <= index) {
    elements.resize(index + 1, kRoot);
  }
  if (elements[index] == kRoot) {
    elements[index] = static_cast<std::uint32_t>(nodes_.size());
    const std::uint32_t made = elements[index];
    nodes_.emplace_back();
    return made;
  }
  return elements[index];
}

}  // namespace warder::filter
