#include "jail/first_sight.h"

#include <optional>

namespace warder::jail {
namespace {

// Of findtime, after which a value that is known is noted again.
constexpr Tick kNotedParts = 8;
// A window of two keeps one time, the newest.
constexpr std::uint32_t kOnce = 2;

SourceTable table(Tick time, std::size_t most) {
  return SourceTable(WindowCounting(kOnce, time), time, most);
}

}  // namespace

FirstSight::FirstSight(Tick findtime, Tick learn, std::size_t most)
    : findtime_(findtime),
      learn_(learn),
      keys_(table(findtime, most)),
      begun_(table(learn, most)),
      values_(table(findtime, most)) {}

FirstSight::Sight FirstSight::see(std::uint64_t key, std::uint64_t both, Tick at) {
  const std::optional<Tick> last = values_.last(both);
  const bool known = last && *last >= at - findtime_;
  if (known && *last > at - findtime_ / kNotedParts) {
    return Sight::kKnown;
  }
  // Lines do not always come in order: a value that a late one has was not new then.
  const std::optional<Tick> key_last = keys_.last(key);
  const std::optional<Tick> begun = begun_.last(key);
  const bool learning = !key_last || *key_last < at - findtime_ || (begun && at - *begun < learn_);
  note(key, both, at);
  return known || learning ? Sight::kNoted : Sight::kNew;
}

void FirstSight::note(std::uint64_t key, std::uint64_t both, Tick at) {
  const std::optional<Tick> last = keys_.last(key);
  if (learn_ > 0 && (!last || *last < at - findtime_)) {
    begun_.erase(key);
    begun_.add(key, at, 1, 1);
  }
  keys_.add(key, at, 1, 1);
  values_.add(both, at, 1, 1);
}

void FirstSight::take_over(const FirstSight& old) {
  keys_.take_over(old.keys_);
  begun_.take_over(old.begun_);
  values_.take_over(old.values_);
}

void FirstSight::sweep(Tick now, std::size_t part) {
  for (SourceTable* each : {&keys_, &begun_, &values_}) {
    each->sweep(now, each->segments() / part + 1);
  }
}

}  // namespace warder::jail
