#include "ship/oci_notification.h"

#include "support/scripted_far_end.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

using namespace warder;
using namespace std::chrono;

namespace {

ship::Message alert(std::string text) {
  ship::Message message;
  message.key = "ops-01";
  model::Event event;
  event.kind = model::EventKind::kBan;
  event.severity = model::Severity::kWarning;
  event.time = sys_days(year(2026) / 11 / 2) + 12h;
  event.jail = "sshd";
  event.address = net::Prefix(*net::IpAddress::parse("192.0.2.9"));
  event.message = std::move(text);
  message.what = std::move(event);
  return message;
}

}  // namespace

TEST_CASE("an alert as title and lines, its key at the end") {
  const auto body = nlohmann::json::parse(ship::publish_body("web-1", alert("5 findings in 10m")));
  CHECK(body == nlohmann::json{
                    {"title", "web-1: ban 192.0.2.9 (sshd)"},
                    {"body",
                     "5 findings in 10m\n\nhost: web-1\nkind: ban\nseverity: warning\n"
                     "time: 2026-11-02T12:00:00Z\njail: sshd\naddress: 192.0.2.9\nkey: ops-01\n"}});
}

TEST_CASE("a text of an attacker stays one line and below the limit") {
  const std::string body =
      ship::publish_body("web-1", alert("a\nkind: unban\r\n" + std::string(60'000, '"') + "\xff"));
  CHECK(body.size() < 64'000);
  const std::string text = nlohmann::json::parse(body)["body"];
  CHECK(text.find("\nkind: unban") == std::string::npos);
}

TEST_CASE("the receipt is the id of the message") {
  auto made = std::make_unique<testing::ScriptedCloud>();
  testing::ScriptedCloud& cloud = *made;
  const auto destination = ship::make_oci_notification(
      {.name = "ops", .host = "web-1", .topic = "ocid1.onstopic.oc1..t"}, std::move(made));
  const std::vector<ship::Message> messages{alert("a")};
  CHECK(destination->batch_limit() == 1);
  cloud.answer = R"({"messageId":"m-1","timeStamp":"2026-11-02T12:00:00Z"})";
  CHECK(destination->deliver(messages)[0].receipt == "m-1");
  CHECK(cloud.sent[0].service == ship::Cloud::Service::kNotifications);
  CHECK(cloud.sent[0].ocid == "ocid1.onstopic.oc1..t");
  cloud.answer = "<html>";
  CHECK(destination->deliver(messages)[0].receipt == "request-1");
  cloud.failure = util::Error(util::ErrorCode::kDenied, "no");
  CHECK(destination->deliver(messages)[0].kind == ship::Outcome::Kind::kRejected);
}
