#include "agent/backup/program.h"
#include "agent/backup/words.h"
#include "agent/exit_status.h"
#include "agent/out_of_memory.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>

// `warder backup ...`: agent/backup.cpp starts it.
namespace warder::agent {
namespace {

constexpr const char* kFooter =
    "Exit status: 0 done, 1 failed (also when only the copy outside failed), 2 wrong words,\n"
    "3 configuration has errors, 6 not found.";

void declare(CLI::App& app, BackupWords& words) {
  const auto verb = [&](const char* name, const char* summary, bool set_required) {
    CLI::App* sub = app.add_subcommand(name, summary);
    sub->footer(kFooter);
    auto* const set = sub->add_option(
        "NAME", words.set,
        set_required ? "the set of backups" : "the set of backups (default: every one)");
    if (set_required) {
      set->required();
    }
    sub->add_option("--passphrase-file", words.passphrase_file,
                    "a passphrase to try first, in a file that nobody else can read");
    return sub;
  };
  const auto host = [&](CLI::App* sub) {
    sub->add_option("--host", words.host,
                    "on a machine without sections [backup NAME]: the host that the backups are of "
                    "(default: this one's name, or the only one that published)");
    return sub;
  };
  // Those that work for long: the agent's own runs, and those by hand.
  const auto paced = [&](CLI::App* sub) {
    auto* const background = sub->add_flag("--background", words.background,
                                           "with the lowest claim to processor and disk");
    sub->add_flag("--full-speed", words.full_speed,
                  "as fast as the host goes (default: others come first, nice 10)")
        ->excludes(background);
    return sub;
  };
  CLI::App* now = paced(
      verb("now", "make one: copy, check, pack, restore for trial, bring outside, prune", false));
  now->add_flag("--no-encryption", words.no_encryption, "for once, without encryption");
  now->add_flag("--readable-by-anyone", words.readable,
                "the second word that --no-encryption needs");
  host(verb("list", "the backups: here, outside, proven or not, and why each is kept", false));
  verb("check",
       "how the backups are: age, failures, damage, keys, copies outside and their protection",
       false);
  app.add_subcommand("publish",
                     "put into the vault what a restore needs on a machine that has nothing but "
                     "the vault's identity")
      ->footer(kFooter);
  CLI::App* verify = paced(host(verb("verify", "restore for trial and compare", false)));
  auto* const stamp =
      verify->add_option("--stamp", words.stamp, "this backup (default: the newest)");
  verify->add_flag("--all", words.all, "every backup of the folder")->excludes(stamp);
  CLI::App* restore =
      host(app.add_subcommand("restore", "restore a backup that was checked first"));
  restore->footer(kFooter);
  auto* const set = restore->add_option("NAME", words.set, "the set of backups");
  restore->add_option("--file", words.file, "this file, whatever set it belongs to")->excludes(set);
  restore->add_option("--to", words.target, "the database file, or for full an empty folder")
      ->required();
  restore->add_option("--stamp", words.stamp, "this backup (default: the newest)");
  restore->add_option("--format", words.format, "binary, sql_dump or full")
      ->check(CLI::IsMember({"binary", "sql_dump", "full"}));
  restore->add_flag("--from-storage", words.from_storage, "from outside, even if it is here");
  restore->add_flag("--overwrite", words.overwrite,
                    "replace a database that is there; the old one is kept beside it");
  restore->add_flag("--owners", words.owners, "give files back to their owners (full)");
  restore->add_option("--passphrase-file", words.passphrase_file,
                      "a passphrase to try first, in a file that nobody else can read");
  paced(verb("drill", "restore the copy outside into an empty folder and start from it", false));
  CLI::App* prune = verb("prune", "remove what retention lets go", false);
  auto* const dry =
      prune->add_flag("--dry-run", words.dry_run, "only show what stays and what would go");
  prune
      ->add_option("--drop-faulty", words.stamp,
                   "remove nothing but this copy outside, which lacks files and is not here")
      ->excludes(dry);
  paced(verb("re-encrypt", "encrypt with the current passphrase what has an older one", false));
}

int run(int argc, char** argv) {
  BackupWords words;
  CLI::App app("Backups that are proven.", "warder backup");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--config", words.globals.config, "the main configuration file")
      ->capture_default_str();
  app.add_flag("--json", words.globals.json, "print JSON");
  app.add_option("--agent", words.agent, "the agent's process, which the run ends with")->group("");
  declare(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitStatus::kUsage);
  }
  words.verb = app.get_subcommands().front()->get_name();
  return static_cast<int>(run_backup(words.verb, words));
}

}  // namespace
}  // namespace warder::agent

int main(int argc, char** argv) {
  warder::agent::end_when_out_of_memory(
      "warder backup: there is no memory left, so this run ends; backups that are made stay, and "
      "the next run removes what this one began. Raise the limit (MemoryMax= of its unit) or find "
      "out what uses the memory\n");
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return warder::agent::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "warder backup: a defect: %s\n", error.what());
    return static_cast<int>(warder::agent::ExitStatus::kFailed);
  }
}
