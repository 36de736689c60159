#pragma once

#include "crypto/secret.h"
#include "util/result.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace warder::vault {

// A parsed JSON text with secrets in it: every string is wiped when it goes. What the parser itself
// held while it read is out of reach. Not thread safe.
class SecretJson {
 public:
  SecretJson() = default;
  explicit SecretJson(nlohmann::json value) : value_(std::move(value)) {}
  // kInvalid: no JSON, not UTF-8, or nested deeper than 64. The error quotes nothing of the text.
  static util::Result<SecretJson> parse(std::string_view text);

  SecretJson(SecretJson&& other) noexcept : value_(std::move(other.value_)) {}
  SecretJson& operator=(SecretJson&& other) noexcept;
  ~SecretJson();

  const nlohmann::json& value() const { return value_; }
  // The whole as text.
  crypto::SecretString dump() const { return dump(value_); }
  static crypto::SecretString dump(const nlohmann::json& value);

 private:
  nlohmann::json value_;
};

// Member `name` of an object; a JSON null when there is none or `object` is no object.
const nlohmann::json& member(const nlohmann::json& object, std::string_view name);
// The same as a string ("" for anything else) and as a number of at least 0 (0 for anything else).
std::string text_member(const nlohmann::json& object, std::string_view name);
std::uint64_t number_member(const nlohmann::json& object, std::string_view name);
bool true_member(const nlohmann::json& object, std::string_view name);

}  // namespace warder::vault
