#include "vault/sealed.h"

#include "crypto/aead.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "vault/encoding.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <string>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kMagicSize = 8;
constexpr std::uint32_t kFormat = 1;
constexpr std::uint32_t kHkdfSha256 = 1;
constexpr std::size_t kKeyIdSize = 8;
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kHeaderSize =
    kMagicSize + 4 + 4 + kKeyIdSize + kSaltSize + crypto::kAeadNonceSize + 8 + 8;

struct Header {
  std::uint32_t format = kFormat;
  std::uint32_t kdf = kHkdfSha256;
  util::Bytes key_id;
  util::Bytes salt;
  util::Bytes nonce;
  std::uint64_t counter = 0;
  std::uint64_t length = 0;  // of what follows the header
};

util::Bytes encode(std::string_view magic, const Header& header) {
  Writer writer;
  writer.raw(util::as_bytes(magic));
  writer.u32(header.format);
  writer.u32(header.kdf);
  writer.raw(header.key_id);
  writer.raw(header.salt);
  writer.raw(header.nonce);
  writer.u64(header.counter);
  writer.u64(header.length);
  const util::ByteView bytes = writer.bytes();
  return util::Bytes(bytes.begin(), bytes.end());
}

// Tells keys apart without telling anything about them.
util::Result<util::Bytes> key_id(const crypto::SecretString& key) {
  WARDER_ASSIGN_OR_RETURN(const crypto::Hmac mac,
                          crypto::hmac_sha256(key.bytes(), util::as_bytes("warder key id")));
  return util::Bytes(mac.begin(), mac.begin() + kKeyIdSize);
}

// A key of its own for each sealing, so that random nonces can never meet under one key.
util::Result<crypto::SecretString> content_key(std::string_view magic,
                                               const crypto::SecretString& key,
                                               util::ByteView salt) {
  const std::string info = fmt::format("warder sealed file 1 {}", magic);
  return crypto::hkdf_sha256(key.bytes(), salt, util::as_bytes(info), crypto::kAeadKeySize);
}

util::Bytes associated_data(util::ByteView header, std::string_view associated) {
  util::Bytes all(header.begin(), header.end());
  const util::ByteView more = util::as_bytes(associated);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

util::Bytes take(Reader* reader, std::size_t size) {
  const util::ByteView bytes = reader->raw(size);
  return util::Bytes(bytes.begin(), bytes.end());
}

Error refused(std::string why) { return Error(ErrorCode::kInvalid, std::move(why)); }

util::Result<Header> decode_header(std::string_view magic, util::ByteView sealed) {
  if (sealed.size() < kMagicSize || util::as_text(sealed.first(kMagicSize)) != magic) {
    return refused("is no such file of warder: it begins with other bytes");
  }
  if (sealed.size() < kHeaderSize) {
    return refused(fmt::format("is cut off: only {} bytes are left of its header", sealed.size()));
  }
  Reader reader(sealed.first(kHeaderSize));
  reader.raw(kMagicSize);
  Header header;
  header.format = reader.u32();
  header.kdf = reader.u32();
  header.key_id = take(&reader, kKeyIdSize);
  header.salt = take(&reader, kSaltSize);
  header.nonce = take(&reader, crypto::kAeadNonceSize);
  header.counter = reader.u64();
  header.length = reader.u64();
  if (header.format != kFormat) {
    return refused(
        fmt::format("has format {}, and this program knows {} only: it was written by "
                    "a newer warder, or its header is damaged",
                    header.format, kFormat));
  }
  if (header.kdf != kHkdfSha256) {
    return refused(
        fmt::format("names key derivation {}, and this program knows {} only: it was "
                    "written by a newer warder, or its header is damaged",
                    header.kdf, kHkdfSha256));
  }
  const std::size_t rest = sealed.size() - kHeaderSize;
  if (header.length != rest) {
    return refused(fmt::format("is {}: {} bytes should follow the header, {} do",
                               header.length > rest ? "cut off" : "too long", header.length, rest));
  }
  return header;
}

}  // namespace

util::Result<util::Bytes> seal(std::string_view magic, const crypto::SecretString& key,
                               std::uint64_t counter, std::string_view associated,
                               util::ByteView plain) {
  assert(magic.size() == kMagicSize);
  Header header;
  header.salt.resize(kSaltSize);
  header.nonce.resize(crypto::kAeadNonceSize);
  WARDER_RETURN_IF_ERROR(crypto::random_bytes(header.salt));
  WARDER_RETURN_IF_ERROR(crypto::random_bytes(header.nonce));
  WARDER_ASSIGN_OR_RETURN(header.key_id, key_id(key));
  header.counter = counter;
  header.length = plain.size() + crypto::kAeadTagSize;
  util::Bytes sealed = encode(magic, header);
  WARDER_ASSIGN_OR_RETURN(const crypto::SecretString derived, content_key(magic, key, header.salt));
  WARDER_ASSIGN_OR_RETURN(
      const util::Bytes content,
      crypto::aead_seal(derived.bytes(), header.nonce, associated_data(sealed, associated), plain));
  sealed.insert(sealed.end(), content.begin(), content.end());
  return sealed;
}

util::Result<Unsealed> unseal(std::string_view magic, const crypto::SecretString& key,
                              std::string_view associated, util::ByteView sealed) {
  WARDER_ASSIGN_OR_RETURN(const Header header, decode_header(magic, sealed));
  WARDER_ASSIGN_OR_RETURN(const util::Bytes own_id, key_id(key));
  if (header.key_id != own_id) {
    return refused(
        fmt::format("is sealed with another key (key id {}, ours is {}), or its header "
                    "is damaged",
                    util::to_hex(header.key_id), util::to_hex(own_id)));
  }
  WARDER_ASSIGN_OR_RETURN(const crypto::SecretString derived, content_key(magic, key, header.salt));
  auto plain = crypto::aead_open(derived.bytes(), header.nonce,
                                 associated_data(sealed.first(kHeaderSize), associated),
                                 sealed.subspan(kHeaderSize));
  if (!plain) {
    if (plain.error().code() != ErrorCode::kInvalid) {
      return plain.error();
    }
    return refused(
        "was changed or damaged: its seal does not fit its content, so nothing of it is "
        "used; put back a good copy");
  }
  Unsealed unsealed;
  unsealed.plain = std::move(plain).value();
  unsealed.counter = header.counter;
  return unsealed;
}

}  // namespace warder::vault
