#include "source/gzip_reader.h"

#include "unit/source/gzip.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

using namespace warder;
using namespace warder::testing;

namespace {

class Memory : public source::ByteReader {
 public:
  explicit Memory(std::string bytes) : bytes_(std::move(bytes)) {}
  source::ReadResult read_at(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= bytes_.size()) {
      return {};
    }
    const std::size_t count = std::min(buffer.size(), bytes_.size() - offset);
    std::memcpy(buffer.data(), bytes_.data() + offset, count);
    return {count, 0};
  }

 private:
  std::string bytes_;
};

source::GzipReader reader_of(std::string compressed, std::size_t keep = 1000) {
  return {std::make_unique<Memory>(std::move(compressed)), keep};
}

std::string some_text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) {
    text += "line " + std::to_string(i * 2654435761U) + "\n";
  }
  text.resize(size);
  return text;
}

}  // namespace

TEST_CASE("decompressed bytes are read at any place", "[source]") {
  const std::string text = some_text(3'000'000);
  source::GzipReader reader = reader_of(gzip(text));
  std::string all(text.size() + 10, '\0');
  REQUIRE(source::read_fully(reader, 0, all).count == text.size());
  all.resize(text.size());
  REQUIRE(all == text);
  // Far back: begun anew.
  std::string piece(100, '\0');
  REQUIRE(source::read_fully(reader, 5, piece).count == 100);
  REQUIRE(piece == text.substr(5, 100));
}

TEST_CASE("gzip members follow one another, padding ends them", "[source]") {
  source::GzipReader reader = reader_of(gzip("one\n") + gzip("two\n") + std::string(512, '\0'));
  std::string all(100, '\0');
  const source::ReadResult got = source::read_fully(reader, 0, all);
  REQUIRE(all.substr(0, got.count) == "one\ntwo\n");
  REQUIRE(reader.read_at(8, all).error == 0);
}

TEST_CASE("a damaged gzip file gives its good bytes, then an error", "[source]") {
  const std::string text = some_text(200'000);
  const std::string compressed = gzip(text);
  source::GzipReader cut = reader_of(compressed.substr(0, compressed.size() / 2));
  std::string all(text.size(), '\0');
  const source::ReadResult got = source::read_fully(cut, 0, all);
  REQUIRE(got.count > 0);
  REQUIRE(all.substr(0, got.count) == text.substr(0, got.count));
  REQUIRE(cut.read_at(got.count, all).error == EBADMSG);

  source::GzipReader none = reader_of("this is no gzip file");
  REQUIRE(none.read_at(0, all).error == EBADMSG);
  source::GzipReader empty = reader_of("");
  REQUIRE(empty.read_at(0, all).error == EBADMSG);
}
