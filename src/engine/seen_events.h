#pragma once

#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <utility>

namespace warder::engine {

// The events of late whose finding a second line may tell again (Finding::once): the second is
// passed over, before it is counted. Remembers at least the newest kRemembered of them and at most
// twice as many; 16 bytes and a place in a table each. Pipeline thread only.
class SeenEvents {
 public:
  static constexpr std::size_t kRemembered = 16'384;

  // True when it was there already.
  bool add(const model::EventId& id) {
    // An id is a hash: its first bytes are as good as any.
    std::uint64_t key = 0;
    for (std::size_t i = 0; i < sizeof key; ++i) {
      key = key << 8U | id.bytes[i];
    }
    if (new_.contains(key) || old_.contains(key)) {
      return true;
    }
    if (new_.size() == kRemembered) {
      old_ = std::exchange(new_, {});
    }
    new_.insert(key);
    return false;
  }

 private:
  std::unordered_set<std::uint64_t> new_;
  std::unordered_set<std::uint64_t> old_;
};

}  // namespace warder::engine
