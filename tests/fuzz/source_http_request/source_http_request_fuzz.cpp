// Bytes that a stranger sends to the listener. However they come in pieces: the same lines and
// answers; never more kept than the limits say.
#include "source/http_request.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace warder::source;

namespace {

struct Outcome {
  std::vector<std::string> lines;
  std::string answers;
  std::uint64_t too_long = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome run(std::string_view bytes, std::size_t piece) {
  Outcome outcome;
  const HttpRequestReader::Limits limits{"/audit", 64, 1000};
  const LineAssembler::Sink sink{
      [&](std::string_view line) {
        if (line.size() > 64 || line.empty()) {
          std::abort();
        }
        outcome.lines.emplace_back(line);
      },
      [&](const LineAssembler::Oversized& line) { outcome.too_long += line.length; },
      {}};
  HttpRequestReader reader(limits, sink);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!reader.feed(bytes.substr(at, piece), outcome.answers)) {
      break;
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = run(bytes, size + 1);
  if (!(whole == run(bytes, 1)) || !(whole == run(bytes, 7))) {
    std::abort();
  }
  return 0;
}
