#pragma once

#include "agent/accepted_documents.h"
#include "agent/backup_watch.h"
#include "agent/command.h"
#include "agent/control.h"
#include "agent/cosigning.h"
#include "agent/ignore_watch.h"
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
#include "vault/cache.h"
#include "vault/reference.h"
#include "vault/rotation_schedule.h"
#include "vault/watcher.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

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
  // are jails that the dry-run guard lets pass, separated by blanks or commas. Any thread.
  util::Status reload(std::string_view accepted = {});

 private:
  explicit Daemon(Globals globals) : globals_(std::move(globals)) {}

  // The vault and its documents; without a vault, or with one that does not answer, the files
  // alone.
  void open_vault(const engine::MainConfiguration& main);
  util::Status open_store(const engine::MainConfiguration& main);
  util::Status open_firewall(const engine::MainConfiguration& main);
  util::Status start_engine(const Loaded& loaded);
  util::Status use_destinations(const Loaded& loaded);
  // What of the vault is kept for a start without it, or with wrong documents in it.
  void open_copies(const vault::VaultOptions& options);
  // That these documents run, with reload_mutex_ once the engine runs.
  void keep_accepted();
  // Reads through the cache where there is one; empty without a vault.
  vault::DocumentSource documents_source();
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
  void tell_cosigning(const std::string& failure);
  void refused(const std::string& why, std::string_view cause);
  std::string vault_state();

  const Globals globals_;
  const util::SystemClock clock_;
  util::Descriptor lock_;
  std::unique_ptr<vault::Provider> vault_;
  std::unique_ptr<vault::Cache> cache_;  // before a vault in the network
  // Used with reload_mutex_ once the engine runs.
  std::unique_ptr<AcceptedDocuments> accepted_;  // null: no vault, or no folder for copies
  std::string host_;                             // whose documents are read
  std::chrono::seconds vault_interval_{30};
  bool vault_rotates_ = false;
  CosignTimer::Parts cosigning_;
  std::string vault_trouble_;  // why there is none, when one was configured
  std::mutex reload_mutex_;
  engine::VaultDocuments documents_;                            // guarded by reload_mutex_
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
  std::mutex watcher_mutex_;                        // the engine asks it while it comes and goes
  std::unique_ptr<vault::RotationTimer> rotation_;  // used by the watcher's thread
  std::unique_ptr<CosignTimer> cosigner_;           // likewise
  std::unique_ptr<vault::Watcher> watcher_;
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
