#include "agent/ask.h"
#include "agent/command.h"
#include "agent/monitoring.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "monitor/watch.h"
#include "store/reader.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <memory>

namespace warder::agent {
namespace {

using monitor::Check;
using monitor::Outcome;
using nlohmann::json;

struct Read {
  std::vector<monitor::MonitorOptions> monitors;
  std::filesystem::path database;
  std::filesystem::path state;
};

std::optional<Read> read_monitors(const Globals& globals) {
  const auto loaded = load_as_agent(globals);
  if (!loaded) {
    return std::nullopt;
  }
  return Read{monitors_of(*loaded), database_of(loaded->main), loaded->main.agent.state};
}

// Knows nothing when there is no history yet.
monitor::Watch known_of(const std::filesystem::path& database, const std::string& name) {
  if (auto reader = store::Reader::open(database)) {
    if (const auto kept = reader->kept(monitor::remembered_name(name)); kept) {
      return monitor::Watch::parse(kept->value_or(""));
    }
  }
  return {};
}

ExitStatus list(const Globals& globals) {
  const auto read = read_monitors(globals);
  if (!read) {
    return ExitStatus::kConfiguration;
  }
  json rows = json::array();
  TextTable table({"MONITOR", "CHECK", "STATE", "SINCE", "LAST", "FOUND"});
  for (const monitor::MonitorOptions& options : read->monitors) {
    const monitor::Watch watch = known_of(read->database, options.name);
    for (const Check check : options.checks) {
      const monitor::Watch::Known& known = watch.known(check);
      const std::string state(known.state ? to_string(*known.state) : "not yet");
      const std::string since = known.state ? util::format_rfc3339(known.since) : "";
      const std::string last = known.state ? util::format_rfc3339(known.last) : "";
      table.add({options.name, std::string(to_string(check)), state, short_time(since),
                 short_time(last), known.text});
      rows.push_back({{"monitor", options.name},
                      {"check", to_string(check)},
                      {"state", state},
                      {"since", since},
                      {"last", last},
                      {"failures", known.failures},
                      {"text", known.text}});
    }
  }
  if (globals.json) {
    print(json{{"monitors", rows}}.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  } else {
    print(table.empty() ? "no monitor is enabled\n" : table.to_text());
  }
  return ExitStatus::kOk;
}

// A folder of this run alone: the agent sweeps its own.
class OwnFolder {
 public:
  OwnFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "warder-monitor-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) {
      path_ = name;
    }
  }
  ~OwnFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::vector<Outcome> make_all(const Read& read, const monitor::MonitorOptions& options) {
  const util::SystemClock clock;
  monitor::HostChecks host(
      options, read.state, [&] { return backup_record(read.database); }, clock);
  const OwnFolder folder;
  monitor::DatabaseRequest request;
  request.monitor = options.name;
  request.database = options.database;
  request.folder = folder.path();
  request.cache_pages = options.cache_pages;
  request.min_cache_hit_ratio = options.min_cache_hit_ratio;
  request.max_query_time = options.max_query_time;
  request.queries = options.queries;
  request.max_free_pages = options.max_free_pages;
  request.schema_baseline = known_of(read.database, options.name).schema_baseline();
  std::vector<Outcome> outcomes;
  for (const Check check : options.checks) {
    if (check == Check::kHistory) {
      continue;  // `warder verify` says more of it
    }
    if (reads_database(check)) {
      request.checks.push_back(check);
    } else {
      outcomes.push_back(host.make(check));
    }
  }
  if (!request.checks.empty()) {
    for (Outcome& outcome : monitor::check_database(request)) {
      outcomes.push_back(std::move(outcome));
    }
  }
  return outcomes;
}

ExitStatus run(const Globals& globals, const std::string& name) {
  const auto read = read_monitors(globals);
  if (!read) {
    return ExitStatus::kConfiguration;
  }
  const auto found = std::find_if(read->monitors.begin(), read->monitors.end(),
                                  [&](const auto& options) { return options.name == name; });
  if (found == read->monitors.end()) {
    return complain(
        util::Error(util::ErrorCode::kNotFound,
                    fmt::format("no enabled monitor is named '{}'; warder monitor list", name)));
  }
  bool good = true;
  json rows = json::array();
  TextTable table({"CHECK", "STATE", "FOUND"});
  std::string advice;
  for (const Outcome& outcome : make_all(*read, *found)) {
    good = good && outcome.state == Outcome::State::kGood;
    const std::string check(to_string(outcome.check));
    table.add({check, std::string(to_string(outcome.state)), outcome.text});
    if (outcome.state != Outcome::State::kGood) {
      advice += fmt::format("\nERROR       {}: {}\nCAUSE       {}\nNEXT STEPS  {}\n", check,
                            outcome.text, outcome.cause, outcome.next);
    }
    rows.push_back({{"check", check},
                    {"state", to_string(outcome.state)},
                    {"text", outcome.text},
                    {"cause", outcome.cause},
                    {"next", outcome.next},
                    {"facts", json::parse(outcome.facts, nullptr, false)}});
    if (rows.back()["facts"].is_discarded()) {
      rows.back()["facts"] = json::object();
    }
  }
  if (globals.json) {
    print(json{{"monitor", name}, {"good", good}, {"checks", rows}}.dump(
              -1, ' ', false, json::error_handler_t::replace) +
          '\n');
  } else {
    print(table.to_text() + advice);
  }
  return good ? ExitStatus::kOk : ExitStatus::kFailed;
}

ExitStatus accept(const Globals& globals, const std::string& name) {
  api::Request request;
  request.command = api::Command::kAcceptSchema;
  request.jail = name;
  return ask_and_print(globals, request, [&](const json&) {
    return fmt::format("the schema that monitor {} finds now is its baseline\n", name);
  });
}

}  // namespace

Run declare_monitor(CLI::App& app) {
  app.require_subcommand(1);
  auto name = std::make_shared<std::string>();
  CLI::App* list_words = app.add_subcommand("list", "every check, its state, what was found");
  CLI::App* run_words = app.add_subcommand("run", "make all checks of a monitor now, by this user");
  run_words->add_option("NAME", *name, "the monitor")->required();
  CLI::App* accept_words = app.add_subcommand(
      "accept", "take the schema as it is for the baseline, after an upgrade of the service");
  accept_words->add_option("NAME", *name, "the monitor")->required();
  return [name, list_words, run_words](const Globals& globals) {
    return list_words->parsed()  ? list(globals)
           : run_words->parsed() ? run(globals, *name)
                                 : accept(globals, *name);
  };
}

}  // namespace warder::agent
