#include "agent/command.h"
#include "agent/out_of_memory.h"
#include "config/diagnostics.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace warder::agent {
namespace {

constexpr std::array<Command, 23> kCommands{{
    {"run", "watch the logs and ban, until stopped", "the configuration", declare_run},
    {"check", "read the configuration and tell every error at once", "the configuration",
     declare_check},
    {"config", "diff: the files, the vault's documents over them, and what runs",
     "the configuration", declare_config},
    {"reload", "have the running agent read its configuration again", "a running agent",
     declare_reload},
    {"status", "what the agent is doing", "a running agent", declare_status},
    {"bans", "who is banned, by which jail, until when", "a running agent", declare_bans},
    {"ban", "ban an address or prefix by hand", "a running agent", declare_ban},
    {"unban", "lift bans", "a running agent", declare_unban},
    {"explain", "everything known of an address: lines, counts, bans, packets dropped",
     "a running agent", declare_explain},
    {"events", "the history, as text, JSON or SQL", "the database", declare_events},
    {"verify", "check that the history is what was recorded", "the database", declare_verify},
    {"test", "try a filter on a log", "a filter", declare_test},
    {"replay", "the bans a jail would make on old logs, and what a change would alter",
     "the configuration", declare_replay},
    {"doctor", "follow a marked line through every stage of the running agent, name the broken one",
     "a running agent", declare_doctor},
    {"import-fail2ban",
     "what a fail2ban configuration does here; its bans, counts and positions taken over",
     "a fail2ban configuration", declare_import_fail2ban},
    {"compare", "bans of a running fail2ban beside the agent's own, each difference told",
     "the database", declare_compare},
    {"vault", "the vault that holds rules and secrets: setup, get, put, test, audit, rotate...",
     "the configuration", declare_vault},
    {"backup", "back up, list, verify, restore, drill, prune, re-encrypt",
     "a section [backup NAME] in the configuration", declare_backup},
    {"alerts", "open incidents, acknowledge them, send and test alerts", "a running agent",
     declare_alerts},
    {"monitor", "checks of databases and of the host: their state, run one now, accept a schema",
     "the configuration", declare_monitor},
    {"files", "file integrity: what differs from the signed baseline, check now, accept, scan",
     "the configuration", declare_files},
    {"monitor-worker", "read a database for a check (run by the agent)", "nothing",
     declare_monitor_worker},
    {"firewall-helper", "put bans into the kernel for the agent (run by its own unit)",
     "CAP_NET_ADMIN", declare_firewall_helper},
}};

constexpr const char* kFooter =
    "Exit status: 0 done, 1 failed, 2 wrong words, 3 configuration has errors, 4 no agent "
    "or vault\nanswers, 5 not allowed, 6 not found, 7 the history does not verify.";

// CLI11 misses a subcommand where one is misspelt. Empty when no word is unknown.
std::string unknown_command(const CLI::App& app) {
  const std::vector<std::string> unknown = app.remaining(true);
  if (unknown.empty()) {
    return {};
  }
  const CLI::App* parent = &app;
  std::string path;
  for (const CLI::App* parsed : app.get_subcommands()) {
    parent = parsed;
    path += parsed->get_name() + ' ';
  }
  const std::string word = util::printable(unknown.front());
  if (word.starts_with('-')) {
    return fmt::format("warder: there is no option '{}'", word);
  }
  std::vector<std::string> known;
  for (const CLI::App* one : parent->get_subcommands({})) {
    known.push_back(one->get_name());
  }
  const std::string suggestion = config::did_you_mean(word, {known.begin(), known.end()});
  return fmt::format("warder: there is no command '{}{}'{}{}", path, word,
                     suggestion.empty() ? "" : "; ", suggestion);
}

int run(int argc, char** argv) {
  Globals globals;
  CLI::App app("Watches logs, bans attackers in the kernel, keeps a history that can be proven.",
               "warder");
  app.set_version_flag("--version", fmt::format("warder {}", WARDER_VERSION));
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--config", globals.config, "the main configuration file")->capture_default_str();
  app.add_option("--socket", globals.socket, "the control socket of the agent");
  app.add_flag("--json", globals.json, "print JSON");
  std::vector<std::pair<CLI::App*, Run>> declared;
  for (const Command& command : kCommands) {
    CLI::App* words = app.add_subcommand(std::string(command.name), std::string(command.summary));
    words->footer(fmt::format("Needs {}.\n{}", command.needs, kFooter));
    declared.emplace_back(words, command.declare(*words));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    const std::string unknown = unknown_command(app);
    if (unknown.empty()) {
      app.exit(error);
    } else {
      fmt::print(stderr, "{}\nRun with --help for more information.\n", unknown);
    }
    return static_cast<int>(ExitStatus::kUsage);
  } catch (const CLI::ParseError& error) {
    // Help and version end well; everything else is a matter of words.
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitStatus::kUsage);
  }
  for (const auto& [words, command] : declared) {
    if (words->parsed()) {
      return static_cast<int>(command(globals));
    }
  }
  return static_cast<int>(ExitStatus::kUsage);
}

}  // namespace

}  // namespace warder::agent

int main(int argc, char** argv) {
  warder::agent::end_when_out_of_memory(
      "warder: there is no memory left, so the process ends; bans stay in the kernel and lines are "
      "read on from where they were recorded. Raise the limit (MemoryMax= of its unit) or find out "
      "what uses the memory\n");
  // A reader that goes away (`warder events | head`) is no reason to die with a signal.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return warder::agent::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "warder: a defect: %s\n", error.what());
    return static_cast<int>(warder::agent::ExitStatus::kFailed);
  }
}
