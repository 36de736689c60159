#include "config/keys.h"

#include "config/parse_value.h"
#include "util/bytes.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <charconv>
#include <set>

namespace warder::config {
namespace {

std::string join(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

// " from 1 to 10", " of at least 1", " of at most 10" or nothing.
std::string bounds(const Key& key) {
  if (!key.least.empty() && !key.most.empty()) {
    return fmt::format(" from {} to {}", key.least, key.most);
  }
  if (!key.least.empty()) {
    return fmt::format(" of at least {}", key.least);
  }
  return key.most.empty() ? "" : fmt::format(" of at most {}", key.most);
}

// ", 1 to 10 bytes", ", at least 1 byte"...
std::string sizes(const Key& key, std::string_view what) {
  if (!key.least.empty() && !key.most.empty()) {
    return fmt::format(", {} to {} {}", key.least, key.most, what);
  }
  if (!key.least.empty()) {
    return fmt::format(", at least {} {}", key.least, what);
  }
  return key.most.empty() ? "" : fmt::format(", at most {} {}", key.most, what);
}

bool is_bound(Type type, std::string_view text) {
  switch (type) {
    case Type::kDuration:
      return util::parse_duration(text).has_value();
    case Type::kBytes:
      return util::parse_bytes(text).has_value();
    case Type::kInteger:
    case Type::kString:
    case Type::kText:
    case Type::kWords:
    case Type::kLines:
    case Type::kPrefixes: {
      std::int64_t value = 0;
      const char* const end = text.data() + text.size();
      const auto [rest, error] = std::from_chars(text.data(), end, value);
      return error == std::errc{} && rest == end;
    }
    default:
      return false;
  }
}

std::vector<std::string> defects_of(const Key& key) {
  std::vector<std::string> found;
  const auto tell = [&](std::string_view what) {
    found.push_back(fmt::format("{}: {}", key.name, what));
  };
  if (key.name.empty() || util::to_lower(key.name) != key.name) {
    tell("the name must be lower case");
  }
  if (key.text.empty() || key.example.empty()) {
    tell("text and example must be given");
  }
  if (key.type == Type::kEnum && key.choices.empty()) {
    tell("an enum needs choices");
  }
  if (key.permanent && key.type != Type::kDuration) {
    tell("only a duration can be permanent");
  }
  if (key.required && key.fallback) {
    tell("a required key has no default");
  }
  if (key.type == Type::kSecret && key.fallback) {
    tell("a secret has no default");
  }
  for (const std::string_view bound : {key.least, key.most}) {
    if (!bound.empty() && !is_bound(key.type, bound)) {
      tell(fmt::format("the bound '{}' is no value of the type", bound));
      return found;
    }
  }
  const auto try_value = [&](std::string_view what, std::string_view value) {
    if (const auto outcome = parse_value(key, value);
        const auto* refusal = std::get_if<Refusal>(&outcome)) {
      tell(fmt::format("the {} is refused: {}", what, refusal->problem));
    }
  };
  if (key.fallback) {
    try_value("default", *key.fallback);
  }
  try_value("example", key.example);
  return found;
}

}  // namespace

const Key* Table::find(std::string_view key) const {
  for (const Key& candidate : keys) {
    if (candidate.name == key) {
      return &candidate;
    }
  }
  return nullptr;
}

std::vector<std::string> defects(const Table& table) {
  std::vector<std::string> found;
  std::set<std::string_view> names;
  const auto take_name = [&](std::string_view name) {
    if (!names.insert(name).second) {
      found.push_back(fmt::format("{}: the name stands twice", name));
    }
  };
  for (const Key& key : table.keys) {
    take_name(key.name);
    const std::vector<std::string> more = defects_of(key);
    found.insert(found.end(), more.begin(), more.end());
  }
  for (const Renamed& renamed : table.renamed) {
    take_name(renamed.old_name);
    if (table.find(renamed.new_name) == nullptr) {
      found.push_back(
          fmt::format("{}: renamed to {}, which is no key", renamed.old_name, renamed.new_name));
    }
  }
  for (const Unused& unused : table.unused) {
    take_name(unused.name);
  }
  return found;
}

std::string allowed_text(const Key& key) {
  switch (key.type) {
    case Type::kString:
      return "one line of text" + sizes(key, "bytes");
    case Type::kText:
      return "text" + sizes(key, "bytes");
    case Type::kInteger:
      return "a whole number" + bounds(key);
    case Type::kBool:
      return "yes, true, on, 1 or no, false, off, 0";
    case Type::kDuration:
      return "a time" + bounds(key) + (key.permanent ? ", or -1 (for ever)" : "");
    case Type::kBytes:
      return "a size" + bounds(key);
    case Type::kEnum:
      return join(key.choices);
    case Type::kPath:
      return "an absolute path";
    case Type::kWords:
      return (key.choices.empty() ? "words separated by blanks, commas or line breaks"
                                  : "any of " + join(key.choices)) +
             sizes(key, "entries");
    case Type::kLines:
      return "a list, one entry a line" + sizes(key, "lines");
    case Type::kPrefixes:
      return "addresses and prefixes separated by blanks, commas or line breaks" +
             sizes(key, "entries");
    case Type::kPorts:
      return "ports, ranges and service names separated by commas: 80,443 or ssh or 1000:2000";
    case Type::kAddress:
      return "an IPv4 or IPv6 address";
    case Type::kUrl:
      return (key.choices.empty() ? "http or https" : join(key.choices)) +
             "://HOST[:PORT][/PATH], without user name and password";
    case Type::kSecret:
      return "vault:DOCUMENT/KEY, file:/PATH or credential:NAME";
  }
  return {};
}

}  // namespace warder::config
