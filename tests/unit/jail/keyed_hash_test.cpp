#include "jail/keyed_hash.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace warder::jail {
namespace {

HashKey counting_key() {
  HashKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    key.bytes[i] = static_cast<std::uint8_t>(i);
  }
  return key;
}

// Test vectors of the SipHash paper and its reference code: key 00..0f, input 00, 01, 02, ...
TEST_CASE("SipHash-2-4 gives the published values") {
  std::string input;
  CHECK(siphash(counting_key(), input) == 0x726FDB47DD0E0E31ULL);
  for (int i = 0; i < 15; ++i) {
    input.push_back(static_cast<char>(i));
    if (input.size() == 8) {
      CHECK(siphash(counting_key(), input) == 0x93F5F5799A932462ULL);
    }
  }
  CHECK(siphash(counting_key(), input) == 0xA129CA6149BE45E5ULL);
}

TEST_CASE("The hash of a prefix depends on address, length, family and key") {
  std::set<std::uint64_t> hashes;
  for (const char* text :
       {"192.0.2.0", "192.0.2.0/24", "192.0.2.1", "c000:200::", "c000:200::/32", "c000:200::/24"}) {
    hashes.insert(hash_prefix(counting_key(), *net::Prefix::parse(text)));
  }
  hashes.insert(hash_prefix(HashKey{}, *net::Prefix::parse("192.0.2.0")));
  CHECK(hashes.size() == 7);
}

}  // namespace
}  // namespace warder::jail
