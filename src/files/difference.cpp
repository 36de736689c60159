#include "files/difference.h"

#include "files/scope.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::files {
namespace {

constexpr char kVersion = 1;
constexpr unsigned kHasBefore = 1;
constexpr unsigned kHasAfter = 2;
constexpr std::size_t kLongestNote = 512;  // of a package, of a process
constexpr std::size_t kLongestShownPath = 400;
constexpr std::size_t kLongestText = 900;

util::Error malformed() {
  return util::Error(util::ErrorCode::kInvalid, "the stored list of changes is malformed");
}

void append_text(std::string_view text, std::string* out) {
  append_number(text.size(), out);
  out->append(text);
}

util::Result<std::string> take_text(std::string_view* bytes, std::size_t longest) {
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t length, take_number(bytes));
  if (length > longest || length > bytes->size()) {
    return malformed();
  }
  std::string text(bytes->substr(0, length));
  bytes->remove_prefix(length);
  return text;
}

}  // namespace

std::string_view to_string(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kChanged:
      return "changed";
    case Difference::Kind::kNew:
      return "new";
    case Difference::Kind::kMissing:
      return "missing";
  }
  return "";
}

Changes Difference::changes(Fields fields) const {
  return before && after ? changes_between(*before, *after, fields) : Changes();
}

std::string Difference::to_text(Fields fields) const {
  const std::string name = util::printable(path, kLongestShownPath);
  std::string text;
  if (before && after) {
    text = fmt::format("changed {}: {}", name, changes(fields).to_text());
  } else if (after) {
    text = fmt::format("new {}: {}", name, describe(*after));
  } else if (before) {
    text = fmt::format("missing {}: was {}", name, describe(*before));
  }
  if (!by.empty()) {
    text += fmt::format("; by {}", by);
  }
  return util::printable_again(text, kLongestText);
}

bool Difference::finds_the_same(const Difference& other, Fields fields) const {
  if (!after || !other.after) {
    return !after && !other.after;
  }
  return !changes_between(*after, *other.after, fields).any();
}

model::Severity severity_of(const Difference& difference, model::Severity configured) {
  if (!difference.package.empty()) {
    return std::min(configured, model::Severity::kNotice);
  }
  if (!difference.before && difference.after && !gives_rights(*difference.after)) {
    return std::min(configured, model::Severity::kWarning);
  }
  return configured;
}

std::string differences_text(const std::vector<Difference>& differences) {
  std::string text(1, kVersion);
  for (const Difference& one : differences) {
    append_text(one.path, &text);
    text.push_back(
        static_cast<char>((one.before ? kHasBefore : 0U) | (one.after ? kHasAfter : 0U)));
    if (one.before) {
      append_record(*one.before, &text);
    }
    if (one.after) {
      append_record(*one.after, &text);
    }
    append_text(one.package, &text);
    append_text(one.by, &text);
  }
  return text;
}

util::Result<std::vector<Difference>> parse_differences(std::string_view text) {
  std::vector<Difference> differences;
  if (text.empty() || text.front() != kVersion) {
    return malformed();
  }
  text.remove_prefix(1);
  while (!text.empty()) {
    Difference one;
    WARDER_ASSIGN_OR_RETURN(one.path, take_text(&text, kLongestPath));
    if (text.empty() || one.path.empty() ||
        (!differences.empty() && compare_paths(differences.back().path, one.path) >= 0)) {
      return malformed();
    }
    const auto parts = static_cast<std::uint8_t>(text.front());
    text.remove_prefix(1);
    if (parts == 0 || parts > (kHasBefore | kHasAfter)) {
      return malformed();
    }
    const auto take = [&](std::optional<Entry>* into) -> util::Status {
      WARDER_ASSIGN_OR_RETURN(*into, take_record(&text));
      (*into)->path = one.path;
      return {};
    };
    if ((parts & kHasBefore) != 0) {
      WARDER_RETURN_IF_ERROR(take(&one.before));
    }
    if ((parts & kHasAfter) != 0) {
      WARDER_RETURN_IF_ERROR(take(&one.after));
    }
    WARDER_ASSIGN_OR_RETURN(one.package, take_text(&text, kLongestNote));
    WARDER_ASSIGN_OR_RETURN(one.by, take_text(&text, kLongestNote));
    differences.push_back(std::move(one));
  }
  return differences;
}

}  // namespace warder::files
