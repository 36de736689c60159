// Names with parameters: what is read, written out and read again is the same.
#include "config/reference.h"
#include "fuzz/require.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace {

using warder::testing::require;

void check(const warder::config::Reference& reference) {
  require(!reference.name.empty() && reference.name.find('[') == std::string::npos);
  std::string text = reference.name + "[";
  for (const auto& [name, value] : reference.parameters) {
    const char quote = value.find('"') == std::string::npos ? '"' : '\'';
    if (value.find(quote) != std::string::npos) {
      return;
    }
    text += name + "=" + quote + value + quote + ",";
  }
  const auto again = warder::config::parse_reference(text + "]");
  require(again && *again == reference);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto reference = warder::config::parse_reference(input)) {
    check(*reference);
  } else {
    require(!reference.error().message().empty());
  }
  if (const auto list = warder::config::parse_references(input)) {
    for (const auto& reference : *list) {
      check(reference);
    }
  }
  return 0;
}
