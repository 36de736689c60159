#pragma once

#include "config/place.h"

#include <string>
#include <vector>

namespace warder::config {

// What one source says, before sources are laid over each other: parse_ini() makes it from a file,
// parse_json() from a vault document.

struct RawOption {
  std::string name;   // lower case
  std::string value;  // as written; the lines of a multi-line value joined by '\n'
  Place place;
};

struct RawSection {
  std::string name;  // verbatim; "DEFAULT" gives values to all others
  Place place;
  std::vector<RawOption> options;
};

struct Layer {
  std::vector<RawSection> sections;
  // May values hold %(...)s? Values from a vault are taken as they are.
  bool interpolates = true;
};

inline constexpr const char* kDefaultSection = "DEFAULT";
inline constexpr const char* kIncludesSection = "INCLUDES";

}  // namespace warder::config
