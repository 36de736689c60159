// What an attacker who can write the vault file can feed to its reader, and what one who even had
// the key could: the envelope with any bytes, and the content inside a genuine envelope.
#include "fuzz/require.h"
#include "vault/content.h"
#include "vault/sealed.h"

#include <cstdint>
#include <string>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const util::ByteView input(data, size);
  const crypto::SecretString key(std::string(32, 'k'));

  // Nobody without the key makes a file that opens.
  const auto forged = vault::unseal("WRDVAULT", key, {}, input);
  require(!forged && forged.error().code() == util::ErrorCode::kInvalid);

  // Sealed by us it opens to the same bytes, and not after a change.
  auto sealed = vault::seal("WRDVAULT", key, size, "name", input);
  require(sealed.has_value());
  const auto opened = vault::unseal("WRDVAULT", key, "name", *sealed);
  require(opened && opened->counter == size &&
          util::as_text(opened->plain.bytes()) == util::as_text(input));
  (*sealed)[size % sealed->size()] ^= 1U;
  require(!vault::unseal("WRDVAULT", key, "name", *sealed));

  // The content: what decodes, encodes to the same bytes.
  const auto content = vault::decode(input);
  if (content) {
    vault::Writer writer;
    vault::encode(*content, &writer);
    require(util::as_text(writer.bytes()) == util::as_text(input));
  } else {
    require(content.error().code() == util::ErrorCode::kInvalid);
  }
  return 0;
}
