#include "config/definition.h"

#include "util/bytes.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <map>
#include <utility>

namespace warder::config {
namespace {

constexpr std::string_view kDefinition = "Definition";
constexpr std::string_view kInit = "Init";
// The reference's limit for one tag, and ours for all tags of one value.
constexpr std::size_t kMostOfOneTag = 25;
constexpr std::size_t kMostReplacements = 1000;
constexpr std::size_t kLongestValue = util::kibibytes(256).value;

using Text = std::optional<std::string>;

// The next "<...>" at or behind `from` that holds neither '<', '>' nor white space: the innermost
// one, where tags are nested. Empty when there is none.
std::string_view next_tag(std::string_view text, std::size_t from) {
  std::size_t open = text.find('<', from);
  while (open != std::string_view::npos) {
    const std::size_t end = text.find_first_of("<> \t\r\n", open + 1);
    if (end == std::string_view::npos) {
      return {};
    }
    if (text[end] == '>' && end > open + 1) {
      return text.substr(open, end - open + 1);
    }
    open = text.find('<', end);
  }
  return {};
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++found;
  }
  return found;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t start = 0;
  for (std::size_t at = text.find(from); at != std::string_view::npos;
       at = text.find(from, start)) {
    out.append(text.substr(start, at - start)).append(to);
    start = at + from.size();
  }
  return out.append(text.substr(start));
}

util::Error refuse(std::string why) {
  return util::Error(util::ErrorCode::kInvalid, std::move(why));
}

}  // namespace

util::Result<std::string> substitute_tags(std::string_view text, std::string_view own_name,
                                          const TagLookup& lookup) {
  struct Tag {
    Text meaning;
    std::size_t replaced = 0;
  };
  std::map<std::string, Tag, std::less<>> tags;
  std::string result(text);
  std::size_t replacements = 0;
  // A replacement can complete a tag that begins before it (<mdre-<mode>>), so the text is gone
  // through until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    std::size_t at = 0;
    for (std::string_view found = next_tag(result, at); !found.empty();
         found = next_tag(result, at)) {
      at = static_cast<std::size_t>(found.data() - result.data());
      const std::string whole(found);
      const std::string name = whole.substr(1, whole.size() - 2);
      const auto [tag, is_new] = tags.try_emplace(name);
      if (is_new) {
        WARDER_ASSIGN_OR_RETURN(tag->second.meaning, lookup(name));
      }
      const Text& meaning = tag->second.meaning;
      if (!meaning) {
        at += whole.size();
        continue;
      }
      if (name == own_name || ++tag->second.replaced > kMostOfOneTag ||
          ++replacements > kMostReplacements) {
        return refuse(fmt::format("<{}> refers to itself", util::printable(name, 80)));
      }
      if (result.size() + count(result, whole) * meaning->size() > kLongestValue) {
        return refuse(fmt::format("<{}> makes the value grow beyond {} bytes",
                                  util::printable(name, 80), kLongestValue));
      }
      result = replace_all(result, whole, *meaning);
      changed = true;
    }
  }
  return result;
}

Definition::Definition(const Document& document, Parameters parameters, Place given_at,
                       const Parameters& automatic, const Parameters& surroundings)
    : document_(document), parameters_(std::move(parameters)), given_at_(std::move(given_at)) {
  for (const auto& [name, value] : automatic) {
    if (!document_.has_option(kInit, name) && !document_.has_option(kDefinition, name)) {
      parameters_.emplace(name, value);
    }
  }
  context_.parameters = parameters_;
  context_.parameters.insert(surroundings.begin(), surroundings.end());
}

util::Result<std::optional<Value>> Definition::untagged(std::string_view option) const {
  if (const auto given = parameters_.find(option); given != parameters_.end()) {
    return std::optional<Value>(Value{given->second, given_at_});
  }
  return document_.get(document_.has_option(kInit, option) ? kInit : kDefinition, option, context_);
}

util::Result<std::optional<Value>> Definition::get(std::string_view option) const {
  WARDER_ASSIGN_OR_RETURN(std::optional<Value> value, untagged(option));
  if (value) {
    auto text =
        substitute_tags(value->text, option, [this](std::string_view tag) { return meaning(tag); });
    if (!text) {
      return text.error().with_context(
          fmt::format("{}: {}", value->place.to_string(), util::printable(option, 80)));
    }
    value->text = std::move(*text);
  }
  return value;
}

util::Result<Text> Definition::meaning(std::string_view tag) const {
  const auto text_of = [](util::Result<std::optional<Value>> value) -> util::Result<Text> {
    if (!value) {
      return value.error();
    }
    return *value ? Text((*value)->text) : Text();
  };
  if (parameters_.contains(tag) || document_.has_option(kInit, tag)) {
    return text_of(untagged(tag));
  }
  const std::size_t slash = tag.find('/');
  if (slash == std::string_view::npos) {
    return text_of(untagged(util::to_lower(tag)));
  }
  const std::string option = util::to_lower(tag.substr(slash + 1));
  const std::string section(tag.substr(0, slash));
  const std::string lower = util::to_lower(section);
  if (lower == "known") {
    return text_of(document_.has_option(kInit, option) ? document_.get(kInit, option)
                                                       : document_.get_known(kDefinition, option));
  }
  if (lower == "default") {
    return text_of(document_.get(kDefaultSection, option));
  }
  if (!document_.has_section(section)) {
    return Text();
  }
  return text_of(document_.get(section, option));
}

Section Definition::section() const {
  Section all;
  all.name = kDefinition;
  const auto take = [&](const std::string& name, bool is_own, bool variable) {
    if (all.find(name) != nullptr) {
      return;
    }
    Option option{name, {}, given_at_, {}, is_own, variable};
    const auto value = get(name);
    if (!value) {
      option.problem = value.error().message();
    } else if (*value) {
      option.text = (*value)->text;
      option.place = (*value)->place;
    }
    all.options.push_back(std::move(option));
  };
  // Document::section() gives what stands in the section and what [DEFAULT] adds; the texts are
  // taken from get(), which knows what beats what.
  for (const std::string_view name : {kDefinition, kInit}) {
    const Section part = document_.section(name, context_);
    if (name == kDefinition) {
      all.place = part.place;
    }
    for (const Option& option : part.options) {
      if (name == kDefinition || option.own) {
        take(option.name, option.own, option.variable);
      }
    }
  }
  for (const auto& [name, value] : parameters_) {
    take(name, true, true);
  }
  return all;
}

}  // namespace warder::config
