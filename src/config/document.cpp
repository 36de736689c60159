#include "config/document.h"

#include "util/bytes.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::config {
namespace {

// configparser's MAX_INTERPOLATION_DEPTH.
constexpr std::size_t kDeepest = 10;
// Overrides that build on each other with %(known/...)s, which do not count as depth.
constexpr std::size_t kMostNested = 100;
constexpr std::size_t kMostSteps = 10000;
constexpr std::size_t kLongestValue = util::kibibytes(256).value;

// The name in a %(name)s that begins at `at`; empty when there is none.
std::string_view reference_at(std::string_view text, std::size_t at) {
  const std::size_t end = text.find(')', at);
  if (text.substr(at, 2) != "%(" || end == std::string_view::npos || text.substr(end, 2) != ")s") {
    return {};
  }
  return text.substr(at + 2, end - at - 2);
}

std::string after_slash(std::string_view name) {
  return std::string(name.substr(name.find('/') + 1));
}

}  // namespace

// Resolves the %(...)s of one value in the context of one section.
class Document::Resolver {
 public:
  Resolver(const Document& document, std::string_view section, const Context& context)
      : document_(document),
        name_(section),
        section_(section == kDefaultSection ? nullptr : document.find(section)),
        context_(context) {}

  const Entry* find(std::string_view option, bool* in_default) const {
    *in_default = false;
    if (const Entry* own = top(section_, option)) {
      return own;
    }
    *in_default = true;
    return top(&document_.defaults_, option);
  }

  // The newest entry of [section] or [DEFAULT] that a newer one overrode; the newest if none did.
  const Entry* find_known(std::string_view option, bool* in_default) const {
    const Entry* const newest = find(option, in_default);
    if (newest == nullptr) {
      return nullptr;
    }
    const Merged* const merged = *in_default ? &document_.defaults_ : section_;
    const Entry* const lower = below(merged, option, newest->layer);
    return lower == nullptr ? newest : lower;
  }

  util::Result<std::string> resolve(const Entry& entry, bool in_default) {
    std::string text;
    asked_ = &entry;
    steps_ = 0;
    WARDER_RETURN_IF_ERROR(expand({entry.value, &entry, in_default}, 1, 1, &text));
    return text;
  }

  // The same with its place, as Document::get() gives it.
  util::Result<std::optional<Value>> value(std::string_view option, const Entry* entry,
                                           bool in_default) {
    if (entry == nullptr) {
      return std::optional<Value>();
    }
    auto text = resolve(*entry, in_default);
    if (!text) {
      return text.error().with_context(fmt::format("{}: [{}] {}", entry->place.to_string(),
                                                   util::printable(name_, 80),
                                                   util::printable(option, 80)));
    }
    return std::optional<Value>(Value{std::move(*text), entry->place});
  }

 private:
  // A text that %(name)s stands for, and the entry it was written in (none for what the caller
  // gave, which is literal).
  struct Found {
    std::string_view text;
    const Entry* entry = nullptr;
    bool in_default = false;
    // Found below the override that asked for it.
    bool is_known = false;
  };

  static const Entry* top(const Merged* section, std::string_view option) {
    return below(section, option, static_cast<std::size_t>(-1));
  }

  // The newest entry of a layer lower than `layer`.
  static const Entry* below(const Merged* section, std::string_view option, std::size_t layer) {
    if (section == nullptr) {
      return nullptr;
    }
    const auto chain = section->options.find(option);
    if (chain == section->options.end()) {
      return nullptr;
    }
    const auto entry = std::find_if(chain->second.rbegin(), chain->second.rend(),
                                    [&](const Entry& e) { return e.layer < layer; });
    return entry == chain->second.rend() ? nullptr : &*entry;
  }

  static std::optional<Found> found(const Entry* entry, bool in_default) {
    if (entry == nullptr) {
      return std::nullopt;
    }
    return Found{entry->value, entry, in_default};
  }

