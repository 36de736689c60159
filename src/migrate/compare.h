#pragma once

#include "net/address.h"
#include "util/clock.h"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace warder::migrate {

// One ban by either side, or one that a jail in observe mode would have made.
struct SeenBan {
  std::string jail;
  net::Prefix address;
  util::WallTime time{};                // of the finding that led to it
  std::vector<std::string> lines = {};  // behind it, printable
  // When that is not known for sure: the first of those it may have been, `time` being the last.
  std::optional<util::WallTime> earliest = std::nullopt;
};

// How the two sides agree on one ban.
enum class Agreement : std::uint8_t {
  kEqual,         // both, within the tolerance
  kOtherTime,     // both, further apart
  kOnlyFail2ban,  // nothing here within the patience
  kOnlyWarder,
};
std::string_view to_string(Agreement agreement);

struct Comparison {
  Agreement agreement = Agreement::kEqual;
  std::string jail;
  net::Prefix address;
  std::optional<util::WallTime> fail2ban;
  std::optional<util::WallTime> warder;
  std::vector<std::string> lines;
};

struct CompareCounts {
  std::uint64_t equal = 0;
  std::uint64_t other_time = 0;
  std::uint64_t only_fail2ban = 0;
  std::uint64_t only_warder = 0;
  std::uint64_t forgotten = 0;  // waiting bans given up for want of room
};

struct CompareOptions {
  std::chrono::seconds tolerance{2};
  // How long one side's ban waits for the other's; also the widest difference of kOtherTime.
  std::chrono::seconds patience{60};
  std::size_t most_waiting = 100'000;
};

// Matches the bans of fail2ban with the agent's, as both come in. Each ban is told once: with its
// partner, or alone when none came within the patience, counted from its own time and from when it
// was added, whichever is later: a side that reads an old log brings old bans late. Time is passed
// in. Not thread safe.
class Comparator {
 public:
  using OnComparison = std::function<void(const Comparison&)>;

  Comparator(CompareOptions options, OnComparison on_comparison);

  void fail2ban(SeenBan ban) { add(std::move(ban), 0); }
  void warder(SeenBan ban) { add(std::move(ban), 1); }
  // It is `now`; what is added from here on was added now. Before the first call bans count as
  // added at their own time.
  void advance(util::WallTime now);
  // Nothing will come any more at all.
  void finish();

  const std::map<std::string, CompareCounts>& jails() const { return counts_; }
  CompareCounts total() const;

 private:
  struct Key {
    std::string jail;
    net::Prefix address;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct WaitingBan {
    SeenBan ban;
    util::WallTime since{};  // its own time or that of its arrival, whichever is later
  };
  struct Waiting {
    // By side: fail2ban, the agent. At most one of them is not empty.
    std::deque<WaitingBan> bans[2];
  };

  void add(SeenBan ban, std::size_t side);
  void tell_alone(const SeenBan& ban, std::size_t side);
  void give_up_before(util::WallTime time);

  const CompareOptions options_;
  const OnComparison on_comparison_;
  std::map<Key, Waiting> waiting_;
  std::size_t waiting_bans_ = 0;
  util::WallTime now_ = util::WallTime::min();
  std::map<std::string, CompareCounts> counts_;
};

}  // namespace warder::migrate
