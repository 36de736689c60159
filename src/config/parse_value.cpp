#include "config/parse_value.h"

#include "config/secret_reference.h"
#include "net/address.h"
#include "net/port.h"
#include "util/bytes.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <chrono>
#include <limits>
#include <utility>

namespace warder::config {
namespace {

constexpr std::string_view kListSeparators = " \t\r\n,";
constexpr std::string_view kUrlSchemes[] = {"https", "http"};

std::string quoted(std::string_view text) { return fmt::format("'{}'", util::printable(text, 80)); }

template <typename T>
Accepted accept(T value) {
  return {Parsed(std::in_place_type<T>, std::move(value))};
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// The bound of a key in the unit of its type. A bound that cannot be read is told by defects().
template <typename T, typename Read>
T bound(std::string_view written, T none, Read read) {
  if (written.empty()) {
    return none;
  }
  const auto value = read(written);
  assert(value && "a key table holds a bound that is no value of its type");
  return *value;
}

template <typename T, typename Read>
std::optional<Refusal> outside(const Key& key, std::string_view text, const T& value, Read read) {
  if (!key.least.empty() && value < bound(key.least, value, read)) {
    return Refusal{quoted(text) + " is too small"};
  }
  if (!key.most.empty() && bound(key.most, value, read) < value) {
    return Refusal{quoted(text) + " is too large"};
  }
  return std::nullopt;
}

std::optional<Refusal> wrong_size(const Key& key, std::string_view what, std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  const std::int64_t least = bound(key.least, std::int64_t{0}, to_integer);
  const std::int64_t most = bound(key.most, std::numeric_limits<std::int64_t>::max(), to_integer);
  if (count < least) {
    return Refusal{fmt::format("has {} {}, too few", count, what)};
  }
  if (count > most) {
    return Refusal{fmt::format("has {} {}, too many", count, what)};
  }
  return std::nullopt;
}

ParseOutcome parse_string(const Key& key, std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
  if (key.type == Type::kString && std::any_of(text.begin(), text.end(), is_control)) {
    return Refusal{"holds a line break or control character"};
  }
  if (auto refusal = wrong_size(key, "bytes", text.size())) {
    return *refusal;
  }
  return accept(std::string(text));
}

ParseOutcome parse_integer(const Key& key, std::string_view text) {
  const auto value = to_integer(text);
  if (!value) {
    return Refusal{quoted(text) + " is no whole number"};
  }
  if (auto refusal = outside(key, text, *value, to_integer)) {
    return *refusal;
  }
  return accept(*value);
}

ParseOutcome parse_bool(std::string_view text) {
  const std::string lower = util::to_lower(text);
  if (lower == "1" || lower == "on" || lower == "true" || lower == "yes") {
    return accept(true);
  }
  if (lower == "0" || lower == "off" || lower == "false" || lower == "no") {
    return accept(false);
  }
  return Refusal{quoted(text) + " is neither yes nor no"};
}

ParseOutcome parse_duration(const Key& key, std::string_view text) {
  const auto value = util::parse_duration(text);
  if (!value) {
    return Refusal{value.error().message()};
  }
  if (key.permanent && *value == std::chrono::seconds(-1)) {
    return accept(DurationOrForever());
  }
  if (*value < std::chrono::microseconds::zero()) {
    return Refusal{quoted(text) + " is negative"};
  }
  if (auto refusal = outside(key, text, *value, util::parse_duration)) {
    return *refusal;
  }
  return accept(DurationOrForever(*value));
}

ParseOutcome parse_bytes(const Key& key, std::string_view text) {
  const auto value = util::parse_bytes(text);
  if (!value) {
    return Refusal{value.error().message()};
  }
  if (auto refusal = outside(key, text, *value, util::parse_bytes)) {
    return *refusal;
  }
  return accept(*value);
}

std::optional<std::size_t> index_of(std::span<const std::string_view> choices,
                                    std::string_view text) {
  const std::string lower = util::to_lower(text);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (util::to_lower(choices[i]) == lower) {
      return i;
    }
  }
  return std::nullopt;
}

Refusal no_choice(const Key& key, std::string_view text) {
  return {quoted(text) + " is none of the choices",
          did_you_mean(text, {key.choices.begin(), key.choices.end()})};
}

ParseOutcome parse_enum(const Key& key, std::string_view text) {
  const auto index = index_of(key.choices, text);
  if (!index) {
    return no_choice(key, text);
  }
  return accept(*index);
}

ParseOutcome parse_path(std::string_view text) {
  const std::filesystem::path path(text);
  if (!path.is_absolute() || text.find_first_of(std::string_view("\0\n", 2)) != text.npos) {
    return Refusal{quoted(text) + " is no absolute path", "begin it with /"};
  }
  return accept(std::string(text));
}

ParseOutcome parse_words(const Key& key, std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : util::split_words(text, kListSeparators)) {
    if (key.choices.empty()) {
      words.emplace_back(word);
    } else if (const auto index = index_of(key.choices, word)) {
      words.emplace_back(key.choices[*index]);
    } else {
      return no_choice(key, word);
    }
  }
  if (auto refusal = wrong_size(key, "entries", words.size())) {
    return *refusal;
  }
  return accept(std::move(words));
}

ParseOutcome parse_lines(const Key& key, std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : util::split_words(text, "\n")) {
    if (const std::string_view content = util::trim(line); !content.empty()) {
      lines.emplace_back(content);
    }
  }
  if (auto refusal = wrong_size(key, "lines", lines.size())) {
    return *refusal;
  }
  return accept(std::move(lines));
}

