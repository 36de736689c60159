#include "source/position_record.h"

#include "source/journal_position.h"

#include <catch2/catch.hpp>

#include <string>

using namespace warder;
using namespace warder::source;

namespace {

PositionRecord sample() {
  PositionRecord record;
  record.seed.fill(0x5e);
  GenerationRecord old;
  old.life = 3;
  old.id.bytes.fill(0xab);
  old.identity = {2049, 12345, 1793620800123456789};
  old.offset = 70000;
  old.head = fingerprint(std::string(4096, 'h'));
  old.tail = fingerprint(std::string(256, 't'));
  old.modified = 1793620800000000;
  GenerationRecord now;
  now.life = 4;
  now.finished = true;
  now.identity = {2049, 99, 0};
  record.generations = {old, now};
  return record;
}

}  // namespace

TEST_CASE("a position survives being stored", "[source]") {
  const PositionRecord record = sample();
  const util::Result<PositionRecord> again = decode_position(encode(record));
  REQUIRE(again);
  REQUIRE(*again == record);
  REQUIRE(encode(PositionRecord{}) == "v1 00000000000000000000000000000000 33391f481f7b2247");
  REQUIRE(decode_position(encode(PositionRecord{})));
}

TEST_CASE("B17: a damaged position is refused, each byte of it", "[source]") {
  const std::string text = encode(sample());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    REQUIRE_FALSE(decode_position(damaged));
    REQUIRE_FALSE(decode_position(std::string_view(text).substr(0, i)));
  }
  REQUIRE(decode_position("").error().message() == "position record: it has another version");
  REQUIRE(decode_position("v2 x").error().message() == "position record: it has another version");
  REQUIRE(decode_position("v1 x").error().message() == "position record: its checksum is wrong");
}

TEST_CASE("B17: a negative place is refused even with a right checksum", "[source]") {
  PositionRecord record = sample();
  record.generations[0].offset = 10;  // shorter than its fingerprints
  REQUIRE(decode_position(encode(record)).error().message() ==
          "position record: a fingerprint is wrong");
  record = sample();
  record.generations[1].life = 3;
  REQUIRE(decode_position(encode(record)).error().message() ==
          "position record: two generations have one place");
}

TEST_CASE("a journal position survives being stored", "[source]") {
  const JournalPosition position{12, 1793620800000000, "s=ab;i=1;b=cd;m=2;t=3;x=4"};
  const std::string text = encode(position);
  REQUIRE(*decode_journal_position(text) == position);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    REQUIRE_FALSE(decode_journal_position(damaged));
  }
  REQUIRE(decode_journal_position("junk").error().message() == "journal position: cannot be read");
}
