#include "vault/secret_json.h"

#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;

constexpr unsigned kDeepest = 64;

void wipe_all(json* value) {
  if (value->is_string()) {
    crypto::wipe(value->get_ptr<json::string_t*>());
  } else if (value->is_structured()) {
    for (json& element : *value) {
      wipe_all(&element);
    }
  }
}

// Before anything recursive sees it.
bool too_deep(std::string_view text) {
  unsigned depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepest) {
        return true;
      }
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

util::Result<SecretJson> SecretJson::parse(std::string_view text) {
  if (too_deep(text)) {
    return util::Error(util::ErrorCode::kInvalid, "is JSON nested too deep");
  }
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) {
    return util::Error(util::ErrorCode::kInvalid, "is no valid JSON");
  }
  return SecretJson(std::move(value));
}

SecretJson& SecretJson::operator=(SecretJson&& other) noexcept {
  if (this != &other) {
    wipe_all(&value_);
    value_ = std::move(other.value_);
  }
  return *this;
}

SecretJson::~SecretJson() { wipe_all(&value_); }

crypto::SecretString SecretJson::dump(const json& value) {
  return crypto::SecretString::take(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

const json& member(const json& object, std::string_view name) {
  static const json null;
  if (!object.is_object()) {
    return null;
  }
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

std::string text_member(const json& object, std::string_view name) {
  const json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::uint64_t number_member(const json& object, std::string_view name) {
  const json& value = member(object, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

bool true_member(const json& object, std::string_view name) {
  const json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace warder::vault
