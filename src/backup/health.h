#pragma once

#include "backup/keys.h"
#include "backup/passphrases.h"
#include "storage/storage.h"
#include "util/clock.h"
#include "util/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::backup {

enum class HealthState { kGood, kNotice, kBroken };
std::string_view to_string(HealthState state);  // the words of engine::Verdict

// One thing that restoring depends on, judged. Texts are for people.
struct Health {
  std::string what;  // "age", "runs", "whole", "keys", "outside", "protection", "drill"
  HealthState state = HealthState::kGood;
  std::string found;   // what was seen
  std::string cause;   // why it is so; empty when good
  std::string remedy;  // what to do; empty when good
};

struct HealthParts {
  const SetOptions& set;
  Passphrases* passphrases = nullptr;
  storage::Storage* storage = nullptr;
  const std::optional<util::Error>& storage_trouble;  // why `storage` could not be opened
};

// Looks at a set as it lies there, in a second and without restoring anything: the age of the
// newest proven backup, runs that failed, damage that was noticed, a known key for each backup that
// is kept (here and outside), that the newest proven one lies outside, what protects it there, the
// last drill. Changes nothing, takes no lock. `passphrases` and `storage` may be null for a set
// that has none. What a vault or storage that is away hides is said to be unseen, not lost.
std::vector<Health> health_of(const HealthParts& parts, const util::Clock& clock);

}  // namespace warder::backup
