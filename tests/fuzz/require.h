#pragma once

#include <cstdlib>

namespace warder::testing {

// Ends a fuzz target where what must hold for every input does not: libFuzzer and the replay of the
// seeds both take SIGABRT for a finding.
inline void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace warder::testing
