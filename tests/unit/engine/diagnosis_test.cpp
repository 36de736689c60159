#include "engine/diagnosis.h"

#include "support/temporary_folder.h"
#include "unit/engine/engine_support.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace std::chrono_literals;
using namespace warder;
using engine::Stage;
using engine::Verdict;

namespace {

engine::JailFacts facts_of(const std::string& filter_name) {
  filter::FilterRequest request;
  request.name = filter_name;
  request.folders = {std::string(WARDER_SOURCE_DIR) + "/filters"};
  request.samples = filter::SamplePolicy::kAllowNone;
  auto filter = filter::load_filter(request);
  INFO((filter ? "" : filter.error().message()));
  REQUIRE(filter.has_value());
  engine::JailFacts facts;
  facts.jail.filter = *filter;
  facts.jail.options.name = filter_name;
  facts.jail.options.enabled = true;
  facts.now = util::SystemClock().now();
  facts.started = facts.now - 1min;
  facts.enforcing = true;
  return facts;
}

const net::IpAddress kMark = net::IpAddress::parse("192.0.2.254").value();

std::string told(const Stage& stage) {
  return stage.name + " " + std::string(to_string(stage.verdict)) + ": " + stage.found +
         (stage.cause.empty() ? "" : " (" + stage.cause + ")");
}

const Stage* find(const std::vector<Stage>& stages, std::string_view name) {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const Stage& stage) { return stage.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("of every shipped filter a marked line can be made, which bans the mark alone",
          "[diagnosis]") {
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(WARDER_SOURCE_DIR) + "/filters")) {
    if (entry.path().extension() != ".conf") {
      continue;
    }
    const std::vector<Stage> stages =
        engine::dry_run(facts_of(entry.path().stem().string()), kMark);
    INFO(entry.path().stem().string());
    for (const Stage& stage : stages) {
      INFO(told(stage));
      CHECK((stage.verdict == Verdict::kGood || stage.verdict == Verdict::kSkipped));
    }
  }
}

TEST_CASE("a marked line of sshd is dated now and names the mark", "[diagnosis]") {
  const std::vector<Stage> stages = engine::dry_run(facts_of("sshd"), kMark);
  REQUIRE(stages.size() == 2);
  CHECK(stages[0].found.find("from 192.0.2.254 port") != std::string::npos);
  CHECK(stages[0].found.find("dated now") != std::string::npos);
  CHECK(stages[1].found == "5 such lines ban 192.0.2.254");
}

TEST_CASE("a mark that the jail ignores is told with the reason", "[diagnosis]") {
  engine::JailFacts facts = facts_of("sshd");
  facts.jail.options.ignoreip = {net::Prefix::parse("192.0.0.0/16").value()};
  const std::vector<Stage> stages = engine::dry_run(facts, kMark);
  REQUIRE(stages.size() == 2);
  CHECK(told(stages[1]) ==
        "decision broken: 1 lines of 192.0.2.254 do not ban it: ignored (ignoreip)");
  facts.jail.options.ignoreip.clear();
  facts.jail.options.observe = true;
  const std::vector<Stage> observed = engine::dry_run(facts, kMark);
  CHECK(told(observed.at(1)) ==
        "decision notice: 5 such lines would ban 192.0.2.254 (observe = yes)");
}

TEST_CASE("statistics name what is wrong with a jail", "[diagnosis]") {
  testing::OpenStoreFixture fixture;
  auto reader = store::Reader::open(fixture.options.path);
  REQUIRE(reader);
  engine::JailFacts facts = facts_of("sshd");
  facts.jail.options.logpath = {"-"};
  SECTION("all findings were ignored") {
    facts.counters.findings = 5;
    facts.counters.ignored = 5;
    const auto stages = engine::diagnose(facts, *reader);
    REQUIRE(find(stages, "count") != nullptr);
    CHECK(told(*find(stages, "count")) ==
          "count broken: all 5 findings were ignored (their addresses are in ignoreip, this host's "
          "own, or on the never-ban list)");
  }
  SECTION("the banned go on") {
    facts.counters.findings = 500;
    facts.counters.already_banned = 400;
    facts.counters.bans = 2;
    const auto stages = engine::diagnose(facts, *reader);
    CHECK(find(stages, "firewall")->verdict == Verdict::kBroken);
    facts.counters.already_banned = 15;
    CHECK(find(engine::diagnose(facts, *reader), "firewall")->verdict == Verdict::kGood);
  }
  SECTION("the firewall is away") {
    facts.enforcing = false;
    facts.firewall_reason = "the helper is away";
    CHECK(told(*find(engine::diagnose(facts, *reader), "firewall")) ==
          "firewall broken: bans are decided, but not in effect (the helper is away)");
  }
  SECTION("nobody is to be kept out") {
    facts.enforcing = false;
    facts.dry_run = true;
    CHECK(told(*find(engine::diagnose(facts, *reader), "firewall")) ==
          "firewall notice: bans are decided and recorded, and nobody is kept out ([firewall] "
          "backend = none)");
  }
  SECTION("a proxy that is not trusted") {
    facts.filter[filter::NoticeKind::kForwarded] = 7;
    const auto stages = engine::diagnose(facts, *reader);
    CHECK(find(stages, "address")->verdict == Verdict::kBroken);
    CHECK(find(stages, "address")->found ==
          "7 lines name a client behind a proxy that is not trusted");
  }
  SECTION("nothing is wrong") {
    for (const Stage& stage : engine::diagnose(facts, *reader)) {
      CHECK(stage.verdict == Verdict::kGood);
    }
  }
}

TEST_CASE("a log that never grows, and one of another zone", "[diagnosis]") {
  testing::OpenStoreFixture fixture;
  auto reader = store::Reader::open(fixture.options.path);
  REQUIRE(reader);
  const testing::TemporaryFolder folder;
  const std::filesystem::path log = folder.path() / "auth.log";
  engine::JailFacts facts = facts_of("sshd");
  facts.jail.options.logpath = {log.string()};
  facts.matcher.lines.zone = filter::TimeZone();
  std::ofstream(log)
      << "2026-07-31T10:00:00 h sshd[1]: Failed password for x from 198.51.100.1 port 1 ssh2\n";
  const auto written = util::parse_rfc3339("2026-07-31T15:30:07Z").value();
  timespec times[2] = {};
  times[0].tv_sec = times[1].tv_sec =
      std::chrono::floor<std::chrono::seconds>(written.time_since_epoch()).count();
  REQUIRE(::utimensat(AT_FDCWD, log.c_str(), times, 0) == 0);
  facts.started = written + 1min;
  facts.now = written + 48h;
  const auto stages = engine::diagnose(facts, *reader);
  REQUIRE(find(stages, "log") != nullptr);
  CHECK(find(stages, "log")->verdict == Verdict::kNotice);
  CHECK(find(stages, "log")->cause.starts_with("it never grew since the agent started"));
  REQUIRE(find(stages, "date") != nullptr);
  CHECK(find(stages, "date")->cause.starts_with("the log's dates are off by a constant -5h30m"));
  CHECK(find(stages, "position")->found.ends_with("was never read"));
}
