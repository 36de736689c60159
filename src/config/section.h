#pragma once

#include "config/place.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::config {

// Parameters and variables by name.
using Parameters = std::map<std::string, std::string, std::less<>>;

struct Value {
  std::string text;
  Place place;

  friend bool operator==(const Value&, const Value&) = default;
};

// An option of a section with its final text.
struct Option {
  std::string name;
  std::string text;
  Place place;
  // Why there is no text: its %(...)s or <tag> could not be resolved. Empty when all is well. Only
  // who needs the option reports it: stock files hold options that cannot be resolved alone.
  std::string problem;
  // Stands in the section itself; otherwise it comes from [DEFAULT].
  bool own = true;
  // Some %(name)s uses it, or its name begins with '_': no typing error even if no table knows it.
  bool variable = false;
};

// One section as a plain value: its options and those of [DEFAULT], resolved. This is what
// check() (config/check.h) reads, wherever it came from. Option names are lower case.
struct Section {
  std::string name;
  Place place;
  std::vector<Option> options;

  const Option* find(std::string_view option) const {
    for (const Option& candidate : options) {
      if (candidate.name == option) {
        return &candidate;
      }
    }
    return nullptr;
  }
};

}  // namespace warder::config
