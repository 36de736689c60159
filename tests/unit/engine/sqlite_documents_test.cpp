// The vault's documents `security` and `performance` as keys of [monitor NAME].
#include "engine/sqlite_documents.h"

#include <catch2/catch.hpp>

#include <map>
#include <string>

using namespace warder;
using namespace warder::engine;

namespace {

std::map<std::string, std::string> keys_of(const SqliteDocuments& documents,
                                           config::Diagnostics& diagnostics) {
  const config::Layer layer = sqlite_layer(documents, {"monitor vault"}, diagnostics);
  std::map<std::string, std::string> keys;
  for (const config::RawSection& section : layer.sections) {
    CHECK(section.name == "monitor vault");
    for (const config::RawOption& option : section.options) {
      CHECK(keys.emplace(option.name, option.value).second);
    }
  }
  return keys;
}

// As the guide that these documents come from writes them.
constexpr const char* kSecurity = R"({
  "alerts_enabled": true,
  "monitoring": {"database_access": true, "backup_operations": true, "file_modifications": true,
                 "integrity_checks": true},
  "thresholds": {"failed_backup_attempts": 3, "database_lock_duration_seconds": 300,
                 "integrity_check_failures": 1, "unauthorized_file_access": 1},
  "actions": {"email_alerts": true, "webhook_notifications": true, "oci_audit_logging": true,
              "fail2ban_integration": true}})";
constexpr const char* kPerformance = R"json({
  "monitoring_enabled": true,
  "metrics": {"database_size_mb": "SELECT page_count * page_size FROM pragma_page_count()",
              "wal_file_size_kb": "SELECT 1", "cache_hit_ratio": "SELECT 2",
              "query_performance": "EXPLAIN QUERY PLAN SELECT COUNT(*) FROM users"},
  "thresholds": {"max_database_size_mb": 500, "max_wal_size_kb": 10240,
                 "min_cache_hit_ratio": 90.0, "max_query_time_ms": 1000},
  "oci_a1_optimizations": {"memory_limit_mb": 512, "cpu_limit_percent": 50,
                           "io_priority": "normal"}})json";

std::string told(const SqliteDocuments& documents) {
  config::Diagnostics diagnostics;
  (void)keys_of(documents, diagnostics);
  return diagnostics.to_text();
}

}  // namespace

TEST_CASE("both documents become checks and limits") {
  config::Diagnostics diagnostics;
  CHECK(keys_of({kSecurity, kPerformance}, diagnostics) ==
        std::map<std::string, std::string>{
            {"enabled", "yes"},
            {"checks",
             "access backup-age backup-failures cache database-size foreign-keys integrity lock "
             "queries quick schema wal-size"},
            {"failed_backup_attempts", "3"},
            {"database_lock_duration", "300s"},
            {"integrity_check_failures", "1"},
            {"max_database_size", "500M"},
            {"max_wal_size", "10240K"},
            {"min_cache_hit_ratio", "90"},
            {"max_query_time", "1.000s"},
            {"queries", "SELECT COUNT(*) FROM users"}});
  CHECK_FALSE(diagnostics.has_errors());
  // What cannot be done here is not passed over in silence.
  CHECK(diagnostics.to_text().find("oci_a1_optimizations/memory_limit_mb") != std::string::npos);
}

TEST_CASE("one that switches off does so whatever the other says") {
  config::Diagnostics diagnostics;
  CHECK(keys_of({R"({"alerts_enabled":false})", R"({"monitoring_enabled":true})"}, diagnostics) ==
        std::map<std::string, std::string>{{"enabled", "no"}});
}

TEST_CASE("without documents nothing is laid over the files") {
  config::Diagnostics diagnostics;
  CHECK(sqlite_layer({}, {"monitor vault"}, diagnostics).sections.empty());
}

TEST_CASE("what is wrong is told with its place and remedy, all at once") {
  CHECK(told({R"({"monitoring":{"integrity_check":true},"thresholds":{"failed_backup_attempts":"3"},
                  "alerts_enabled":1,"actions":{"email_alerts":false}})",
              std::nullopt})
            .find("integrity_checks") != std::string::npos);
  config::Diagnostics diagnostics;
  (void)keys_of(
      {R"({"monitoring":{"integrity_check":true},"thresholds":{"failed_backup_attempts":"3"},
                     "alerts_enabled":1,"actions":{"email_alerts":false}})",
       "[1]"},
      diagnostics);
  CHECK(diagnostics.errors() == 5);
  CHECK(told({R"({"alerts_enabled":true,"alerts_enabled":false})", std::nullopt})
            .find("a member is named twice") != std::string::npos);
  CHECK(told({R"({"thresholds":{"unauthorized_file_access":2}})", std::nullopt})
            .find("only 1 is possible") != std::string::npos);
}

TEST_CASE("file_modifications switches on the files of a monitor's name") {
  const auto enabled = [](const SqliteDocuments& documents) {
    config::Diagnostics diagnostics;
    std::map<std::string, std::string> values;
    for (const config::RawSection& section :
         sqlite_layer(documents, {"files vault", "files system", "monitor vault"}, diagnostics)
             .sections) {
      if (section.name.starts_with("files ")) {
        REQUIRE(section.options.size() == 1);
        CHECK(section.options[0].name == "enabled");
        CHECK(section.options[0].place.source == "vault security#/monitoring/file_modifications");
        values.emplace(section.name, section.options[0].value);
      }
    }
    CHECK(diagnostics.to_text() == "");
    return values;
  };
  using Values = std::map<std::string, std::string>;
  CHECK(enabled({R"({"monitoring":{"file_modifications":true}})", std::nullopt}) ==
        Values{{"files vault", "yes"}});
  CHECK(enabled({R"({"monitoring":{"file_modifications":false}})", std::nullopt}) == Values{});
  CHECK(enabled({R"({"alerts_enabled":false,"monitoring":{"file_modifications":true}})",
                 std::nullopt}) == Values{{"files vault", "no"}});
}

TEST_CASE("documents without a section to speak for are refused") {
  config::Diagnostics diagnostics;
  (void)sqlite_layer({kSecurity, std::nullopt}, {}, diagnostics);
  CHECK(diagnostics.errors() == 1);
}
