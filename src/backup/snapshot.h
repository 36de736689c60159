#pragma once

#include "sqlite/online_copy.h"
#include "util/clock.h"
#include "util/result.h"

#include <filesystem>

namespace warder::backup {

// Copies a live database to `target` (a new file, 0600), see sqlite/online_copy.h.
//
// kNotFound, kDenied; kUnavailable when writers leave no gap (the text says what to do); kInvalid
// when it is no database or is replaced by another file meanwhile; kIo.
util::Result<sqlite::CopyFacts> take_snapshot(const std::filesystem::path& source,
                                              const std::filesystem::path& target,
                                              const sqlite::CopyOptions& options,
                                              const util::Clock& clock,
                                              const sqlite::CopyProgress& progress);

}  // namespace warder::backup
