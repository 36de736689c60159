#include "engine/configuration_history.h"

#include "crypto/sha256.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>

namespace warder::engine {
namespace {

using nlohmann::json;

json parsed(std::string_view text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

std::string hash_of(std::string_view effective) {
  return util::to_hex(crypto::sha256(util::as_bytes(effective)));
}

std::string shown(const json& value) {
  return value.is_string() ? util::printable(value.get_ref<const std::string&>(), 80) : "?";
}

std::set<std::string> names_of(const json& a, const json& b) {
  std::set<std::string> names;
  for (const json* one : {&a, &b}) {
    for (const auto& [name, value] : one->items()) {
      names.insert(name);
    }
  }
  return names;
}

// A key that is left out has its default.
std::string section_difference(const json& before, const json& after) {
  std::string text;
  for (const std::string& key : names_of(before, after)) {
    const std::string old = before.contains(key) ? shown(before[key]) : "its default";
    const std::string now = after.contains(key) ? shown(after[key]) : "its default";
    if (old != now) {
      text += fmt::format("{}{} {} -> {}", text.empty() ? " " : ", ", util::printable(key, 60), old,
                          now);
    }
  }
  return text;
}

}  // namespace

std::string configuration_difference(std::string_view before, std::string_view after,
                                     std::size_t most) {
  const json old = parsed(before);
  const json now = parsed(after);
  std::string text;
  for (const std::string& name : names_of(old, now)) {
    const bool was = old.contains(name) && old[name].is_object();
    const bool is = now.contains(name) && now[name].is_object();
    std::string change = !was  ? " is new"
                         : !is ? " is gone"
                               : section_difference(old[name], now[name]);
    if (!change.empty()) {
      text += fmt::format("{}[{}]{}", text.empty() ? "" : "; ", util::printable(name, 60), change);
    }
  }
  if (text.size() > most) {
    text.resize(most);
    text = util::to_valid_utf8(text) + "...";
  }
  return text;
}

ConfigurationHistory ConfigurationHistory::parse(std::string_view kept) {
  ConfigurationHistory history;
  const json list = json::parse(kept, nullptr, false);
  if (!list.is_array()) {
    return history;
  }
  for (const json& entry : list) {
    if (entry.is_object() && entry.contains("hash") && entry["hash"].is_string() &&
        entry.contains("time") && entry["time"].is_number_unsigned() &&
        history.entries_.size() < kRemembered) {
      const auto seconds = std::min<std::uint64_t>(entry["time"].get<std::uint64_t>(), 1ULL << 36U);
      history.entries_.push_back(
          {entry["hash"].get<std::string>(),
           util::WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds)))});
    }
  }
  return history;
}

std::string ConfigurationHistory::to_text() const {
  json list = json::array();
  for (const Entry& entry : entries_) {
    list.push_back(
        {{"hash", entry.hash},
         {"time",
          static_cast<std::uint64_t>(
              std::chrono::floor<std::chrono::seconds>(entry.time.time_since_epoch()).count())}});
  }
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool ConfigurationHistory::is_newest(std::string_view effective) const {
  return !entries_.empty() && entries_.back().hash == hash_of(effective);
}

std::optional<util::WallTime> ConfigurationHistory::note(std::string_view effective,
                                                         util::WallTime now) {
  const std::string hash = hash_of(effective);
  std::optional<util::WallTime> before;
  const auto known = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.hash == hash; });
  if (known != entries_.end()) {
    if (known + 1 == entries_.end()) {
      return std::nullopt;  // it runs already
    }
    before = (known + 1)->time;
    entries_.erase(known);
  }
  entries_.push_back({hash, now});
  if (entries_.size() > kRemembered) {
    entries_.pop_front();
  }
  return before;
}

}  // namespace warder::engine
