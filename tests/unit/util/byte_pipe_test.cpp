#include "util/byte_pipe.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <thread>

namespace warder::util {
namespace {

Bytes counted_up(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 7);
  }
  return bytes;
}

// Everything that is written in pieces of `written`, as it is read in pieces of `read`.
Bytes through(std::size_t capacity, const Bytes& all, std::size_t written, std::size_t read,
              Status end = {}) {
  BytePipe pipe(capacity);
  std::thread writer([&] {
    for (std::size_t at = 0; at < all.size(); at += written) {
      if (!pipe.write(ByteView(all).subspan(at, std::min(written, all.size() - at)))) {
        return;
      }
    }
    pipe.close_writer(end);
  });
  Bytes out;
  Bytes buffer(read);
  while (true) {
    const auto got = pipe.read(buffer);
    if (!got || *got == 0) {
      break;
    }
    out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  writer.join();
  return out;
}

TEST_CASE("what goes into a pipe comes out of it, whatever the pieces") {
  const Bytes all = counted_up(10'007);
  for (const std::size_t capacity : {1UL, 2UL, 3UL, 7UL, 64UL, 4096UL, 100'000UL}) {
    for (const std::size_t written : {1UL, 5UL, 64UL, 10'007UL}) {
      for (const std::size_t read : {1UL, 6UL, 100UL, 20'000UL}) {
        INFO(capacity << ' ' << written << ' ' << read);
        CHECK(through(capacity, all, written, read) == all);
      }
    }
  }
}

TEST_CASE("less than wakes a reader comes at the end, and the failure behind it") {
  BytePipe pipe(4096);
  const Bytes few = counted_up(3);
  REQUIRE(pipe.write(few));
  pipe.close_writer(Error(ErrorCode::kInvalid, "cut"));
  Bytes buffer(10);
  const auto got = pipe.read(buffer);
  REQUIRE(got);
  CHECK(*got == 3);
  CHECK(pipe.read(buffer).error().message() == "cut");
}

TEST_CASE("a writer that waits is let go when nobody reads any more") {
  BytePipe pipe(8);
  bool taken = true;
  std::thread writer([&] { taken = pipe.write(counted_up(100)); });
  Bytes buffer(1);
  REQUIRE(pipe.read(buffer));
  pipe.close_reader();
  writer.join();
  CHECK_FALSE(taken);
}

}  // namespace
}  // namespace warder::util
