#include "ship/oci_logging.h"

#include "crypto/sha256.h"
#include "ship/detail.h"
#include "ship/text.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace warder::ship {
namespace {

using Json = nlohmann::ordered_json;
using util::ErrorCode;

// Beyond this many characters the service cuts an entry. Bytes are counted: never less.
constexpr std::size_t kLongestData = 10'000;
// With entries of at most kLongestData (twice that as escaped text) a request stays near 1 MiB.
constexpr std::size_t kBatch = 50;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// 16 bytes in the form of a UUID (RFC 4122 section 3): the audit event's id is one.
std::string uuid(const model::EventId& id) {
  const std::string hex = util::to_hex(id.bytes);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20, 12));
}

std::string id_of(const Message& message) {
  if (message.event) {
    return uuid(message.event->id);
  }
  // A summary has no id of its own; its key is the same for each attempt.
  const auto digest = crypto::sha256(util::as_bytes(message.key));
  model::EventId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return uuid(id);
}

std::string type_of(const Message& message) {
  return message.event ? fmt::format("warder.{}", model::to_string(message.event->kind))
                       : std::string("warder.summary");
}

util::WallTime time_of(const Message& message) {
  return message.event ? message.event->time : message.summary->until;
}

// The account that was tried, where the finding says so.
std::string user_of(const Json& detail) {
  const auto found = detail.is_object() ? detail.find("user") : detail.end();
  return detail.is_object() && found != detail.end() && found->is_string()
             ? plain_text(found->get_ref<const std::string&>(), 200)
             : std::string();
}

Json audit_event(std::string_view host, const Message& message) {
  Json additional;
  additional["host"] = host;
  additional["sequence"] = message.sequence;
  Json identity = Json::object();
  Json data;
  if (message.event) {
    const model::Event& event = *message.event;
    data["eventName"] = model::to_string(event.kind);
    data["resourceName"] = event.address ? event.address->to_string() : event.jail;
    additional["severity"] = model::to_string(event.severity);
    if (!event.jail.empty()) {
      additional["jail"] = event.jail;
    }
    if (event.address) {
      identity["ipAddress"] = event.address->to_string();
    }
    if (Json detail = parse_detail(model::detail_text(event)); detail.is_object()) {
      if (std::string user = user_of(detail); !user.empty()) {
        identity["principalName"] = std::move(user);
      }
      additional["detail"] = std::move(detail);
    }
    additional["message"] = plain_text(event.message, model::Event::kLongestMessage);
  } else {
    data["eventName"] = "summary";
    data["resourceName"] = host;
    additional["severity"] = model::to_string(message.summary->severity);
    additional["total"] = message.summary->total;
    additional["message"] = plain_text(summary_text(*message.summary), 4096);
  }
  data["identity"] = std::move(identity);
  data["additionalDetails"] = std::move(additional);
  Json json;
  json["eventType"] = type_of(message);
  json["cloudEventsVersion"] = "0.1";
  json["eventTypeVersion"] = "2.0";
  json["source"] = "warder";
  json["eventId"] = id_of(message);
  json["eventTime"] = util::format_rfc3339(time_of(message));
  json["contentType"] = "application/json";
  json["data"] = std::move(data);
  return json;
}

std::string data_of(std::string_view host, const Message& message) {
  Json json = audit_event(host, message);
  std::string text = dump(json);
  if (text.size() > kLongestData) {
    Json& additional = json["data"]["additionalDetails"];
    additional.erase("detail");
    if (message.event) {
      additional["detailOmitted"] = {
          {"bytes", message.event->detail.size()},
          {"sha256", util::to_hex(crypto::sha256(util::as_bytes(message.event->detail)))}};
    }
    text = dump(json);
  }
  return text;
}

class OciLogging : public Destination {
 public:
  OciLogging(OciLoggingOptions options, PutLogs put, const util::Clock& clock)
      : options_(std::move(options)), put_(std::move(put)), clock_(clock) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return kBatch; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    Outcome outcome;
    if (cancelled_) {
      outcome = {.kind = Outcome::Kind::kRetry, .after = {}, .reason = "stopping"};
    } else if (const auto status =
                   put_(options_.log, put_logs_body(options_.host, messages, clock_.now()));
               !status) {
      const ErrorCode code = status.error().code();
      outcome.reason = status.error().message();
      outcome.kind = code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout ||
                             code == ErrorCode::kIo || code == ErrorCode::kConflict
                         ? Outcome::Kind::kRetry
                     : code == ErrorCode::kDenied || code == ErrorCode::kNotFound
                         ? Outcome::Kind::kRejected
                         : Outcome::Kind::kRefused;
    }
    return std::vector<Outcome>(messages.size(), outcome);
  }

  // A call that runs is bounded by its own time limit.
  void cancel() override { cancelled_ = true; }

 private:
  const OciLoggingOptions options_;
  const PutLogs put_;
  const util::Clock& clock_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace

std::string put_logs_body(std::string_view host, std::span<const Message> messages,
                          util::WallTime now) {
  Json batches = Json::array();
  for (const Message& message : messages) {
    const std::string type = type_of(message);
    const std::string_view subject = message.event ? std::string_view(message.event->jail) : "";
    auto batch = std::find_if(batches.begin(), batches.end(), [&](const Json& known) {
      return known["type"] == type && known.value("subject", "") == subject;
    });
    if (batch == batches.end()) {
      Json fresh;
      fresh["source"] = host;
      fresh["type"] = type;
      // An optional field that is sent empty is refused.
      if (!subject.empty()) {
        fresh["subject"] = subject;
      }
      fresh["defaultlogentrytime"] = util::format_rfc3339(now);
      fresh["entries"] = Json::array();
      batches.push_back(std::move(fresh));
      batch = std::prev(batches.end());
    }
    (*batch)["entries"].push_back(Json{{"id", id_of(message)},
                                       {"time", util::format_rfc3339(time_of(message))},
                                       {"data", data_of(host, message)}});
  }
  Json body;
  body["specversion"] = "1.0";
  body["logEntryBatches"] = std::move(batches);
  return dump(body);
}

std::unique_ptr<Destination> make_oci_logging(OciLoggingOptions options, PutLogs put,
                                              const util::Clock& clock) {
  return std::make_unique<OciLogging>(std::move(options), std::move(put), clock);
}

}  // namespace warder::ship
