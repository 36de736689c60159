#pragma once

#include "backup/folder.h"
#include "backup/health.h"
#include "backup/keys.h"
#include "backup/make.h"
#include "backup/passphrases.h"
#include "backup/remote_copies.h"
#include "backup/report.h"
#include "backup/retention.h"
#include "storage/storage.h"
#include "util/clock.h"
#include "util/result.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace warder::backup {

struct KeeperParts {
  const SetOptions& set;
  Passphrases* passphrases = nullptr;
  storage::Storage* storage = nullptr;  // of a set that has one, or see below
  // Why the storage of a set that has one could not be opened. What lies in the folder can be
  // looked at and restored all the same.
  std::optional<util::Error> storage_trouble = {};
  const util::Clock& clock;
  std::string host;
  std::string tool;
  std::optional<HistoryMark> history = {};
  StageProgress progress = {};
  std::function<void(std::string_view boundary)> at_boundary = {};
  SnapshotSource snapshot = {};
};

enum class Proven { kNewest, kAll };
enum class DryRun { kNo, kYes };
enum class Overwrite { kNo, kYes };

struct RestoreOptions {
  std::optional<Stamp> stamp;    // empty: the newest
  std::optional<Format> format;  // empty: binary, else sql_dump, else full
  std::filesystem::path target;  // a database file, or for full a folder
  Overwrite overwrite = Overwrite::kNo;
  bool keep_owners = false;
  // From the storage even if the folder has it.
  bool from_storage = false;
};

// A row of `warder backup list`.
struct Listed {
  Stamp stamp;
  std::uint64_t bytes = 0;
  std::vector<std::string> formats;
  std::optional<KeyId> key;
  bool proven = false;
  bool here = false;
  bool in_storage = false;
  std::string fault;
  Reason reason = Reason::kNone;  // why it stays
};

struct Listing {
  std::vector<Listed> backups;         // oldest first
  std::optional<util::Error> outside;  // why the storage could not be looked at
};

struct RestoreFileOptions {
  std::filesystem::path file;  // its name as warder gave it: the ending tells the format
  std::filesystem::path target;
  Overwrite overwrite = Overwrite::kNo;
  bool keep_owners = false;
};

// All that is done with one set of backups. Each function is a command; each takes the folder's
// lock for its time, so that two never meet, and gives a report of success and failure alike.
class Keeper {
 public:
  explicit Keeper(KeeperParts parts) : parts_(std::move(parts)) {}

  // Makes one, brings it and whatever is missing into the storage, reads it back, and only then
  // removes what retention lets go.
  Report now();
  // Restores for trial. Also looks whether a key is known for every backup that is kept.
  Report verify(std::optional<Stamp> stamp, Proven which);
  Report restore(const RestoreOptions& options);
  // Restores a file that lies anywhere. With its manifest beside it everything is checked; without
  // one only what the file itself can show, which the report says.
  Report restore_file(const RestoreFileOptions& options);
  // Fetches the newest backup of the storage into an empty folder below `work`, restores it and
  // starts from it.
  Report drill(const std::filesystem::path& work);
  Report prune(DryRun dry_run);
  // Removes a copy outside that lacks files, or whose manifest cannot be read, and that the folder
  // cannot replace.
  Report drop_faulty(const Stamp& stamp);
  // Encrypts every backup anew that the current passphrase does not open, here and in the storage.
  Report re_encrypt();

  // Needs no passphrase. What is outside is missing when the storage does not answer.
  util::Result<Listing> list();
  // backup/health.h. No report: it does nothing.
  std::vector<Health> health() const;
  // What keeps the copies outside from being removed; empty for a set without a storage.
  std::optional<util::Result<storage::Protection>> protection() const;

 private:
  struct Opened {
    Folder folder;
    util::Descriptor lock;
    std::size_t removed = 0;
  };
  util::Result<Opened> open() const;
  Report begin(std::string verb) const;
  void end(Report& report) const;
  util::Status upload_missing(const Folder& folder, Report& report) const;
  static std::vector<Candidate> candidates_of(const std::vector<Entry>& entries,
                                              const FolderState& state);
  bool is_sealed_by_us(const ReadManifest& read) const;
  std::vector<Candidate> candidates_outside(RemoteCopies& there, const std::vector<Stamp>& stamps,
                                            const std::vector<Entry>& entries, DryRun dry_run,
                                            FolderState& state, Report& report) const;
  util::Status prune_all(const Folder& folder, DryRun dry_run, Report& report) const;
  util::Status re_encrypt_entry(const Folder& folder, const Entry& entry, const KeyId& current,
                                bool in_storage, Report& report) const;
  util::Status re_encrypt_all(const Folder& folder, Report& report) const;
  void check_keys(const std::vector<Entry>& entries, Report& report) const;
  // Empty for a set without a storage.
  util::Result<std::optional<RemoteCopies>> remote() const;
  // find_passphrase(); the report is told what it lacks.
  util::Result<Passphrase> passphrase_of(const ReadManifest& manifest, Report& report) const;
  Generations generations_here() const;
  void tell_protection(Report& report) const;

  KeeperParts parts_;
};

}  // namespace warder::backup
