#include "ship/vault_trail.h"

#include "crypto/sha256.h"
#include "model/witness.h"
#include "support/scripted_far_end.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace warder;
using namespace std::chrono;
using Kind = ship::Outcome::Kind;

namespace {

ship::Message ban(std::uint8_t number) {
  ship::Message message;
  message.key = "trail-" + std::to_string(number);
  message.sequence = number;
  model::Event event;
  event.id.bytes[15] = number;
  event.kind = model::EventKind::kBan;
  event.severity = model::Severity::kWarning;
  event.time = sys_days(year(2026) / 11 / 2) + 12h;
  event.jail = "sshd";
  event.address = net::Prefix(*net::IpAddress::parse("192.0.2.9"));
  event.message = "5 findings in 10m";
  event.detail = R"({"count":1,"user":"root"})";
  message.what = std::move(event);
  return message;
}

struct Fixture {
  explicit Fixture(bool hashed = false) {
    auto made = std::make_unique<testing::ScriptedTrail>();
    trail = made.get();
    const ship::VaultTrailOptions options{.name = "t", .host = "web-1", .target = "audit"};
    destination = hashed ? ship::make_vault_hash(options, std::move(made))
                         : ship::make_vault_trail(options, std::move(made));
  }
  std::unique_ptr<ship::Destination> destination;
  testing::ScriptedTrail* trail = nullptr;
};

}  // namespace

TEST_CASE("an event's path is its own, and its fields hold a bounded number of texts") {
  CHECK(ship::trail_path("web-1", ban(7)) ==
        "events/web-1/00000000000000000007-00000000000000000000000000000007");
  CHECK(ship::trail_path("../a b%", ban(7)).starts_with("events/_.._a_b_/0000"));
  CHECK(nlohmann::json::parse(ship::trail_fields("web-1", ban(7))) == nlohmann::json::parse(R"({
      "host": "web-1", "sequence": 7, "id": "00000000000000000000000000000007",
      "time": "2026-11-02T12:00:00Z", "kind": "ban", "severity": "warning", "jail": "sshd",
      "address": "192.0.2.9", "message": "5 findings in 10m",
      "detail": "{\"count\":1,\"user\":\"root\"}"})"));
}

TEST_CASE(
    "a witness lies by its size and root, so that a second history of the size is kept, too") {
  ship::Message message = ban(9);
  message.event()->kind = model::EventKind::kStore;
  message.event()->detail =
      model::witness_detail({"warder/web-1", 9, std::string(64, 'a'), "a note"});
  CHECK(ship::trail_path("web-1", message) ==
        "checkpoints/web-1/00000000000000000009-" + std::string(64, 'a'));
}

TEST_CASE("each event is created once and has its own receipt") {
  Fixture fixture;
  const std::vector<ship::Message> messages{ban(1), ban(2)};
  auto outcomes = fixture.destination->deliver(messages);
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].receipt == "request-1");
  CHECK(outcomes[1].receipt == "request-2");
  outcomes = fixture.destination->deliver(messages);
  CHECK(outcomes[1].kind == Kind::kDelivered);
  CHECK(outcomes[1].receipt == "there since");
  CHECK(fixture.trail->stored.size() == 2);
}

TEST_CASE("nothing overtakes an event that the vault did not take") {
  Fixture fixture;
  fixture.trail->failing_from = 1;
  const std::vector<ship::Message> messages{ban(1), ban(2), ban(3)};
  for (const auto& [code, kind] : {std::pair(util::ErrorCode::kUnavailable, Kind::kRetry),
                                   std::pair(util::ErrorCode::kDenied, Kind::kRejected)}) {
    fixture.trail->failure = util::Error(code, "why");
    fixture.trail->calls = 0;
    const auto outcomes = fixture.destination->deliver(messages);
    REQUIRE(outcomes.size() == 3);
    CHECK(outcomes[0].kind == Kind::kDelivered);
    CHECK(outcomes[1].kind == kind);
    CHECK(outcomes[2].kind == kind);
    CHECK(fixture.trail->calls == 2);
  }
  // What the vault refuses for what it is holds up nobody.
  fixture.trail->failure = util::Error(util::ErrorCode::kInvalid, "too large");
  fixture.trail->calls = 0;
  CHECK(fixture.destination->deliver(messages)[2].kind == Kind::kRefused);
  CHECK(fixture.trail->calls == 3);
  fixture.destination->cancel();
  CHECK(fixture.trail->cancelled);
}

TEST_CASE("a commitment is to the whole event") {
  Fixture fixture(true);
  const std::vector<ship::Message> messages{ban(7)};
  const auto outcomes = fixture.destination->deliver(messages);
  CHECK(outcomes[0].receipt == "hmac-sha256:00");
  const std::string digest =
      util::to_hex(crypto::sha256(util::as_bytes(ship::trail_text(messages[0]))));
  CHECK(
      fixture.trail->hashed ==
      std::vector<std::string>{"audit warder:web-1:7:00000000000000000000000000000007:" + digest});
  CHECK(fixture.trail->stored.empty());
}
