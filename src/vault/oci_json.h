#pragma once

#include "crypto/secret.h"
#include "util/clock.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// Of the answers of OCI Vault: a member that is not there, or of another type, is empty or 0.
namespace warder::vault::oci_json {

// The document that the one settings secret holds.
inline constexpr std::string_view kSettings = "settings";

using nlohmann::json;

inline std::string text_of(const json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

inline std::uint64_t number_of(const json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return object.is_object() && found != object.end() && found->is_number_unsigned()
             ? found->get<std::uint64_t>()
             : 0;
}

inline util::WallTime time_of(const json& object, const char* member) {
  return util::parse_rfc3339(text_of(object, member)).value_or(util::WallTime{});
}

// Wipes what a JSON value shows of its texts; its parser's own buffers are out of reach.
inline void wipe(json* value) {
  if (value->is_string()) {
    crypto::wipe(value->get_ptr<std::string*>());
  } else if (value->is_structured()) {
    for (auto& element : *value) {
      wipe(&element);
    }
  }
}

}  // namespace warder::vault::oci_json
