#include "source/glob.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <climits>
#include <fnmatch.h>

namespace warder::source {

bool GlobPattern::Component::matches(std::string_view name) const {
  if (literal) {
    return name == text;
  }
  return ::fnmatch(text.c_str(), std::string(name).c_str(), FNM_PERIOD) == 0;
}

util::Result<GlobPattern> GlobPattern::parse(std::string_view pattern) {
  const auto refuse = [&](std::string_view why) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("log path '{}' {}", util::printable(pattern), why));
  };
  if (pattern.empty() || pattern.front() != '/') {
    return refuse("is not absolute; write it from the root, as /var/log/auth.log");
  }
  if (pattern.size() >= PATH_MAX || pattern.find('\0') != std::string_view::npos) {
    return refuse("is no path");
  }
  GlobPattern glob;
  for (const std::string_view part : util::split(pattern.substr(1), '/')) {
    if (part.empty() && !glob.components_.empty() && !pattern.ends_with('/')) {
      continue;
    }
    if (part.empty()) {
      return refuse("names a folder; name the files, as /var/log/caddy/*.log");
    }
    if (part == "." || part == "..") {
      return refuse("holds '.' or '..'; write the path straight");
    }
    glob.components_.push_back(
        {std::string(part), part.find_first_of("*?[\\") == std::string_view::npos});
    glob.text_ += fmt::format("/{}", part);
  }
  return glob;
}

bool GlobPattern::literal() const {
  return std::all_of(components_.begin(), components_.end(),
                     [](const Component& component) { return component.literal; });
}

}  // namespace warder::source
