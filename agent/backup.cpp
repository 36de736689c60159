#include "agent/backup_program.h"
#include "agent/command.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <string>
#include <unistd.h>
#include <vector>

namespace warder::agent {

// The libraries of backups (OpenPGP, archives, compression) cost the agent memory that it would
// never use, so they live in a program of their own beside this one, which takes over here.
Run declare_backup(CLI::App& app) {
  app.prefix_command();
  app.fallthrough(false);
  app.set_help_flag();
  return [&app](const Globals& globals) {
    const auto program = backup_program();
    if (!program) {
      return complain(program.error());
    }
    std::vector<std::string> words{"warder backup", "--config", globals.config.string()};
    if (globals.json) {
      words.emplace_back("--json");
    }
    for (const std::string& word : app.remaining()) {
      words.push_back(word);
    }
    std::vector<char*> argv;
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    ::execv(program->c_str(), argv.data());
    return complain(util::errno_error(program->string(), errno));
  };
}

}  // namespace warder::agent
