#include "monitor/schema_baseline.h"

#include "crypto/sha256.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

namespace warder::monitor {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestName = 200;
constexpr std::size_t kDigits = 16;

std::string_view raw_text(sqlite3_stmt* row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return text == nullptr
             ? std::string_view()
             : std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
}

}  // namespace

util::Result<SchemaObjects> read_schema(Database& database) {
  SchemaObjects objects;
  bool too_many = false;
  const util::Status read = database.rows(
      "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' "
      "ESCAPE '\\' AND name NOT LIKE 'sqlite\\_autoindex\\_%' ESCAPE '\\' AND name <> "
      "'sqlite_sequence'",
      std::chrono::seconds(60), [&](sqlite3_stmt* row) {
        crypto::Sha256 hash;
        hash.update(util::as_bytes(raw_text(row, 2)));
        hash.update(util::as_bytes(std::string_view("\0", 1)));
        hash.update(util::as_bytes(raw_text(row, 3)));
        objects[fmt::format("{} {}", column_text(row, 0, kLongestName),
                            column_text(row, 1, kLongestName))] =
            util::to_hex(hash.finish()).substr(0, kDigits);
        too_many = objects.size() > kMostObjects;
        return !too_many;
      });
  WARDER_RETURN_IF_ERROR(read);
  if (too_many) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("the schema has more than {} objects", kMostObjects));
  }
  return objects;
}

std::string baseline_text(const SchemaObjects& objects) {
  return json(objects).dump(-1, ' ', false, json::error_handler_t::replace);
}

SchemaObjects parse_baseline(std::string_view text) {
  SchemaObjects objects;
  const json document = json::parse(text, nullptr, false);
  if (document.is_object()) {
    for (const auto& [name, hash] : document.items()) {
      if (hash.is_string()) {
        objects.emplace(name, hash.get<std::string>());
      }
    }
  }
  return objects;
}

std::vector<std::string> schema_changes(const SchemaObjects& before, const SchemaObjects& now) {
  std::vector<std::string> changes;
  for (const auto& [name, hash] : now) {
    const auto old = before.find(name);
    if (old == before.end()) {
      changes.push_back("new " + name);
    } else if (old->second != hash) {
      changes.push_back("changed " + name);
    }
  }
  for (const auto& [name, hash] : before) {
    if (!now.contains(name)) {
      changes.push_back("missing " + name);
    }
  }
  return changes;
}

}  // namespace warder::monitor
