#include "engine/stage.h"

#include <nlohmann/json.hpp>

namespace warder::engine {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "good";
    case Verdict::kNotice:
      return "notice";
    case Verdict::kBroken:
      return "broken";
    case Verdict::kSkipped:
      break;
  }
  return "skipped";
}

std::string stages_json(const std::vector<Stage>& stages) {
  using nlohmann::json;
  json rows = json::array();
  for (const Stage& stage : stages) {
    rows.push_back({{"jail", stage.jail},
                    {"stage", stage.name},
                    {"verdict", to_string(stage.verdict)},
                    {"found", stage.found},
                    {"cause", stage.cause},
                    {"remedy", stage.remedy}});
  }
  return rows.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace warder::engine
