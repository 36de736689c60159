#pragma once

#include "filter/definition.h"
#include "filter/pattern.h"
#include "util/result.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace warder::filter {

// The compiled rules of a `format = json` filter. Immutable, shared between matchers and threads.
class JsonFilter {
 public:
  virtual ~JsonFilter() = default;
  virtual const std::vector<Pattern>& patterns() const = 0;
  // Of the fields that a finding carries (`field.NAME`), in the order of Finding::captures.
  virtual std::vector<std::string> fields() const = 0;
  // Names of all members on the ways to the fields that it looks at.
  virtual std::set<std::string> members() const = 0;
};

// Reads [Definition] of a filter whose format is json. Adds all that is wrong to `problems` and
// gives null when anything was.
std::shared_ptr<const JsonFilter> compile_json_filter(const Definition& definition,
                                                      Problems& problems);

}  // namespace warder::filter
