#include "filter/date_recipe.h"

#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>

namespace warder::filter {
namespace {

constexpr std::string_view kLineBegin = "{^ln-beg}";

}  // namespace

DateRecipe::DateRecipe() = default;

DateRecipe::DateRecipe(const Option& datepattern, Problems& problems) {
  std::string special = util::to_lower(util::trim(datepattern.value));
  if (special.empty() || special == "{default}") {
    return;
  }
  key_ = datepattern.value;
  if (special.find('%') == std::string::npos) {
    if (special == "{none}") {
      kind_ = Kind::kNone;
      return;
    }
    if (special.starts_with(kLineBegin)) {
      place_ = DatePlace::kLineBegin;
      special.erase(0, kLineBegin.size());
    } else if (special.starts_with('^')) {
      place_ = DatePlace::kLineBegin;
      special.erase(0, 1);
    }
    if (special.empty()) {
      return;
    }
    if (special == "epoch") {
      kind_ = Kind::kEpoch;
      return;
    }
  }
  kind_ = Kind::kPatterns;
  for (const ValueLine& line : value_lines(datepattern)) {
    auto pattern = DatePattern::compile(line.text);
    if (!pattern) {
      problems.add(line.place,
                   fmt::format("datepattern '{}': {}", line.text, pattern.error().message()));
      continue;
    }
    patterns_.push_back(std::move(pattern).value());
  }
}

std::optional<FoundDate> DateRecipe::find(std::string_view text) const {
  if (kind_ == Kind::kNone) {
    return std::nullopt;
  }
  if (kind_ == Kind::kEpoch) {
    return find_epoch(text, place_);
  }
  if (kind_ == Kind::kBuiltin) {
    return find_builtin_date(text, place_);
  }
  // An anchored pattern wins at once, else the date that begins first.
  std::optional<FoundDate> best;
  for (const auto& pattern : patterns_) {
    auto found = pattern->find(text);
    if (found && pattern->is_anchored()) {
      return found;
    }
    if (found && (!best || found->begin < best->begin)) {
      best = found;
    }
  }
  return best;
}

}  // namespace warder::filter
