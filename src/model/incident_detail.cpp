#include "model/incident_detail.h"

#include <nlohmann/json.hpp>

namespace warder::model {

std::string incident_detail(std::string_view name, Trouble trouble) {
  return nlohmann::json{{"incident", name}, {"state", trouble == Trouble::kBad ? "bad" : "good"}}
      .dump();
}

}  // namespace warder::model
