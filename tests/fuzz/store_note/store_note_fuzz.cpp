// A checkpoint that somebody hands to `warder verify --against`, and a verifier key.
#include "fuzz/require.h"
#include "store/checkpoint.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;

namespace {

const crypto::Ed25519SecretKey& key() {
  static const auto made = crypto::Ed25519SecretKey::from_bytes(util::Bytes(32, 7)).value();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = store::parse_checkpoint(text);
  const auto opened = store::open_checkpoint(text, key().public_key());
  if (opened) {
    // What is trusted can be read without trust too, and says the same.
    require(parsed.has_value() && *parsed == *opened);
  }
  if (parsed) {
    const auto note = store::sign_checkpoint(*parsed, key());
    require(note.has_value());
    const auto again = store::open_checkpoint(*note, key().public_key());
    require(again.has_value() && *again == *parsed);
  }
  if (const auto verifier = store::parse_verifier_key(text)) {
    const std::string printed = store::format_verifier_key(verifier->name, verifier->key);
    const auto again = store::parse_verifier_key(printed);
    require(again.has_value() && again->key == verifier->key && again->name == verifier->name);
  }
  return 0;
}
