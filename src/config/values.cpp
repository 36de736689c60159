#include "config/values.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace warder::config {

std::string SecretReference::to_string() const {
  switch (kind) {
    case Kind::kVault:
      return fmt::format("vault:{}/{}", document, name);
    case Kind::kFile:
      return fmt::format("file:{}", name);
    case Kind::kCredential:
      return fmt::format("credential:{}", name);
  }
  return {};
}

Values::Values(const Table& table, std::string section, Place place, std::vector<Item> items)
    : table_(&table),
      section_(std::move(section)),
      place_(std::move(place)),
      items_(std::move(items)) {}

std::string_view Values::name() const {
  const std::string_view pattern = table_->section;
  return pattern.ends_with('*') ? std::string_view(section_).substr(pattern.size() - 1) : section_;
}

const Values::Item& Values::item(std::string_view key) const {
  const auto found = std::find_if(items_.begin(), items_.end(),
                                  [&](const Item& item) { return item.key->name == key; });
  assert(found != items_.end() && "asked for a key that the table does not have");
  return *found;
}

// std::get throws where no assertion is built in; the agent then ends instead of going on with a
// value of another type.
template <typename T>
const T& Values::get(std::string_view key) const {
  const Item& found = item(key);
  assert(std::holds_alternative<T>(found.parsed) && "asked for another type or an unset key");
  return std::get<T>(found.parsed);
}

bool Values::complete() const {
  return std::none_of(items_.begin(), items_.end(), [](const Item& item) { return item.refused; });
}

bool Values::has(std::string_view key) const {
  return !std::holds_alternative<std::monostate>(item(key).parsed);
}

bool Values::is_default(std::string_view key) const { return item(key).is_default; }

const Place& Values::place(std::string_view key) const { return item(key).place; }

const std::string& Values::string(std::string_view key) const { return get<std::string>(key); }

std::int64_t Values::integer(std::string_view key) const { return get<std::int64_t>(key); }

bool Values::boolean(std::string_view key) const { return get<bool>(key); }

std::chrono::microseconds Values::duration(std::string_view key) const {
  const DurationOrForever& value = get<DurationOrForever>(key);
  assert(value && "a key that may be permanent is read with duration_or_forever()");
  return value.value();
}

DurationOrForever Values::duration_or_forever(std::string_view key) const {
  return get<DurationOrForever>(key);
}

util::ByteCount Values::bytes(std::string_view key) const { return get<util::ByteCount>(key); }

std::size_t Values::choice_index(std::string_view key) const { return get<std::size_t>(key); }

std::filesystem::path Values::path(std::string_view key) const { return get<std::string>(key); }

const std::vector<std::string>& Values::list(std::string_view key) const {
  return get<std::vector<std::string>>(key);
}

const std::vector<net::Prefix>& Values::prefixes(std::string_view key) const {
  return get<std::vector<net::Prefix>>(key);
}

const std::vector<net::PortRange>& Values::ports(std::string_view key) const {
  return get<std::vector<net::PortRange>>(key);
}

const net::IpAddress& Values::address(std::string_view key) const {
  return get<net::IpAddress>(key);
}

const SecretReference& Values::secret(std::string_view key) const {
  return get<SecretReference>(key);
}

Diagnostic Values::about(std::string_view key, std::string problem, Severity severity) const {
  const Item& found = item(key);
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  // A default stands nowhere: what is wrong with it is wrong with the section that lacks the key.
  diagnostic.place = found.is_default ? place_ : found.place;
  diagnostic.section = section_;
  diagnostic.key = key;
  if (!found.key->secret && has(key)) {
    diagnostic.value = found.text;
  }
  diagnostic.problem = std::move(problem);
  return diagnostic;
}

}  // namespace warder::config
