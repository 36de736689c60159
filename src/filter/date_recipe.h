#pragma once

#include "filter/date_pattern.h"
#include "filter/date_templates.h"
#include "filter/definition.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// What `datepattern` of a filter says: how dates are found in its lines. Immutable, thread safe.
class DateRecipe {
 public:
  // The built-in forms (no datepattern).
  DateRecipe();
  // Adds what is wrong to `problems`; usable only when nothing was added.
  DateRecipe(const Option& datepattern, Problems& problems);

  // Filters with equal keys find the same dates and can share the work.
  const std::string& key() const { return key_; }

  // Has the log dates at all (datepattern other than {NONE})?
  bool expects_date() const { return kind_ != Kind::kNone; }

  // The date of a line: the one that begins first. Other than in the reference nothing is
  // remembered from line to line: what one line says must not change how the next one is read.
  std::optional<FoundDate> find(std::string_view text) const;

 private:
  enum class Kind { kBuiltin, kEpoch, kPatterns, kNone };
  Kind kind_ = Kind::kBuiltin;
  DatePlace place_ = DatePlace::kAnywhere;
  std::vector<std::shared_ptr<const DatePattern>> patterns_;
  std::string key_;
};

}  // namespace warder::filter
