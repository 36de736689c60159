#include "ship/oci_logging.h"

#include "support/manual_clock.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
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
  message.event = std::move(event);
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

TEST_CASE("events of one type and jail share a batch, in their order") {
  const auto body = nlohmann::json::parse(body_of({ban(1), ban(2, "caddy"), ban(3), ban(4, "")}));
  const auto& batches = body["logEntryBatches"];
  REQUIRE(batches.size() == 3);
  CHECK(batches[0]["entries"].size() == 2);
  CHECK(batches[0]["entries"][1]["id"] == "00000000-0000-0000-0000-000000000003");
  CHECK(batches[1]["subject"] == "caddy");
  CHECK_FALSE(batches[2].contains("subject"));
}

TEST_CASE("an entry that the service would cut goes without its detail and says so") {
  auto message = ban(1);
  message.event->detail = R"({"text":")" + std::string(12'000, 'x') + "\"}";
  const auto body = nlohmann::json::parse(body_of({message}));
  const std::string text = body["logEntryBatches"][0]["entries"][0]["data"];
  CHECK(text.size() < 10'000);
  const auto details = nlohmann::json::parse(text)["data"]["additionalDetails"];
  CHECK_FALSE(details.contains("detail"));
  CHECK(details["detailOmitted"]["bytes"] == 12'011);
  CHECK(details["detailOmitted"]["sha256"].get<std::string>().size() == 64);
}

TEST_CASE("what OCI refuses is told apart by its code") {
  testing::ManualClock clock;
  using util::ErrorCode;
  ErrorCode code = ErrorCode::kUnavailable;
  std::string log;
  const auto destination = ship::make_oci_logging(
      {.name = "audit", .host = "web-1", .log = "ocid1.log.oc1..l"},
      [&](std::string_view to, std::string_view /*body*/) -> util::Status {
        log = to;
        if (code == ErrorCode::kInternal) {
          return {};
        }
        return util::Error(code, "why");
      },
      clock);
  const std::vector<ship::Message> messages{ban(1), ban(2)};
  const auto kind = [&](ErrorCode answer) {
    code = answer;
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
  CHECK(kind(ErrorCode::kInvalid) == Kind::kRefused);
  CHECK(kind(ErrorCode::kInternal) == Kind::kDelivered);
  CHECK(log == "ocid1.log.oc1..l");
  destination->cancel();
  CHECK(kind(ErrorCode::kInternal) == Kind::kRetry);
}
