#include "store/schema_check.h"

#include "model/event.h"
#include "store/schema.h"

#include <fmt/core.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

namespace warder::store {
namespace {

// By type and name, what made it.
using Objects = std::map<std::pair<std::string, std::string>, std::string>;

util::Result<Objects> objects_of(Connection& connection) {
  WARDER_ASSIGN_OR_RETURN(Statement all,
                          connection.prepare("SELECT type, name, coalesce(sql, '') FROM "
                                             "sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE "
                                             "'~'"));
  Objects objects;
  Rows rows = all.run();
  while (rows.next()) {
    objects[{std::string(rows.text(0)), std::string(rows.text(1))}] = std::string(rows.text(2));
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return objects;
}

util::Status check_names(Connection& connection, const std::string& table,
                         const std::map<std::int64_t, std::string>& wanted,
                         SchemaFindings* findings) {
  WARDER_ASSIGN_OR_RETURN(Statement all,
                          connection.prepare(fmt::format("SELECT number, name FROM {}", table)));
  Rows rows = all.run();
  while (rows.next()) {
    const auto known = wanted.find(rows.integer(0));
    // A newer build of the same schema may know more.
    if (known != wanted.end() && known->second != rows.text(1)) {
      findings->faults.push_back(fmt::format("the {} {} is called \"{}\" instead of \"{}\"", table,
                                             rows.integer(0), rows.text(1), known->second));
    }
  }
  return rows.status();
}

}  // namespace

util::Result<SchemaFindings> check_objects(Connection& connection) {
  WARDER_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> model,
                          Connection::open(":memory:", Connection::Mode::kReadWrite, {}));
  WARDER_RETURN_IF_ERROR(migrate(*model));
  WARDER_ASSIGN_OR_RETURN(const Objects wanted, objects_of(*model));
  WARDER_ASSIGN_OR_RETURN(const Objects found, objects_of(connection));
  SchemaFindings findings;
  for (const auto& [key, sql] : wanted) {
    const auto& [type, name] = key;
    const auto there = found.find(key);
    if (there == found.end()) {
      findings.faults.push_back(fmt::format("the {} {} is missing", type, name));
    } else if (there->second != sql) {
      findings.faults.push_back(fmt::format("the {} {} is not the agent's", type, name));
    }
  }
  for (const auto& [key, sql] : found) {
    const auto& [type, name] = key;
    if (wanted.contains(key)) {
      continue;
    }
    if (type == "trigger") {
      findings.faults.push_back(fmt::format(
          "there is a trigger, {}: the agent makes none; DROP TRIGGER removes it", name));
    } else {
      findings.remarks.push_back(fmt::format("the {} {} is not the agent's", type, name));
    }
  }
  std::map<std::int64_t, std::string> kinds;
  for (int number = 1; number < 256; ++number) {
    const std::string_view name = model::to_string(static_cast<model::EventKind>(number));
    if (name != "unknown") {
      kinds.emplace(number, name);
    }
  }
  WARDER_RETURN_IF_ERROR(check_names(connection, "kind", kinds, &findings));
  std::map<std::int64_t, std::string> severities;
  for (std::size_t number = 0; number < model::kSeverityNames.size(); ++number) {
    severities.emplace(number, model::to_string(static_cast<model::Severity>(number)));
  }
  WARDER_RETURN_IF_ERROR(check_names(connection, "severity", severities, &findings));
  return findings;
}

util::Result<std::vector<std::uint64_t>> odd_events(Connection& connection, std::size_t limit) {
  WARDER_ASSIGN_OR_RETURN(
      Statement odd,
      connection.prepare(
          "SELECT sequence FROM event WHERE typeof(id) <> 'blob' OR typeof(leaf) <> 'blob' OR "
          "typeof(time) <> 'integer' OR typeof(kind) <> 'integer' OR typeof(severity) <> 'integer' "
          "OR typeof(message) <> 'text' OR typeof(jail) NOT IN ('integer', 'null') OR typeof(log) "
          "NOT IN ('integer', 'null') OR typeof(at) NOT IN ('integer', 'null') OR typeof(pattern) "
          "NOT IN ('integer', 'null') OR typeof(attempts) NOT IN ('integer', 'null') OR "
          "typeof(address) NOT IN ('blob', 'null') OR typeof(user) NOT IN ('text', 'null') OR "
          "typeof(detail) NOT IN ('text', 'null') ORDER BY sequence LIMIT ?1"));
  std::vector<std::uint64_t> sequences;
  Rows rows = odd.run(static_cast<std::int64_t>(limit));
  while (rows.next()) {
    sequences.push_back(static_cast<std::uint64_t>(rows.integer(0)));
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return sequences;
}

}  // namespace warder::store
