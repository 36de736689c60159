#include "ship/oci_logging.h"

#include "crypto/sha256.h"
#include "support/manual_clock.h"
#include "support/scripted_far_end.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace warder;
using namespace std::chrono;

const util::WallTime kTime(sys_days(year(2026) / 11 / 2) + 12h);

ship::Message ban(std::uint8_t number, std::string jail = "sshd") {
  ship::Message message;
  message.key = "audit-" + std::to_string(number);
  message.sequence = number;
  model::Event event;
  event.id.bytes[15] = number;
  event.kind = model::EventKind::kBan;
  event.severity = model::Severity::kWarning;
  event.time = kTime;
  event.jail = std::move(jail);
  event.address = net::Prefix(*net::IpAddress::parse("192.0.2.9"));
  event.message = "5 findings in 10m";
  event.detail = R"({"count":1,"user":"root"})";
  message.what = std::move(event);
  return message;
}

std::string body_of(const std::vector<ship::Message>& messages) {
  return ship::put_logs_body("web-1", messages, kTime + 1s);
}

}  // namespace

TEST_CASE("an event becomes an entry in the shape of an audit event") {
  const auto body = nlohmann::json::parse(body_of({ban(1)}));
  auto batch = body["logEntryBatches"][0];
  const auto data = nlohmann::json::parse(batch["entries"][0]["data"].get<std::string>());
  batch["entries"][0].erase("data");
  CHECK(body["specversion"] == "1.0");
  CHECK(batch == nlohmann::json::parse(R"({
      "source": "web-1", "type": "warder.ban", "subject": "sshd",
      "defaultlogentrytime": "2026-11-02T12:00:01Z",
      "entries": [{"id": "00000000-0000-0000-0000-000000000001",
                   "time": "2026-11-02T12:00:00Z"}]})"));
  CHECK(data == nlohmann::json::parse(R"({
      "eventType": "warder.ban", "cloudEventsVersion": "0.1", "eventTypeVersion": "2.0",
      "source": "warder", "eventId": "00000000-0000-0000-0000-000000000001",
      "eventTime": "2026-11-02T12:00:00Z", "contentType": "application/json",
      "data": {"eventName": "ban", "resourceName": "192.0.2.9",
               "identity": {"ipAddress": "192.0.2.9", "principalName": "root"},
               "additionalDetails": {"host": "web-1", "sequence": 1, "severity": "warning",
                                     "jail": "sshd", "detail": {"count": 1, "user": "root"},
                                     "message": "5 findings in 10m"}}})"));
}

TEST_CASE("neighbours of one type and jail share a batch; all entries keep the events' order") {
  const auto body = nlohmann::json::parse(
      body_of({ban(1), ban(2), ban(3, "caddy"), ban(4), ban(5, ""), ban(6, "")}));
  const auto& batches = body["logEntryBatches"];
  REQUIRE(batches.size() == 4);
  CHECK(batches[0]["subject"] == "sshd");
  CHECK(batches[1]["subject"] == "caddy");
  CHECK(batches[2]["subject"] == "sshd");
  CHECK_FALSE(batches[3].contains("subject"));
  std::string order;
  for (const auto& batch : batches) {
    for (const auto& entry : batch["entries"]) {
      order += entry["id"].get<std::string>().back();
    }
    order += '|';
  }
  CHECK(order == "12|3|4|56|");
}

TEST_CASE("a detail that the service would cut goes in parts, which give it whole") {
  // Quotes take most room as text in JSON; characters of several bytes are not torn.
  for (const std::string piece : {"x", "\\\"", "\xc3\xa4", "\xf0\x9f\x94\x92"}) {
    auto message = ban(1);
    std::string text;
    while (text.size() + piece.size() < 16'000) {
      text += piece;
    }
    message.event()->detail = R"({"text":")" + text + "\"}";
    const auto body = nlohmann::json::parse(body_of({message, ban(2)}));
    const auto& batches = body["logEntryBatches"];
    // The parts stand right behind their entry.
    REQUIRE(batches.size() == 3);
    CHECK(batches[0]["entries"].size() == 1);
    CHECK(batches[2]["entries"][0]["id"] == "00000000-0000-0000-0000-000000000002");
    const auto first = nlohmann::json::parse(
        batches[0]["entries"][0]["data"].get<std::string>())["data"]["additionalDetails"];
    CHECK_FALSE(first.contains("detail"));
    CHECK(batches[1]["type"] == "warder.detail");
    const auto& parts = batches[1]["entries"];
    CHECK(first["detailParts"] == parts.size());
    std::string whole;
    for (const auto& part : parts) {
      const std::string data = part["data"];
      CHECK(data.size() <= 10'000);
      const auto details = nlohmann::json::parse(data)["data"]["additionalDetails"];
      CHECK(details["of"] == "00000000-0000-0000-0000-000000000001");
      whole += details["text"];
    }
    CHECK(nlohmann::json::parse(whole) == nlohmann::json::parse(message.event()->detail));
    CHECK(first["detailSha256"] == util::to_hex(crypto::sha256(util::as_bytes(whole))));
    CHECK(parts[0]["id"] != parts[1]["id"]);
    CHECK(body_of({message, ban(2)}) == body_of({message, ban(2)}));
  }
}

TEST_CASE("an entry that the log would drop for its age bears the time of sending") {
  auto message = ban(1);
  message.event()->time = kTime - 24h * 40;
  const auto entry = nlohmann::json::parse(body_of({message}))["logEntryBatches"][0]["entries"][0];
  CHECK(entry["time"] == "2026-11-02T12:00:01Z");
  CHECK(nlohmann::json::parse(entry["data"].get<std::string>())["eventTime"] ==
        "2026-09-23T12:00:00Z");
}

TEST_CASE("what OCI refuses is told apart by its code") {
  testing::ManualClock clock;
  using util::ErrorCode;
  auto made = std::make_unique<testing::ScriptedCloud>();
  testing::ScriptedCloud& cloud = *made;
  const auto destination = ship::make_oci_logging(
      {.name = "audit", .host = "web-1", .log = "ocid1.log.oc1..l"}, std::move(made), clock);
  const std::vector<ship::Message> messages{ban(1), ban(2)};
  const auto kind = [&](std::optional<ErrorCode> answer) {
    cloud.failure = answer ? std::optional(util::Error(*answer, "why")) : std::nullopt;
    const auto outcomes = destination->deliver(messages);
    REQUIRE(outcomes.size() == 2);
    CHECK(outcomes[0].kind == outcomes[1].kind);
    return outcomes[0].kind;
  };
  using Kind = ship::Outcome::Kind;
  CHECK(kind(ErrorCode::kUnavailable) == Kind::kRetry);
  CHECK(kind(ErrorCode::kTimeout) == Kind::kRetry);
  CHECK(kind(ErrorCode::kDenied) == Kind::kRejected);
  CHECK(kind(ErrorCode::kNotFound) == Kind::kRejected);
  CHECK(kind(ErrorCode::kConfiguration) == Kind::kRetry);
  CHECK(kind(ErrorCode::kInvalid) == Kind::kRefused);
  CHECK(kind(std::nullopt) == Kind::kDelivered);
  CHECK(destination->deliver(messages)[1].receipt == "request-1");
  CHECK(cloud.sent.back().service == ship::Cloud::Service::kLogging);
  CHECK(cloud.sent.back().ocid == "ocid1.log.oc1..l");
  destination->cancel();
  CHECK(cloud.cancelled);
}
