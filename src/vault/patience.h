#pragma once

#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace warder::vault {

// Why a provider did not answer, as far as that decides when to ask it again.
enum class Trouble : std::uint8_t {
  kPassing,      // its nodes elect a leader, or this one is behind: over in seconds
  kSealed,       // somebody must unseal it; asking costs it nothing
  kThrottled,    // it was asked too often
  kRefused,      // it does not accept who we are, or what we may: each refusal is in its audit log
  kFault,        // it has a fault of its own (5xx)
  kUnreachable,  // no connection, no name, no answer in time: at boot the network comes late
};

struct Failure {
  Trouble trouble = Trouble::kUnreachable;
  // It said when to come back.
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
};

// What is known of a failure of which only the error is known.
Failure failure_of(const util::Error& error);

// How long to wait before a provider that fails is asked again; the one place that decides it for
// the documents. By the kind of trouble:
//
//   kPassing      1 s, 2 s, 4 s ... up to the interval
//   kUnreachable  the same
//   kSealed       the interval, at most a minute
//   kThrottled    what it said (at most an hour), never less; else twice the interval, four times,
//                 ... up to 15 minutes
//   kRefused      twice the interval, four times, ... up to 5 minutes
//   kFault        the same
//
// Each by chance up to a quarter longer, so that many hosts do not come back in step. Another kind
// of trouble than the last begins anew. Used by one thread.
class Patience {
 public:
  Patience(std::chrono::milliseconds interval, std::chrono::milliseconds first, std::uint64_t seed)
      : interval_(interval), first_(first), chance_(seed) {}

  std::chrono::milliseconds after(const Failure& failure);
  void reset() { failures_ = 0; }

 private:
  const std::chrono::milliseconds interval_;
  const std::chrono::milliseconds first_;  // of the quick ones
  std::uint64_t chance_;
  Trouble last_ = Trouble::kUnreachable;
  unsigned failures_ = 0;  // of that kind, one after the other
};

}  // namespace warder::vault
