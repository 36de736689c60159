#include "engine/effective.h"

#include <nlohmann/json.hpp>

namespace warder::engine {

void add_effective(const config::Values& values, Effective& effective) {
  for (const config::Values::Item& item : values.items()) {
    if (!item.is_default && values.has(item.key->name)) {
      effective[values.section()][std::string(item.key->name)] = item.text;
    }
  }
}

std::string effective_json(const Effective& effective) {
  return nlohmann::json(effective).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace warder::engine
