#pragma once

#include "util/bytes.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <functional>

namespace warder::files {

// Keeps reading within a number of bytes a second, and lets whoever reads do something else now and
// then. Of one thread.
class Pace {
 public:
  // Waits that long (zero: not at all) and meanwhile does what else is due. False: reading ends.
  using Rest = std::function<bool(std::chrono::microseconds)>;

  // `budget` zero: no limit. `clock` must outlive it. `rest` may be empty: then nothing is due, and
  // waiting is sleeping.
  Pace(util::ByteCount budget, const util::Clock& clock, Rest rest);

  // Called after so many bytes were read, and at least once a file. False: reading ends.
  bool spend(std::uint64_t bytes);

 private:
  const std::uint64_t budget_;
  const util::Clock& clock_;
  const Rest rest_;
  util::MonotonicTime paid_until_;  // what was read is paid for by then
  util::MonotonicTime rested_;
};

}  // namespace warder::files
