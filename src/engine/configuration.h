#pragma once

#include "config/check.h"
#include "config/diagnostics.h"
#include "config/file_reader.h"
#include "config/keys.h"
#include "engine/agent_keys.h"
#include "engine/host_names.h"
#include "engine/jail_set.h"
#include "engine/sqlite_documents.h"
#include "fail2ban/ignore_list.h"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace warder::engine {

// The main configuration, checked: warder.conf with what belongs to it, and the vault's document
// `alerts` over it.
struct MainConfiguration {
  AgentOptions agent;
  config::Checked checked;  // for the owners of the other tables
};

// The vault's documents that lie over the files, when there are any.
struct VaultDocuments {
  std::optional<std::string> jails;
  std::optional<std::string> alerts;
  // Sections of the main configuration: {"agent": {"log_level": "debug"}}. Members that are no
  // objects are values for references (vault:settings/NAME) and left alone.
  std::optional<std::string> settings = std::nullopt;
  SqliteDocuments sqlite = {};                       // `security` and `performance`
  std::optional<std::string> backup = std::nullopt;  // engine/backup_document.h

  bool any() const {
    return jails || alerts || settings || sqlite.security || sqlite.performance || backup;
  }
  friend bool operator==(const VaultDocuments&, const VaultDocuments&) = default;
};

// The table of the sections "destination NAME", in which the document `alerts` is written without
// the word: {"ops": {"form": "slack", ...}}.
inline constexpr const char* kDestinationPrefix = "destination ";

// Reads `path` ("/etc/warder/warder.conf" with warder.d/ and warder.local beside it). `tables` are
// those of all modules but the jails'. What is wrong goes to `diagnostics`; use the result only
// when there is no error.
MainConfiguration load_main(config::FileReader& files, const std::string& path,
                            const VaultDocuments& documents,
                            std::span<const config::Table* const> tables,
                            config::Diagnostics& diagnostics);

// Reads the jails and compiles those that are enabled, each with its filter, whose samples are run.
// Those of [agent] fail2ban_configuration come last. Null when something is wrong. `resolve` may
// ask the network, but only for names that a fail2ban configuration ignores.
std::shared_ptr<const JailSet> load_jails(config::FileReader& files, const MainConfiguration& main,
                                          const VaultDocuments& documents,
                                          const source::FileOptions& sources,
                                          config::Diagnostics& diagnostics,
                                          const fail2ban::Resolve& resolve = look_up_host);

// One jail as somebody wants to try it: as configured, whether enabled or not, with changes.
struct JailTrial {
  std::string name;
  std::vector<std::string> files;           // jail files laid over the configured ones
  std::map<std::string, std::string> keys;  // and these keys over all: {"maxretry", "3"}
};

// Compiles that jail alone, one of the agent's own or else of the fail2ban configuration; its logs
// need not exist and need not be named. Errors: kNotFound with a suggestion when no jail has the
// name; kInvalid with all that is wrong with this jail.
util::Result<CompiledJail> load_jail(config::FileReader& files, const MainConfiguration& main,
                                     const VaultDocuments& documents, const JailTrial& trial);

}  // namespace warder::engine
