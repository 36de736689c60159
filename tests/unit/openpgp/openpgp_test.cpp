#include "openpgp/decrypt.h"
#include "openpgp/encrypt.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace warder::openpgp {
namespace {

class Memory : public util::ByteSource, public util::ByteSink {
 public:
  explicit Memory(util::Bytes start = {}) : bytes(std::move(start)) {}
  util::Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min(out.size(), bytes.size() - at_);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }
  util::Status write(util::ByteView more) override {
    if (bytes.size() + more.size() > limit) {
      return util::Error(util::ErrorCode::kIo, "full");
    }
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  util::Bytes bytes;
  std::size_t limit = SIZE_MAX;

 private:
  std::size_t at_ = 0;
};

const crypto::SecretString& passphrase() {
  static const crypto::SecretString text(std::string_view("a passphrase"));
  return text;
}

util::Bytes encrypted(const util::Bytes& plain) {
  Memory out;
  auto sink = EncryptSink::create(passphrase(), out);
  REQUIRE(sink);
  REQUIRE((*sink)->write(plain));
  REQUIRE((*sink)->finish());
  return out.bytes;
}

util::Result<util::Bytes> decrypted(const util::Bytes& message, const crypto::SecretString& text) {
  Memory in(message);
  Memory out;
  WARDER_ASSIGN_OR_RETURN(const auto source, DecryptSource::create(text, in));
  WARDER_RETURN_IF_ERROR(util::copy_all(*source, out));
  return out.bytes;
}

TEST_CASE("what is encrypted is read again, at any length, and never twice alike") {
  for (const std::size_t size : {0UL, 1UL, 511UL, 512UL, 65536UL, 3'000'001UL}) {
    util::Bytes plain(size);
    for (std::size_t i = 0; i < size; ++i) {
      plain[i] = static_cast<std::uint8_t>(i * 31 % 251);
    }
    const util::Bytes message = encrypted(plain);
    const auto again = decrypted(message, passphrase());
    REQUIRE(again);
    CHECK(*again == plain);
  }
  CHECK(encrypted({1, 2, 3}) != encrypted({1, 2, 3}));
}

TEST_CASE("another passphrase, a changed byte, a cut or lengthened message are refused") {
  const util::Bytes message = encrypted(util::Bytes(100'000, 7));
  const auto other = decrypted(message, crypto::SecretString(std::string_view("another")));
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == util::ErrorCode::kDenied);
  for (std::size_t at = 0; at < message.size(); at += at < 64 ? 1 : 9973) {
    util::Bytes changed = message;
    changed[at] ^= 0x20;
    INFO(at);
    CHECK_FALSE(decrypted(changed, passphrase()));
  }
  util::Bytes changed = message;
  changed.back() ^= 1;
  CHECK_FALSE(decrypted(changed, passphrase()));
  changed = message;
  changed.pop_back();
  CHECK_FALSE(decrypted(changed, passphrase()));
  CHECK_FALSE(decrypted({}, passphrase()));
}

TEST_CASE("a message that is not encrypted is not taken for one") {
  // A literal data packet (RFC 4880 section 5.9): binary, no name, no date, "hi".
  const util::Bytes literal{0xcb, 0x08, 'b', 0x00, 0x00, 0x00, 0x00, 0x00, 'h', 'i'};
  const auto read = decrypted(literal, passphrase());
  REQUIRE_FALSE(read);
  CHECK(read.error().code() == util::ErrorCode::kInvalid);
}

TEST_CASE("a full disk behind it is what the writer is told") {
  Memory out;
  out.limit = 1000;
  auto sink = EncryptSink::create(passphrase(), out);
  REQUIRE(sink);
  util::Status status;
  for (int i = 0; i < 1000 && status; ++i) {
    status = (*sink)->write(util::Bytes(100'000));
  }
  REQUIRE_FALSE(status);
  CHECK(status.error().message() == "full");
}

TEST_CASE("what cannot be a passphrase is refused") {
  for (const std::string& text :
       {std::string(), std::string(256, 'x'), std::string("a\nb"), std::string("a\0b", 3)}) {
    CHECK_FALSE(check_passphrase(crypto::SecretString(text)));
  }
  CHECK(check_passphrase(crypto::SecretString(std::string(255, 'x'))));
}

}  // namespace
}  // namespace warder::openpgp
