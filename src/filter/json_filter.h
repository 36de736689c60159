#pragma once

#include "filter/definition.h"
#include "filter/pattern.h"
#include "util/result.h"

#include <memory>
#include <vector>

namespace warder::filter {

// The compiled rules of a `format = json` filter. Immutable, shared between matchers and threads.
class JsonFilter {
 public:
  virtual ~JsonFilter() = default;
  virtual const std::vector<Pattern>& patterns() const = 0;
};

// Reads [Definition] of a filter whose format is json. Adds all that is wrong to `problems` and
// gives null when anything was.
std::shared_ptr<const JsonFilter> compile_json_filter(const Definition& definition,
                                                      Problems& problems);

}  // namespace warder::filter
