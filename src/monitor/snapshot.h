#pragma once

#include "monitor/sqlite.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace warder::monitor {

// A copy of a database as it was at one moment, in a file that has no name any more: it goes with
// the process, however that ends.
struct Snapshot {
  Database database;
  std::uint64_t bytes = 0;
};

// Copies `source` (the open database at `path`) into `folder`. How long writers may be held up:
// check_database(). Errors: kUnavailable when there is no room or the database is written too fast;
// kInvalid when it is damaged or none; kIo.
util::Result<Snapshot> take_snapshot(Database& source, const std::filesystem::path& path,
                                     const std::filesystem::path& folder);

}  // namespace warder::monitor
