#include "engine/dry_run_guard.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace std::chrono_literals;
using namespace warder;
using engine::DryRun;
using engine::DryRunOptions;

namespace {

// A door whose log names all who come.
class Door {
 public:
  Door() : now_(clock_.now()) {}

  void comes(const std::string& address, int times, std::string_view what = "no entry for",
             std::chrono::seconds ago = 10min, std::string_view log = "door.log") {
    std::ofstream out(folder_.path() / log, std::ios::app);
    for (int i = 0; i < times; ++i) {
      out << fmt::format("{} {} {}\n", util::format_rfc3339(now_ - ago + std::chrono::seconds(i)),
                         what, address);
    }
  }
  engine::CompiledJail jail(std::uint32_t maxretry, const std::string& name = "door",
                            const std::string& regex = "^ ?no entry for <HOST>$",
                            const std::string& log = "door.log") const {
    engine::CompiledJail jail;
    jail.options.name = name;
    jail.options.enabled = true;
    jail.options.maxretry = maxretry;
    jail.options.findtime = 1h;
    jail.options.ipv4_widen.clear();
    jail.options.logpath = {(folder_.path() / log).string()};
    jail.filter = filter::make_filter({{"failregex", regex}}).value();
    return jail;
  }
  DryRun run(std::vector<engine::CompiledJail> before, std::vector<engine::CompiledJail> after,
             const DryRunOptions& options = {}, const std::vector<net::Prefix>& own = {}) const {
    engine::JailSet old_set;
    old_set.jails = std::move(before);
    engine::JailSet new_set;
    new_set.jails = std::move(after);
    return engine::dry_run_of_jails(old_set, new_set, options, own, clock_);
  }
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  testing::TemporaryFolder folder_;
  util::SystemClock clock_;
  util::WallTime now_;
};

std::string visitor(int number) { return fmt::format("198.51.100.{}", number); }

}  // namespace

TEST_CASE("a jail that would ban half of those who came is too much", "[dry_run_guard]") {
  Door door;
  for (int i = 1; i <= 20; ++i) {
    door.comes(visitor(i), i <= 10 ? 2 : 1);
  }
  const DryRun run = door.run({door.jail(5)}, {door.jail(2)});
  CHECK(run.sources == 20);
  CHECK(run.banned == 10);
  CHECK(run.too_much);
  REQUIRE(run.jails.size() == 1);
  CHECK(run.jails[0].name == "door");
  CHECK(run.jails[0].banned == 10);
  CHECK(run.unjudged.empty());
  CHECK(engine::to_text(run, {}) ==
        "the dry run bans 10 of the 20 sources that the logs name in the last 1h (50 %), whom what "
        "runs does not ban: jail door 10 (198.51.100.1, 198.51.100.2, 198.51.100.3, 198.51.100.4, "
        "198.51.100.5, ...). From 50 % on that is taken for a mistake ([agent] dry_run_guard). "
        "Compare filter, maxretry, findtime and ignoreip of it with what runs (`warder config "
        "diff`); if it is meant so, `warder reload --accept 'door'`, or dry_run_accept = door in "
        "[agent]");
  // One fewer is not.
  door.comes(visitor(21), 1);
  const DryRun fewer = door.run({door.jail(5)}, {door.jail(2)});
  CHECK(fewer.sources == 21);
  CHECK(fewer.banned == 10);
  CHECK_FALSE(fewer.too_much);
}

TEST_CASE("whom the running jails ban as well is no reason, however they are called",
          "[dry_run_guard]") {
  Door door;
  for (int i = 1; i <= 20; ++i) {
    door.comes(visitor(i), i <= 15 ? 3 : 1);
  }
  CHECK(door.run({}, {door.jail(3)}).too_much);
  const DryRun renamed = door.run({door.jail(3, "old")}, {door.jail(2, "new")});
  CHECK(renamed.banned == 0);
  CHECK_FALSE(renamed.too_much);
  CHECK(renamed.jails.empty());
  // A jail that observes bans nobody: neither now nor then.
  engine::CompiledJail observing = door.jail(3);
  observing.options.observe = true;
  CHECK(door.run({observing}, {door.jail(3)}).too_much);
  CHECK(door.run({}, {observing}).banned == 0);
  engine::CompiledJail alerting = door.jail(3);
  alerting.options.outcome = jail::Outcome::kAlert;
  CHECK(door.run({}, {alerting}).banned == 0);
}

TEST_CASE("who comes and is blamed for nothing counts among the sources", "[dry_run_guard]") {
  Door door;
  for (int i = 1; i <= 30; ++i) {
    door.comes(visitor(i), i <= 12 ? 3 : 1, i <= 12 ? "no entry for" : "welcome,");
  }
  const DryRun run = door.run({}, {door.jail(3)});
  CHECK(run.sources == 30);
  CHECK(run.banned == 12);
  CHECK_FALSE(run.too_much);
  // With the guests taken for attackers they all go.
  const DryRun wrong = door.run({door.jail(3)}, {door.jail(1, "door", "^ ?.* <HOST>$")});
  CHECK(wrong.banned == 18);
  CHECK(wrong.too_much);
}

