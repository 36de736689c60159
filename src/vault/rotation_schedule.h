#pragma once

#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"
#include "vault/rotation.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// The document that keeps the plans.
inline constexpr std::string_view kRotationDocument = "rotation";

// The plans that are kept, and in `version` that of the document; none, and 0, without it.
util::Result<std::vector<RotationEntry>> read_rotations(Provider& provider, std::uint64_t* version);
// Writes them back if nobody else wrote meanwhile; kConflict.
util::Status save_rotations(Provider& provider, const std::vector<RotationEntry>& entries,
                            std::uint64_t version, std::string_view author,
                            std::string_view comment);

// What became of one secret.
struct RotationStep {
  enum class What { kRotated, kOverlapEnded, kFailed };
  std::string name;  // DOCUMENT/KEY
  What what = What::kFailed;
  std::string text;  // one sentence, no secret
};

// Takes away every previous secret whose overlap is over and replaces every secret that is due. A
// secret whose previous one is still there is not replaced again, so that what was not noted (a
// crash, another writer) neither shortens an overlap nor replaces a secret over and over. One that
// fails does not keep the others. An error: the plans cannot be read.
util::Result<std::vector<RotationStep>> rotate_due(Provider& provider, std::string_view author,
                                                   util::WallTime now);

// Does so for an agent: look() is cheap while nothing is due and the plans did not change. What
// failed is tried again after a quarter of an hour. Used by one thread; all must outlive it.
class RotationTimer {
 public:
  using Tell = std::function<void(const RotationStep& step)>;
  RotationTimer(Provider& provider, const util::Clock& clock, std::string author, Tell tell)
      : provider_(provider), clock_(clock), author_(std::move(author)), tell_(std::move(tell)) {}

  void look();
  // When something will be due by what look() saw last; empty: never.
  std::optional<util::WallTime> due() const { return due_; }

 private:
  void plan();

  Provider& provider_;
  const util::Clock& clock_;
  const std::string author_;
  const Tell tell_;
  std::optional<std::uint64_t> version_;  // of the plans that due_ was made from; 0: no document
  std::optional<util::WallTime> due_;
  std::string told_;  // the failure told last
};

}  // namespace warder::vault
