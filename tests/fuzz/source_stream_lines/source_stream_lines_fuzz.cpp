// Bytes that a program sends as a stream of lines. However they come in pieces: the same lines,
// what is too long told with the length and hash of its bytes, and never more kept than the limit
// says.
#include "crypto/sha256.h"
#include "fuzz/require.h"
#include "source/line_assembler.h"
#include "util/bytes.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace warder;
using warder::testing::require;
using namespace warder::source;

namespace {

constexpr std::size_t kLongest = 64;

struct Outcome {
  std::vector<std::string> lines;
  std::uint64_t pending = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string name_of(std::uint64_t length, const crypto::Sha256Digest& digest) {
  return std::to_string(length) + ' ' + std::string(digest.begin(), digest.end());
}

Outcome assembled(std::string_view bytes, std::size_t piece) {
  Outcome outcome;
  const auto wanted = std::make_shared<const MemberNames>(MemberNames{"a", "path"});
  const LineAssembler::Sink sink{[&](std::string_view line) {
                                   require(!line.empty() && line.size() <= kLongest);
                                   outcome.lines.emplace_back(line);
                                 },
                                 [&](const LineAssembler::Oversized& line) {
                                   require(line.length > kLongest && line.gist.size() <= kLongest);
                                   outcome.lines.push_back(name_of(line.length, line.digest));
                                   outcome.lines.emplace_back(line.gist);
                                 },
                                 [&] { return wanted; }};
  LineAssembler assembler(kLongest, sink);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    assembler.feed(bytes.substr(at, piece));
  }
  outcome.pending = assembler.pending();
  return outcome;
}

// The same by hand, from all bytes at once; without what the gist would be.
std::vector<std::string> expected(std::string_view bytes) {
  std::vector<std::string> lines;
  for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    std::string_view line = bytes.substr(0, end);
    if (line.size() > kLongest) {
      lines.push_back(name_of(end + 1, crypto::sha256(util::as_bytes(bytes.substr(0, end + 1)))));
      lines.emplace_back();
    } else {
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
      if (!line.empty()) {
        lines.emplace_back(line);
      }
    }
    bytes.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = assembled(bytes, size + 1);
  require(whole == assembled(bytes, 1));
  require(whole == assembled(bytes, 7));
  const std::vector<std::string> lines = expected(bytes);
  require(lines.size() == whole.lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    require(lines[i] == whole.lines[i] || lines[i].empty());
  }
  require(whole.pending == size - (bytes.rfind('\n') + 1));
  return 0;
}
