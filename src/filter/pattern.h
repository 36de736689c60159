#pragma once

#include "filter/definition.h"

#include <string>

namespace warder::filter {

// One failregex or one rule of a JSON filter, for explain and test; Finding::pattern is its index.
struct Pattern {
  std::string text;  // as the operator wrote it
  Place place;
};

}  // namespace warder::filter
