#include "engine/replay.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

using namespace std::chrono_literals;
using namespace warder;
using engine::ReplayChange;

namespace {

const util::WallTime kNow = util::parse_rfc3339("2026-08-01T00:00:00Z").value();

engine::CompiledJail door(std::uint32_t maxretry = 3) {
  auto filter = filter::make_filter({{"failregex", "^ ?no entry for <HOST>$"}});
  REQUIRE(filter.has_value());
  engine::CompiledJail jail;
  jail.options.name = "door";
  jail.options.enabled = true;
  jail.options.maxretry = maxretry;
  jail.options.findtime = 10min;
  jail.options.bantime = 1h;
  jail.options.ipv4_widen.clear();
  jail.filter = *filter;
  return jail;
}

struct Log {
  std::vector<std::string> lines;
  Log& no_entry(std::string_view time, std::string_view address) {
    lines.push_back(fmt::format("2026-07-31T{}Z no entry for {}", time, address));
    return *this;
  }
};

engine::ReplayReport replayed(const engine::CompiledJail& jail, const Log& log,
                              std::vector<net::Prefix> never_ban = {}) {
  auto replay = engine::Replay::create(jail, {}, std::move(never_ban), kNow);
  REQUIRE(replay.has_value());
  (*replay)->begin_log("door.log");
  std::uint64_t offset = 0;
  for (const std::string& text : log.lines) {
    model::Line line;
    line.text = text;
    line.offset = offset;
    line.length = text.size() + 1;
    offset += line.length;
    (*replay)->on_line(line);
  }
  return (*replay)->report();
}

Log attack() {
  Log log;
  log.no_entry("10:00:00", "198.51.100.7").no_entry("10:00:01", "198.51.100.8");
  log.no_entry("10:00:02", "198.51.100.7").no_entry("10:00:03", "198.51.100.7");
  log.no_entry("10:00:04", "198.51.100.7").no_entry("10:30:00", "198.51.100.8");
  log.no_entry("12:00:00", "198.51.100.7").no_entry("12:00:01", "198.51.100.7");
  log.no_entry("12:00:02", "198.51.100.7");
  return log;
}

}  // namespace

TEST_CASE("a replay bans by the dates of the lines and names the line", "[replay]") {
  const engine::ReplayReport report = replayed(door(), attack());
  CHECK(report.lines == 9);
  CHECK(report.findings == 9);
  CHECK(report.prevented == 1);
  REQUIRE(report.bans.size() == 2);
  CHECK(report.bans[0].address.to_string() == "198.51.100.7");
  CHECK(util::format_rfc3339(report.bans[0].start) == "2026-07-31T10:00:03Z");
  CHECK(*report.bans[0].end - report.bans[0].start == 1h);
  CHECK(report.bans[0].log == "door.log");
  CHECK(report.bans[0].line == 4);
  CHECK(report.bans[0].offset == 3 * 47);
  CHECK(util::format_rfc3339(report.bans[1].start) == "2026-07-31T12:00:02Z");
  CHECK(report.bans[1].line == 9);
}

TEST_CASE("ban times grow in a replay as they do live", "[replay]") {
  engine::CompiledJail jail = door();
  jail.options.increment.enabled = true;
  const engine::ReplayReport report = replayed(jail, attack());
  REQUIRE(report.bans.size() == 2);
  CHECK(report.bans[1].count == 2);
  CHECK(*report.bans[1].end - report.bans[1].start == 2h);
}

TEST_CASE("a replay gives the same every time, also where ban times have a random part",
          "[replay]") {
  engine::CompiledJail jail = door();
  jail.options.increment.enabled = true;
  jail.options.increment.rndtime = 1h;
  const engine::ReplayReport once = replayed(jail, attack());
  const engine::ReplayReport again = replayed(jail, attack());
  REQUIRE(once.bans.size() == 2);
  CHECK(once.bans[1].end == again.bans[1].end);
}

TEST_CASE("who may never be banned is not banned in a replay", "[replay]") {
  const engine::ReplayReport report =
      replayed(door(), attack(), {net::Prefix::parse("198.51.100.7").value()});
  CHECK(report.bans.empty());
  CHECK(report.ignored == 7);
}

