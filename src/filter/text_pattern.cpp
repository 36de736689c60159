#include "filter/text_pattern.h"

#include "filter/regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace warder::filter {
namespace {

// More groups than any filter has; the rest would not be captured, so that compile() refuses it.
constexpr std::size_t kMostGroups = 64;

}  // namespace

TextPattern::TextPattern(TextPattern&&) noexcept = default;
TextPattern& TextPattern::operator=(TextPattern&&) noexcept = default;
TextPattern::~TextPattern() = default;

util::Result<TextPattern> TextPattern::compile(std::string_view text) {
  TextPattern pattern;
  WARDER_ASSIGN_OR_RETURN(pattern.expanded_, expand_tags(text));
  WARDER_ASSIGN_OR_RETURN(pattern.regex_, compile_regex(pattern.expanded_.exact));
  const auto groups = static_cast<std::size_t>(pattern.regex_->NumberOfCapturingGroups()) + 1;
  if (groups > kMostGroups) {
    return util::Error(util::ErrorCode::kInvalid, "it has more than 63 groups");
  }
  pattern.names_.resize(groups);
  for (const auto& [group, name] : pattern.regex_->CapturingGroupNames()) {
    if (pattern.has_group(name)) {
      // RE2 would let the first one win and leave the address of the second unseen.
      return util::Error(
          util::ErrorCode::kInvalid,
          fmt::format("the group '{}' stands in it twice; an address or a tag can be "
                      "captured once",
                      name));
    }
    pattern.names_[static_cast<std::size_t>(group)] = name;
  }
  return pattern;
}

std::size_t TextPattern::match_to(std::string_view text, Captures& captures) const {
  std::array<re2::StringPiece, kMostGroups> groups;
  if (!regex_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                     re2::RE2::UNANCHORED, groups.data(), static_cast<int>(names_.size()))) {
    return std::string_view::npos;
  }
  for (std::size_t group = 1; group < names_.size(); ++group) {
    if (names_[group].empty() || groups[group].data() == nullptr) {
      continue;
    }
    const std::string_view value(groups[group].data(), groups[group].size());
    const auto known = std::find_if(captures.begin(), captures.end(), [&](const auto& capture) {
      return capture.first == names_[group];
    });
    if (known == captures.end()) {
      captures.emplace_back(names_[group], value);
    } else {
      known->second = value;
    }
  }
  return static_cast<std::size_t>(groups[0].end() - text.data());
}

bool TextPattern::matches(std::string_view text) const {
  return regex_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                       re2::RE2::UNANCHORED, nullptr, 0);
}

bool TextPattern::has_group(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::string_view find_capture(const Captures& captures, std::string_view name) {
  for (const auto& [known, value] : captures) {
    if (known == name) {
      return value;
    }
  }
  return {};
}

}  // namespace warder::filter
