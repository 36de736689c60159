#include "engine/pending_restart.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace warder::engine {

std::vector<std::string> changed_until_restart(std::span<const config::Table* const> tables,
                                               const Effective& started, const Effective& now) {
  std::vector<std::string> changed;
  const auto value_of = [](const Effective& all, std::string_view section, std::string_view key) {
    const auto values = all.find(std::string(section));
    if (values == all.end()) {
      return std::string();
    }
    const auto value = values->second.find(std::string(key));
    return value == values->second.end() ? std::string() : value->second;
  };
  for (const config::Table* table : tables) {
    for (const config::Key& key : table->keys) {
      if (key.change == config::Change::kRestart &&
          value_of(started, table->section, key.name) != value_of(now, table->section, key.name)) {
        std::string name = fmt::format("[{}] {}", table->section, key.name);
        if (std::find(changed.begin(), changed.end(), name) == changed.end()) {
          changed.push_back(std::move(name));  // a section may have several tables
        }
      }
    }
  }
  return changed;
}

}  // namespace warder::engine
