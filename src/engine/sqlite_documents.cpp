#include "engine/sqlite_documents.h"

#include "util/strings.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

namespace warder::engine {
namespace {

using nlohmann::json;

constexpr std::string_view kEnabled = "enabled";
constexpr std::size_t kLargest = std::size_t{64} << 10U;

// Objects that name a member twice are refused: readers differ on which one counts.
json parse_once(std::string_view text, bool* doubled) {
  std::vector<std::set<std::string>> names;
  const auto callback = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) {
      names.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      names.pop_back();
    } else if (event == json::parse_event_t::key &&
               !names.back().insert(value.get<std::string>()).second) {
      *doubled = true;
    }
    return true;
  };
  return json::parse(text, callback, false);
}

// One document while it is turned into keys.
class Translation {
 public:
  Translation(std::string_view document, config::Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  config::Place place(std::string_view pointer = "") const {
    return {fmt::format("vault {}#{}", document_, pointer), 0};
  }
  void error(std::string_view pointer, std::string text, std::string suggestion = {}) {
    diagnostics_.error(place(pointer), std::move(text), std::move(suggestion));
  }
  void warning(std::string_view pointer, std::string text) {
    diagnostics_.warning(place(pointer), std::move(text));
  }
  void set(std::string_view pointer, std::string_view key, std::string value) {
    options.push_back({std::string(key), std::move(value), place(pointer)});
  }

  // The document, or null when it is none.
  json read(const std::string& text) {
    bool doubled = false;
    if (text.size() > kLargest) {
      error("",
            fmt::format("the document has {} bytes; at most {} are read", text.size(), kLargest));
      return nullptr;
    }
    json document = parse_once(text, &doubled);
    if (!document.is_object()) {
      error("", "the document is no JSON object");
      return nullptr;
    }
    if (doubled) {
      error("", "a member is named twice");
      return nullptr;
    }
    return document;
  }

  // Calls what belongs to each member of an object; others are errors.
  using Reader = std::function<void(const std::string& pointer, const json& value)>;
  using Readers = std::vector<std::pair<std::string_view, Reader>>;
  void members(const std::string& pointer, const json& object, const Readers& readers) {
    if (!object.is_object()) {
      error(pointer, "an object is expected here");
      return;
    }
    std::vector<std::string_view> known;
    for (const auto& [name, reader] : readers) {
      known.push_back(name);
    }
    for (const auto& [name, value] : object.items()) {
      const std::string inner = pointer + '/' + util::printable(name, 60);
      const auto reader = std::find_if(readers.begin(), readers.end(),
                                       [&n = name](const auto& one) { return one.first == n; });
      if (reader != readers.end()) {
        reader->second(inner, value);
      } else {
        error(inner,
              fmt::format("nothing here is named so; allowed are {}", fmt::join(known, ", ")),
              config::did_you_mean(name, known));
      }
    }
  }

  Reader boolean(std::function<void(const std::string&, bool)> use) {
    return [this, use = std::move(use)](const std::string& pointer, const json& value) {
      if (!value.is_boolean()) {
        error(pointer, "true or false is expected here");
        return;
      }
      use(pointer, value.get<bool>());
    };
  }
  // A whole number into a key, with the unit behind it.
  Reader number(std::string_view key, std::string_view unit = "") {
    return [this, key, unit](const std::string& pointer, const json& value) {
      const double given = value.is_number() ? value.get<double>() : -1;
      if (given < 0 || given > 1e12 || given != std::floor(given)) {
        error(pointer, "a whole number from 0 is expected here");
        return;
      }
      set(pointer, key, fmt::format("{}{}", static_cast<std::uint64_t>(given), unit));
    };
  }
  // A wish that only `destinations` can deny.
  Reader told() {
    return boolean([this](const std::string& pointer, bool wanted) {
      if (!wanted) {
        error(pointer,
              "who is told is said by destinations: name those that are wanted in the key "
              "destinations of the section, and take this member out");
      }
    });
  }

  std::vector<config::RawOption> options;

 private:
  std::string_view document_;
  config::Diagnostics& diagnostics_;
};

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
                           {{"email_alerts", document.told()},
                            {"webhook_notifications", document.told()},
                            {"oci_audit_logging", document.told()},
                            {"fail2ban_integration", document.told()}});
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
