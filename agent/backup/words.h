#pragma once

#include "agent/command.h"

#include <string>
#include <sys/types.h>

namespace warder::agent {

// The words of `warder backup VERB ...`; each verb uses some of them.
struct BackupWords {
  Globals globals;
  std::string verb;
  std::string set;
  std::string host;  // of the vault's document `recovery`, without a configuration
  std::string passphrase_file;
  bool no_encryption = false;
  bool readable = false;
  bool background = false;
  bool full_speed = false;
  pid_t agent = 0;  // that started this run and must not be outlived; 0: a person did
  std::string stamp;
  bool all = false;
  std::string file;
  std::string target;
  std::string format;
  bool from_storage = false;
  bool overwrite = false;
  bool owners = false;
  bool dry_run = false;
};

}  // namespace warder::agent
