// Lines cut out of bytes that an attacker writes. The verdict is the same for any pieces the bytes
// come in, and every byte up to the last line end is accounted for once; zeros in front of a line
// are none of it.
#include "crypto/sha256.h"
#include "source/line_cursor.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

using namespace warder;
using source::LineCursor;

namespace {

constexpr std::size_t kLongest = 40;

class Memory : public source::ByteReader {
 public:
  source::ReadResult read_at(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= visible) {
      return {};
    }
    const std::size_t count =
        std::min({buffer.size(), visible - static_cast<std::size_t>(offset), piece});
    std::memcpy(buffer.data(), bytes.data() + offset, count);
    return {count, 0};
  }
  std::string_view bytes;
  std::size_t visible = 0;
  std::size_t piece = 1;
};

struct Collected : source::LineSink {
  std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t>> lines;
  void on_text(std::string_view text, std::uint64_t offset, std::uint64_t length) override {
    lines.emplace_back(std::string(text), offset, length);
  }
  void on_oversized(std::uint64_t offset, std::uint64_t length, const crypto::Sha256Digest& digest,
                    std::string_view) override {
    lines.emplace_back("\n" + std::string(digest.begin(), digest.end()), offset, length);
  }
  // Zeros in front of a line; in how many pieces they are told depends on how they came.
  void on_hole(std::uint64_t offset, std::uint64_t length) override {
    if (!lines.empty() && std::get<0>(lines.back()) == kHole) {
      std::get<2>(lines.back()) += length;
    } else {
      lines.emplace_back(kHole, offset, length);
    }
  }
  static constexpr const char* kHole = "\n0";
};

Collected read(std::string_view bytes, std::size_t grow, std::size_t piece) {
  Memory memory;
  memory.bytes = bytes;
  memory.piece = piece;
  Collected out;
  LineCursor cursor(0, {});
  std::vector<char> buffer(kLongest + LineCursor::kTail + 3);
  while (true) {
    memory.visible = std::min(bytes.size(), memory.visible + grow);
    LineCursor::Step step;
    do {
      step = cursor.step(memory, buffer, kLongest, out);
    } while (step.outcome == LineCursor::Outcome::kMore);
    if (step.outcome != LineCursor::Outcome::kEnd) {
      std::abort();
    }
    if (memory.visible == bytes.size()) {
      return out;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::size_t grow = 1 + data[0];
  const std::size_t piece = 1 + data[1];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Collected whole = read(bytes, bytes.size() + 1, bytes.size() + 1);
  if (whole.lines != read(bytes, grow, piece).lines) {
    std::abort();
  }
  std::uint64_t place = 0;
  for (const auto& [text, offset, length] : whole.lines) {
    const bool hole = text == Collected::kHole;
    const std::string_view covered = bytes.substr(offset, length);
    if (offset != place || text.size() > kLongest ||
        (hole ? covered.find_first_not_of('\0') != std::string_view::npos
              : covered.back() != '\n' || covered.front() == '\0')) {
      std::abort();
    }
    place += length;
  }
  const std::size_t last = bytes.rfind('\n');
  const std::size_t ended = last == std::string_view::npos ? 0 : last + 1;
  if (place < ended ||
      bytes.substr(ended, place - ended).find_first_not_of('\0') != std::string_view::npos) {
    std::abort();
  }
  return 0;
}
