#pragma once

#include "jail/decision.h"
#include "jail/expected.h"
#include "jail/first_sight.h"
#include "jail/keyed_hash.h"
#include "jail/options.h"
#include "jail/source_table.h"
#include "model/finding.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::jail {

// The counting of a jail whose outcome is an alert: by what its `key` names (an identity, a token,
// an address, a path) instead of by address, `distinct` values only if wanted (or each that is new,
// with `learn`), and silent about a key for `quiet` after an alert. Part of Jail; the same thread.
//
// Memory: three SourceTables of `sources` each at most, so some 15 bytes a value beyond the keys;
// with `learn` five.
class AlertCounter {
 public:
  // `options` must have passed validate().
  AlertCounter(const JailOptions& options, const HashKey& key);

  // Fills in kind, ignored, key, value, count and limit of a decision about a finding at `at`.
  void judge(const model::Finding& finding, Tick at, Decision& decision);

  // What an earlier run decided, in stored order.
  void restore_finding(std::string_view key, std::string_view value, Tick at,
                       std::uint32_t attempts);
  void restore_alert(std::string_view key, Tick at);
  void take_over(const AlertCounter& old);
  void sweep(Tick now, std::size_t part);

  // How often the key was counted within findtime.
  std::uint32_t count(std::string_view key, Tick now) const;
  bool is_quiet(std::string_view key, Tick now) const;

  std::size_t keys() const { return counts_.size(); }
  std::size_t capacity() const { return counts_.capacity(); }
  std::size_t memory() const {
    return counts_.memory() + values_.memory() + quiet_.memory() + (first_ ? first_->memory() : 0);
  }
  std::uint64_t evicted() const {
    return counts_.evicted() + values_.evicted() + (first_ ? first_->evicted() : 0);
  }

 private:
  bool is_expected(const model::Finding& finding) const;
  void judge_sight(FirstSight& first, const model::Finding& finding, std::uint64_t key, Tick at,
                   Decision& decision);
  std::uint64_t hash(std::string_view text) const;
  std::uint64_t hash(std::string_view key, std::string_view value) const;

  const JailOptions options_;
  const HashKey key_;
  Expected paths_;
  Expected networks_;
  SourceTable counts_;               // by key
  SourceTable values_;               // by key and value: seen within findtime
  SourceTable quiet_;                // by key: told within `quiet`
  std::optional<FirstSight> first_;  // in place of values_, with `learn`
};

}  // namespace warder::jail
