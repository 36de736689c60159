#include "agent/monitoring.h"

#include "store/keys.h"
#include "store/reader.h"
#include "util/program.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <unistd.h>
#include <utility>

namespace warder::agent {
namespace {

constexpr std::size_t kLongestAnswer = 4U << 20U;
constexpr std::size_t kMostBackupEvents = 1000;

util::Result<std::vector<monitor::Outcome>> read_in_child(const std::filesystem::path& config,
                                                          const monitor::DatabaseRequest& request,
                                                          std::chrono::seconds limit, int cancel) {
  std::error_code ignored;
  std::filesystem::create_directories(request.folder, ignored);
  std::filesystem::permissions(request.folder, std::filesystem::perms::owner_all, ignored);
  // The same program, also when its file was replaced meanwhile.
  WARDER_ASSIGN_OR_RETURN(const util::ProgramEnd end,
                          util::run_program({"/proc/self/exe", "--config", config.string(),
                                             "monitor-worker", std::to_string(::getpid())},
                                            to_json(request), limit, cancel, kLongestAnswer));
  if (end.how == util::ProgramEnd::How::kCancelled) {
    return util::Error(util::ErrorCode::kUnavailable, "the agent stops");
  }
  if (!end.succeeded() || end.output_is_cut) {
    return util::Error(util::ErrorCode::kInternal, end.to_string("the database's reader", limit));
  }
  return monitor::parse_outcomes(end.output);
}

// A trial, a drill or an alarm about a backup is none; what another program reports of its own is.
bool is_backup(const model::Event& event) {
  const auto detail = nlohmann::json::parse(event.detail, nullptr, false);
  if (!detail.is_object()) {
    return false;
  }
  const auto verb = detail.find("verb");
  return verb == detail.end() ? detail.contains("by") : *verb == "now";
}

}  // namespace

util::Result<monitor::BackupRecord> backup_record(const std::filesystem::path& database) {
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(database));
  monitor::BackupRecord record;
  store::EventFilter filter;
  filter.kind = model::EventKind::kBackup;
  filter.limit = kMostBackupEvents;
  WARDER_RETURN_IF_ERROR(reader.events(filter, [&](const store::StoredEvent& stored) {
    if (!is_backup(stored.event)) {
      return true;
    }
    if (stored.event.severity < model::Severity::kWarning) {
      record.newest_good = stored.event.time;
      return false;
    }
    if (record.failures++ == 0) {
      record.last_failure = stored.event.message;
    }
    return true;
  }));
  return record;
}

std::vector<monitor::MonitorOptions> monitors_of(const Loaded& loaded) {
  std::vector<monitor::MonitorOptions> monitors = loaded.jails->monitors;
  const config::Values& store = loaded.main.checked.one(store::store_table());
  const auto every = std::chrono::ceil<std::chrono::seconds>(store.duration("check_every"));
  if (every.count() > 0) {
    monitor::MonitorOptions history;
    history.name = kHistoryMonitor;
    history.enabled = true;
    history.database = database_of(loaded.main);
    history.checks = {monitor::Check::kIntegrity, monitor::Check::kHistory};
    history.integrity_every = every;
    monitors.push_back(std::move(history));
  }
  return monitors;
}

monitor::MonitorHooks monitor_hooks(engine::Engine& engine, store::Store& store,
                                    std::filesystem::path database, std::filesystem::path config) {
  monitor::MonitorHooks hooks;
  hooks.record = [&engine](std::vector<model::Event> events, std::string name, std::string value) {
    std::vector<store::Kept> kept;
    kept.push_back({std::move(name), std::move(value)});
    return engine.record(std::move(events), std::move(kept));
  };
  hooks.remembered =
      [database](const std::string& name) -> util::Result<std::optional<std::string>> {
    WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(database));
    return reader.kept(name);
  };
  hooks.read_database = [config = std::move(config)](const monitor::DatabaseRequest& request,
                                                     std::chrono::seconds limit, int cancel) {
    return read_in_child(config, request, limit, cancel);
  };
  hooks.backups = [database] { return backup_record(database); };
  hooks.on_bad = [&store](const monitor::MonitorOptions& options, const monitor::Outcome& outcome) {
    // Who edited rows left a sound file; only a broken structure is set aside.
    if (options.name == kHistoryMonitor && outcome.check == monitor::Check::kIntegrity) {
      store.set_aside(outcome.text);
    }
  };
  return hooks;
}

}  // namespace warder::agent
