#include "model/witness.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace warder::model {
namespace {

constexpr std::string_view kBegin = R"({"checkpoint":)";

}  // namespace

std::string witness_detail(const Witness& witness) {
  const nlohmann::ordered_json json{{"checkpoint", witness.note},
                                    {"origin", witness.origin},
                                    {"size", witness.size},
                                    {"root", witness.root}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool is_witness(const Event& event) {
  return event.kind == EventKind::kStore && event.detail.starts_with(kBegin);
}

std::optional<Witness> read_witness(const Event& event) {
  if (!is_witness(event)) {
    return std::nullopt;
  }
  const auto json = nlohmann::json::parse(event.detail, nullptr, false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? std::optional(found->get<std::string>())
                                                     : std::nullopt;
  };
  const auto note = text("checkpoint");
  const auto origin = text("origin");
  const auto root = text("root");
  const auto size = json.find("size");
  if (!note || !origin || !root || size == json.end() || !size->is_number_unsigned()) {
    return std::nullopt;
  }
  return Witness{*origin, size->get<std::uint64_t>(), *root, *note};
}

}  // namespace warder::model
