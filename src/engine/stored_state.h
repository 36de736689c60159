#pragma once

#include "engine/ban_keeper.h"
#include "engine/jails.h"
#include "store/reader.h"
#include "util/clock.h"

#include <cstddef>

// What the store knows of counts and bans, back into the jails. Pipeline thread only.
namespace warder::engine {

struct LoadReport {
  std::size_t running = 0;  // bans that go on
  std::size_t orphans = 0;  // bans whose jail is no longer enabled
};

// Into jails that begin anew: at start, and when going back to the stored positions. One pass over
// the running bans and one over the events as far back as any jail needs them. Bans that ended
// while nobody looked, and those of jails that are gone, are recorded as ended.
util::Result<LoadReport> load_state(store::Reader& reader, Jails& jails, BanKeeper& keeper,
                                    util::WallTime now);

// How often each address was banned before, for a set that runs or is about to. Nothing where none
// of its ban times depends on it.
util::Status load_offenders(store::Reader& reader, const JailSet& set, Jails& jails);

}  // namespace warder::engine
