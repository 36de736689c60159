#pragma once

#include "backup/manifest.h"
#include "backup/stamp.h"
#include "util/clock.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace warder::backup {

// A backup that lies in the folder.
struct Entry {
  Stamp stamp;
  // Empty when the manifest cannot be read; then `fault` says why.
  std::optional<ReadManifest> manifest;
  std::string fault;  // also: a file that is missing or has another size
  std::uint64_t bytes = 0;
  bool is_whole() const { return fault.empty(); }
  // Null when it cannot be read.
  const ReadManifest* read() const { return manifest ? &*manifest : nullptr; }
};

// What is remembered between runs, in `state.json` of the folder. Losing it loses no backup.
struct FolderState {
  std::optional<util::WallTime> last_attempt;
  std::optional<util::WallTime> last_success;
  std::optional<util::WallTime> last_verify;
  std::optional<util::WallTime> last_drill;
  std::uint64_t failures = 0;  // attempts in a row that failed
  double restore_seconds = 0;  // of the last restore test: the recovery time (RTO)
  std::map<std::string, util::WallTime> proven;  // by stamp: restored later than when made
  std::map<std::string, util::WallTime> broken;  // by stamp: a later test failed
  // By stamp: SHA-256, in hex, of the manifest in the storage that was found to be genuine.
  std::map<std::string, std::string> outside;
};

// The folder of one set of backups, 0700. The bytes are described in README.md. Everything that is
// being made is called ".making-..."; a manifest gets its name first, then its files do, so that
// recover() can bring to an end what a crash cut in two.
class Folder {
 public:
  // Makes the folder when missing. kDenied when it belongs to somebody else or others may write.
  static util::Result<Folder> open(std::filesystem::path path, std::string name);

  const std::filesystem::path& path() const { return path_; }
  const std::string& name() const { return name_; }

  // Only one process changes the folder at a time; kConflict when another does. Held by the
  // returned descriptor.
  util::Result<util::Descriptor> lock() const;
  // Ends what was cut in two, removes what was never finished, and removes revisions whose
  // successor is whole. With the lock. How many were removed.
  util::Result<std::size_t> recover() const;
  // Oldest first; of several revisions the newest whole one.
  util::Result<std::vector<Entry>> list() const;
  // One, or the newest whole one. kNotFound.
  util::Result<Entry> find(const std::optional<Stamp>& stamp) const;

  std::filesystem::path file(std::string_view name) const { return path_ / name; }
  std::filesystem::path making(std::string_view name) const {
    return path_ / (".making-" + std::string(name));
  }
  // Gives everything of a finished backup its name: the manifest, then the files. `step` is called
  // between (tests end the process there).
  util::Status publish(const Manifest& manifest, const std::function<void()>& step) const;
  util::Status remove(const Entry& entry) const;

  util::Result<FolderState> state() const;
  util::Status keep(const FolderState& state) const;

 private:
  Folder(std::filesystem::path path, std::string name)
      : path_(std::move(path)), name_(std::move(name)) {}
  util::Result<std::vector<Entry>> all_revisions() const;

  std::filesystem::path path_;
  std::string name_;
};

// Counts a run of `now` that began at `begun` as failed, unless it counted itself (Keeper::now()
// does before anything else): one that could not be started, or was refused. How many failed in a
// row; 0 when the folder cannot be written. Waits for nobody: a run at work has counted itself.
std::uint64_t count_failure(const std::filesystem::path& folder, const std::string& name,
                            util::WallTime begun);

// Has this backup been restored, and did no later test fail?
bool is_proven(const Entry& entry, const FolderState& state);

}  // namespace warder::backup
