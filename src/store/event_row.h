#pragma once

#include "store/database.h"
#include "store/reader.h"
#include "util/result.h"

#include <string_view>

// How an event comes out of the database; the same for readers, retention and verification.
namespace warder::store {

// "SELECT" kEventColumns "FROM" kEventTables: e is the event, j its jail, l the log of its line.
inline constexpr std::string_view kEventColumns =
    "e.sequence, e.id, e.time, e.kind, e.severity, j.name, e.address, e.message, e.detail, e.leaf, "
    "l.name, e.at, e.pattern, e.attempts, e.user";
inline constexpr std::string_view kEventTables =
    "event AS e LEFT JOIN jail AS j ON j.number = e.jail LEFT JOIN log AS l ON l.number = e.log";
inline constexpr int kEventColumnCount = 15;
inline constexpr int kEventLeafColumn = 9;

// The event of the current row, whose first columns are kEventColumns. kInvalid when the row holds
// what no event can (a damaged or edited database).
util::Result<StoredEvent> read_event(const Rows& row);

}  // namespace warder::store