  static std::optional<Found> found(const Parameters& parameters, std::string_view name) {
    const auto parameter = parameters.find(name);
    if (parameter == parameters.end()) {
      return std::nullopt;
    }
    return Found{parameter->second};
  }

  std::optional<Found> lookup(std::string_view written, const Found& origin) const {
    const std::string name = util::to_lower(written);
    if (auto parameter = found(context_.parameters, name)) {
      return parameter;
    }
    bool in_default = false;
    if (const Entry* entry = find(name, &in_default)) {
      return found(entry, in_default);
    }
    if (name == "__name__") {
      return Found{name_};
    }
    if (auto variable = found(document_.variables_, name)) {
      return variable;
    }
    const std::size_t slash = name.find('/');
    // The reference compares these forms in lower case with sections as they are written, so that
    // only lower-case ones are ever found.
    if (slash == std::string::npos || name != written) {
      return std::nullopt;
    }
    return lookup_path(std::string_view(name).substr(0, slash),
                       std::string_view(name).substr(slash + 1), origin);
  }

  std::optional<Found> lookup_path(std::string_view section, std::string_view option,
                                   const Found& origin) const {
    if (section == "known") {
      if (context_.known_first) {
        if (auto base = found(context_.known, option)) {
          return base;
        }
      }
      const Merged* const own = origin.in_default ? &document_.defaults_ : section_;
      if (auto lower = found(below(own, option, origin.entry->layer), origin.in_default)) {
        lower->is_known = true;
        return lower;
      }
      if (auto base = found(context_.known, option)) {
        return base;
      }
      if (origin.in_default) {
        return std::nullopt;
      }
    } else if (section != "default") {
      const Merged* const other = document_.find(section);
      if (other == nullptr) {
        return std::nullopt;
      }
      if (auto value = found(top(other, option), false)) {
        return value;
      }
    }
    return found(top(&document_.defaults_, option), true);
  }

  util::Error refuse(const Found& origin, std::string_view why) const {
    return util::Error(util::ErrorCode::kInvalid,
                       origin.entry == asked_
                           ? std::string(why)
                           : fmt::format("{} (at {})", why, origin.entry->place.to_string()));
  }

  util::Status expand(const Found& origin, std::size_t depth, std::size_t nested,
                      std::string* out) {
    const std::string_view text = origin.text;
    const bool literal = origin.entry == nullptr || !origin.entry->interpolates;
    if (literal || text.find('%') == std::string_view::npos) {
      out->append(text);
      return {};
    }
    if (depth > kDeepest) {
      return refuse(origin, fmt::format("%(...)s nested deeper than {} levels", kDeepest));
    }
    if (nested > kMostNested || ++steps_ > kMostSteps) {
      return refuse(origin, "too many %(...)s to resolve");
    }
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t percent = std::min(text.find('%', at), text.size());
      out->append(text.substr(at, percent - at));
      at = percent;
      if (text.substr(at, 2) == "%%") {
        *out += '%';
        at += 2;
      } else if (at < text.size()) {
        const std::string_view name = reference_at(text, at);
        if (name.empty()) {
          return refuse(origin, "a '%' begins no %(name)s; write %% for the character itself");
        }
        const auto value = lookup(name, origin);
        if (!value) {
          return refuse(origin, unknown(name));
        }
        WARDER_RETURN_IF_ERROR(expand(*value, depth + (value->is_known ? 0 : 1), nested + 1, out));
        at += name.size() + 4;
      }
      if (out->size() > kLongestValue) {
        return refuse(origin, fmt::format("the value grows beyond {} bytes", kLongestValue));
      }
    }
    return {};
  }

  std::string unknown(std::string_view name) const {
    std::string text = fmt::format("%({})s is set nowhere", util::printable(name, 80));
    if (name.starts_with("DEFAULT/")) {
      return text + "; write default/ in lower case";
    }
    std::vector<std::string_view> names;
    for (const Merged* section : {section_, &document_.defaults_}) {
      if (section != nullptr) {
        names.insert(names.end(), section->order.begin(), section->order.end());
      }
    }
    if (const auto near = util::nearest(util::to_lower(name), names)) {
      text += fmt::format("; did you mean %({})s?", *near);
    }
    return text;
  }

  const Document& document_;
  std::string_view name_;
  const Merged* section_;
  const Context& context_;
  // What is being resolved: its place is told anyway.
  const Entry* asked_ = nullptr;
  std::size_t steps_ = 0;
};

