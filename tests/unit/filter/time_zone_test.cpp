#include "filter/time_zone.h"

#include "filter/date_zone.h"
#include "util/clock.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>

using namespace std::chrono_literals;
using warder::filter::fixed_zone;
using warder::filter::PosixZone;
using warder::filter::TimeZone;
using warder::util::parse_rfc3339;

namespace {

std::chrono::sys_seconds at(const char* time) {
  return std::chrono::floor<std::chrono::seconds>(parse_rfc3339(time).value());
}

std::chrono::seconds offset(const TimeZone& zone, const char* time) {
  return zone.period_at(at(time)).offset;
}

std::string refusal(std::string_view text) { return TimeZone::parse(text).error().message(); }

// Numbers as zone files write them.
std::string bytes(std::uint64_t value, std::size_t size) {
  std::string text;
  for (std::size_t i = size; i-- > 0;) {
    text += static_cast<char>(value >> (i * 8) & 0xff);
  }
  return text;
}

std::string header(char version, std::uint32_t leaps, std::uint32_t times, std::uint32_t types) {
  return std::string("TZif") + version + std::string(15, '\0') + bytes(0, 4) + bytes(0, 4) +
         bytes(leaps, 4) + bytes(times, 4) + bytes(types, 4) + bytes(4, 4);
}

// UTC+1 until `change`, then UTC+2, and behind that what `footer` says.
std::string zone_file(std::int64_t change, std::string_view footer) {
  std::string file = header('2', 0, 0, 1) + bytes(0, 4) + bytes(0, 2) + std::string("UTC\0", 4);
  file += header('2', 0, 1, 2) + bytes(static_cast<std::uint64_t>(change), 8) + '\1';
  file +=
      bytes(3600, 4) + bytes(0, 2) + bytes(7200, 4) + bytes(0x100, 2) + std::string("A\0B\0", 4);
  return file + '\n' + std::string(footer) + '\n';
}

}  // namespace

TEST_CASE("zones of a fixed offset") {
  CHECK(fixed_zone("Z") == 0s);
  CHECK(fixed_zone("UTC") == 0s);
  CHECK(fixed_zone("CET") == 1h);
  CHECK(fixed_zone("NPT") == 5h + 45min);
  CHECK(fixed_zone("VET") == -(4h + 30min));
  CHECK(fixed_zone("+02") == 2h);
  CHECK(fixed_zone("-0730") == -(7h + 30min));
  CHECK(fixed_zone("+02:00") == 2h);
  CHECK(fixed_zone("CET+0100") == 2h);
  CHECK(fixed_zone("UTC-03:30") == -(3h + 30min));
  for (const char* text : {"", "cet", "BST", "ChST", "+2", "+2:00", "+02:", "+02:0", "+02000",
                           "+20", "UTC+2", "CET ", "Z0", "+", "CET+"}) {
    INFO(text);
    CHECK_FALSE(fixed_zone(text));
  }
}

TEST_CASE("zones of the system by name") {
  const TimeZone berlin = TimeZone::parse("Europe/Berlin").value();
  CHECK(offset(berlin, "2026-03-29T00:59:59Z") == 1h);
  CHECK(offset(berlin, "2026-03-29T01:00:00Z") == 2h);
  CHECK(offset(berlin, "2026-10-25T00:59:59Z") == 2h);
  CHECK(offset(berlin, "2026-10-25T01:00:00Z") == 1h);
  // Behind all that a file lists.
  CHECK(offset(berlin, "2099-07-01T00:00:00Z") == 2h);
  CHECK(offset(berlin, "2099-12-01T00:00:00Z") == 1h);
  CHECK(offset(berlin, "1945-06-01T00:00:00Z") == 3h);
  // An abbreviation is a fixed offset though there is a file of that name.
  CHECK(offset(TimeZone::parse("CET").value(), "2026-07-01T00:00:00Z") == 1h);
  CHECK(offset(TimeZone::parse("Asia/Kathmandu").value(), "2026-07-01T00:00:00Z") == 5h + 45min);
  // Its summer is in our winter, by half an hour.
  const TimeZone island = TimeZone::parse("Australia/Lord_Howe").value();
  CHECK(offset(island, "2026-01-01T00:00:00Z") == 11h);
  CHECK(offset(island, "2026-07-01T00:00:00Z") == 10h + 30min);
}

