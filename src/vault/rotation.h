#pragma once

#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// How one secret is replaced, kept in the document `rotation` under "DOC/KEY":
//   {"webhooks/token": {"every": "30d", "overlap": "1d", "length": 40, "last":
//   "2026-11-02T12:00:00Z"}}
struct RotationPlan {
  // Empty: only when asked for.
  std::optional<std::chrono::seconds> every = {};
  // How long the old secret stays beside the new one, as KEY_previous, for those who still use it.
  std::chrono::seconds overlap{86400};
  // Characters of a new secret: letters and digits, about 5.95 bits each.
  std::size_t length = 40;
  std::optional<util::WallTime> last = {};
};

struct RotationEntry {
  std::string document;
  std::string key;
  RotationPlan plan;

  std::string name() const { return document + "/" + key; }
  bool is_due(util::WallTime now) const {
    return plan.every && (!plan.last || *plan.last + *plan.every <= now);
  }
};

// From and to the document `rotation`. Members that are no plan are kInvalid, all at once.
util::Result<std::vector<RotationEntry>> parse_rotation(std::string_view text);
std::string rotation_text(const std::vector<RotationEntry>& entries);

// Writes a new secret: KEY gets it; what KEY held becomes KEY_previous, to be taken away after
// "KEY_previous_until". Written only if nobody else wrote meanwhile (kConflict). The new version.
util::Result<std::uint64_t> rotate(Provider& provider, const RotationEntry& entry,
                                   std::string_view author, util::WallTime now);
// Takes away a KEY_previous whose time is over; empty when there is none.
util::Result<std::optional<std::uint64_t>> end_overlap(Provider& provider,
                                                       const RotationEntry& entry,
                                                       std::string_view author, util::WallTime now);

// Until when a KEY_previous stays; empty when there is none.
util::Result<std::optional<util::WallTime>> overlap_end(Provider& provider,
                                                        const RotationEntry& entry);

// `length` characters of A-Z, a-z and 0-9, each equally likely.
util::Result<crypto::SecretString> generate_secret(std::size_t length);

}  // namespace warder::vault
