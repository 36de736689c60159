// What the dry run takes from a line that others wrote: its date, as text and as JSON, and
// addresses, each of which stands in it.
#include "engine/address_words.h"
#include "engine/recent_lines.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using warder::engine::LineDates;

const warder::util::WallTime kNow{std::chrono::seconds(1'785'578'400)};

LineDates dates_of(const std::map<std::string, std::string>& options) {
  return {warder::filter::make_filter(options).value(), {}, kNow};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static LineDates text = dates_of({{"failregex", "^ ?no entry for <HOST>"}});
  static LineDates json = dates_of(
      {{"format", "json"}, {"address", "ip"}, {"time", "ts"}, {"condition", "bad: status == 401"}});
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  text.of(line);
  if (const auto date = json.of(line); date && *date > kNow + std::chrono::hours(24)) {
    std::abort();
  }
  std::size_t from = 0;
  warder::engine::for_each_address(line, [&](const warder::net::IpAddress& address) {
    // Three characters at least stand for each, one behind the other.
    from += 3;
    if (from > size || address.to_string().empty()) {
      std::abort();
    }
    return true;
  });
  return 0;
}
