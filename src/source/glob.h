#pragma once

#include "util/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace warder::source {

// A pattern cut at its slashes: "/var/log/*/access.log" has the components var, log, *, access.log.
class GlobPattern {
 public:
  struct Component {
    std::string text;
    bool literal = true;
    bool matches(std::string_view name) const;
  };

  // kInvalid for one that is not absolute, ends in a slash, has "." or ".." as a component or is
  // longer than a path can be.
  static util::Result<GlobPattern> parse(std::string_view pattern);

  const std::string& text() const { return text_; }
  const std::vector<Component>& components() const { return components_; }
  // Names one path only.
  bool literal() const;

 private:
  std::string text_;
  std::vector<Component> components_;
};

}  // namespace warder::source
