#include "files/scope.h"

#include "files/entry.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <re2/re2.h>

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <sys/stat.h>

namespace warder::files {
namespace {

bool is_wild(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

std::string expression_of(std::string_view pattern) {
  std::string expression;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*') {
      const bool across = i + 1 < pattern.size() && pattern[i + 1] == '*';
      expression += across ? ".*" : "[^/]*";
      i += across ? 1 : 0;
    } else if (pattern[i] == '?') {
      expression += "[^/]";
    } else {
      expression += re2::RE2::QuoteMeta(re2::StringPiece(&pattern[i], 1));
    }
  }
  return expression;
}

std::shared_ptr<const re2::RE2> compile(const std::vector<std::string>& patterns) {
  if (patterns.empty()) {
    return nullptr;
  }
  std::string expression = "(?s)(?:";
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    // Of "/" everything is below.
    expression +=
        (i == 0 ? "" : "|") + (patterns[i] == "/" ? std::string() : expression_of(patterns[i]));
  }
  expression += ")(?:/.*)?";
  re2::RE2::Options options(re2::RE2::Latin1);
  options.set_log_errors(false);
  options.set_max_mem(64 << 20);
  auto compiled = std::make_shared<const re2::RE2>(expression, options);
  return compiled->ok() ? compiled : nullptr;
}

bool matches(const std::shared_ptr<const re2::RE2>& expression, std::string_view path) {
  return expression != nullptr &&
         re2::RE2::FullMatch(re2::StringPiece(path.data(), path.size()), *expression);
}

// As it stands in the lists, without a slash at the end.
util::Result<std::string> tidy(const std::string& given, bool across) {
  const auto refused = [&](std::string_view why) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("'{}' {}", util::printable(given, 100), why));
  };
  if (given.empty() || given.front() != '/') {
    return refused("is no absolute path");
  }
  if (given.size() > Scope::kLongestPattern) {
    return refused("is too long");
  }
  if (!across && given.find("**") != std::string::npos) {
    return refused("must not have **: a folder stands for everything below");
  }
  std::string path;
  for (const std::string_view name : util::split(given, '/')) {
    if (name == "." || name == "..") {
      return refused("must not have . or .. as a name");
    }
    if (!name.empty()) {
      path += fmt::format("/{}", name);
    }
  }
  return path.empty() ? "/" : path;
}

util::Status expand(const std::string& folder, std::string_view rest,
                    std::vector<std::string>* found) {
  if (found->size() >= Scope::kMostRoots) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("the patterns of `paths` find more than {} paths", Scope::kMostRoots));
  }
  while (!rest.empty() && rest.front() == '/') {
    rest.remove_prefix(1);
  }
  if (rest.empty()) {
    found->push_back(folder.empty() ? "/" : folder);
    return {};
  }
  const std::string_view name = rest.substr(0, rest.find('/'));
  rest.remove_prefix(name.size());
  if (!is_wild(name)) {
    const std::string path = fmt::format("{}/{}", folder, name);
    struct stat info{};
    // What does not exist is no root; the baseline still tells that it is missing.
    return ::lstat(path.c_str(), &info) == 0 ? expand(path, rest, found) : util::Status();
  }
  re2::RE2::Options options(re2::RE2::Latin1);
  const re2::RE2 expression("(?s)" + expression_of(name), options);
  DIR* const stream = ::opendir(folder.empty() ? "/" : folder.c_str());
  if (stream == nullptr) {
    return {};
  }
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(stream)) {
    const std::string_view candidate = entry->d_name;
    if (candidate != "." && candidate != ".." &&
        re2::RE2::FullMatch(re2::StringPiece(candidate.data(), candidate.size()), expression)) {
      names.emplace_back(candidate);
    }
  }
  ::closedir(stream);
  for (const std::string& one : names) {
    WARDER_RETURN_IF_ERROR(expand(fmt::format("{}/{}", folder, one), rest, found));
  }
  return {};
}

}  // namespace

int compare_paths(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  const auto [x, y] =
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin());
  if (x == a.begin() + static_cast<std::ptrdiff_t>(most)) {
    return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
  }
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return rank(*x) - rank(*y);
}

std::string shown_path(std::string_view path) { return util::printable(path, 4 * kLongestPath); }

bool is_within(std::string_view path, std::string_view folder) {
  return folder == "/" ? path.starts_with('/')
                       : path.starts_with(folder) &&
                             (path.size() == folder.size() || path[folder.size()] == '/');
}

util::Result<Scope> Scope::parse(const std::vector<std::string>& paths,
                                 const std::vector<std::string>& exclude) {
  Scope scope;
  for (const std::string& given : paths) {
    WARDER_ASSIGN_OR_RETURN(std::string path, tidy(given, false));
    scope.paths_.push_back(std::move(path));
  }
  for (const std::string& given : exclude) {
    WARDER_ASSIGN_OR_RETURN(std::string path, tidy(given, true));
    scope.exclude_.push_back(std::move(path));
  }
  scope.covered_ = compile(scope.paths_);
  scope.excluded_ = compile(scope.exclude_);
  if ((scope.covered_ == nullptr) != paths.empty() ||
      (scope.excluded_ == nullptr) != exclude.empty()) {
    return util::Error(util::ErrorCode::kInvalid,
                       "the patterns together are too many for one expression; name folders");
  }
  return scope;
}

util::Result<std::vector<std::string>> Scope::roots() const {
  std::vector<std::string> found;
  for (const std::string& pattern : paths_) {
    WARDER_RETURN_IF_ERROR(expand("", pattern, &found));
  }
  std::erase_if(found, [this](const std::string& path) { return is_excluded(path); });
  std::sort(found.begin(), found.end(), PathLess());
  std::vector<std::string> roots;
  for (std::string& path : found) {
    if (roots.empty() || !is_within(path, roots.back())) {
      roots.push_back(std::move(path));
    }
  }
  return roots;
}

bool Scope::is_excluded(std::string_view path) const { return matches(excluded_, path); }

bool Scope::covers(std::string_view path) const {
  return matches(covered_, path) && !is_excluded(path);
}

}  // namespace warder::files
