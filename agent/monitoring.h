#pragma once

#include "agent/wiring.h"
#include "engine/engine.h"
#include "monitor/monitors.h"
#include "store/store.h"

#include <filesystem>
#include <vector>

namespace warder::agent {

// The name under which the agent watches its own history.
inline constexpr const char* kHistoryMonitor = "history";

// The configured monitors, and the one of the agent's own history.
std::vector<monitor::MonitorOptions> monitors_of(const Loaded& loaded);

// Monitors joined to the rest of the agent, all of which must outlive them. `config` is handed to
// the process that reads databases.
monitor::MonitorHooks monitor_hooks(engine::Engine& engine, store::Store& store,
                                    std::filesystem::path database, std::filesystem::path config);

// What the history says of backups: reports of `warder backup now`, and what other programs
// reported
// (`warder alerts send backup`), of which a severity of warning and above is a failure.
util::Result<monitor::BackupRecord> backup_record(const std::filesystem::path& database);

}  // namespace warder::agent
