#pragma once

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"
#include "files/entry.h"
#include "files/scope.h"
#include "model/event.h"
#include "util/bytes.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace warder::files {

// Who tells of changes between the scans. In the order of the key's choices.
enum class Watching : std::uint8_t {
  kInotify,   // inotify(7)
  kFanotify,  // fanotify(7), which names the process; needs CAP_SYS_ADMIN
  kNone,      // scans alone
};

// [files NAME], as configured.
struct FilesOptions {
  std::string name;
  bool enabled = false;
  Scope scope;
  Fields fields;  // what is compared
  std::chrono::seconds every{std::chrono::hours(24)};
  std::chrono::seconds quick_every{std::chrono::hours(1)};  // zero: never
  util::ByteCount budget = util::mebibytes(20);             // a second; zero: as fast as it goes
  util::ByteCount largest_file = util::mebibytes(1024);
  Watching watching = Watching::kInotify;
  bool expects_packages = true;  // dpkg's own sums tell expected changes apart
  std::filesystem::path root;    // what dpkg's names are under
  std::vector<std::string> destinations;
  model::Severity severity = model::Severity::kHigh;

  friend bool operator==(const FilesOptions&, const FilesOptions&) = default;
};

const config::Table& files_table();

// For values that were checked without an error; what only several keys together can tell goes to
// the diagnostics.
FilesOptions files_options(const config::Values& values, config::Diagnostics& diagnostics);

}  // namespace warder::files