// "127.0.0.1/8", as stock configurations have it: the network it lies in.
std::optional<net::Prefix> network_of(std::string_view word) {
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto address = net::IpAddress::parse(word.substr(0, slash));
  const auto length = to_integer(word.substr(slash + 1));
  if (!address || !length || *length < 0 || *length > address->bits()) {
    return std::nullopt;
  }
  return net::Prefix(*address, static_cast<unsigned>(*length));
}

ParseOutcome parse_prefixes(const Key& key, std::string_view text) {
  std::vector<net::Prefix> prefixes;
  std::string warning;
  for (const std::string_view word : util::split_words(text, kListSeparators)) {
    if (const auto prefix = net::Prefix::parse(word)) {
      prefixes.push_back(*prefix);
    } else if (const auto network = network_of(word)) {
      prefixes.push_back(*network);
      warning = fmt::format("{} has bits behind its length; it is read as {}", quoted(word),
                            network->to_string());
    } else {
      return Refusal{prefix.error().message(), "names are never looked up"};
    }
  }
  if (auto refusal = wrong_size(key, "entries", prefixes.size())) {
    return *refusal;
  }
  return Accepted{std::move(prefixes), std::move(warning)};
}

ParseOutcome parse_ports(std::string_view text) {
  auto ports = net::parse_ports(text);
  if (!ports) {
    return Refusal{ports.error().message()};
  }
  return accept(std::move(*ports));
}

ParseOutcome parse_address(std::string_view text) {
  const auto address = net::IpAddress::parse(text);
  if (!address) {
    return Refusal{quoted(text) + " is no address"};
  }
  return accept(*address);
}

ParseOutcome parse_url(const Key& key, std::string_view text) {
  const std::size_t colon = text.find("://");
  const std::string_view rest = colon == text.npos ? text : text.substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != text.npos) {
    return Refusal{"the URL holds a user name or password",
                   "take it out and name the secret with a key made for it", true};
  }
  const auto schemes = key.choices.empty() ? std::span(kUrlSchemes) : key.choices;
  const auto is_unfit = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; };
  if (colon == text.npos || !index_of(schemes, text.substr(0, colon)) || authority.empty() ||
      authority.front() == ':' || std::any_of(text.begin(), text.end(), is_unfit)) {
    return Refusal{quoted(text) + " is no URL of the kind needed"};
  }
  return accept(std::string(text));
}

ParseOutcome parse_secret(std::string_view text) {
  if (auto reference = parse_secret_reference(text)) {
    return accept(std::move(*reference));
  }
  return Refusal{"is no reference to a secret, and a secret itself must not stand here",
                 "put it into the vault with `warder vault put` and write vault:DOCUMENT/KEY",
                 true};
}

ParseOutcome parse_by_type(const Key& key, std::string_view text) {
  switch (key.type) {
    case Type::kString:
    case Type::kText:
      return parse_string(key, text);
    case Type::kInteger:
      return parse_integer(key, text);
    case Type::kBool:
      return parse_bool(text);
    case Type::kDuration:
      return parse_duration(key, text);
    case Type::kBytes:
      return parse_bytes(key, text);
    case Type::kEnum:
      return parse_enum(key, text);
    case Type::kPath:
      return parse_path(text);
    case Type::kWords:
      return parse_words(key, text);
    case Type::kLines:
      return parse_lines(key, text);
    case Type::kPrefixes:
      return parse_prefixes(key, text);
    case Type::kPorts:
      return parse_ports(text);
    case Type::kAddress:
      return parse_address(text);
    case Type::kUrl:
      return parse_url(key, text);
    case Type::kSecret:
      return parse_secret(text);
  }
  return Refusal{"has no known type"};
}

}  // namespace

ParseOutcome parse_value(const Key& key, std::string_view text) {
  ParseOutcome outcome = parse_by_type(key, text);
  if (std::holds_alternative<Accepted>(outcome) && key.check != nullptr) {
    if (const util::Status status = key.check(text); !status) {
      outcome = Refusal{status.error().message()};
    }
  }
  // The refusal of a reference never quotes; every other one may.
  if (std::holds_alternative<Refusal>(outcome) && key.secret && key.type != Type::kSecret) {
    return Refusal{"the value is not accepted (it is a secret and not shown)", {}, true};
  }
  return outcome;
}

}  // namespace warder::config
