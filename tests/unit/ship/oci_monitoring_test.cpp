#include "ship/oci_monitoring.h"

#include "support/manual_clock.h"
#include "support/scripted_far_end.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

using namespace warder;
using namespace std::chrono;
using Kind = ship::Outcome::Kind;

namespace {

ship::Message event(util::WallTime time, std::string jail = "sshd") {
  ship::Message message;
  model::Event ban;
  ban.kind = model::EventKind::kWouldBan;
  ban.severity = model::Severity::kWarning;
  ban.time = time;
  ban.jail = std::move(jail);
  message.what = std::move(ban);
  return message;
}

const util::WallTime kTime(sys_days(year(2026) / 11 / 2) + 12h);

}  // namespace

TEST_CASE("events of one kind, severity and jail are one stream, a summary one a kind") {
  ship::Message summary;
  summary.what = ship::Summary();
  summary.summary()->until = kTime + 1min;
  summary.summary()->kinds.push_back(
      {.kind = model::EventKind::kBan, .count = 37, .jails = {}, .other_jails = 0, .example = {}});
  const std::vector<ship::Message> messages{event(kTime), event(kTime + 1s), event(kTime, ""),
                                            summary};
  const auto body =
      nlohmann::json::parse(ship::metrics_body("web-1", "ocid1.compartment.oc1..c", messages));
  CHECK(body["batchAtomicity"] == "ATOMIC");
  const auto& streams = body["metricData"];
  REQUIRE(streams.size() == 3);
  CHECK(streams[0] == nlohmann::json::parse(R"({
      "namespace": "warder", "compartmentId": "ocid1.compartment.oc1..c", "name": "would_ban",
      "dimensions": {"host": "web-1", "severity": "warning", "jail": "sshd"},
      "metadata": {"unit": "count"},
      "datapoints": [{"timestamp": "2026-11-02T12:00:00Z", "value": 1, "count": 1},
                     {"timestamp": "2026-11-02T12:00:01Z", "value": 1, "count": 1}]})"));
  CHECK_FALSE(streams[1]["dimensions"].contains("jail"));
  CHECK(streams[2]["name"] == "ban");
  CHECK(streams[2]["datapoints"][0]["value"] == 37);
}

TEST_CASE("what is too old is refused in the open, and a failure inside a 200 is one") {
  testing::ManualClock clock;
  auto made = std::make_unique<testing::ScriptedCloud>();
  testing::ScriptedCloud& cloud = *made;
  const auto destination = ship::make_oci_monitoring(
      {.name = "m", .host = "web-1", .compartment = "ocid1.compartment.oc1..c"}, std::move(made),
      clock);
  const std::vector<ship::Message> messages{event(clock.now() - 3h), event(clock.now() - 1h)};
  auto outcomes = destination->deliver(messages);
  CHECK(outcomes[0].kind == Kind::kRefused);
  CHECK(outcomes[0].reason == "OCI Monitoring takes no metrics older than two hours");
  CHECK(outcomes[1].kind == Kind::kDelivered);
  CHECK(cloud.sent.size() == 1);
  cloud.answer = R"({"failedMetricsCount":1,"failedMetrics":[{"message":"why"}]})";
  outcomes = destination->deliver(messages);
  CHECK(outcomes[1].kind == Kind::kRefused);
  CHECK(outcomes[1].reason.find("why") != std::string::npos);
  cloud.answer = R"({"failedMetricsCount":0,"failedMetrics":[]})";
  CHECK(destination->deliver(messages)[1].kind == Kind::kDelivered);
}
