#include "agent/command.h"
#include "agent/import_report.h"
#include "agent/output.h"
#include "agent/signing_key.h"
#include "agent/state_lock.h"
#include "agent/wiring.h"
#include "config/file_reader.h"
#include "migrate/import.h"
#include "store/keys.h"
#include "store/reader.h"
#include "store/store.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

namespace warder::agent {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kWriteLimit{60};

struct Words {
  std::string directory = "/etc/fail2ban";
  std::string database;
  bool all = false;
  bool apply = false;
};

// The configuration when there is one: a report needs none.
util::Result<engine::MainConfiguration> main_configuration(const Globals& globals, bool needed) {
  std::error_code ignored;
  if (!needed && !std::filesystem::exists(globals.config, ignored)) {
    return engine::MainConfiguration{};
  }
  return read_main(globals);
}

json import_json(const migrate::Import& import, bool applied) {
  const migrate::ImportCounts& counts = import.counts;
  json positions = json::array();
  for (const migrate::ImportedPosition& position : import.positions) {
    json one{{"log", util::printable(position.log)}};
    if (position.offset) {
      one["offset"] = *position.offset;
    } else {
      one["left_out"] = util::printable_again(position.why);
    }
    positions.push_back(std::move(one));
  }
  json unknown = json::array();
  for (const std::string& jail : import.unknown_jails) {
    unknown.push_back(util::printable(jail));
  }
  return {{"applied", applied},
          {"running_bans", counts.running_bans},
          {"ended_bans", counts.ended_bans},
          {"history", counts.history},
          {"already_here", counts.already_here},
          {"history_already_here", counts.history_here},
          {"not_addresses", counts.no_address},
          {"of_other_jails", counts.other_jails},
          {"other_jails", std::move(unknown)},
          {"unreadable_rows", counts.left_out},
          {"positions", std::move(positions)}};
}

std::string import_text(const migrate::Import& import, bool applied) {
  const migrate::ImportCounts& counts = import.counts;
  std::string text =
      fmt::format("{}: {} still running, {} ended (for their counts), {} for the history\n",
                  applied ? "bans taken over" : "bans that --apply would take over",
                  counts.running_bans, counts.ended_bans, counts.history);
  if (counts.already_here + counts.history_here > 0) {
    text += fmt::format("here already: {} bans, {} of the history\n", counts.already_here,
                        counts.history_here);
  }
  if (counts.other_jails > 0) {
    text += fmt::format("left out: {} rows of jails that do not run here:", counts.other_jails);
    for (const std::string& jail : import.unknown_jails) {
      text += " " + util::printable(jail);
    }
    text += '\n';
  }
  if (counts.no_address > 0) {
    text += fmt::format("left out: {} rows that are no addresses\n", counts.no_address);
  }
  if (counts.left_out > 0) {
    text += fmt::format("left out: {} rows without sense\n", counts.left_out);
  }
  for (const migrate::ImportedPosition& position : import.positions) {
    text += position.offset
                ? fmt::format("{}: read from byte {} on\n", util::printable(position.log),
                              *position.offset)
                : fmt::format("{}: position left out: {}\n", util::printable(position.log),
                              util::printable_again(position.why));
  }
  return text;
}

util::Status apply(std::vector<store::Batch> batches, const engine::MainConfiguration& main) {
  const util::SystemClock clock;
  const store::Options options = store::store_options(main.checked.one(store::store_table()),
                                                      main.agent.state, main.agent.name);
  WARDER_ASSIGN_OR_RETURN(crypto::Ed25519SecretKey key,
                          signing_key(signing_key_of(main), verifier_key_of(main), options.origin));
  WARDER_ASSIGN_OR_RETURN(std::unique_ptr<store::Store> store,
                          store::Store::open(options, clock, std::move(key), {}));
  for (store::Batch& batch : batches) {
    WARDER_RETURN_IF_ERROR(store->submit(std::move(batch)));
  }
  WARDER_RETURN_IF_ERROR(store->flush(kWriteLimit));
  return store->close(kWriteLimit);
}

// Plans against the agent's database and, with --apply, writes.
util::Result<migrate::Import> import_database(const fail2ban::Stored& stored,
                                              const ImportReport& report, const Words& words,
                                              const engine::MainConfiguration& main) {
  std::optional<store::Reader> reader;
  if (main.checked.list().empty()) {
    // No configuration, no database.
  } else if (auto opened = store::Reader::open(database_of(main))) {
    reader.emplace(std::move(*opened));
  } else if (opened.error().code() != util::ErrorCode::kNotFound) {
    return opened.error();
  }
  const util::SystemClock clock;
  WARDER_ASSIGN_OR_RETURN(
      migrate::Import import,
      migrate::plan_import(stored, report.running(), reader ? &*reader : nullptr, clock.now()));
  reader.reset();
  if (words.apply) {
    // Not before: the logs are read with the rights of whoever asks.
    WARDER_RETURN_IF_ERROR(become_owner_of(main.agent.state));
    WARDER_ASSIGN_OR_RETURN(const util::Descriptor lock, lock_state(main.agent.state));
    WARDER_RETURN_IF_ERROR(apply(std::exchange(import.batches, {}), main));
  }
  return import;
}

ExitStatus run(const Globals& globals, const Words& words) {
  const auto main = main_configuration(globals, words.apply);
  if (!main) {
    complain(main.error());
    return ExitStatus::kConfiguration;
  }
  config::DiskFiles files;
  const ImportReport report = report_fail2ban(files, words.directory, *main, words.all);
  if (!report.errors.empty() && report.jails.empty()) {
    for (const std::string& error : report.errors) {
      fmt::print(stderr, "warder: {}\n", error);
    }
    return ExitStatus::kConfiguration;
  }
  const std::string database = words.database.empty() && words.apply
                                   ? report.configuration.globals.database.value_or("")
                                   : words.database;
  if (words.apply && database.empty()) {
    return complain(util::Error(util::ErrorCode::kInvalid,
                                "fail2ban.conf names no database (dbfile) to take anything over "
                                "from; give it with --database"));
  }
  std::optional<migrate::Import> import;
  if (!database.empty()) {
    const auto stored = fail2ban::read_database(database);
    if (!stored) {
      return complain(words.database.empty()
                          ? stored.error().with_context(
                                "the database that dbfile of fail2ban.conf names (--database gives "
                                "another one)")
                          : stored.error());
    }
    auto planned = import_database(*stored, report, words, *main);
    if (!planned) {
      return complain(planned.error());
    }
    import = std::move(*planned);
  }
  if (globals.json) {
    json object = report.to_json();
    if (import) {
      object["database"] = import_json(*import, words.apply);
    }
    print(object.dump() + '\n');
  } else {
    print(report.to_text());
    if (import) {
      print(import_text(*import, words.apply));
    }
    if (!words.apply) {
      print("nothing was changed\n");
    }
    if (!import && report.configuration.globals.database) {
      print(
          fmt::format("--database {} shows what --apply would take over: bans, counts and "
                      "positions\n",
                      util::printable(*report.configuration.globals.database)));
    }
  }
  return ExitStatus::kOk;
}

}  // namespace

Run declare_import_fail2ban(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("directory", words->directory, "the folder of jail.conf")->capture_default_str();
  app.add_option("--database", words->database,
                 "fail2ban's database, for its bans, counts and positions (with --apply: the one "
                 "that dbfile names, unless given)");
  app.add_flag("--all", words->all, "look at jails that are not enabled, too");
  app.add_flag("--apply", words->apply,
               "take the bans, counts and positions over; without it nothing is changed. The agent "
               "must not run meanwhile");
  return [words](const Globals& globals) { return run(globals, *words); };
}

}  // namespace warder::agent
