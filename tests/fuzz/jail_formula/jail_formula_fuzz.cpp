// Any text as bantime.formula: it parses or is refused with a place inside the text, evaluates to a
// finite number or an error, and a ban time made from it stays within its bounds.
#include "fuzz/require.h"
#include "jail/ban_time.h"
#include "jail/formula.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace warder;
using warder::testing::require;

// "at character N: ..." with N from 1 to one behind the end.
void require_place(const std::string& message, std::string_view text) {
  constexpr std::string_view kStart = "at character ";
  if (message.starts_with("an expression of ")) {
    require(text.size() > jail::Formula::kLongestText);
    return;
  }
  require(message.starts_with(kStart));
  const unsigned long place = std::strtoul(message.c_str() + kStart.size(), nullptr, 10);
  require(place >= 1 && place <= text.size() + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const auto names : {jail::Formula::Names::kBan, jail::Formula::Names::kNone}) {
    const auto formula = jail::Formula::parse(text, names);
    if (!formula) {
      require_place(formula.error().message(), text);
      continue;
    }
    for (const double count : {0.0, 1.0, 3.0, 20.0, 65535.0}) {
      const auto value = formula->evaluate({600, count, 0.5, false});
      if (value) {
        require(std::isfinite(value->number));
        require(!value->whole || value->number == std::floor(value->number));
      } else {
        require_place(value.error().message(), text);
      }
    }
  }
  jail::IncrementOptions increment;
  increment.enabled = true;
  increment.formula = text;
  if (const auto rule = jail::BanTime::create(std::chrono::minutes(10), increment)) {
    for (const std::uint32_t count : {0U, 1U, 7U, 65535U}) {
      const auto length = rule->length(jail::OffenderTable::History{count, {}}, 0);
      require(length.time.has_value());
      require(*length.time >= std::chrono::minutes(10) && *length.time <= jail::kLongestBan);
    }
  }
  return 0;
}
