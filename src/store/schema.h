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
inline constexpr std::int64_t kSchemaVersion = 4;

// Whether this is a database that this build can read: kInvalid for one of another program or of a
// newer warder, with what to do. One that is empty or older passes only for the writer, who will
// migrate() it.
enum class Use : std::uint8_t { kRead, kWrite };
util::Status check_schema(Connection& connection, Use use);

// Brings an empty or older database to kSchemaVersion, in one transaction.
util::Status migrate(Connection& connection);

}  // namespace warder::store
