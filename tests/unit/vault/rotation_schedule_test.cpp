#include "vault/rotation_schedule.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "vault/file_vault.h"
#include "vault/key.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace warder;
using namespace std::chrono_literals;
using crypto::SecretString;
using nlohmann::json;
using What = vault::RotationStep::What;

namespace {

struct Fixture {
  Fixture() {
    put("webhooks", R"({"token":"old-one","n":7})");
    put("rotation", R"({"webhooks/token":{"every":"30d","overlap":"1d"}})");
  }
  void put(std::string_view name, std::string_view text) {
    REQUIRE(provider->put(name, SecretString(text), {}));
  }
  json read(std::string_view name) { return json::parse(provider->get(name)->content.view()); }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const vault::RotationStep& step : steps) {
      all.push_back(step.text);
    }
    steps.clear();
    return all;
  }

  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  std::unique_ptr<vault::FileVault> provider =
      *vault::FileVault::create(folder / "vault", *vault::make_key(), {}, clock);
  std::vector<vault::RotationStep> steps;
  vault::RotationTimer timer{*provider, clock, "warder on web-1",
                             [this](const vault::RotationStep& step) { steps.push_back(step); }};
};

}  // namespace

TEST_CASE("secrets are replaced when they are due, their previous ones go when the overlap ends") {
  Fixture f;
  f.timer.look();
  CHECK(f.texts() == std::vector<std::string>{
                         "webhooks/token has a new secret, webhooks is now version 2; the old one "
                         "stays as token_previous for 1d"});
  const json first = f.read("webhooks");
  CHECK(first["token_previous"] == "old-one");
  CHECK(f.provider->history("webhooks")->front().author == "warder on web-1");
  CHECK(f.read("rotation")["webhooks/token"]["last"] == "2026-11-02T12:00:00Z");
  CHECK(f.timer.due() == f.clock.now() + 24h);
  f.clock.advance(24h - 1s);
  f.timer.look();
  CHECK(f.texts().empty());
  f.clock.advance(1s);
  f.timer.look();
  CHECK(f.texts() == std::vector<std::string>{"webhooks/token: the previous secret is gone"});
  CHECK(f.read("webhooks") == json{{"token", first["token"]}, {"n", 7}});
  CHECK(f.timer.due() == f.clock.now() + 24h * 29);
  // A year of looks, each day: replaced every thirty days, nothing else written.
  int rotated = 0;
  for (int day = 0; day < 365; ++day) {
    f.clock.advance(24h);
    f.timer.look();
    for (const vault::RotationStep& step : f.steps) {
      CHECK(step.what != What::kFailed);
      rotated += step.what == What::kRotated ? 1 : 0;
    }
    f.steps.clear();
  }
  CHECK(rotated == 12);
  CHECK(f.read("webhooks")["token"] != first["token"]);
}

TEST_CASE("a changed plan is heeded at the next look") {
  Fixture f;
  f.timer.look();
  f.texts();
  f.put("rotation",
        R"({"webhooks/token":{"every":"2d","overlap":"0s","last":"2026-11-02T12:00:00Z"},
                        "webhooks/other":{"overlap":"1d"}})");
  f.timer.look();
  CHECK(f.texts().empty());
  f.clock.advance(48h);
  f.timer.look();
  CHECK(f.texts().size() == 2);  // the first one's overlap ended, and it is replaced
  REQUIRE(f.provider->remove("rotation"));
  f.timer.look();
  CHECK_FALSE(f.timer.due());
}

TEST_CASE("what was replaced but not noted is not replaced again while its overlap runs") {
  Fixture f;
  f.timer.look();
  f.texts();
  const json after = f.read("webhooks");
  // As after a crash before the plan was written.
  f.put("rotation", R"({"webhooks/token":{"every":"30d","overlap":"1d"}})");
  f.clock.advance(1h);
  f.timer.look();
  CHECK(f.texts().empty());
  CHECK(f.read("webhooks") == after);
  CHECK(f.read("rotation")["webhooks/token"]["last"] == "2026-11-02T12:00:00Z");
}

TEST_CASE("a secret that cannot be replaced is told once, the others are, and it is tried again") {
  Fixture f;
  f.put("rotation", R"({"gone/token":{"every":"30d"},"webhooks/token":{"every":"30d"}})");
  f.timer.look();
  REQUIRE(f.steps.size() == 2);
  CHECK(f.steps[0].what == What::kRotated);
  CHECK(f.steps[1].what == What::kFailed);
  CHECK(f.steps[1].text.starts_with("gone/token was not rotated: "));
  f.texts();
  for (int i = 0; i < 5; ++i) {
    f.clock.advance(15min);
    f.timer.look();
  }
  CHECK(f.texts().empty());
  f.put("gone", R"({"token":"x"})");
  f.clock.advance(15min);
  f.timer.look();
  CHECK(f.texts().size() == 1);
  CHECK(f.read("gone")["token_previous"] == "x");
}

TEST_CASE("plans that cannot be read are told") {
  Fixture f;
  f.put("rotation", R"({"webhooks/token":{"every":"never"}})");
  f.timer.look();
  REQUIRE(f.steps.size() == 1);
  CHECK(f.steps[0].what == What::kFailed);
  CHECK(f.read("webhooks")["token"] == "old-one");
}
