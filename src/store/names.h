#pragma once

#include "store/database.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace warder::store {

// Numbers of names that many rows share (jails, logs), made as names come. The cache only holds
// what is in the database or in the open transaction.
class Names {
 public:
  // `table` has the columns number and name.
  util::Status open(Connection& connection, std::string_view table);
  util::Result<std::int64_t> number(std::string_view name);
  // The transaction that may have made numbers is gone.
  void rolled_back() { numbers_.clear(); }

 private:
  Statement find_;
  Statement insert_;
  std::unordered_map<std::string, std::int64_t> numbers_;
};

}  // namespace warder::store
