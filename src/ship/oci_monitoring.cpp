#include "ship/oci_monitoring.h"

#include "ship/text.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace warder::ship {
namespace {

using Json = nlohmann::ordered_json;

// A value of a dimension: not empty, at most 512 characters.
std::string value_of(std::string_view text) { return plain_text(text, 256); }

// Adds to the stream with these dimensions, which is made when new.
void add(Json* streams, std::string_view compartment, std::string_view metric, Json dimensions,
         util::WallTime time, std::uint64_t count) {
  auto stream = std::find_if(streams->begin(), streams->end(), [&](const Json& known) {
    return known["name"] == metric && known["dimensions"] == dimensions;
  });
  if (stream == streams->end()) {
    streams->push_back(Json{{"namespace", "warder"},
                            {"compartmentId", compartment},
                            {"name", metric},
                            {"dimensions", std::move(dimensions)},
                            {"metadata", {{"unit", "count"}}},
                            {"datapoints", Json::array()}});
    stream = std::prev(streams->end());
  }
  (*stream)["datapoints"].push_back(
      {{"timestamp", util::format_rfc3339(time)}, {"value", count}, {"count", 1}});
}

// "would-ban" may not be a metric's name; "would_ban" may.
std::string metric_of(model::EventKind kind) {
  std::string name(model::to_string(kind));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class OciMonitoring : public Destination {
 public:
  OciMonitoring(OciMonitoringOptions options, std::unique_ptr<Cloud> cloud,
                const util::Clock& clock)
      : options_(std::move(options)), cloud_(std::move(cloud)), clock_(clock) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return kMostMetricMessages; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    // The old ones in front are told as they are; the rest is sent with the next call.
    const util::WallTime oldest = clock_.now() - kOldestDatapoint;
    std::vector<Outcome> outcomes;
    for (const Message& message : messages) {
      if (message.time() >= oldest) {
        break;
      }
      outcomes.push_back({.kind = Outcome::Kind::kRefused,
                          .after = {},
                          .reason = "OCI Monitoring takes no metrics older than two hours"});
    }
    const auto fresh = messages.subspan(outcomes.size());
    if (fresh.empty()) {
      return outcomes;
    }
    Outcome outcome;
    if (const auto taken = cloud_->send(Cloud::Service::kMonitoring, options_.compartment,
                                        metrics_body(options_.host, options_.compartment, fresh));
        taken) {
      outcome = judge(*taken);
    } else {
      outcome = outcome_of(taken.error());
    }
    outcomes.resize(messages.size(), outcome);
    return outcomes;
  }

  void cancel() override { cloud_->cancel(); }

 private:
  // 200 can hold failures.
  static Outcome judge(const Taken& taken) {
    Outcome outcome;
    outcome.receipt = taken.receipt;
    const Json answer = Json::parse(taken.answer, nullptr, false);
    const auto failed = answer.is_object() ? answer.find("failedMetricsCount") : answer.end();
    if (answer.is_object() && failed != answer.end() && *failed != 0) {
      outcome.kind = Outcome::Kind::kRefused;
      outcome.reason = "OCI Monitoring refused metrics: " + plain_text(taken.answer, 300);
    }
    return outcome;
  }

  const OciMonitoringOptions options_;
  const std::unique_ptr<Cloud> cloud_;
  const util::Clock& clock_;
};

}  // namespace

std::string metrics_body(std::string_view host, std::string_view compartment,
                         std::span<const Message> messages) {
  Json streams = Json::array();
  for (const Message& message : messages) {
    if (message.event()) {
      const model::Event& event = *message.event();
      Json dimensions{{"host", value_of(host)}, {"severity", model::to_string(event.severity)}};
      if (!event.jail.empty()) {
        dimensions["jail"] = value_of(event.jail);
      }
      add(&streams, compartment, metric_of(event.kind), std::move(dimensions), event.time, 1);
      continue;
    }
    for (const Summary::Kind& kind : message.summary()->kinds) {
      // The severity of each is not known any more, and not all jails are.
      add(&streams, compartment, metric_of(kind.kind), {{"host", value_of(host)}}, message.time(),
          kind.count);
    }
  }
  const Json body{{"metricData", std::move(streams)}, {"batchAtomicity", "ATOMIC"}};
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::unique_ptr<Destination> make_oci_monitoring(OciMonitoringOptions options,
                                                 std::unique_ptr<Cloud> cloud,
                                                 const util::Clock& clock) {
  return std::make_unique<OciMonitoring>(std::move(options), std::move(cloud), clock);
}

}  // namespace warder::ship
