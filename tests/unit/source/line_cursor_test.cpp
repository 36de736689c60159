#include "source/line_cursor.h"

#include "crypto/sha256.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

using namespace warder;
using source::LineCursor;

namespace {

// Bytes in memory that come `piece` at a time.
class Memory : public source::ByteReader {
 public:
  explicit Memory(std::string content, std::size_t piece = 1 << 30)
      : bytes(std::move(content)), piece_(piece) {}
  source::ReadResult read_at(std::uint64_t offset, std::span<char> buffer) override {
    if (error != 0) {
      return {0, error};
    }
    if (offset >= bytes.size()) {
      return {};
    }
    const std::size_t count = std::min({buffer.size(), bytes.size() - offset, piece_});
    std::memcpy(buffer.data(), bytes.data() + offset, count);
    total += count;
    return {count, 0};
  }

  std::string bytes;
  int error = 0;
  std::size_t total = 0;

 private:
  std::size_t piece_;
};

struct Collected : source::LineSink {
  std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t>> lines;
  void on_text(std::string_view text, std::uint64_t offset, std::uint64_t length) override {
    lines.emplace_back(std::string(text), offset, length);
  }
  void on_oversized(std::uint64_t offset, std::uint64_t length, const crypto::Sha256Digest& digest,
                    std::string_view) override {
    lines.emplace_back("oversized " + util::to_hex(digest), offset, length);
  }
  void on_hole(std::uint64_t offset, std::uint64_t length) override {
    lines.emplace_back("hole", offset, length);
  }
};

LineCursor::Outcome read_all(LineCursor& cursor, source::ByteReader& reader, std::size_t longest,
                             Collected& out) {
  std::vector<char> buffer(longest + LineCursor::kTail + 3);
  LineCursor::Step step;
  do {
    step = cursor.step(reader, buffer, longest, out);
  } while (step.outcome == LineCursor::Outcome::kMore);
  return step.outcome;
}

std::string digest_of(const std::string& bytes) {
  return "oversized " + util::to_hex(crypto::sha256(util::as_bytes(bytes)));
}

using Line = std::tuple<std::string, std::uint64_t, std::uint64_t>;

}  // namespace

TEST_CASE("A07: the limit is of the text, and the next line is judged", "[source]") {
  for (const std::string end : {"\n", "\r\n"}) {
    const std::string at(10, 'a');
    const std::string beyond(11, 'b');
    Memory memory(at + end + beyond + end + "c" + end);
    Collected out;
    LineCursor cursor(0, {});
    REQUIRE(read_all(cursor, memory, 10, out) == LineCursor::Outcome::kEnd);
    REQUIRE(out.lines ==
            std::vector<Line>{{at, 0, 10 + end.size()},
                              {digest_of(beyond + end), 10 + end.size(), 11 + end.size()},
                              {"c", 21 + 2 * end.size(), 1 + end.size()}});
  }
}

TEST_CASE("A07: growth byte by byte gives the same lines as one piece", "[source]") {
  std::string bytes = "first\n\n\r\n" + std::string(64, 'x') + "\n" + std::string(65, 'y') +
                      "\r\n" + std::string(500, 'z') + "\nlast\n";
  bytes += std::string("\0\x01\xff\xfe", 4) + "\n";
  Memory whole(bytes);
  Collected expected;
  LineCursor all(0, {});
  read_all(all, whole, 64, expected);
  REQUIRE(expected.lines.size() == 9);

  Memory growing("");
  Collected out;
  LineCursor cursor(0, {});
  for (const char c : bytes) {
    growing.bytes += c;
    REQUIRE(read_all(cursor, growing, 64, out) == LineCursor::Outcome::kEnd);
  }
  REQUIRE(out.lines == expected.lines);
  REQUIRE(cursor.offset() == bytes.size());
}

TEST_CASE("a long line written in small pieces is not read again for each", "[source]") {
  Memory memory("");
  Collected out;
  LineCursor cursor(0, {});
  const std::size_t longest = 64UL * 1024;
  for (int i = 0; i < 6000; ++i) {
    memory.bytes += "0123456789";
    read_all(cursor, memory, longest, out);
  }
  memory.bytes += '\n';
  read_all(cursor, memory, longest, out);
  REQUIRE(out.lines.size() == 1);
  // 60,000 bytes: those before the probe begins 410 times, then each once, then the line as a
  // whole.
  REQUIRE(memory.total < 1'200'000);
}

TEST_CASE("zeros in front of a line are none of it, and wait while nothing follows", "[source]") {
  const std::string zeros(30, '\0');
  Memory memory("one\n" + zeros);
  Collected out;
  LineCursor cursor(0, {});
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kEnd);
  REQUIRE(cursor.offset() == 4);
  REQUIRE(cursor.pending() == 0);
  // A writer that made room first fills it.
  memory.bytes.replace(4, 4, "two\n");
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kEnd);
  memory.bytes += "three\nfo" + zeros.substr(0, 1) + "ur\n" + zeros.substr(0, 2) + "\n";
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kEnd);
  REQUIRE(out.lines == std::vector<Line>{{"one", 0, 4},
                                         {"two", 4, 4},
                                         {"hole", 8, 26},
                                         {"three", 34, 6},
                                         {std::string("fo\0ur", 5), 40, 6},
                                         {"hole", 46, 2},
                                         {"", 48, 1}});
}

TEST_CASE("bytes that changed before the place are noticed", "[source]") {
  Memory memory("one\ntwo\n");
  Collected out;
  LineCursor cursor(0, {});
  read_all(cursor, memory, 100, out);
  memory.bytes = "one\ntwX\nthree\n";
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kChanged);
  memory.bytes = "one\n";
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kChanged);
  memory.bytes = "one\ntwo\nthree\n";
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kEnd);
  REQUIRE(out.lines.back() == Line{"three", 8, 6});
}

TEST_CASE("an over-long line that changes before its end is noticed", "[source]") {
  Memory memory(std::string(5000, 'a'));
  Collected out;
  LineCursor cursor(0, {});
  read_all(cursor, memory, 100, out);
  memory.bytes = std::string(6000, 'b');
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kChanged);
}

TEST_CASE("B16: a failing read moves nothing", "[source]") {
  Memory memory("one\ntwo\n", 3);
  Collected out;
  LineCursor cursor(0, {});
  std::vector<char> buffer(LineCursor::buffer_size(100));
  memory.error = 5;
  const LineCursor::Step failed = cursor.step(memory, buffer, 100, out);
  REQUIRE(failed.outcome == LineCursor::Outcome::kFailed);
  REQUIRE(failed.error == 5);
  REQUIRE(cursor.offset() == 0);
  memory.error = 0;
  REQUIRE(read_all(cursor, memory, 100, out) == LineCursor::Outcome::kEnd);
  REQUIRE(out.lines == std::vector<Line>{{"one", 0, 4}, {"two", 4, 4}});
}
