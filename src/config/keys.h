#pragma once

#include "util/result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::config {

// The kind of value a key takes. The getter of Values that reads it stands behind.
enum class Type : std::uint8_t {
  kString,    // one line of text                                                    string()
  kText,      // text with line breaks kept                                          string()
  kInteger,   // decimal                                                             integer()
  kBool,      // 1, on, true, yes / 0, off, false, no, in any case                   boolean()
  kDuration,  // util::parse_duration; -1 = for ever where `permanent`               duration()
  kBytes,     // util::parse_bytes                                                   bytes()
  kEnum,      // one of `choices`, in any case                                       choice()
  kPath,      // absolute                                                            path()
  kWords,     // separated by white space or commas; each one of `choices` if any    list()
  kLines,     // a line each, empty ones dropped                                     list()
  kPrefixes,  // addresses and prefixes, separated by white space or commas          prefixes()
  kPorts,     // 80,443 / ssh / 1:100 / 0:65535                                      ports()
  kAddress,   // one IPv4 or IPv6 address                                            address()
  kUrl,       // http or https, or one of `choices`; no user:password@               string()
  kSecret,    // vault:DOCUMENT/KEY, file:/PATH or credential:NAME, never a literal  secret()
};

// When a changed value takes effect.
enum class Change : std::uint8_t {
  kLive,     // at once, also when it comes from the vault
  kReload,   // with `warder reload`
  kRestart,  // with a restart of the agent
};

// One key of a module. Written in a constant table with designated initializers, at namespace scope
// (or static), since tables and values point into it:
//
//   constexpr Key kKeys[] = {
//       {.name = "bantime", .type = Type::kDuration, .fallback = "10m", .least = "1s",
//        .permanent = true, .text = "How long a ban lasts.", .example = "1h"},
//   };
struct Key {
  std::string_view name = {};  // lower case
  Type type = Type::kString;
  // The value when nobody sets it, read like any other. Without one the key may stay unset
  // (Values::has()) unless it is required. An empty value unsets a key without a default.
  std::optional<std::string_view> fallback = std::nullopt;
  bool required = false;
  // Bounds, both included: of an integer, duration or size in its own spelling ("1s"), of a string
  // or text in bytes, of a list in elements. Empty: none.
  std::string_view least = {};
  std::string_view most = {};
  std::span<const std::string_view> choices = {};
  bool permanent = false;
  Change change = Change::kReload;
  // Never printed: neither in an error nor in a dump.
  bool secret = false;
  // A paragraph for the operator, and a value that shows the form.
  std::string_view text = {};
  std::string_view example = {};
  // What only the module can judge (an expression, a calendar time). Runs after the checks of the
  // type; the message of its error becomes the problem told, and must not repeat a secret.
  util::Status (*check)(std::string_view value) = nullptr;
};

// A key that had another name: using the old one is an error that tells the new one.
struct Renamed {
  std::string_view old_name;
  std::string_view new_name;
};

// A key that is understood and not used, with the reason; using it is a warning.
struct Unused {
  std::string_view name;
  std::string_view reason;
};

enum class UnknownKeys : std::uint8_t { kRefuse, kAllow };

// All keys of one kind of section. Static data of the module it belongs to.
struct Table {
  // The section it describes: "agent", or "destination *" for sections "destination NAME", or "*"
  // for any name.
  std::string_view section;
  std::string_view text = {};
  std::span<const Key> keys = {};
  std::span<const Renamed> renamed = {};
  std::span<const Unused> unused = {};
  // kAllow for sections that invent their own variables (filters).
  UnknownKeys unknown = UnknownKeys::kRefuse;

  const Key* find(std::string_view key) const;
};

// What is wrong with a table itself: a default or example that its own key refuses, bounds that
// cannot be read, a name twice. Empty for a sound table; each module's test checks its tables so.
std::vector<std::string> defects(const Table& table);

// What a key accepts, for an error or the manual: "a time from 1s to 10y, or -1 (for ever)".
std::string allowed_text(const Key& key);

}  // namespace warder::config
