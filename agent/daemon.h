#pragma once

#include "agent/backup_watch.h"
#include "agent/command.h"
#include "agent/control.h"
#include "agent/ignore_watch.h"
#include "agent/vault_link.h"
#include "agent/wiring.h"
#include "engine/configuration_history.h"
#include "engine/engine.h"
#include "engine/routes.h"
#include "engine/shipping.h"
#include "files/guards.h"
#include "monitor/monitors.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/descriptor.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace warder::agent {

// The running agent: all parts, made in dependency order and taken down in reverse. `warder run`.
class Daemon {
 public:
  // Reads the configuration, opens everything, takes over from the last run. What is wrong with the
  // configuration is kInvalid with the whole list.
  static util::Result<std::unique_ptr<Daemon>> start(const Globals& globals);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Runs the pipeline on this thread until stop().
  void run();
  void stop();
  // Reads the configuration again, files and vault; kInvalid leaves everything as it is. `accepted`
  // are jails that the dry-run guard lets pass, separated by blanks or commas. The keys that have
  // changed and take effect with a restart alone. Any thread.
  util::Result<std::vector<std::string>> reload(std::string_view accepted = {});

 private:
  explicit Daemon(Globals globals) : globals_(std::move(globals)) {}

  util::Status open_store(const engine::MainConfiguration& main);
  util::Status open_firewall(const engine::MainConfiguration& main);
  util::Status start_engine(const Loaded& loaded);
  // Everything about destinations that can fail, before anything changes.
  struct Destinations {
    std::vector<engine::DestinationPlan> plans;
    std::vector<engine::Route> routes;
    std::map<std::string, std::vector<std::string>, std::less<>>
        named;  // by jails, Routes::replace
  };
  util::Result<Destinations> prepare_destinations(const Loaded& loaded);
  void use_destinations(Destinations ready);
  // That these documents run, with reload_mutex_ once the engine runs.
  void keep_accepted();
  void watch_vault();
  util::Status apply(const engine::VaultDocuments& documents, std::string_view cause,
                     std::string_view accepted = {});
  // Warns when a configuration that did not run last would ban too many, on a thread of its own:
  // at start protection comes first.
  void try_out_at_start(const Loaded& loaded);
  // What ran before, as effective_json().
  std::string note_running(const Loaded& loaded);
  // `message`, with what is different to `before`; and when what runs now ran some time before.
  util::Status tell_configuration(std::string_view cause, const std::string& before,
                                  const std::string& message);
  // The jails of running_jails_ that are left out and were not before.
  util::Status tell_left_out(const engine::JailSet& before);
  void refused(const std::string& why, std::string_view cause);

  const Globals globals_;
  const util::SystemClock clock_;
  util::Descriptor lock_;
  VaultLink vault_{clock_};
  std::mutex reload_mutex_;
  engine::VaultDocuments documents_;                            // guarded by reload_mutex_
  engine::Effective started_;                                   // so is this; what started
  std::vector<std::string> waiting_for_restart_;                // so is this
  std::shared_ptr<const engine::JailSet> running_jails_;        // so is this
  std::optional<engine::ConfigurationHistory> configurations_;  // so is this
  std::mutex running_mutex_;
  std::string running_text_;  // what runs; guarded by running_mutex_
  engine::Routes routes_;
  std::unique_ptr<store::Store> store_;
  std::filesystem::path database_;
  std::unique_ptr<firewall::Firewall> firewall_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Shipping> shipping_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<api::Server> server_;
  std::unique_ptr<IgnoreWatch> ignore_watch_;
  std::unique_ptr<BackupWatch> backup_watch_;
  std::unique_ptr<monitor::MonitorThread> monitors_;
  std::stop_source files_stop_;  // what waits for the store on their thread
  std::unique_ptr<files::FilesThread> files_;
  bool ran_last_ = false;  // what was started with
  std::jthread dry_run_;
  // Both engine and shipping are made: what the store's thread may use.
  std::atomic<engine::Engine*> running_engine_{nullptr};
  std::vector<std::string> early_trouble_;     // told once the engine runs
  std::atomic<bool> history_is_lost_ = false;  // set aside before the engine was there
};

}  // namespace warder::agent
