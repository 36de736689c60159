#pragma once

#include "jail/counting.h"
#include "jail/source_table.h"

#include <cstddef>
#include <cstdint>

namespace warder::jail {

// Which values each key had, for a jail that tells of those that a key never had before (`learn`):
// a role's addresses, an entity's user agents, the hours of the day in which somebody logs in. Keys
// and values come as keyed hashes, never 0.
//
// A value is known for findtime since it was noted last, and is noted again once an eighth of that
// has gone by, so that what is seen all the time stays known and hardly anything is stored for it.
// A key is learned about for `learn` since it was noted first, or again after findtime without it:
// until then its values are noted and none is new. All of it follows from what was noted, so that
// noting the same in the same order gives the same: the history of findtime + learn is enough.
//
// Memory: three SourceTables of `most` each at most, grown as needed. Part of AlertCounter; the
// same thread.
class FirstSight {
 public:
  enum class Sight : std::uint8_t {
    kKnown,  // nothing was noted
    kNoted,  // known or learned, and noted
    kNew,    // the key never had it; noted
  };

  FirstSight(Tick findtime, Tick learn, std::size_t most);

  // `both` stands for the key with the value.
  Sight see(std::uint64_t key, std::uint64_t both, Tick at);
  // What see() noted in an earlier run, in its order.
  void note(std::uint64_t key, std::uint64_t both, Tick at);

  void take_over(const FirstSight& old);
  void sweep(Tick now, std::size_t part);

  std::size_t memory() const { return keys_.memory() + begun_.memory() + values_.memory(); }
  std::uint64_t evicted() const { return keys_.evicted() + values_.evicted(); }

 private:
  const Tick findtime_;
  const Tick learn_;
  SourceTable keys_;    // noted last
  SourceTable begun_;   // noted first
  SourceTable values_;  // by key and value: noted last
};

}  // namespace warder::jail
