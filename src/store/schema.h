#pragma once

#include "store/database.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>

// The tables and views of the database; README.md describes them for operators.
namespace warder::store {

// "WRDR", in the header of every database of ours.
inline constexpr std::int64_t kApplicationId = 0x57524452;
inline constexpr std::int64_t kSchemaVersion = 1;

// Whether this is a database that this build can read: kInvalid for one of another program or of a
// newer warder, with what to do. An empty database passes only with `may_be_empty`.
enum class Empty : std::uint8_t { kRefuse, kAllow };
util::Status check_schema(Connection& connection, Empty empty);

// Brings an empty or older database to kSchemaVersion, in one transaction.
util::Status migrate(Connection& connection);

}  // namespace warder::store
