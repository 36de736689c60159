#pragma once

#include "backup/retention.h"
#include "backup/schedule.h"
#include "backup/stamp.h"
#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"
#include "util/bytes.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace warder::backup {

// [backup NAME]: what is backed up, how, when, and how long it is kept.
struct SetOptions {
  std::string name;
  std::filesystem::path database;  // empty: none
  bool vault = false;              // the raft snapshot of the vault of [vault], and nothing else
  std::vector<std::filesystem::path> paths;
  std::vector<std::filesystem::path> excluded;
  std::vector<Format> formats;
  Encryption encryption = Encryption::kOpenPgp;
  std::optional<config::SecretReference> passphrase;
  std::string data_key;  // of the vault's transit engine; empty: none
  int level = 6;
  std::filesystem::path folder;
  std::vector<std::string> queries;
  util::ByteCount unpacked_limit;
  std::chrono::milliseconds longest_lock{100};
  std::string storage;  // name of a section [storage NAME]; empty: none
  Retention retention;
  Schedule schedule;
  Schedule verify_schedule;
  Schedule drill_schedule;
  std::chrono::seconds oldest{0};  // an alert when the newest proven backup is older
};

const config::Table& backup_table();
// `state` is [agent] state: the default folder lies below it. What is wrong beyond single keys goes
// to `diagnostics`.
SetOptions set_options(const config::Values& values, const std::filesystem::path& state,
                       config::Diagnostics& diagnostics);

}  // namespace warder::backup
