#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "store/reader.h"
#include "util/duration.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <memory>

namespace warder::agent {
namespace {

constexpr std::chrono::minutes kSqlLimit{5};

struct Words {
  std::string since;
  std::string jail;
  std::string address;
  std::string kind;
  std::string severity;
  std::string sql;
  std::size_t limit = 100;
  bool oldest_first = false;
};

util::Error wrong_word(std::string_view option, std::string_view value, std::string_view allowed) {
  return util::Error(util::ErrorCode::kInvalid,
                     fmt::format("{} '{}' is not known; allowed: {}", option, value, allowed));
}

util::Result<store::EventFilter> filter_of(const Words& words) {
  store::EventFilter filter;
  filter.limit = words.limit;
  if (words.oldest_first) {
    filter.order = store::EventFilter::Order::kOldestFirst;
  }
  if (!words.since.empty()) {
    // An age ("1d") or a time ("2026-11-02T12:00:00Z").
    if (const auto time = util::parse_rfc3339(words.since)) {
      filter.since = *time;
    } else {
      const auto age = util::parse_duration(words.since);
      if (!age) {
        return util::Error(util::ErrorCode::kInvalid,
                           fmt::format("--since: {}; or a time such as 2026-11-02T12:00:00Z",
                                       age.error().message()));
      }
      filter.since = util::SystemClock().now() - *age;
    }
  }
  if (!words.jail.empty()) {
    filter.jail = words.jail;
  }
  if (!words.address.empty()) {
    WARDER_ASSIGN_OR_RETURN(filter.within, net::Prefix::parse(words.address));
  }
  if (!words.kind.empty()) {
    filter.kind = model::parse_event_kind(words.kind);
    if (!filter.kind) {
      return wrong_word(
          "--kind", words.kind,
          "finding, ban, unban, restore, extend, would-ban, source, config, firewall, "
          "store, destination, vault, agent, integrity, backup, security, alert");
    }
  }
  if (!words.severity.empty()) {
    filter.least = model::parse_severity(words.severity);
    if (!filter.least) {
      return wrong_word("--severity", words.severity, "info, notice, warning, high, critical");
    }
  }
  return filter;
}

ExitStatus print_events(store::Reader& reader, const store::EventFilter& filter, bool as_json) {
  TextTable table({"TIME", "SEVERITY", "KIND", "JAIL", "ADDRESS", "WHAT"});
  const util::Status read = reader.events(filter, [&](const store::StoredEvent& stored) {
    const model::Event& event = stored.event;
    if (as_json) {
      print(to_json(stored) + '\n');
    } else {
      table.add({short_time(util::format_rfc3339(event.time)),
                 std::string(to_string(event.severity)), std::string(to_string(event.kind)),
                 event.jail, event.address ? event.address->to_string() : "", event.message});
    }
    return true;
  });
  if (!read) {
    return complain(read.error());
  }
  if (!as_json) {
    print(table.empty() ? "no event fits\n" : table.to_text());
  }
  return ExitStatus::kOk;
}

ExitStatus print_sql(store::Reader& reader, const std::string& sql) {
  const util::Status read = reader.query(sql, kSqlLimit, [](const std::vector<std::string>& row) {
    std::string line;
    for (const std::string& cell : row) {
      line += (line.empty() ? "" : "\t") + cell;
    }
    print(line + '\n');
    return true;
  });
  if (!read) {
    const ExitStatus status = complain(read.error());
    return read.error().code() == util::ErrorCode::kInvalid ? ExitStatus::kUsage : status;
  }
  return ExitStatus::kOk;
}

}  // namespace

Run declare_events(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--since", words->since, "not older than this: 1h, 7d, or 2026-11-02T12:00:00Z");
  app.add_option("--jail", words->jail, "only of this jail");
  app.add_option("--address", words->address, "only of this address or prefix");
  app.add_option("--kind", words->kind, "only of this kind: finding, ban, unban, source, ...");
  app.add_option("--severity", words->severity, "at least: info, notice, warning, high, critical");
  app.add_option("--limit", words->limit, "at most this many")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000'000}));
  app.add_flag("--oldest-first", words->oldest_first, "in the order in which it happened");
  app.add_option("--sql", words->sql,
                 "the rows of one SELECT over the tables and views, tab separated");
  return [words](const Globals& globals) {
    const auto filter = filter_of(*words);
    if (!filter) {
      complain(filter.error());
      return ExitStatus::kUsage;
    }
    const auto database = database_path(globals);
    if (!database) {
      return complain(database.error());
    }
    auto reader = store::Reader::open(*database);
    if (!reader) {
      return complain(reader.error());
    }
    if (!words->sql.empty()) {
      return print_sql(*reader, words->sql);
    }
    return print_events(*reader, *filter, globals.json);
  };
}

}  // namespace warder::agent
