// Dates in lines. Whatever a line holds: what is cut lies within it, begins and ends no word in the
// middle, says nothing that no clock shows, and reads the same when it stands alone. A moment that
// is written out is read as that moment.
#include "filter/date_recipe.h"
#include "filter/date_templates.h"

#include <fmt/format.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

using namespace warder;
using namespace warder::filter;

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

void check_found(std::string_view text, DatePlace place) {
  const auto found = find_builtin_date(text, place);
  if (!found) {
    return;
  }
  require(found->begin < found->end && found->end <= text.size());
  require(found->begin == 0 || !is_word(text[found->begin - 1]));
  require(found->end == text.size() || !is_word(text[found->end]));
  const DateFields& fields = found->fields;
  require(fields.hour < 24 && fields.minute < 60 && fields.second < 62);
  require(fields.microsecond >= 0 && fields.microsecond < 1'000'000);
  if (!fields.epoch) {
    const auto alone =
        find_builtin_date(text.substr(found->begin, found->end - found->begin), place);
    require(alone && alone->begin == 0 && alone->end == found->end - found->begin);
    require(alone->fields.hour == fields.hour && alone->fields.day == fields.day);
  }
  const util::WallTime now{std::chrono::seconds(1793620800)};
  Calendar calendar(std::chrono::seconds(0));
  const auto time = calendar.resolve(fields, now);
  if (time && !fields.year && !fields.epoch) {
    require(*time <= now + std::chrono::days(1));
  }
}

// The bytes as a moment of this century, in each form and back.
void check_forms(std::string_view bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  const util::WallTime time{std::chrono::seconds(946684800 + number % 3155673600)};
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - days));
  const int year = static_cast<int>(date.year());
  const unsigned month = static_cast<unsigned>(date.month());
  const unsigned day = static_cast<unsigned>(date.day());
  const std::string at = fmt::format("{:02}:{:02}:{:02}", clock.hours().count(),
                                     clock.minutes().count(), clock.seconds().count());
  const std::string_view name =
      std::string_view("JanFebMarAprMayJunJulAugSepOctNovDec").substr((month - 1) * 3, 3);
  for (const std::string& text :
       {fmt::format("{}-{:02}-{:02}T{}Z", year, month, day, at),
        fmt::format("{}/{:02}/{:02} {} UTC", year, month, day, at),
        fmt::format("{} {:2} {} {}", name, day, at, year),
        fmt::format("{} {} {} {}", name, day, year, at),
        fmt::format("{:02}/{}/{}:{} +0000", day, name, year, at), fmt::format("[{} x", at)}) {
    const auto found = find_builtin_date(text, DatePlace::kLineBegin);
    if (text[0] == '[') {
      require(!found);
      continue;
    }
    require(found && found->begin == 0 && found->end == text.size());
    Calendar calendar(std::chrono::seconds(0));
    require(calendar.resolve(found->fields, time) == time);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_found(text, DatePlace::kAnywhere);
  check_found(text, DatePlace::kLineBegin);
  check_forms(text);
  // The first line as a datepattern, the rest as a line.
  const std::size_t line_end = text.find('\n');
  if (line_end != std::string_view::npos && line_end < 200) {
    Problems problems;
    const DateRecipe recipe(Option{std::string(text.substr(0, line_end)), {"x", 1}}, problems);
    if (problems.empty()) {
      const std::string_view line = text.substr(line_end + 1);
      if (const auto found = recipe.find(line)) {
        require(found->begin <= found->end && found->end <= line.size());
        Calendar calendar(std::chrono::seconds(0));
        (void)calendar.resolve(found->fields, util::WallTime{});
      }
    }
  }
  return 0;
}
