#pragma once

#include "agent/backup/words.h"
#include "agent/exit_status.h"

#include <string>

namespace warder::agent {

// Does what a verb of `warder backup` says and prints what came of it.
ExitStatus run_backup(const std::string& verb, const BackupWords& words);

}  // namespace warder::agent