TEST_CASE("a stricter rule adds, removes and moves bans", "[replay]") {
  const engine::ReplayReport before = replayed(door(), attack());
  engine::CompiledJail strict = door(2);
  strict.options.findtime = 1h;
  const engine::ReplayReport after = replayed(strict, attack());
  const std::vector<ReplayChange> changes = compare(before.bans, after.bans);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].kind == ReplayChange::Kind::kAdded);
  CHECK(changes[0].address.to_string() == "198.51.100.8");
  CHECK(changes[0].after->line == 6);
  CHECK(changes[1].kind == ReplayChange::Kind::kSooner);
  CHECK(changes[1].address.to_string() == "198.51.100.7");
  const std::vector<ReplayChange> back = compare(after.bans, before.bans);
  REQUIRE(back.size() == 2);
  CHECK(back[0].kind == ReplayChange::Kind::kRemoved);
  CHECK(back[1].kind == ReplayChange::Kind::kLater);
  CHECK(compare(before.bans, before.bans).empty());
}

TEST_CASE("a ban for ever is longer than any other", "[replay]") {
  engine::CompiledJail for_ever = door();
  for_ever.options.bantime.reset();
  const engine::ReplayReport before = replayed(door(), attack());
  const engine::ReplayReport after = replayed(for_ever, attack());
  const std::vector<ReplayChange> changes = compare(before.bans, after.bans);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].kind == ReplayChange::Kind::kLonger);
  CHECK(changes[0].before_time == std::chrono::microseconds(2h));
  CHECK_FALSE(changes[0].after_time.has_value());
}

TEST_CASE("a single address that a wider ban covers is told as covered", "[replay]") {
  engine::ReplayedBan single;
  single.address = net::Prefix::parse("198.51.100.7").value();
  single.end = single.start + 1h;
  engine::ReplayedBan wide = single;
  wide.address = net::Prefix::parse("198.51.100.0/24").value();
  const std::vector<engine::ReplayedBan> before{single};
  const std::vector<engine::ReplayedBan> after{wide};
  const std::vector<ReplayChange> changes = compare(before, after);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].kind == ReplayChange::Kind::kAdded);
  CHECK(changes[0].covered_by == nullptr);
  CHECK(changes[1].kind == ReplayChange::Kind::kRemoved);
  REQUIRE(changes[1].covered_by != nullptr);
  CHECK(changes[1].covered_by->address == wide.address);
}

TEST_CASE("addresses that also logged in are perhaps innocent", "[replay]") {
  Log log = attack();
  log.lines.push_back("2026-07-31T09:00:00Z Accepted publickey for ann from 198.51.100.7 port 4.");
  log.lines.push_back("2026-07-31T09:00:00Z Accepted publickey for bob from 203.0.113.4 port 4");
  const engine::ReplayReport report = replayed(door(), log);
  const std::vector<engine::Innocent> found = engine::innocents(report, 3);
  REQUIRE(found.size() == 1);
  CHECK(found[0].address.to_string() == "198.51.100.7");
  CHECK(found[0].seen.successes == 1);
  CHECK(found[0].seen.bans == 2);
  // Without the login: seven findings are more than the three a ban takes.
  CHECK(engine::innocents(replayed(door(), attack()), 3).empty());
  CHECK(engine::innocents(replayed(door(7), attack()), 7).empty());
}

TEST_CASE("lines without a date take that of the one before", "[replay]") {
  Log log;
  log.lines = {" no entry for 198.51.100.7", "2026-07-31T10:00:00Z no entry for 198.51.100.7",
               " no entry for 198.51.100.7", " no entry for 198.51.100.7"};
  const engine::ReplayReport report = replayed(door(), log);
  CHECK(report.undated == 1);
  REQUIRE(report.bans.size() == 1);
  CHECK(util::format_rfc3339(report.bans[0].start) == "2026-07-31T10:00:00Z");
}

TEST_CASE("the stored history can be replayed under another limit", "[replay]") {
  auto replay = engine::Replay::create(door(2), {}, {}, kNow);
  REQUIRE(replay.has_value());
  for (int i = 0; i < 2; ++i) {
    store::StoredEvent stored;
    stored.event.kind = model::EventKind::kFinding;
    stored.event.address = net::Prefix::parse("198.51.100.9").value();
    stored.event.time = kNow - 1h + std::chrono::seconds(i);
    stored.event.message = "no entry";
    stored.event.line = {.log = "/var/log/door.log", .at = 470, .user = {}};
    (*replay)->on_stored(stored);
  }
  REQUIRE((*replay)->report().bans.size() == 1);
  CHECK((*replay)->report().bans[0].log == "/var/log/door.log");
  CHECK((*replay)->report().bans[0].offset == 470);
  CHECK((*replay)->report().bans[0].line == 0);
}
