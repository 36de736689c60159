#pragma once

#include "agent/accepted_documents.h"
#include "agent/cosigning.h"
#include "engine/configuration.h"
#include "model/event.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/cache.h"
#include "vault/options.h"
#include "vault/reference.h"
#include "vault/rotation_schedule.h"
#include "vault/server_vault.h"
#include "vault/watcher.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::agent {

// What the running agent has to do with its vault: documents and secrets read through the cache, a
// thread that watches for changes, secrets that are rotated, checkpoints that are cosigned. Without
// a vault, or with one that does not open, everything answers as if it were empty, until
// try_again() finds it. Once open it stays so. One for a daemon.
class VaultLink {
 public:
  explicit VaultLink(const util::Clock& clock) : clock_(clock) {}
  VaultLink(const VaultLink&) = delete;
  VaultLink& operator=(const VaultLink&) = delete;

  // The documents to start with: for a vault in the network the copies of the last run, since
  // protection does not wait for the network; the watcher brings what changed meanwhile. What went
  // wrong is added to `trouble`; it keeps no agent from starting. Once, before everything else.
  engine::VaultDocuments open(const engine::MainConfiguration& main,
                              std::vector<std::string>& trouble);

  // For one that was set up, or mended, since the agent started: opens it with the options of the
  // start. Is it open now? Then watch() is next. The owner serialises the calls.
  bool try_again();

  // What ran last, for a start with wrong documents in the vault. nullptr: no vault, or no folder
  // for copies. The owner serialises the calls.
  AcceptedDocuments* accepted() const { return accepted_.get(); }

  struct Hooks {
    // False when the agent is stopping.
    std::function<bool(model::Event)> record;
    // On the watcher's thread, with every document of the host.
    std::function<void(engine::VaultDocuments)> changed;
  };
  // Does nothing without a vault, when it is watched already, or after stop_watching(). The owner
  // serialises the calls.
  void watch(Hooks hooks, std::filesystem::path database);
  // After this nobody calls the hooks.
  void stop_watching();

  // Any thread:
  // Reads through the cache where there is one; empty without a vault.
  vault::DocumentSource source();
  bool is_open() const { return open_; }
  // Past the cache.
  util::Result<engine::VaultDocuments> read_anew();
  // Somebody refused a secret that came out of this document.
  void doubt(std::string_view document);
  // HashiCorp Vault or OpenBao; nullptr for every other kind.
  vault::ServerVault* server() const;
  // The documents are to be looked at now; does not wait.
  void check_now();
  // Is it watched, and did it answer when it was asked last?
  bool answers();
  // JSON: `state` (none, away, stale, good), `text`, `stale_since`.
  std::string state();

 private:
  // Is it open? What keeps it from being so is noted, and told if it is more than that there is
  // none.
  bool open_provider(const vault::VaultOptions& options, std::vector<std::string>& trouble);
  void open_copies(const vault::VaultOptions& options, std::vector<std::string>& trouble);
  void make_timers(std::filesystem::path database);
  void on_change(const vault::DocumentSet& set);
  void tell(model::Severity severity, const std::string& text, std::string detail = {});
  enum class Incident : std::uint8_t { kBegins, kIsOver };
  void tell(const char* name, Incident step, const std::string& text);

  const util::Clock& clock_;
  Hooks hooks_;
  std::string host_;  // whose documents are read
  std::chrono::seconds interval_{30};
  bool rotates_ = false;
  CosignTimer::Parts cosigning_;
  std::optional<vault::VaultOptions> options_;  // of the start
  // Set last, once the two below are: other threads look at them only then.
  std::atomic<bool> open_ = false;
  std::unique_ptr<vault::Provider> vault_;
  std::unique_ptr<vault::Cache> cache_;  // before a vault in the network
  std::unique_ptr<AcceptedDocuments> accepted_;
  std::unique_ptr<vault::RotationTimer> rotation_;  // used by the watcher's thread
  std::unique_ptr<CosignTimer> cosigner_;           // likewise
  std::mutex watcher_mutex_;                        // the engine asks it while it comes and goes
  std::unique_ptr<vault::Watcher> watcher_;
  bool stopped_ = false;       // guarded by watcher_mutex_
  std::string does_not_open_;  // why, when there is one; likewise
};

}  // namespace warder::agent
