#include "engine/sqlite_documents.h"

#include "engine/translation.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <initializer_list>
#include <set>

namespace warder::engine {
namespace {

using nlohmann::json;

constexpr std::string_view kEnabled = "enabled";
// A wish that only `destinations` can deny.
Translation::Reader told(Translation& document) {
  return document.boolean([&document](const std::string& pointer, bool wanted) {
    if (!wanted) {
      document.error(pointer,
                     "who is told is said by destinations: name those that are wanted in the key "
                     "destinations of the section, and take this member out");
    }
  });
}

// Which checks a document speaks for, and which of them it wants.
using Checks = std::set<std::string, std::less<>>;

constexpr std::string_view kMonitorPrefix = "monitor ";
constexpr std::string_view kFilesPrefix = "files ";

void read_security(Translation& document, const std::string& text, Checks& checks, bool* files) {
  const json security = document.read(text);
  if (security.is_null()) {
    return;
  }
  const auto switching = [&](std::initializer_list<const char*> names) {
    return document.boolean(
        [&checks, names = std::vector<const char*>(names)](const std::string&, bool wanted) {
          if (wanted) {
            checks.insert(names.begin(), names.end());
          }
        });
  };
  document.members(
      "", security,
      {{"alerts_enabled", document.boolean([&](const std::string& pointer, bool wanted) {
          document.set(pointer, kEnabled, wanted ? "yes" : "no");
        })},
       {"monitoring",
        [&](const std::string& pointer, const json& value) {
          document.members(
              pointer, value,
              {{"database_access", switching({"access"})},
               {"backup_operations", switching({"backup-age", "backup-failures"})},
               {"file_modifications", document.boolean([&](const std::string&, bool wanted) {
                  if (wanted) {
                    checks.insert("schema");
                    *files = true;
                  }
                })},
               {"integrity_checks", switching({"integrity", "quick", "foreign-keys"})}});
        }},
       {"thresholds",
        [&](const std::string& pointer, const json& value) {
          document.members(
              pointer, value,
              {{"failed_backup_attempts", document.number("failed_backup_attempts")},
               {"database_lock_duration_seconds",
                [&](const std::string& inner, const json& seconds) {
                  checks.insert("lock");
                  document.number("database_lock_duration", "s")(inner, seconds);
                }},
               {"integrity_check_failures", document.number("integrity_check_failures")},
               {"unauthorized_file_access", [&](const std::string& inner, const json& times) {
                  if (times != 1) {
                    document.error(inner,
                                   "only 1 is possible: whoever has the database open "
                                   "without being allowed to is told each time");
                  }
                }}});
        }},
       {"actions", [&](const std::string& pointer, const json& value) {
          document.members(pointer, value,
                           {{"email_alerts", told(document)},
                            {"webhook_notifications", told(document)},
                            {"oci_audit_logging", told(document)},
                            {"fail2ban_integration", told(document)}});
        }}});
}

void read_performance(Translation& document, const std::string& text, Checks& checks, bool*) {
  const json performance = document.read(text);
  if (performance.is_null()) {
    return;
  }
  // The text of a metric says how a script once measured it; only that of the queries is run.
  const auto metric = [&](const char* check) {
    return [&document, &checks, check](const std::string& pointer, const json& value) {
      if (!value.is_string()) {
        document.error(pointer, "the text of a statement is expected here");
        return;
      }
      checks.insert(check);
    };
  };
  const auto elsewhere = [&](const std::string& pointer, const json&) {
    document.warning(pointer,
                     "limits of a service are its unit's business (MemoryMax=, CPUQuota=, "
                     "IOWeight= in systemd); nothing is done here");
  };
  document.members(
      "", performance,
      {{"monitoring_enabled", document.boolean([&](const std::string& pointer, bool wanted) {
          document.set(pointer, kEnabled, wanted ? "yes" : "no");
        })},
       {"metrics",
        [&](const std::string& pointer, const json& value) {
          document.members(
              pointer, value,
              {{"database_size_mb", metric("database-size")},
               {"wal_file_size_kb", metric("wal-size")},
               {"cache_hit_ratio", metric("cache")},
               {"query_performance", [&](const std::string& inner, const json& statement) {
                  metric("queries")(inner, statement);
                  if (!statement.is_string()) {
                    return;
                  }
                  std::string_view query = statement.get_ref<const std::string&>();
                  constexpr std::string_view kPlan = "EXPLAIN QUERY PLAN ";
                  if (query.starts_with(kPlan)) {
                    query.remove_prefix(kPlan.size());  // its time is wanted
                  }
                  document.set(inner, "queries", std::string(query));
                }}});
        }},
       {"thresholds",
        [&](const std::string& pointer, const json& value) {
          document.members(pointer, value,
                           {{"max_database_size_mb", document.number("max_database_size", "M")},
                            {"max_wal_size_kb", document.number("max_wal_size", "K")},
                            {"min_cache_hit_ratio", document.number("min_cache_hit_ratio")},
                            {"max_query_time_ms", [&](const std::string& inner, const json& time) {
                               if (!time.is_number() || time.get<double>() <= 0) {
                                 document.error(inner, "a number of milliseconds is expected here");
                                 return;
                               }
                               document.set(inner, "max_query_time",
                                            fmt::format("{:.3f}s", time.get<double>() / 1000));
                             }}});
        }},
       {"oci_a1_optimizations", [&](const std::string& pointer, const json& value) {
          document.members(pointer, value,
                           {{"memory_limit_mb", elsewhere},
                            {"cpu_limit_percent", elsewhere},
                            {"io_priority", elsewhere}});
        }}});
}

}  // namespace

config::Layer sqlite_layer(const SqliteDocuments& documents,
                           const std::vector<std::string>& sections,
                           config::Diagnostics& diagnostics) {
  config::Layer layer;
  layer.interpolates = false;
  std::vector<config::RawOption> options;
  Checks checks;
  bool files = false;
  const bool monitored = std::any_of(sections.begin(), sections.end(), [](const auto& section) {
    return section.starts_with(kMonitorPrefix);
  });
  const auto read = [&](const std::optional<std::string>& text, std::string_view name,
                        auto reader) {
    if (!text) {
      return;
    }
    Translation document(name, diagnostics);
    reader(document, *text, checks, &files);
    if (!monitored) {
      document.error("",
                     "there is no section [monitor NAME] that it could speak for; write one "
                     "with the database into the jails' folder");
    }
    options.insert(options.end(), document.options.begin(), document.options.end());
  };
  read(documents.security, "security", read_security);
  read(documents.performance, "performance", read_performance);
  if (!documents.security && !documents.performance) {
    return layer;
  }
  // `enabled` is one key: a document that switches everything off does so for both.
  std::optional<config::RawOption> enabled;
  for (const config::RawOption& option : options) {
    if (option.name == kEnabled && (!enabled || option.value == "no")) {
      enabled = option;
    }
  }
  std::erase_if(options, [](const config::RawOption& option) { return option.name == kEnabled; });
  if (enabled) {
    options.push_back(*enabled);
  }
  if (!checks.empty()) {
    options.push_back(
        {"checks",
         fmt::format("{}", fmt::join(checks, " ")),
         {fmt::format("vault {}#", documents.security ? "security" : "performance"), 0}});
  }
  for (const std::string& section : sections) {
    if (section.starts_with(kMonitorPrefix)) {
      layer.sections.push_back({section, {"vault", 0}, options});
      continue;
    }
    const std::string monitor =
        std::string(kMonitorPrefix) + section.substr(std::min(section.size(), kFilesPrefix.size()));
    if (files && std::find(sections.begin(), sections.end(), monitor) != sections.end()) {
      const bool off = enabled && enabled->value == "no";
      layer.sections.push_back({section,
                                {"vault", 0},
                                {{std::string(kEnabled),
                                  off ? "no" : "yes",
                                  {"vault security#/monitoring/file_modifications", 0}}}});
    }
  }
  return layer;
}

}  // namespace warder::engine
