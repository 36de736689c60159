#include "model/event_json.h"

#include "store/reader.h"

namespace warder::store {

std::string to_json(const StoredEvent& stored) {
  nlohmann::ordered_json json = model::event_json(stored.event, stored.sequence);
  for (const auto& [destination, receipt] : stored.receipts) {
    json["receipts"][destination] = receipt;
  }
  // A row may hold bytes that are no UTF-8; JSON cannot.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace warder::store