TEST_CASE("what is no zone says what is allowed") {
  constexpr const char* kAllowed =
      "allowed are an abbreviation (CET), an offset (+0200, +02:00), both (UTC+0200) or the name "
      "of a zone of the system (Europe/Berlin)";
  CHECK(refusal("") == std::string("'' is no time zone; ") + kAllowed);
  CHECK(refusal("../etc/passwd") == std::string("'../etc/passwd' is no time zone; ") + kAllowed);
  CHECK(refusal("/etc/localtime") == std::string("'/etc/localtime' is no time zone; ") + kAllowed);
  CHECK(refusal("Europe/Berlln") ==
        std::string("there is no time zone 'Europe/Berlln' in /usr/share/zoneinfo (package "
                    "tzdata); ") +
            kAllowed);
  CHECK(refusal("leapseconds") == "time zone 'leapseconds': it is no zone file (no TZif header)");
}

TEST_CASE("zone files") {
  const std::string file = zone_file(1'000'000, "EET-2");
  const TimeZone zone = TimeZone::from_tzif(file).value();
  CHECK(zone.period_at(std::chrono::sys_seconds(999'999s)).offset == 1h);
  CHECK(zone.period_at(std::chrono::sys_seconds(1'000'000s)).offset == 2h);
  CHECK(zone.period_at(std::chrono::sys_seconds(5'000'000'000s)).offset == 2h);
  const auto period = zone.period_at(std::chrono::sys_seconds(999'999s));
  CHECK(period.end == std::chrono::sys_seconds(1'000'000s));
  // Whatever is missing at the end.
  for (std::size_t length = 0; length < file.size(); ++length) {
    INFO(length);
    CHECK_FALSE(TimeZone::from_tzif(std::string_view(file).substr(0, length)));
  }
  CHECK(TimeZone::from_tzif(zone_file(0, "X")).error().message() ==
        "'X' is no rule of a time zone: the name is wrong");
  CHECK_FALSE(TimeZone::from_tzif(header('1', 0, 0, 0) + std::string(4, '\0')));
  CHECK_FALSE(TimeZone::from_tzif(header('1', 0, 0xffffffff, 1)));
  CHECK(TimeZone::from_tzif(header('1', 1, 0, 1) + std::string(64, '\0')).error().message() ==
        "the zone counts leap seconds, which the system's clock does not; name the zone without "
        "'right/'");
}

TEST_CASE("rules of zones as TZ has them") {
  const auto changes = [](std::string_view rule) {
    const auto both = PosixZone::parse(rule).value().changes(std::chrono::year(2026)).value();
    return warder::util::format_rfc3339(both[0].at) + " " +
           warder::util::format_rfc3339(both[1].at);
  };
  CHECK(changes("CET-1CEST,M3.5.0,M10.5.0/3") == "2026-03-29T01:00:00Z 2026-10-25T01:00:00Z");
  CHECK(changes("EST5EDT") == "2026-03-08T07:00:00Z 2026-11-01T06:00:00Z");
  CHECK(changes("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1") == "2026-03-29T01:00:00Z 2026-10-25T01:00:00Z");
  CHECK(changes("AEST-10AEDT,M10.1.0,M4.1.0/3") == "2026-04-04T16:00:00Z 2026-10-03T16:00:00Z");
  CHECK(changes("AAA0BBB,J60/0,J61/0") == "2026-03-01T00:00:00Z 2026-03-01T23:00:00Z");
  CHECK(changes("AAA0BBB,59/0,60/0:30") == "2026-03-01T00:00:00Z 2026-03-01T23:30:00Z");
  CHECK_FALSE(PosixZone::parse("UTC0").value().changes(std::chrono::year(2026)));
  CHECK(PosixZone::parse("<+0545>-5:45").value().standard_offset() == 5h + 45min);
  for (const char* rule : {"", "X", "CET", "CET-", "CET-25", "CET-1CEST,", "CET-1CEST,M3.5.0",
                           "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
                           "CET-1CEST,M3.5.0,M10.5.0x", "<>1", "<CET1", "CET-1:60"}) {
    INFO(rule);
    CHECK_FALSE(PosixZone::parse(rule));
  }
}

TEST_CASE("the system's zone follows TZ") {
  const char* before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  const auto in = [](const char* value) {
    ::setenv("TZ", value, 1);
    return offset(TimeZone::system(), "2026-07-01T00:00:00Z");
  };
  CHECK(in("Europe/Berlin") == 2h);
  CHECK(in(":Europe/Berlin") == 2h);
  CHECK(in("/usr/share/zoneinfo/Asia/Tokyo") == 9h);
  CHECK(in("CET-1CEST,M3.5.0,M10.5.0/3") == 2h);
  CHECK(in("Nowhere/Land") == 0h);
  CHECK(in("") == 0h);
  if (before == nullptr) {
    ::unsetenv("TZ");
  } else {
    ::setenv("TZ", kept.c_str(), 1);
  }
}