void Document::add(const Layer& layer) {
  ++layers_;
  for (const RawSection& section : layer.sections) {
    const bool is_default = section.name == kDefaultSection;
    const bool is_new = !is_default && !sections_.contains(section.name);
    Merged& merged = is_default ? defaults_ : sections_[section.name];
    if (is_new) {
      merged.place = section.place;
      if (section.name != kIncludesSection) {
        order_.push_back(section.name);
      }
    }
    for (const RawOption& option : section.options) {
      Chain& chain = merged.options[option.name];
      if (chain.empty()) {
        merged.order.push_back(option.name);
      }
      chain.push_back({layers_, option.value, option.place, layer.interpolates});
      if (layer.interpolates) {
        note_used(option.value);
      }
    }
  }
}

void Document::note_used(std::string_view value) {
  for (std::size_t at = value.find("%("); at != std::string_view::npos;
       at = value.find("%(", at + 1)) {
    if (const std::string name = util::to_lower(reference_at(value, at)); !name.empty()) {
      used_.insert(name);
      used_.insert(after_slash(name));
    }
  }
}

void Document::set_variable(std::string name, std::string value) {
  variables_.insert_or_assign(std::move(name), std::move(value));
}

bool Document::has_section(std::string_view section) const { return find(section) != nullptr; }

const Document::Merged* Document::find(std::string_view section) const {
  const auto found = sections_.find(section);
  return found == sections_.end() ? nullptr : &found->second;
}

bool Document::has_option(std::string_view section, std::string_view option) const {
  const Merged* const found = section == kDefaultSection ? &defaults_ : find(section);
  return found != nullptr && found->options.contains(option);
}

util::Result<std::optional<Value>> Document::get(std::string_view section, std::string_view option,
                                                 const Context& context) const {
  Resolver resolver(*this, section, context);
  bool in_default = false;
  const Entry* const entry = resolver.find(option, &in_default);
  return resolver.value(option, entry, in_default);
}

util::Result<std::optional<Value>> Document::get_known(std::string_view section,
                                                       std::string_view option) const {
  const Context no_context;
  Resolver resolver(*this, section, no_context);
  bool in_default = false;
  const Entry* const entry = resolver.find_known(option, &in_default);
  return resolver.value(option, entry, in_default);
}

Section Document::section(std::string_view name, const Context& context) const {
  Section section{std::string(name), {}, {}};
  Resolver resolver(*this, name, context);
  const auto take = [&](const Merged& merged, bool own) {
    for (const std::string& option : merged.order) {
      if (section.find(option) != nullptr) {
        continue;
      }
      const Entry& entry = merged.options.find(option)->second.back();
      Option taken{option, {},  entry.place,
                   {},     own, option.starts_with('_') || used_.contains(option)};
      if (auto text = resolver.resolve(entry, !own || name == kDefaultSection)) {
        taken.text = std::move(*text);
      } else {
        taken.problem = text.error().message();
      }
      section.options.push_back(std::move(taken));
    }
  };
  if (name == kDefaultSection) {
    take(defaults_, true);
    return section;
  }
  if (const Merged* own = find(name)) {
    section.place = own->place;
    take(*own, true);
  }
  take(defaults_, false);
  return section;
}

}  // namespace warder::config
