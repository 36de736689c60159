// What we read ourselves of an answer or of an operator's address: Retry-After and URLs.
#include "fuzz/require.h"
#include "http/client.h"
#include "http/retry_after.h"
#include "http/url.h"

#include <cstdint>
#include <string>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const util::WallTime now{std::chrono::seconds(1793620800)};
  if (const auto wait = http::parse_retry_after(text, now)) {
    require(wait->count() >= 0 && *wait <= std::chrono::hours(24));
  }
  const auto target = http::parse_target(text);
  const std::string masked = http::masked_url(text);
  if (!target) {
    require(masked == "(unreadable address)");
    return 0;
  }
  require(target->scheme == "http" || target->scheme == "https");
  require(!target->host.empty());
  require(masked == target->to_string() + "/...");
  // Nothing of path and query gets into the text.
  const auto with_secret = http::masked_url(target->to_string() + "/canary?canary");
  require(with_secret.find("canary") == std::string::npos ||
          masked.find("canary") != std::string::npos);
  return 0;
}
