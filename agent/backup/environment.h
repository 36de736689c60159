#pragma once

#include "agent/backup/words.h"
#include "agent/wiring.h"
#include "backup/keeper.h"
#include "backup/recovery.h"
#include "backup/vault_passphrases.h"
#include "storage/keys.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"
#include "vault/server_vault.h"
#include "vault/transit.h"
#include "vault/upkeep.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace warder::agent {

// What the commands of `warder backup` work with: configuration, vault, storages. The vault and the
// storages are opened when the first set asks for them.
class BackupEnvironment {
 public:
  // kInvalid: the configuration has errors; kNotFound: there is no such set.
  static util::Result<std::unique_ptr<BackupEnvironment>> open(const BackupWords& words);

  // Those that the command line means.
  const std::vector<backup::SetOptions>& sets() const { return sets_; }
  util::Result<backup::Keeper> keeper(const backup::SetOptions& set,
                                      backup::StageProgress progress);
  // A report of what could not even be begun; a backup counts as failed.
  backup::Report failed(const std::string& verb, const backup::SetOptions& set,
                        const util::Error& error) const;
  // Leaves the report where the agent takes it into its history.
  util::Status tell(const backup::Report& report) const;
  std::filesystem::path drill_folder() const { return main_.agent.state / "drill"; }
  // Puts what a restore on an empty machine needs into the vault. Says what came of it; empty
  // `lacking` when that is all of it.
  struct Published {
    std::string text;
    std::vector<std::string> lacking;
  };
  util::Result<Published> publish();
  // Whether the vault holds that. Nothing without a vault.
  std::optional<backup::Health> recovery(const backup::SetOptions& set);

 private:
  BackupEnvironment(const BackupWords& words, engine::MainConfiguration main)
      : words_(words), main_(std::move(main)), places_(main_.checked) {}
  // Takes the sets from the vault's document `recovery`.
  util::Status recover();
  // The sets that the command line means, of all.
  util::Status choose_sets();
  // Its trouble, if any, is kept for those who need the vault; a look at backups goes on without.
  const std::optional<util::Error>& open_vault();
  util::Result<storage::Storage*> storage(const std::string& name);
  std::optional<backup::HistoryMark> history() const;
  backup::SnapshotSource snapshot_source();

  const BackupWords& words_;
  const engine::MainConfiguration main_;
  // Where the sections [storage NAME] stand: main_.checked, or those of the document `recovery`.
  config::Checked places_;
  const util::SystemClock clock_;
  // False on a machine without any configuration: there is no agent, its folders are none of ours.
  bool configured_ = true;
  // The vault's documents could not be read: nothing is made or removed.
  std::optional<util::Error> documents_trouble_;
  std::vector<backup::SetOptions> sets_;
  std::unique_ptr<vault::Provider> provider_;
  std::unique_ptr<vault::Upkeep> upkeep_;       // of provider_
  std::unique_ptr<vault::ServerVault> server_;  // for transit
  std::unique_ptr<vault::Transit> transit_;
  std::optional<util::Error> vault_trouble_;
  bool vault_opened_ = false;
  std::map<std::string, std::unique_ptr<storage::Storage>> storages_;
  std::vector<std::unique_ptr<backup::VaultPassphrases>> passphrases_;
};

}  // namespace warder::agent
