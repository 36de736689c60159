#pragma once

#include "agent/exit_status.h"
#include "util/result.h"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace warder::agent {

// What all commands share: `warder [--config FILE] [--socket PATH] [--json] COMMAND ...`.
struct Globals {
  std::filesystem::path config = "/etc/warder/warder.conf";
  std::filesystem::path socket;  // empty: as the configuration says
  bool json = false;
};

using Run = std::function<ExitStatus(const Globals&)>;

// One command: a row of the table in main.cpp, from which help and README's list come.
struct Command {
  std::string_view name;
  std::string_view summary;
  std::string_view needs;  // "nothing", "the configuration", "a running agent"
  // Declares the command's own words and options; what it returns is run when they were understood.
  Run (*declare)(CLI::App& words);
};

// One file a command.
Run declare_run(CLI::App& words);
Run declare_check(CLI::App& words);
Run declare_reload(CLI::App& words);
Run declare_status(CLI::App& words);
Run declare_bans(CLI::App& words);
Run declare_ban(CLI::App& words);
Run declare_unban(CLI::App& words);
Run declare_config(CLI::App& app);
Run declare_explain(CLI::App& words);
Run declare_events(CLI::App& words);
Run declare_verify(CLI::App& words);
Run declare_test(CLI::App& words);
Run declare_replay(CLI::App& words);
Run declare_doctor(CLI::App& words);
Run declare_vault(CLI::App& words);
Run declare_alerts(CLI::App& words);
Run declare_backup(CLI::App& words);
Run declare_import_fail2ban(CLI::App& words);
Run declare_compare(CLI::App& words);
Run declare_monitor(CLI::App& words);
Run declare_monitor_worker(CLI::App& words);
Run declare_files(CLI::App& words);
Run declare_firewall_helper(CLI::App& words);

// Prints "warder: message" to standard error and gives the status that fits the error's code.
ExitStatus complain(const util::Error& error);

}  // namespace warder::agent
