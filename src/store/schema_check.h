#pragma once

#include "store/database.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Whether a database's tables, views and names are those that this build makes. Who can write to
// the file may leave every row of the history as it is and yet show another one: by a view that
// leaves events out, a trigger that removes what is added, another name for a kind.
namespace warder::store {

struct SchemaFindings {
  std::vector<std::string> faults;
  std::vector<std::string> remarks;  // an operator's own table, view or index
};

// Inside the transaction of the caller, of a database of the current schema (check_schema()).
util::Result<SchemaFindings> check_objects(Connection& connection);

// Rows of `event` with a value of a type that the agent never writes, at most `limit`: it can read
// as the value that was hashed and compare as another.
util::Result<std::vector<std::uint64_t>> odd_events(Connection& connection, std::size_t limit);

}  // namespace warder::store
