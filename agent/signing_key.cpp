#include "agent/signing_key.h"

#include "crypto/secret.h"
#include "store/checkpoint.h"
#include "util/encoding.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/private_file.h"

#include <fmt/core.h>

namespace warder::agent {
namespace {

constexpr util::ByteCount kLargestKey = util::kibibytes(4);

util::Result<crypto::Ed25519SecretKey> read_key(const crypto::SecretString& text) {
  auto seed = util::from_hex(util::trim(text.view()));
  if (!seed) {
    return seed.error();
  }
  auto key = crypto::Ed25519SecretKey::from_bytes(*seed);
  std::fill(seed->begin(), seed->end(), std::uint8_t{0});
  return key;
}

util::Result<crypto::Ed25519SecretKey> make_key(const std::filesystem::path& secret) {
  WARDER_ASSIGN_OR_RETURN(crypto::Ed25519SecretKey key, crypto::Ed25519SecretKey::generate());
  util::Bytes seed = key.to_bytes();
  std::string text = util::to_hex(seed) + "\n";
  const util::Status written = util::write_file_atomically(secret, text, 0600);
  crypto::wipe(&text);
  std::fill(seed.begin(), seed.end(), std::uint8_t{0});
  WARDER_RETURN_IF_ERROR(written);
  return key;
}

}  // namespace

util::Result<crypto::Ed25519SecretKey> signing_key(const std::filesystem::path& secret,
                                                   const std::filesystem::path& verifier,
                                                   std::string_view origin) {
  const auto file = vault::read_private_file(secret, "the key that signs checkpoints",
                                             vault::kNobodyElseReads, kLargestKey);
  if (!file && file.error().code() != util::ErrorCode::kNotFound) {
    return file.error();
  }
  auto key = file ? read_key(file->content) : make_key(secret);
  if (!key) {
    return key.error().with_context(
        fmt::format("the key that signs checkpoints ({})", secret.string()));
  }
  const std::string public_text = store::format_verifier_key(origin, key->public_key()) + "\n";
  const auto known = util::read_file(verifier, kLargestKey);
  if (!known || *known != public_text) {
    WARDER_RETURN_IF_ERROR(util::write_file_atomically(verifier, public_text, 0644));
  }
  return key;
}

}  // namespace warder::agent
