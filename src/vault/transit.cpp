#include "vault/transit.h"

#include "crypto/random.h"
#include "http/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr std::size_t kKeySize = 32;

bool is_of_transit(std::string_view text) { return text.starts_with("vault:v"); }

Error unexpected(std::string_view key) {
  return Error(ErrorCode::kInvalid,
               fmt::format("the vault's answer about the transit key {} lacks what was asked for",
                           shown(key)));
}

util::Result<crypto::SecretString> raw_key(const json& data, std::string_view key) {
  crypto::SecretString text = crypto::SecretString::take(text_member(data, "plaintext"));
  auto bytes = util::from_base64(text.view());
  if (!bytes || bytes->size() != kKeySize) {
    return unexpected(key);
  }
  crypto::SecretString raw(util::as_text(*bytes));
  std::fill(bytes->begin(), bytes->end(), std::uint8_t{0});
  return raw;
}

json wrap_body(const crypto::SecretString& plain, util::ByteView associated) {
  return {{"plaintext", util::to_base64(plain.bytes())},
          {"associated_data", util::to_base64(associated)}};
}

}  // namespace

util::Result<SecretJson> Transit::call(std::string_view verb, std::string_view key, json body) {
  Call call;
  call.method = http::Method::kPost;
  call.path = fmt::format("{}/{}/{}", http::percent_encode(mount_, http::Slashes::kKept), verb,
                          http::percent_encode(key));
  call.body = SecretJson(std::move(body)).dump();
  // None of these changes anything at the vault.
  call.repeatable = true;
  Answer answer = vault_.ask(std::move(call));
  if (!answer.ok()) {
    return answer.error();
  }
  return std::move(answer.body);
}

util::Result<DataKey> Transit::make_data_key(std::string_view key, util::ByteView associated) {
  DataKey made;
  SecretJson answer;
  if (associated.empty()) {
    WARDER_ASSIGN_OR_RETURN(answer, call("datakey/plaintext", key, {{"bits", kKeySize * 8}}));
    WARDER_ASSIGN_OR_RETURN(made.key, raw_key(member(answer.value(), "data"), key));
  } else {
    std::array<std::uint8_t, kKeySize> raw{};
    WARDER_RETURN_IF_ERROR(crypto::random_bytes(raw));
    made.key = crypto::SecretString(util::as_text(raw));
    raw.fill(0);
    WARDER_ASSIGN_OR_RETURN(answer, call("encrypt", key, wrap_body(made.key, associated)));
  }
  const json& data = member(answer.value(), "data");
  made.wrapped = text_member(data, "ciphertext");
  made.key_version = number_member(data, "key_version");
  if (!is_of_transit(made.wrapped)) {
    return unexpected(key);
  }
  return made;
}

util::Result<crypto::SecretString> Transit::open_data_key(std::string_view key,
                                                          std::string_view wrapped,
                                                          util::ByteView associated) {
  json body = {{"ciphertext", wrapped}};
  if (!associated.empty()) {
    body["associated_data"] = util::to_base64(associated);
  }
  WARDER_ASSIGN_OR_RETURN(const SecretJson answer, call("decrypt", key, std::move(body)));
  return raw_key(member(answer.value(), "data"), key);
}

util::Result<std::string> Transit::rewrap(std::string_view key, std::string_view wrapped,
                                          util::ByteView associated) {
  json body;
  if (!associated.empty()) {
    WARDER_ASSIGN_OR_RETURN(const crypto::SecretString plain,
                            open_data_key(key, wrapped, associated));
    body = wrap_body(plain, associated);
  } else {
    body = {{"ciphertext", wrapped}};
  }
  WARDER_ASSIGN_OR_RETURN(const SecretJson answer,
                          call(associated.empty() ? "rewrap" : "encrypt", key, std::move(body)));
  std::string fresh = text_member(member(answer.value(), "data"), "ciphertext");
  return is_of_transit(fresh) ? util::Result<std::string>(std::move(fresh)) : unexpected(key);
}

util::Result<std::string> Transit::sign(std::string_view key, util::ByteView message) {
  WARDER_ASSIGN_OR_RETURN(const SecretJson answer,
                          call("sign", key, {{"input", util::to_base64(message)}}));
  std::string signature = text_member(member(answer.value(), "data"), "signature");
  return is_of_transit(signature) ? util::Result<std::string>(std::move(signature))
                                  : unexpected(key);
}

util::Result<TransitSignature> Transit::sign_ed25519(std::string_view key, util::ByteView message) {
  WARDER_ASSIGN_OR_RETURN(const std::string signature, sign(key, message));
  // "vault:v3:BASE64": by which version of the key.
  const std::string_view behind = std::string_view(signature).substr(7);
  const auto colon = behind.find(':');
  const std::string version(behind.substr(0, colon));
  const auto raw = util::from_base64(colon == std::string_view::npos ? std::string_view()
                                                                     : behind.substr(colon + 1));
  Call call;
  call.path = fmt::format("{}/keys/{}", http::percent_encode(mount_, http::Slashes::kKept),
                          http::percent_encode(key));
  call.repeatable = true;
  const Answer answer = vault_.ask(std::move(call));
  if (!answer.ok()) {
    return answer.error();
  }
  const auto public_key = util::from_base64(
      text_member(member(member(answer.data(), "keys"), version.c_str()), "public_key"));
  TransitSignature made;
  if (!raw || raw->size() != made.signature.size() || !public_key ||
      public_key->size() != made.public_key.size()) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("the transit key {} is not of the type ed25519, which signatures of "
                             "checkpoints need; make one of that type",
                             shown(key)));
  }
  std::copy(raw->begin(), raw->end(), made.signature.begin());
  std::copy(public_key->begin(), public_key->end(), made.public_key.begin());
  return made;
}

util::Result<bool> Transit::verify(std::string_view key, util::ByteView message,
                                   std::string_view signature) {
  WARDER_ASSIGN_OR_RETURN(
      const SecretJson answer,
      call("verify", key, {{"input", util::to_base64(message)}, {"signature", signature}}));
  // 200 either way: the answer decides.
  return true_member(member(answer.value(), "data"), "valid");
}

}  // namespace warder::vault
