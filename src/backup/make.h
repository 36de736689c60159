#pragma once

#include "backup/folder.h"
#include "backup/keys.h"
#include "backup/manifest.h"
#include "backup/passphrases.h"
#include "backup/streams.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::backup {

// Told while work goes on: what is done, how far it is and how far it will go (0: not known).
// False stops the work with kUnavailable. May be empty.
using StageProgress =
    std::function<bool(std::string_view stage, std::uint64_t done, std::uint64_t total)>;

// Writes a snapshot of the vault to a new file.
using SnapshotSource =
    std::function<util::Status(const std::filesystem::path& target, const Progress& progress)>;

struct MakeParts {
  const SetOptions& set;
  const Folder& folder;
  // What it is encrypted with, as openpgp::check_passphrase() takes it. Not needed without
  // encryption.
  const Passphrase* passphrase = nullptr;
  const util::Clock& clock;
  std::string host;
  std::string tool;
  std::optional<HistoryMark> history;
  StageProgress progress = {};
  // Called at every boundary at which a crash must do no harm. May be empty.
  std::function<void(std::string_view boundary)> at_boundary = {};
  // Of a set that is the vault's snapshot.
  SnapshotSource snapshot = {};
};

struct Made {
  Manifest manifest;
  std::vector<std::string> remarks;  // what the operator should know though it went well
  std::chrono::microseconds longest_lock{0};
  double seconds = 0;  // until the files had their names, proof included
  double proof_seconds = 0;
};

// Makes one backup in the folder: copy, check, pack, flush, restore for trial and compare, name.
// Whatever goes wrong, no file of it has a name that counts and older backups are as they were.
// With the folder's lock, after recover().
util::Result<Made> make_backup(const MakeParts& parts);

}  // namespace warder::backup
