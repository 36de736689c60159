#pragma once

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/place.h"
#include "net/address.h"
#include "net/port.h"
#include "util/bytes.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace warder::config {

// Where a secret lies. Resolved late, by the part that needs it; the reference itself is no secret.
struct SecretReference {
  enum class Kind : std::uint8_t { kVault, kFile, kCredential };
  Kind kind = Kind::kVault;
  std::string document;  // kVault: the document
  std::string name;      // kVault: the key in it; kFile: the path; kCredential: its name

  // "vault:alerts/slack", "file:/etc/warder/token", "credential:token"
  std::string to_string() const;

  friend bool operator==(const SecretReference&, const SecretReference&) = default;
};

// Ends never when empty.
using DurationOrForever = std::optional<std::chrono::microseconds>;

// A value that a key accepted, in the form its type has.
using Parsed =
    std::variant<std::monostate, std::string, std::int64_t, bool, DurationOrForever,
                 util::ByteCount, std::size_t, std::vector<std::string>, std::vector<net::Prefix>,
                 std::vector<net::PortRange>, net::IpAddress, SecretReference>;

// The checked values of one section: what check() gives. A getter cannot fail; asking for a key
// that the table does not have, for another type, or for a key that is unset (see has()) is a
// defect of the caller and asserts. Keys that check() refused are unset.
class Values {
 public:
  struct Item {
    const Key* key = nullptr;
    std::string text;
    Place place;
    bool is_default = false;
    // In error: told by check(), and unset.
    bool refused = false;
    Parsed parsed;
  };

  // Made by check().
  Values(const Table& table, std::string section, Place place, std::vector<Item> items);

  const Table& table() const { return *table_; }
  const std::string& section() const { return section_; }
  // The NAME of a section "kind NAME" whose table is "kind *"; else the whole name.
  std::string_view name() const;
  const Place& section_place() const { return place_; }
  // In the order of the table; an unset key has std::monostate.
  const std::vector<Item>& items() const { return items_; }

  // Was every key accepted? Who goes on to collect further errors asks this before the getters.
  bool complete() const;
  bool has(std::string_view key) const;
  bool is_default(std::string_view key) const;
  const Place& place(std::string_view key) const;

  const std::string& string(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  bool boolean(std::string_view key) const;
  // For a key that may not be permanent.
  std::chrono::microseconds duration(std::string_view key) const;
  // For a key that may be permanent.
  DurationOrForever duration_or_forever(std::string_view key) const;
  util::ByteCount bytes(std::string_view key) const;
  // The index in the key's choices, as an enum whose enumerators are in the same order.
  template <typename Enum>
    requires std::is_enum_v<Enum>
  Enum choice(std::string_view key) const {
    return static_cast<Enum>(choice_index(key));
  }
  std::size_t choice_index(std::string_view key) const;
  std::filesystem::path path(std::string_view key) const;
  const std::vector<std::string>& list(std::string_view key) const;
  const std::vector<net::Prefix>& prefixes(std::string_view key) const;
  const std::vector<net::PortRange>& ports(std::string_view key) const;
  const net::IpAddress& address(std::string_view key) const;
  const SecretReference& secret(std::string_view key) const;

  // A diagnostic about a key, with its place (the section's for a default) and value, for checks
  // that span keys:
  //   diagnostics.add(values.about("findtime", "is shorter than ..."));
  Diagnostic about(std::string_view key, std::string problem,
                   Severity severity = Severity::kError) const;

 private:
  const Item& item(std::string_view key) const;
  template <typename T>
  const T& get(std::string_view key) const;

  const Table* table_;
  std::string section_;
  Place place_;
  std::vector<Item> items_;
};

}  // namespace warder::config
