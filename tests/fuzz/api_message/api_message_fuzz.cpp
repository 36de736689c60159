#include "api/frame.h"
#include "api/message.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace warder::api;

// What decodes must encode to something that decodes to the same, and no bytes may crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = decode_request(text)) {
    const auto again = decode_request(encode(*request));
    if (!again || encode(*again) != encode(*request)) {
      std::abort();
    }
  }
  (void)decode_response(text);
  FrameReader reader(kLargestRequest);
  if (reader.feed(text)) {
    while (reader.next()) {
    }
  }
  return 0;
}
