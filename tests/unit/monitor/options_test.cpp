#include "monitor/options.h"

#include "config/check.h"
#include "config/ini.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace std::chrono_literals;
using monitor::Check;

namespace {

struct Read {
  config::Diagnostics diagnostics;
  std::vector<monitor::MonitorOptions> monitors;
};

Read read(std::string_view text) {
  Read result;
  config::Document document;
  document.add(config::parse_ini(text, "jail.local", result.diagnostics));
  const config::Table* const tables[] = {&monitor::monitor_table()};
  const config::Checked checked = config::check_document(tables, document, result.diagnostics);
  for (const config::Values* values : checked.all(monitor::monitor_table())) {
    if (values->complete()) {
      result.monitors.push_back(monitor::monitor_options(*values, result.diagnostics));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("the table of monitors is sound") {
  CHECK(config::defects(monitor::monitor_table()) == std::vector<std::string>{});
}

TEST_CASE("a monitor has the limits of the plan unless it says otherwise") {
  const Read one = read(
      "[monitor vault]\nenabled = yes\ndatabase = /d/db.sqlite3\nmax_query_time = 0.25s\n"
      "queries = SELECT 1\n  SELECT 2\n");
  CHECK(one.diagnostics.to_text() == "");
  REQUIRE(one.monitors.size() == 1);
  const monitor::MonitorOptions& options = one.monitors[0];
  CHECK(options.name == "vault");
  CHECK(options.checks.size() == monitor::kChecks - 1);
  CHECK(options.max_wal_size == util::kibibytes(10240));
  CHECK(options.max_database_size == util::mebibytes(500));
  CHECK(options.database_lock_duration == 300s);
  CHECK(options.failed_backup_attempts == 3);
  CHECK(options.integrity_check_failures == 1);
  CHECK(options.min_cache_hit_ratio == 90);
  CHECK(options.max_query_time == 250ms);
  CHECK(options.max_memory == 80);
  CHECK(options.queries == std::vector<std::string>{"SELECT 1", "SELECT 2"});
  CHECK(options.interval(Check::kIntegrity) == 24h);
  CHECK(options.interval(Check::kWalSize) == 1min);
  CHECK(options.severity_of(Check::kQuick) == model::Severity::kCritical);
}

TEST_CASE("without a database the host alone is looked at") {
  const Read host = read("[monitor host]\nenabled = yes\n");
  CHECK(host.diagnostics.to_text() == "");
  CHECK(host.monitors.at(0).checks == std::vector<Check>{Check::kDisk, Check::kMemory,
                                                         Check::kBackupAge,
                                                         Check::kBackupFailures});
}

TEST_CASE("a check that cannot be made is an error where it was asked for") {
  const Read asked = read(
      "[monitor a]\nenabled = yes\nchecks = quick\n[monitor b]\nenabled = yes\n"
      "database = /d\nchecks = cache disk\n[monitor c]\nmax_wal_size_kb = 10240\n");
  CHECK(asked.diagnostics.to_text() ==
        "jail.local:9: [monitor c] max_wal_size_kb: has a new name: max_wal_size\n"
        "jail.local:3: [monitor a] checks = \"quick\": quick needs `database`\n"
        "jail.local:7: [monitor b] checks = \"cache disk\": cache needs `queries`\n");
}
