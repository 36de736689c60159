#pragma once

#include "fail2ban/database.h"
#include "store/batch.h"
#include "store/reader.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace warder::migrate {

// What becomes of one log's position.
struct ImportedPosition {
  std::string log;
  std::optional<std::uint64_t> offset;  // taken over; none: not
  std::string why;                      // when not
};

struct ImportCounts {
  std::uint64_t running_bans = 0;  // taken over, with their remaining time
  std::uint64_t ended_bans = 0;    // taken over for their counts (bantime.increment)
  std::uint64_t history = 0;       // bans put into the history as events
  std::uint64_t already_here = 0;  // running and ended bans that the store has
  std::uint64_t history_here = 0;  // events that it has
  std::uint64_t no_address = 0;    // identifiers that are no addresses
  std::uint64_t other_jails = 0;   // of jails that do not run here
  std::uint64_t left_out = 0;      // rows that could not be read
};

// What a database of fail2ban's brings that the store does not have yet.
struct Import {
  ImportCounts counts;
  std::vector<ImportedPosition> positions;
  std::set<std::string> unknown_jails;  // those behind `other_jails`
  // To be submitted in this order. Applying them twice changes nothing.
  std::vector<store::Batch> batches;
};

// Compares `stored` with what `reader` knows (none: an empty store). `jails`: those that run here;
// the state of others would be lifted at the next start. Reads the heads of the logs, changes
// nothing.
//
// A running ban keeps its end; one that has ended is kept for its count. Whatever the store knows
// of an address and jail from the same time on is newer and stays. A log's position is taken over
// when its first line is still the one that fail2ban saw, at the least place of its jails, and only
// for a log that has no position here.
util::Result<Import> plan_import(const fail2ban::Stored& stored, const std::set<std::string>& jails,
                                 store::Reader* reader, util::WallTime now);

}  // namespace warder::migrate
