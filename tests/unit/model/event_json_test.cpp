#include "model/event_json.h"

#include <catch2/catch.hpp>

#include <string>

namespace warder::model {
namespace {

TEST_CASE("an event is written with what it has, its detail as an object") {
  Event event;
  event.kind = EventKind::kBan;
  event.severity = Severity::kHigh;
  event.time = util::WallTime(std::chrono::seconds{1'700'000'000});
  event.jail = "sshd";
  event.address = *net::Prefix::parse("192.0.2.1");
  event.message = "banned";
  event.detail = R"({"count":2})";
  CHECK(event_json(event, 7).dump() ==
        R"({"sequence":7,"id":"00000000000000000000000000000000","time":"2023-11-14T22:13:20Z",)"
        R"("kind":"ban","severity":"high","jail":"sshd","address":"192.0.2.1","message":"banned",)"
        R"("detail":{"count":2}})");
}

TEST_CASE("a detail that is no JSON stays text, and a bottomless one is cut") {
  Event event;
  event.detail = "no JSON";
  CHECK(event_json(event, 1)["detail"] == "no JSON");
  // Written out as it is, this would take the whole stack.
  event.detail =
      R"({"good":1,"deep":)" + std::string(500'000, '[') + std::string(500'000, ']') + "}";
  const auto json = event_json(event, 1);
  CHECK(json["detail"]["good"] == 1);
  CHECK(json.dump().size() < 500);
}

}  // namespace
}  // namespace warder::model
