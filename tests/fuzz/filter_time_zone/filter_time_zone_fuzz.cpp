// Zone files and rules of zones. Whatever they hold: the periods of a zone follow one another
// without a gap, and a time on its clocks belongs to moments at which they show it.
#include "filter/time_zone.h"
#include "fuzz/require.h"

#include <cstdint>
#include <initializer_list>
#include <string_view>

using namespace warder::filter;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using warder::testing::require;

namespace {

void check_zone(const TimeZone& zone, sys_seconds time) {
  const TimeZone::Period period = zone.period_at(time);
  require(period.begin <= time && time < period.end);
  const std::chrono::local_seconds shown(time.time_since_epoch() + period.offset);
  const auto [earlier, later] = zone.moments(shown);
  require(earlier <= later);
  require(earlier == later || later - earlier <= std::chrono::hours(52));
  // Where clocks change once in four days at most, the moment itself is one of the two.
  const bool calm =
      time - period.begin > std::chrono::hours(52) && period.end - time > std::chrono::hours(52);
  require(!calm || earlier == time || later == time);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](const TimeZone& zone) {
    for (const std::int64_t time : std::initializer_list<std::int64_t>{
             -5'000'000'000, 0, 1'785'500'000, 1'793'620'800, 4'000'000'000}) {
      check_zone(zone, sys_seconds(seconds(time)));
      const auto period = zone.period_at(sys_seconds(seconds(time)));
      // On both sides of a change of this age.
      for (const sys_seconds edge : {period.begin, period.end}) {
        if (edge > sys_seconds(seconds(-6'000'000'000)) &&
            edge < sys_seconds(seconds(9'000'000'000))) {
          check_zone(zone, edge);
          check_zone(zone, edge - seconds(1));
        }
      }
    }
  };
  if (const auto zone = TimeZone::from_tzif(text)) {
    check(*zone);
  }
  if (const auto rule = PosixZone::parse(text)) {
    check(TimeZone::from_rule(*rule).value());
  }
  (void)TimeZone::parse(text.substr(0, 80));
  return 0;
}
