#pragma once

#include "crypto/merkle.h"
#include "files/baseline.h"
#include "files/scope.h"
#include "files/stored.h"
#include "util/result.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace warder::files {

// The parts of one section's baseline on their way into the store, several at once, while a writer
// makes them. What has a part already is not stored again. `hooks` must outlive it.
class BaselineParts {
 public:
  // `known`: the parts that are stored.
  BaselineParts(const FilesHooks& hooks, std::string section, std::set<std::string> known);

  util::Status add(std::string name, std::string part);
  util::Status flush();
  // Adds to `remembered` that the parts which were not added here go. A baseline's header belongs
  // into the same record.
  util::Status forget_others(std::vector<Remembered>* remembered) const;

 private:
  const FilesHooks& hooks_;
  const std::string section_;
  const std::set<std::string> known_;
  std::set<std::string> names_;
  std::vector<Remembered> waiting_;
};

std::set<std::string> parts_of(const Baseline& baseline);

// Entries by their path; without one the path leaves the baseline.
using Updates = std::map<std::string, std::optional<Entry>, PathLess>;

// Writes `baseline` anew with these entries replaced, under `manifest`: the parts are stored at
// once, the header and what is to be forgotten go to `remembered`. The root of the new one.
util::Result<crypto::merkle::Hash> rewrite_baseline(const FilesHooks& hooks,
                                                    const Baseline& baseline,
                                                    const Updates& updates, Manifest manifest,
                                                    std::vector<Remembered>* remembered);

}  // namespace warder::files
