#include "store/reader.h"
#include "util/encoding.h"

#include <nlohmann/json.hpp>

namespace warder::store {

std::string to_json(const StoredEvent& stored) {
  const model::Event& event = stored.event;
  nlohmann::ordered_json json;
  json["sequence"] = stored.sequence;
  json["id"] = util::to_hex(event.id.bytes);
  json["time"] = util::format_rfc3339(event.time);
  json["kind"] = model::to_string(event.kind);
  json["severity"] = model::to_string(event.severity);
  if (!event.jail.empty()) {
    json["jail"] = event.jail;
  }
  if (event.address) {
    json["address"] = event.address->to_string();
  }
  json["message"] = event.message;
  if (const std::string facts = model::detail_text(event); !facts.empty()) {
    auto detail = nlohmann::ordered_json::parse(facts, nullptr, false);
    json["detail"] = detail.is_discarded() ? nlohmann::ordered_json(facts) : detail;
  }
  for (const auto& [destination, receipt] : stored.receipts) {
    json["receipts"][destination] = receipt;
  }
  // A row may hold bytes that are no UTF-8; JSON cannot.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace warder::store