TEST_CASE("few sources, an accepted jail and a guard that is off stop nothing", "[dry_run_guard]") {
  Door door;
  for (int i = 1; i <= 9; ++i) {
    door.comes(visitor(i), 3);
  }
  const DryRun few = door.run({}, {door.jail(3)});
  CHECK(few.banned == 9);
  CHECK_FALSE(few.too_much);
  DryRunOptions options;
  options.sources = 9;
  CHECK(door.run({}, {door.jail(3)}, options).too_much);
  options.share = 100;
  CHECK(door.run({}, {door.jail(3)}, options).too_much);
  options.accepted = {"door"};
  CHECK(door.run({}, {door.jail(3)}, options).sources == 0);
  // What was accepted once is what runs.
  DryRunOptions other;
  other.sources = 9;
  other.accepted = {"other"};
  CHECK_FALSE(door.run({door.jail(3)}, {door.jail(3), door.jail(3, "other")}, other).too_much);
  options.accepted.clear();
  options.share = 0;
  CHECK(door.run({}, {door.jail(3)}, options).sources == 0);
}

TEST_CASE("only the last hour counts, and nobody who may not be banned", "[dry_run_guard]") {
  Door door;
  for (int i = 1; i <= 20; ++i) {
    door.comes(visitor(i), 3, "no entry for", 2h);
  }
  CHECK(door.run({}, {door.jail(3)}).sources == 0);
  for (int i = 21; i <= 32; ++i) {
    door.comes(visitor(i), 3);
  }
  CHECK(door.run({}, {door.jail(3)}).banned == 12);
  // This host's own addresses come and are not banned; a proxy of ours is nobody.
  const std::vector<net::Prefix> own{net::Prefix::parse("198.51.100.16/28").value()};
  const DryRun spared = door.run({}, {door.jail(3)}, {}, own);
  CHECK(spared.banned == 1);
  CHECK(spared.sources == 12);
  CHECK_FALSE(spared.too_much);
}

TEST_CASE("several logs of a jail are judged each, IPv6 by networks", "[dry_run_guard]") {
  Door door;
  for (int i = 1; i <= 6; ++i) {
    door.comes(visitor(i), 2, "no entry for", 50min);
    door.comes(fmt::format("2001:db8:0:{}::{}", i, i), 2, "no entry for", 50min, "gate.log");
    door.comes(fmt::format("2001:db8:0:{}::ffff", i), 1, "no entry for", 40min, "gate.log");
  }
  engine::CompiledJail jail = door.jail(2);
  jail.options.logpath = {(door.folder() / "*.log").string()};
  const DryRun run = door.run({}, {jail});
  CHECK(run.sources == 12);
  CHECK(run.banned == 12);
  CHECK(run.too_much);
  // Counted by single addresses the networks are the same.
  jail.options.ipv6_prefix = 128;
  CHECK(door.run({}, {jail}).banned == 12);
}

TEST_CASE("work beyond the bound is not done and is told", "[dry_run_guard]") {
  Door door;
  for (int i = 1; i <= 20; ++i) {
    door.comes(visitor(i), 3);
  }
  DryRunOptions options;
  options.most_bytes = 4096;
  const DryRun run = door.run({}, {door.jail(3), door.jail(3, "second")}, options);
  CHECK(run.too_much);
  CHECK(run.unjudged == std::vector<std::string>{"second"});
  const DryRun nothing =
      door.run({}, {door.jail(3, "door", "^ ?no entry for <HOST>$", "none.log")});
  CHECK(nothing.unjudged == std::vector<std::string>{"door"});
  CHECK_FALSE(nothing.too_much);
  std::stop_source stop;
  stop.request_stop();
  engine::JailSet set;
  set.jails = {door.jail(3)};
  const util::SystemClock clock;
  CHECK_FALSE(engine::dry_run_of_jails({}, set, {}, {}, clock, stop.get_token()).too_much);
}

TEST_CASE("the journal's last hour is judged as a file's", "[dry_run_guard]") {
  const testing::TemporaryFolder folder;
  const util::SystemClock clock;
  // As tests of the source write it.
  std::FILE* const pipe = ::popen(("/lib/systemd/systemd-journal-remote --output=" +
                                   (folder.path() / "a.journal").string() + " - >/dev/null 2>&1")
                                      .c_str(),
                                  "w");
  REQUIRE(pipe != nullptr);
  int number = 0;
  const auto add = [&](std::chrono::seconds ago, const std::string& address) {
    const auto time = (clock.now() - ago).time_since_epoch().count();
    fmt::print(pipe,
               "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n"
               "_BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=web1\n"
               "_SYSTEMD_UNIT=door.service\nMESSAGE=no entry for {}\n\n",
               time, 1'000'000 + number++, address);
  };
  for (int i = 1; i <= 15; ++i) {
    add(2h, visitor(i));
  }
  for (int i = 16; i <= 30; ++i) {
    add(10min, visitor(i));
  }
  REQUIRE(::pclose(pipe) == 0);
  engine::CompiledJail jail;
  jail.options.name = "door";
  jail.options.backend = "systemd";
  jail.options.journalmatch = {"_SYSTEMD_UNIT=door.service"};
  jail.options.maxretry = 1;
  jail.options.findtime = 1h;
  jail.options.ipv4_widen.clear();
  jail.filter = filter::make_filter({{"failregex", "no entry for <HOST>$"}}).value();
  engine::JailSet set;
  set.jails = {jail};
  DryRunOptions options;
  options.journal = folder.path();
  const DryRun run = engine::dry_run_of_jails({}, set, options, {}, clock);
  CHECK(run.sources == 15);
  CHECK(run.banned == 15);
  CHECK(run.too_much);
}
