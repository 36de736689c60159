#include "jail/expected.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::jail {
namespace {

constexpr std::string_view kEverybody = "*";

// `pattern` is the text, or ends in * and the text begins with what stands before.
bool fits_pattern(std::string_view pattern, std::string_view text) {
  if (pattern.ends_with('*')) {
    return text.starts_with(pattern.substr(0, pattern.size() - 1));
  }
  return pattern == text;
}

}  // namespace

template <typename Add>
util::Result<Expected> Expected::parse(const std::vector<std::string>& lines, Add add) {
  Expected expected;
  for (const std::string& text : lines) {
    // Identities may hold colons, addresses do: the first one before a blank ends the identity.
    std::size_t colon = text.find(": ");
    if (colon == std::string::npos && text.ends_with(':')) {
      colon = text.size() - 1;
    }
    Line line;
    line.identity = util::trim(std::string_view(text).substr(0, colon));
    if (colon == std::string::npos || line.identity.empty()) {
      return util::Error(
          util::ErrorCode::kInvalid,
          fmt::format("'{}' is not written IDENTITY: WHAT WHAT ...", util::printable(text, 80)));
    }
    for (const std::string_view word :
         util::split_words(std::string_view(text).substr(colon + 1))) {
      WARDER_RETURN_IF_ERROR(add(line, word));
    }
    expected.lines_.push_back(std::move(line));
  }
  return expected;
}

util::Result<Expected> Expected::paths(const std::vector<std::string>& lines) {
  return parse(lines, [](Line& line, std::string_view word) -> util::Status {
    if (word.find('*') < word.size() - 1) {
      return util::Error(
          util::ErrorCode::kInvalid,
          fmt::format("'{}': * may stand only at the end of a path", util::printable(word, 80)));
    }
    line.paths.emplace_back(word);
    return {};
  });
}

util::Result<Expected> Expected::networks(const std::vector<std::string>& lines) {
  return parse(lines, [](Line& line, std::string_view word) -> util::Status {
    const auto prefix = net::Prefix::parse(word);
    if (!prefix) {
      return prefix.error();
    }
    line.networks.push_back(*prefix);
    return {};
  });
}

template <typename Fits>
bool Expected::allows(const std::vector<std::string_view>& identities, Fits fits) const {
  bool named = false;
  for (const Line& line : lines_) {
    if (line.identity == kEverybody ||
        std::none_of(identities.begin(), identities.end(), [&](std::string_view identity) {
          return fits_pattern(line.identity, identity);
        })) {
      continue;
    }
    named = true;
    if (fits(line)) {
      return true;
    }
  }
  if (named) {
    return false;
  }
  for (const Line& line : lines_) {
    if (line.identity == kEverybody) {
      named = true;
      if (fits(line)) {
        return true;
      }
    }
  }
  return !named;
}

bool Expected::allows_path(const std::vector<std::string_view>& identities,
                           std::string_view path) const {
  return allows(identities, [path](const Line& line) {
    return std::any_of(line.paths.begin(), line.paths.end(),
                       [path](const std::string& known) { return fits_pattern(known, path); });
  });
}

bool Expected::allows_address(const std::vector<std::string_view>& identities,
                              const net::IpAddress& address) const {
  return allows(identities, [&](const Line& line) {
    return std::any_of(line.networks.begin(), line.networks.end(),
                       [&](const net::Prefix& known) { return known.contains(address); });
  });
}

}  // namespace warder::jail
