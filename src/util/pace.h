#pragma once

#include "util/bytes.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <functional>

namespace warder::util {

// Keeps what is read or moved within a number of bytes a second, but for a twentieth of a second
// ahead, and lets whoever does it do something else now and then. What was not used up is not made
// up for. Of one thread.
class Pace {
 public:
  // Waits that long (zero: not at all) and meanwhile does what else is due. False: it ends.
  using Rest = std::function<bool(std::chrono::microseconds)>;

  // `budget` zero: no limit. `clock` must outlive it. `rest` may be empty: then nothing is due, and
  // waiting is sleeping.
  Pace(ByteCount budget, const Clock& clock, Rest rest = {});

  // Called after so many bytes, of files at least once a file. False: it ends.
  bool spend(std::uint64_t bytes);

 private:
  const std::uint64_t budget_;
  const Clock& clock_;
  const Rest rest_;
  MonotonicTime paid_until_;  // what was read is paid for by then
  MonotonicTime rested_;
};

}  // namespace warder::util
