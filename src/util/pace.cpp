#include "util/pace.h"

#include <algorithm>
#include <thread>

namespace warder::util {
namespace {

using std::chrono::microseconds;

// Short waits cost more than they give: so much may be read ahead.
constexpr microseconds kAhead{50'000};
constexpr microseconds kRestEvery{100'000};

}  // namespace

Pace::Pace(ByteCount budget, const Clock& clock, Rest rest)
    : budget_(budget.value),
      clock_(clock),
      rest_(rest ? std::move(rest) : Rest([](microseconds wait) {
        if (wait.count() > 0) {
          std::this_thread::sleep_for(wait);
        }
        return true;
      })),
      paid_until_(clock.monotonic()),
      rested_(paid_until_) {}

bool Pace::spend(std::uint64_t bytes) {
  const MonotonicTime now = clock_.monotonic();
  microseconds wait{0};
  if (budget_ > 0) {
    // In double: a file may have more bytes than fit when multiplied by a million.
    paid_until_ = std::max(paid_until_, now - kAhead) +
                  microseconds(static_cast<std::int64_t>(static_cast<double>(bytes) * 1e6 /
                                                         static_cast<double>(budget_)));
    wait = paid_until_ > now + kAhead ? paid_until_ - now : microseconds(0);
  }
  if (wait.count() == 0 && now - rested_ < kRestEvery) {
    return true;
  }
  const bool goes_on = rest_(wait);
  rested_ = clock_.monotonic();
  return goes_on;
}

}  // namespace warder::util
