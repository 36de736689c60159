#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace warder::jail {

// Time inside a jail: milliseconds since a base that the jail chose, so that 40 bits hold it. It
// goes on steadily when the wall clock is set.
using Tick = std::int64_t;
constexpr unsigned kTickBytes = 5;
constexpr Tick kLatestTick = (Tick{1} << 40U) - 1;

// What one more finding makes of a source.
struct Tally {
  std::uint32_t count = 0;  // to be held against maxretry
  Tick last = 0;            // of the newest finding: the start of a ban
};

// Exact sliding window: how many attempts lie no further than findtime before the newest one (an
// attempt exactly findtime ago counts).
//
// Of each source the newest maxretry - 1 times are kept, which is all that the question "is this
// the maxretry-th?" needs, in whatever order they come. Beyond kMostTimes of them, attempts that
// follow within a sixteenth of findtime are kept as one time with a weight, the time being that of
// the oldest: such a window forgets an attempt up to a sixteenth of findtime early, and never
// counts one too many.
//
// The state of a source is `bytes()` bytes that belong to the caller; all zero is a new source.
class WindowCounting {
 public:
  static constexpr std::uint32_t kMostTimes = 32;
  static constexpr std::uint32_t kRuns = 17;

  WindowCounting(std::uint32_t maxretry, Tick findtime);

  std::size_t bytes() const { return header_bytes() + std::size_t{places_} * place_bytes_; }
  Tally add(std::byte* state, Tick time, std::uint32_t attempts) const;
  std::uint32_t count(const std::byte* state, Tick now) const;
  Tick last(const std::byte* state) const;

  // For a reload: visit(time, attempts), the oldest first.
  template <typename Visit>
  void for_each(const std::byte* state, Visit visit) const {
    for (std::uint32_t i = 0; i < used(state); ++i) {
      const Run run = read(state, i);
      visit(run.time, run.weight);
    }
  }

 private:
  struct Run {
    Tick time;
    std::uint32_t weight;
  };
  // The number of places in use; with weights, the time of the newest attempt as well.
  std::size_t header_bytes() const { return 1 + (weighted_ ? kTickBytes : 0); }
  static std::uint32_t used(const std::byte* state) {
    return std::to_integer<std::uint32_t>(*state);
  }
  Run read(const std::byte* state, std::uint32_t index) const;
  void write(std::byte* state, std::uint32_t index, const Run& run) const;

  std::uint32_t maxretry_;
  Tick findtime_;
  bool weighted_;
  Tick quantum_;  // attempts this close share a run; only when weighted_
  std::uint32_t places_;
  std::size_t place_bytes_;
};

// fail2ban's ticket: an estimate of the rate, to the number (fail2ban-compat section 15).
//
// The reference forgets a ticket when its clean-up runs after the last failure has become findtime
// old; when that happens depends on its load (each 5 to 10 seconds in practice). Here it happens at
// the first failure that comes `clean_up_after` or more later than that, so that equal findings
// give equal bans, before and after a restart.
class RateCounting {
 public:
  static constexpr Tick kCleanUpAfter = 10'000;
  static constexpr Tick kNoCleanUp = std::numeric_limits<Tick>::max() / 2;

  explicit RateCounting(Tick findtime, Tick clean_up_after = kCleanUpAfter)
      : findtime_(findtime), clean_up_after_(clean_up_after) {}

  static constexpr std::size_t bytes() { return 2 * kTickBytes + 3 + 3; }
  // `weight` is what the failure counts for: 1, or more for a known offender.
  Tally add(std::byte* state, Tick time, std::uint32_t attempts, std::uint32_t weight) const;
  // As the next failure would find it, itself not included.
  std::uint32_t count(const std::byte* state, Tick now) const;

  struct Ticket {
    Tick first = 0;
    Tick last = 0;
    // Both stop at 16,777,215.
    std::uint32_t retry = 0;     // 0: no ticket
    std::uint32_t failures = 0;  // true number
  };
  static Ticket read(const std::byte* state);
  static void write(std::byte* state, const Ticket& ticket);

 private:
  Tick findtime_;
  Tick clean_up_after_;
};

// What a failure of an identifier with `bans` earlier bans counts for in `compat` with
// bantime.increment: min(2^bans / 2 + 1, maxretry).
std::uint32_t known_offender_weight(std::uint32_t bans, std::uint32_t maxretry);

}  // namespace warder::jail
