#pragma once

#include "util/result.h"

#include <compare>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace warder::files {

// The order of paths in walks, baselines and lists: by bytes, but '/' before everything else, so
// that a folder's content follows it at once. Negative, 0 or positive.
int compare_paths(std::string_view a, std::string_view b);
struct PathLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return compare_paths(a, b) < 0; }
};

// As it is shown everywhere: printable, each path another text.
std::string shown_path(std::string_view path);

// Is `path` `folder` or below it?
bool is_within(std::string_view path, std::string_view folder);

// Which paths are looked at: patterns and exclusions. `*` and `?` stand for anything within a name,
// `**` for anything at all. Matched by RE2 as bytes, so in linear time. Immutable, thread safe,
// cheap to copy.
class Scope {
 public:
  static constexpr std::size_t kLongestPattern = 1024;
  static constexpr std::size_t kMostRoots = 10'000;

  // Covers nothing.
  Scope() = default;
  // kInvalid for a pattern that is not absolute, has "." or ".." as a name, or is too long; for
  // `**` in `paths`.
  static util::Result<Scope> parse(const std::vector<std::string>& paths,
                                   const std::vector<std::string>& exclude);

  // What exists of the paths now, in order, none within another. kInvalid when there are more than
  // kMostRoots.
  util::Result<std::vector<std::string>> roots() const;
  bool is_excluded(std::string_view path) const;
  bool covers(std::string_view path) const;

  const std::vector<std::string>& paths() const { return paths_; }
  const std::vector<std::string>& exclusions() const { return exclude_; }

  friend bool operator==(const Scope& a, const Scope& b) {
    return a.paths_ == b.paths_ && a.exclude_ == b.exclude_;
  }

 private:
  std::vector<std::string> paths_;
  std::vector<std::string> exclude_;
  // Match a path or what one is below of; null: nothing.
  std::shared_ptr<const re2::RE2> covered_;
  std::shared_ptr<const re2::RE2> excluded_;
};

}  // namespace warder::files
