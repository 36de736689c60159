#pragma once

#include "filter/date_finder.h"
#include "filter/date_recipe.h"

#include <string>
#include <string_view>

// Dates in lines as a person reads them.
namespace warder::filter {

// When the lines of these tests are read unless they say otherwise.
inline constexpr const char* kNow = "2026-08-01T00:00:00Z";

// "CUT -> TIME" for the date that `datepattern` finds ("" for the default templates), "no date"
// where it finds none, and what is wrong with the pattern.
inline std::string date_of(std::string_view datepattern, std::string_view line,
                           DateRules rules = DateRules::kOwn, const char* now = kNow,
                           const TimeZone& zone = TimeZone()) {
  Problems problems;
  const DateRecipe recipe(Option{std::string(datepattern), {"filters/x.conf", 3}}, problems);
  if (!problems.empty()) {
    return problems.to_error().message();
  }
  const util::WallTime moment = util::parse_rfc3339(now).value();
  const auto found = DateFinder(recipe.templates(), rules).find(line, moment);
  if (!found) {
    return "no date";
  }
  const auto time = Calendar(zone, rules).resolve(found->fields, moment);
  return std::string(line.substr(found->begin, found->end - found->begin)) + " -> " +
         (time ? util::format_rfc3339(*time) : "none");
}

}  // namespace warder::filter
