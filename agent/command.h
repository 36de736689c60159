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
  Run (*declare)(CLI::App& app);
};

// One file a command.
Run declare_run(CLI::App& app);
Run declare_check(CLI::App& app);
Run declare_reload(CLI::App& app);
Run declare_status(CLI::App& app);
Run declare_bans(CLI::App& app);
Run declare_ban(CLI::App& app);
Run declare_unban(CLI::App& app);
Run declare_config(CLI::App& app);
Run declare_explain(CLI::App& app);
Run declare_events(CLI::App& app);
Run declare_verify(CLI::App& app);
Run declare_test(CLI::App& app);
Run declare_replay(CLI::App& app);
Run declare_doctor(CLI::App& app);
Run declare_vault(CLI::App& app);
Run declare_alerts(CLI::App& app);
Run declare_backup(CLI::App& app);
Run declare_import_fail2ban(CLI::App& app);
Run declare_compare(CLI::App& app);
Run declare_monitor(CLI::App& app);
Run declare_monitor_worker(CLI::App& app);
Run declare_files(CLI::App& app);
Run declare_firewall_helper(CLI::App& app);

// Prints "warder: message" to standard error and gives the status that fits the error's code.
ExitStatus complain(const util::Error& error);

}  // namespace warder::agent
