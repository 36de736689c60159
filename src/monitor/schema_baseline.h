#pragma once

#include "monitor/sqlite.h"
#include "util/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace warder::monitor {

// The objects of a schema by "type name", each with the first 16 hexadecimal digits of the SHA-256
// of its table's name and its SQL. What SQLite makes by itself (sqlite_stat1, sqlite_sequence,
// automatic indexes) is left out: it comes and goes.
using SchemaObjects = std::map<std::string, std::string>;

inline constexpr std::size_t kMostObjects = 5000;

// kInvalid when there are more than kMostObjects.
util::Result<SchemaObjects> read_schema(Database& database);

// As kept: a JSON object. Anything else reads as no baseline.
std::string baseline_text(const SchemaObjects& objects);
SchemaObjects parse_baseline(std::string_view text);

// "new trigger steal", "changed table users", "missing view v"; in order.
std::vector<std::string> schema_changes(const SchemaObjects& before, const SchemaObjects& now);

}  // namespace warder::monitor
