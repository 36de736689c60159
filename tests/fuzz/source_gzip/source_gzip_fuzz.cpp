// A rolled, compressed file as an attacker with the log's rights can leave it. Reading ends, gives
// the same bytes in any pieces and from any place, and at most the limit is looked at here.
#include "source/gzip_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

using namespace warder::source;

namespace {

constexpr std::size_t kMost = 2UL * 1024 * 1024;

class Memory : public ByteReader {
 public:
  explicit Memory(std::string_view bytes) : bytes_(bytes) {}
  ReadResult read_at(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= bytes_.size()) {
      return {};
    }
    const std::size_t count =
        std::min(buffer.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::memcpy(buffer.data(), bytes_.data() + offset, count);
    return {count, 0};
  }

 private:
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  GzipReader reader(std::make_unique<Memory>(bytes), 1000);
  std::string all(kMost, '\0');
  all.resize(read_fully(reader, 0, all).count);
  if (all.empty()) {
    return 0;
  }
  // Back to the start, then somewhere: the same bytes.
  for (const std::size_t place : {std::size_t{0}, all.size() / 2, all.size() - 1}) {
    std::string piece(std::min<std::size_t>(100, all.size() - place), '\0');
    if (read_fully(reader, place, piece).count != piece.size() ||
        all.compare(place, piece.size(), piece) != 0) {
      std::abort();
    }
  }
  return 0;
}
