// When checks are made, and what is told of them.
#include "monitor/monitors.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <map>

using namespace warder;
using namespace std::chrono_literals;
using monitor::Check;
using monitor::Outcome;
using State = Outcome::State;

namespace {

Outcome outcome(Check check, State state, std::string text, std::string mark = {}) {
  Outcome made;
  made.check = check;
  made.state = state;
  made.text = std::move(text);
  made.mark = std::move(mark);
  return made;
}

struct Fixture {
  Fixture() {
    options.name = "vault";
    options.enabled = true;
    options.database = folder / "db";
    options.checks = {Check::kQuick, Check::kSchema};
    hooks.record = [this](std::vector<model::Event> made, std::string name, std::string value) {
      for (const model::Event& event : made) {
        told.push_back(fmt::format("{} {} {} {}", to_string(event.kind), to_string(event.severity),
                                   event.jail, event.message));
      }
      kept[name] = std::move(value);
      return util::Status();
    };
    hooks.remembered = [this](const std::string& name) -> util::Result<std::optional<std::string>> {
      const auto found = kept.find(name);
      return found == kept.end() ? std::nullopt : std::optional(found->second);
    };
    hooks.read_database = [this](const monitor::DatabaseRequest& request, std::chrono::seconds,
                                 int) -> util::Result<std::vector<Outcome>> {
      std::vector<Outcome> outcomes;
      for (const Check check : request.checks) {
        asked.emplace_back(to_string(check));
        Outcome made =
            answers.contains(check) ? answers.at(check) : outcome(check, State::kGood, "fine");
        if (check == Check::kSchema) {
          made.baseline = schema;
          if (!request.schema_baseline.empty() && request.schema_baseline != schema) {
            made = outcome(check, State::kBad, "has changed", schema);
          }
        }
        outcomes.push_back(made);
      }
      return outcomes;
    };
    hooks.backups = [] { return util::Result<monitor::BackupRecord>(monitor::BackupRecord()); };
    start();
  }
  void start() {
    monitors = std::make_unique<monitor::Monitors>(hooks, folder.path(), clock);
    monitors->use({options});
  }
  // What was asked for in a step, and seconds until the next.
  std::string step() {
    asked.clear();
    const auto next = monitors->step(-1);
    std::string text;
    for (const std::string& check : asked) {
      text += check + " ";
    }
    return next ? fmt::format(
                      "{}{}", text,
                      std::chrono::duration_cast<std::chrono::seconds>(*next - clock.monotonic())
                          .count())
                : text + "never";
  }
  std::vector<std::string> take() { return std::exchange(told, {}); }

  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  monitor::MonitorHooks hooks;
  monitor::MonitorOptions options;
  std::map<Check, Outcome> answers;
  std::string schema = "{\"table users\":\"1\"}";
  std::vector<std::string> asked;
  std::vector<std::string> told;
  std::map<std::string, std::string> kept;
  std::unique_ptr<monitor::Monitors> monitors;
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("each check is made at its own time, over a restart too") {
  Fixture fixture;
  CHECK(fixture.step() == "schema quick 300");
  fixture.clock.advance(299s);
  CHECK(fixture.step() == "1");
  fixture.clock.advance(1s);
  CHECK(fixture.step() == "schema 300");
  fixture.clock.advance(100s);
  fixture.start();
  CHECK(fixture.step() == "200");
  fixture.clock.advance(6h);
  CHECK(fixture.step() == "schema quick 300");
  fixture.monitors->use({});
  CHECK(fixture.step() == "never");
}

TEST_CASE("monitors that began at different times come to wake the host together") {
  Fixture fixture;
  fixture.options.checks = {Check::kSchema};
  fixture.monitors->use({fixture.options});
  CHECK(fixture.step() == "schema 300");
  fixture.clock.advance(280s);
  monitor::MonitorOptions other = fixture.options;
  other.name = "mail";
  fixture.monitors->use({fixture.options, other});
  CHECK(fixture.step() == "schema 20");  // of the other one, due again after 300
  // A minute early at most: they are 20 seconds apart, so the first joins the other.
  fixture.clock.advance(20s);
  CHECK(fixture.step() == "schema 280");
  fixture.clock.advance(280s);
  CHECK(fixture.step() == "schema schema 300");
  // Too far apart to join is left as it is.
  monitor::MonitorOptions third = fixture.options;
  third.name = "files";
  fixture.clock.advance(150s);
  fixture.monitors->use({fixture.options, other, third});
  CHECK(fixture.step() == "schema 150");
  fixture.clock.advance(150s);
  CHECK(fixture.step() == "schema schema 150");
}

TEST_CASE("a change is told once, each heavy run leaves a line, recovery is told") {
  Fixture fixture;
  fixture.step();
  CHECK(fixture.take() ==
        Strings{"integrity info vault schema: fine", "integrity info vault quick: fine"});
  fixture.answers[Check::kQuick] = outcome(Check::kQuick, State::kBad, "damaged", "d");
  fixture.clock.advance(6h);
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity critical vault quick: damaged"});
  fixture.clock.advance(6h);
  fixture.start();  // what was told is known after a restart
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity info vault quick: still: damaged"});
  fixture.answers[Check::kQuick] = outcome(Check::kQuick, State::kBad, "worse", "e");
  fixture.clock.advance(6h);
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity critical vault quick: worse"});
  fixture.answers[Check::kQuick] = outcome(Check::kQuick, State::kUnknown, "no disk", "u");
  fixture.clock.advance(6h);
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity warning vault quick: could not be made: no disk"});
  fixture.answers.clear();
  fixture.clock.advance(6h);
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity notice vault quick: good again: fine"});
}

TEST_CASE("only so many failures in a row are an alert") {
  Fixture fixture;
  fixture.options.checks = {Check::kQuick};
  fixture.options.integrity_check_failures = 2;
  fixture.answers[Check::kQuick] = outcome(Check::kQuick, State::kBad, "damaged", "d");
  fixture.start();
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity info vault quick: damaged (failure 1 of 2)"});
  fixture.clock.advance(6h);
  fixture.start();
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity critical vault quick: damaged"});
}

TEST_CASE("a changed schema stays told until it is accepted or put back") {
  Fixture fixture;
  fixture.options.checks = {Check::kSchema};
  fixture.start();
  fixture.step();
  fixture.take();
  const std::string before = std::exchange(fixture.schema, "{\"table users\":\"2\"}");
  fixture.clock.advance(300s);
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity high vault schema: has changed"});
  fixture.clock.advance(300s);
  fixture.step();
  CHECK(fixture.take() == Strings{});
  REQUIRE(fixture.monitors->accept("vault"));
  CHECK(fixture.step() == "schema 300");
  CHECK(fixture.take() == Strings{"integrity notice vault schema: good again: fine"});
  fixture.schema = before;
  fixture.clock.advance(300s);
  fixture.step();
  CHECK(fixture.take() == Strings{"integrity high vault schema: has changed"});
  CHECK(fixture.monitors->accept("none").error().code() == util::ErrorCode::kNotFound);
}

TEST_CASE("what is told says cause, next step and what belongs together") {
  Fixture fixture;
  Outcome bad = outcome(Check::kQuick, State::kBad, "damaged", "d");
  bad.cause = "a failing disk";
  bad.next = "sqlite3 db .recover";
  bad.facts = "{\"bytes\":1}";
  monitor::Watch watch;
  const auto events = watch.judge(fixture.options, bad, fixture.clock.now());
  REQUIRE(events.size() == 1);
  CHECK(nlohmann::json::parse(events[0].detail) ==
        nlohmann::json{{"monitor", "vault"},
                       {"check", "quick"},
                       {"state", "bad"},
                       {"severity", "critical"},
                       {"incident", "monitor/vault/quick"},
                       {"cause", "a failing disk"},
                       {"next", "sqlite3 db .recover"},
                       {"facts", {{"bytes", 1}}}});
}

TEST_CASE("what is remembered may be nonsense") {
  for (const char* text : {"", "[]", "{\"checks\":[]}", "{\"checks\":{\"quick\":7,\"x\":{}}}"}) {
    CHECK_FALSE(monitor::Watch::parse(text).known(Check::kQuick).state);
  }
}
