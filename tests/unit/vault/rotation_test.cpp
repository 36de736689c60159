#include "vault/rotation.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "vault/file_vault.h"
#include "vault/key.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace warder;
using namespace std::chrono_literals;
using crypto::SecretString;
using nlohmann::json;
using util::ErrorCode;

namespace {

struct Fixture {
  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  std::unique_ptr<vault::FileVault> provider =
      *vault::FileVault::create(folder / "vault", *vault::make_key(), {}, clock);
  vault::RotationEntry entry{"webhooks", "token", {.every = 24h * 30, .overlap = 24h}};

  json document() { return json::parse(provider->get("webhooks")->content.view()); }
};

}  // namespace

TEST_CASE("a rotation keeps the old secret for its overlap") {
  Fixture f;
  REQUIRE(f.provider->put("webhooks", SecretString(R"({"token":"old-one","n":7})"), {}));
  CHECK(f.entry.is_due(f.clock.now()));
  CHECK(vault::rotate(*f.provider, f.entry, "alice", f.clock.now()).value_or(0) == 2);
  const json after = f.document();
  CHECK(after["token"].get<std::string>().size() == 40);
  CHECK(after["token"] != "old-one");
  CHECK(after["token_previous"] == "old-one");
  CHECK(after["token_previous_until"] == "2026-11-03T12:00:00Z");
  CHECK(after["n"] == 7);
  CHECK(f.provider->history("webhooks")->front().comment == "rotated token");
  f.entry.plan.last = f.clock.now();
  f.clock.advance(24h - 1s);
  CHECK_FALSE(*vault::end_overlap(*f.provider, f.entry, "alice", f.clock.now()));
  f.clock.advance(1s);
  CHECK(*vault::end_overlap(*f.provider, f.entry, "alice", f.clock.now()) == 3U);
  CHECK(f.document() == json{{"token", after["token"]}, {"n", 7}});
  CHECK_FALSE(*vault::end_overlap(*f.provider, f.entry, "alice", f.clock.now()));
  CHECK_FALSE(f.entry.is_due(f.clock.now()));
  f.clock.advance(24h * 29);
  CHECK(f.entry.is_due(f.clock.now()));
}

TEST_CASE("a secret that is no string, or in no document, is left alone") {
  Fixture f;
  CHECK(vault::rotate(*f.provider, f.entry, "", f.clock.now()).error().code() ==
        ErrorCode::kNotFound);
  REQUIRE(f.provider->put("webhooks", SecretString(R"({"token":{"a":1}})"), {}));
  CHECK(vault::rotate(*f.provider, f.entry, "", f.clock.now()).error().message() ==
        "webhooks/token: is no string, so it is not replaced by one");
}

TEST_CASE("the schedule is written and read back, and refused as a whole") {
  Fixture f;
  f.entry.plan.last = f.clock.now();
  const std::string text = vault::rotation_text({f.entry});
  CHECK(
      json::parse(text) ==
      json::parse(
          R"({"webhooks/token":{"every":"30d","overlap":"1d","length":40,"last":"2026-11-02T12:00:00Z"}})"));
  const auto read = vault::parse_rotation(text);
  REQUIRE(read);
  REQUIRE(read->size() == 1);
  CHECK(read->front().name() == "webhooks/token");
  CHECK(read->front().plan.every == 24h * 30);
  CHECK(read->front().plan.last == f.clock.now());
  const auto wrong = vault::parse_rotation(
      R"({"token":{},"a/b":{"length":8},"a/c":{"every":"0s"},"a/d":{"last":"yesterday"},"a/e":{}})");
  REQUIRE_FALSE(wrong);
  const std::string message = wrong.error().message();
  for (const char* name : {"'token'", "'a/b'", "'a/c'", "'a/d'"}) {
    CHECK(message.find(name) != std::string::npos);
  }
  CHECK(message.find("'a/e'") == std::string::npos);
  CHECK(vault::parse_rotation("[]").error().code() == ErrorCode::kInvalid);
}

TEST_CASE("generated secrets use the whole alphabet and never repeat") {
  std::set<char> letters;
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) {
    const auto secret = vault::generate_secret(64);
    REQUIRE(secret);
    CHECK(secret->size() == 64);
    letters.insert(secret->view().begin(), secret->view().end());
    all.emplace(secret->view());
  }
  CHECK(letters.size() == 62);
  CHECK(all.size() == 100);
}
