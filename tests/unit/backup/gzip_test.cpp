#include "backup/gzip.h"

#include "util/bytes.h"

#include <catch2/catch.hpp>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <thread>

using namespace warder;
using backup::GunzipSource;
using backup::GzipSink;

namespace {

class Collected : public util::ByteSink {
 public:
  util::Status write(util::ByteView more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  util::Status finish() override { return {}; }
  util::Bytes bytes;
};

// Gives at most `most` bytes at once.
class Given : public util::ByteSource {
 public:
  Given(util::ByteView bytes, std::size_t most) : bytes_(bytes), most_(most) {}
  util::Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min({out.size(), most_, bytes_.size()});
    std::copy_n(bytes_.begin(), count, out.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  util::ByteView bytes_;
  std::size_t most_;
};

// Half of it packs well.
util::Bytes sample(std::size_t size) {
  std::mt19937 random(7);
  util::Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>((i / 1000) % 2 == 0 ? random() : i / 4096);
  }
  return bytes;
}

util::Bytes packed_by_us(util::ByteView plain, unsigned workers = 0) {
  Collected sink;
  GzipSink gzip(6, sink, workers);
  REQUIRE(gzip.write(plain));
  REQUIRE(gzip.finish());
  return sink.bytes;
}

// One member, as gzip(1) makes it.
util::Bytes packed_by_zlib(util::ByteView plain) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  util::Bytes out(deflateBound(&stream, plain.size()));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

util::Result<util::Bytes> unpacked(util::ByteView packed, std::size_t given, std::size_t taken) {
  Given from(packed, given);
  GunzipSource gunzip(from);
  util::Bytes all;
  util::Bytes buffer(taken);
  while (true) {
    WARDER_ASSIGN_OR_RETURN(const std::size_t got, gunzip.read(buffer));
    if (got == 0) {
      return all;
    }
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got));
  }
}

util::Bytes operator+(util::Bytes a, const util::Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE("gzip of one or many members, ours and others', is read however it comes") {
  const util::Bytes plain = sample((std::size_t{3} << 20U) + 4321);
  const util::Bytes small = sample(100);
  for (const std::size_t given : {std::size_t{777}, std::size_t{1} << 16U, std::size_t{1} << 24U}) {
    for (const std::size_t taken : {std::size_t{1000}, std::size_t{5} << 20U}) {
      CAPTURE(given, taken);
      CHECK(unpacked(packed_by_us(plain), given, taken).value() == plain);
      CHECK(unpacked(packed_by_zlib(plain), given, taken).value() == plain);
      // Ours, then one that is too large to be unpacked whole, then ours again.
      CHECK(
          unpacked(packed_by_us(small) + packed_by_zlib(plain) + packed_by_us(plain), given, taken)
              .value() == small + plain + plain);
      CHECK(unpacked(packed_by_us({}), given, taken).value().empty());
    }
  }
}

TEST_CASE("workers make the very bytes that come without them, in their order") {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, GzipSink::kMember - 1, GzipSink::kMember,
        GzipSink::kMember + 1, 7 * GzipSink::kMember, 7 * GzipSink::kMember + 99}) {
    const util::Bytes plain = sample(size);
    const util::Bytes expected = packed_by_us(plain);
    for (const unsigned workers : {1U, 2U, 3U}) {
      CAPTURE(size, workers);
      CHECK(packed_by_us(plain, workers) == expected);
    }
  }
}

TEST_CASE("a next link that fails ends it, whatever the workers have in hand") {
  class Failing : public util::ByteSink {
   public:
    util::Status write(util::ByteView) override {
      return --left_ >= 0 ? util::Status() : util::Error(util::ErrorCode::kIo, "the disk is full");
    }
    util::Status finish() override { return {}; }

   private:
    int left_ = 2;
  };
  const util::Bytes plain = sample(9 * GzipSink::kMember);
  for (const unsigned workers : {0U, 2U}) {
    CAPTURE(workers);
    Failing sink;
    GzipSink gzip(1, sink, workers);
    CHECK(gzip.write(plain).error().message() == "the disk is full");
    // Given up in the middle: nothing is waited for.
    Failing other;
    GzipSink left(1, other, workers);
    CHECK(left.write(util::ByteView(plain).first(2 * GzipSink::kMember)));
  }
}

TEST_CASE("a host with one processor, or a high level, has no workers") {
  CHECK(backup::gzip_workers(10) == 0);
  const unsigned processors = std::thread::hardware_concurrency();
  CHECK(backup::gzip_workers(9) == (processors < 2 ? 0U : 2U));
}

TEST_CASE("gzip that is cut, changed or followed by something is damaged, whoever unpacks it") {
  const util::Bytes plain = sample(std::size_t{2} << 20U);
  for (const util::Bytes& whole : {packed_by_us(plain), packed_by_zlib(plain)}) {
    std::vector<std::size_t> places{
        0, 1, 3, 10, 11, whole.size() - 1, whole.size() - 5, whole.size() - 9};
    for (std::size_t at = 20; at < whole.size(); at += whole.size() / 40) {
      places.push_back(at);
    }
    for (const std::size_t at : places) {
      CAPTURE(at);
      util::Bytes changed = whole;
      changed[at] ^= 0x10U;
      const auto found = unpacked(changed, 1U << 16U, 1U << 16U);
      // A flip in the head's time or operating system changes nothing that is unpacked.
      CHECK((!found || (at < 10 && *found == plain)));
      CHECK_FALSE(unpacked(util::ByteView(whole).first(at), 1U << 16U, 1U << 16U));
    }
    CHECK_FALSE(unpacked(whole + util::Bytes{'x'}, 1U << 16U, 1U << 16U));
  }
  CHECK_FALSE(unpacked({}, 1, 1));
}
