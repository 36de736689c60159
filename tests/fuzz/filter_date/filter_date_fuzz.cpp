// Dates in lines. Whatever a line holds: what is read by hand is what the general expressions find;
// what is cut lies within the line; the finder without memory keeps its rule, and the one that
// learns finds a date in the same lines. A moment that is written out is read as that moment.
#include "filter/date_finder.h"
#include "filter/date_recipe.h"
#include "fuzz/require.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;
using namespace warder::filter;

namespace {

// The moment that nothing ahead of which has a date without a year.
const util::WallTime kNow{std::chrono::seconds(1793620800)};

bool same(const std::optional<FoundDate>& a, const std::optional<FoundDate>& b) {
  if (!a || !b) {
    return a.has_value() == b.has_value();
  }
  const DateFields& x = a->fields;
  const DateFields& y = b->fields;
  return a->begin == b->begin && a->end == b->end && a->match_begin == b->match_begin &&
         a->match_end == b->match_end && x.year == y.year && x.month == y.month && x.day == y.day &&
         x.hour == y.hour && x.minute == y.minute && x.second == y.second &&
         x.microsecond == y.microsecond && x.weekday == y.weekday && x.utc_offset == y.utc_offset &&
         x.epoch == y.epoch && x.unreadable == y.unreadable;
}

// What is read by hand is what the expressions find, wherever the search begins or ends.
void check_by_hand(std::string_view text) {
  const std::size_t middle = text.size() / 2;
  for (const auto& each : default_templates()) {
    if (each->pattern() == nullptr) {
      continue;
    }
    require(same(each->find(text), each->pattern()->find(text)));
    if (!each->is_anchored()) {
      require(same(each->find(text, middle), each->pattern()->find(text, middle)));
      const std::string_view front = text.substr(0, middle);
      require(same(each->find(front, 1), each->pattern()->find(front, 1)));
    }
    require(each->may_match(LineTraits::of(text)) || !each->find(text));
  }
}

// The finder without memory is the rule written out: anchored templates in their order, else the
// date that begins first.
void check_finder(std::string_view text, const DateTemplates& templates) {
  std::optional<FoundDate> expected;
  std::optional<FoundDate> unreadable;
  for (const auto& each : templates) {
    const auto found = each->find(text);
    if (!found) {
      continue;
    }
    std::optional<FoundDate>& kept = found->fields.unreadable ? unreadable : expected;
    if (each->is_anchored_at_begin() && !found->fields.unreadable) {
      kept = found;
      break;
    }
    if (!kept || found->match_begin < kept->match_begin) {
      kept = found;
    }
  }
  expected = expected ? expected : unreadable;
  const auto found = DateFinder(templates, DateRules::kOwn).find(text, kNow);
  require(same(found, expected));
  if (!found) {
    return;
  }
  require(found->begin < found->end && found->end <= text.size());
  const DateFields& fields = found->fields;
  require(fields.hour < 30 && fields.minute < 60 && fields.second < 62);
  require(fields.microsecond >= 0 && fields.microsecond < 1'000'000);
  const auto time = Calendar(TimeZone()).resolve(fields, kNow);
  if (time && !fields.year && !fields.epoch) {
    require(*time <= kNow + std::chrono::days(1));
  }
}

// Learning, over all lines of the text: whatever it takes is what some template finds.
void check_learning(std::string_view text) {
  DateFinder finder(default_templates(), DateRules::kCompat);
  for (int times = 0; times < 2; ++times) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const auto found = finder.find(line, kNow);
      require(found.has_value() ==
              DateFinder(default_templates(), DateRules::kOwn).find(line, kNow).has_value());
      require(!found || (found->begin < found->end && found->end <= line.size()));
    }
  }
}

// The bytes as a moment of the years from 2000 to 2029, in each form and back.
void check_forms(std::string_view bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  const util::WallTime time{std::chrono::seconds(946684800 + number % 946771200)};
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
    DateFinder finder(line_begin_templates(), DateRules::kOwn);
    const auto found = finder.find(text, time);
    require(found && found->begin == (text[0] == '[' ? 1 : 0));
    if (text[0] == '[') {
      continue;
    }
    require(found->end == text.size());
    require(Calendar(TimeZone()).resolve(found->fields, time) == time);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = text.substr(0, text.find('\n'));
  check_by_hand(first);
  check_finder(first, default_templates());
  check_finder(first, line_begin_templates());
  check_learning(text);
  check_forms(text);
  // The first line as a datepattern, the rest as a line.
  const std::size_t line_end = text.find('\n');
  if (line_end != std::string_view::npos && line_end < 200) {
    Problems problems;
    const DateRecipe recipe(Option{std::string(first), {"x", 1}}, problems);
    if (problems.empty()) {
      const std::string_view line = text.substr(line_end + 1);
      for (const DateRules rules : {DateRules::kOwn, DateRules::kCompat}) {
        DateFinder finder(recipe.templates(), rules);
        for (int times = 0; times < 2; ++times) {
          if (const auto found = finder.find(line, kNow)) {
            require(found->begin <= found->end && found->end <= line.size());
            (void)Calendar(TimeZone(), rules).resolve(found->fields, kNow);
          }
        }
      }
    }
  }
  return 0;
}
