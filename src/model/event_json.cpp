#include "model/event_json.h"

#include "util/encoding.h"

#include <string>
#include <utility>

namespace warder::model {
namespace {

constexpr int kDeepest = 16;

}  // namespace

nlohmann::ordered_json parse_detail(std::string_view detail) {
  using Json = nlohmann::ordered_json;
  const auto keep = [](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
    return depth < kDeepest;
  };
  return Json::parse(detail.begin(), detail.end(), keep, false);
}

nlohmann::ordered_json event_json(const Event& event, std::uint64_t sequence) {
  nlohmann::ordered_json json;
  json["sequence"] = sequence;
  json["id"] = util::to_hex(event.id.bytes);
  json["time"] = util::format_rfc3339(event.time);
  json["kind"] = to_string(event.kind);
  json["severity"] = to_string(event.severity);
  if (!event.jail.empty()) {
    json["jail"] = event.jail;
  }
  if (event.address) {
    json["address"] = event.address->to_string();
  }
  json["message"] = event.message;
  if (const std::string facts = detail_text(event); !facts.empty()) {
    nlohmann::ordered_json detail = parse_detail(facts);
    json["detail"] = detail.is_discarded() ? nlohmann::ordered_json(facts) : std::move(detail);
  }
  return json;
}

}  // namespace warder::model
