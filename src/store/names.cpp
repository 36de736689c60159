#include "store/names.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

namespace warder::store {

util::Status Names::open(Connection& connection, std::string_view table) {
  WARDER_ASSIGN_OR_RETURN(
      find_, connection.prepare(fmt::format("SELECT number FROM {} WHERE name = ?1", table)));
  WARDER_ASSIGN_OR_RETURN(insert_, connection.prepare(fmt::format(
                                       "INSERT INTO {}(name) VALUES(?1) RETURNING number", table)));
  return {};
}

util::Result<std::int64_t> Names::number(std::string_view name) {
  std::string key(name);
  if (const auto known = numbers_.find(key); known != numbers_.end()) {
    return known->second;
  }
  std::optional<std::int64_t> number;
  for (Statement* statement : {&find_, &insert_}) {
    Rows rows = statement->run(name);
    while (rows.next()) {
      number = rows.integer(0);
    }
    WARDER_RETURN_IF_ERROR(rows.status());
    if (number) {
      break;
    }
  }
  if (!number) {
    return util::Error(util::ErrorCode::kInternal, "SQLite gave no number for a new name");
  }
  numbers_.emplace(std::move(key), *number);
  return *number;
}

}  // namespace warder::store
