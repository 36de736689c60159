#include "ship/oci_logging.h"

#include "crypto/sha256.h"
#include "model/event_json.h"
#include "ship/text.h"
#include "util/encoding.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace warder::ship {
namespace {

using Json = nlohmann::ordered_json;

// Beyond this many characters the service cuts an entry. Bytes are counted: never less.
constexpr std::size_t kLongestData = 10'000;
// Bytes of a detail in one part. Its quotes are doubled by becoming text in JSON.
constexpr std::size_t kPart = 4'500;
// With entries of at most kLongestData (twice that as escaped text) a request stays near 1 MiB, and
// below 3 MiB when every event has the longest detail.
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

// For what has no id of its own; the same name gives the same.
std::string id_for(std::string_view name) {
  const auto digest = crypto::sha256(util::as_bytes(name));
  model::EventId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return uuid(id);
}

// The key of a summary is the same for each attempt.
std::string id_of(const Message& message) {
  return message.event() ? uuid(message.event()->id) : id_for(message.key);
}

std::string type_of(const Message& message) {
  return message.event() ? fmt::format("warder.{}", model::to_string(message.event()->kind))
                         : std::string("warder.summary");
}

// The account that was tried, where the finding says so.
std::string user_of(const Json& detail) {
  const auto found = detail.is_object() ? detail.find("user") : detail.end();
  return detail.is_object() && found != detail.end() && found->is_string()
             ? plain_text(found->get_ref<const std::string&>(), 200)
             : std::string();
}

// What all entries have in common.
Json envelope(std::string type, std::string id, util::WallTime time, Json data) {
  Json json;
  json["eventType"] = std::move(type);
  json["cloudEventsVersion"] = "0.1";
  json["eventTypeVersion"] = "2.0";
  json["source"] = "warder";
  json["eventId"] = std::move(id);
  json["eventTime"] = util::format_rfc3339(time);
  json["contentType"] = "application/json";
  json["data"] = std::move(data);
  return json;
}

Json audit_event(std::string_view host, const Message& message) {
  Json additional;
  additional["host"] = host;
  additional["sequence"] = message.sequence;
  Json identity = Json::object();
  Json data;
  if (message.event()) {
    const model::Event& event = *message.event();
    data["eventName"] = model::to_string(event.kind);
    data["resourceName"] = event.address ? event.address->to_string() : event.jail;
    additional["severity"] = model::to_string(event.severity);
    if (!event.jail.empty()) {
      additional["jail"] = event.jail;
    }
    if (event.address) {
      identity["ipAddress"] = event.address->to_string();
    }
    if (Json detail = model::parse_detail(model::detail_text(event)); detail.is_object()) {
      if (std::string user = user_of(detail); !user.empty()) {
        identity["principalName"] = std::move(user);
      }
      additional["detail"] = std::move(detail);
    }
    additional["message"] = plain_text(event.message, model::Event::kLongestMessage);
  } else {
    data["eventName"] = "summary";
    data["resourceName"] = host;
    additional["severity"] = model::to_string(message.summary()->severity);
    additional["total"] = message.summary()->total;
    additional["message"] = plain_text(summary_text(*message.summary()), 4096);
  }
  data["identity"] = std::move(identity);
  data["additionalDetails"] = std::move(additional);
  return envelope(type_of(message), id_of(message), message.time(), std::move(data));
}

struct Entry {
  std::string type;
  std::string id;
  std::string data;
};

// The next part of `text`, whole characters of UTF-8.
std::string_view take_part(std::string_view* text) {
  std::size_t end = std::min(kPart, text->size());
  while (end < text->size() && (static_cast<unsigned char>((*text)[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(end);
  return part;
}

// The entry of a message, and behind it the parts of a detail that does not fit into it.
std::vector<Entry> entries_of(std::string_view host, const Message& message) {
  Json json = audit_event(host, message);
  std::vector<Entry> entries{{type_of(message), id_of(message), dump(json)}};
  Json& additional = json["data"]["additionalDetails"];
  if (entries.front().data.size() <= kLongestData || !additional.contains("detail")) {
    return entries;
  }
  const std::string detail = dump(additional["detail"]);
  additional.erase("detail");
  std::string_view rest = detail;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    Json part{{"host", host}, {"sequence", message.sequence}, {"of", id_of(message)}};
    part["part"] = number;
    part["text"] = take_part(&rest);
    const std::string id = id_for(fmt::format("{} part {}", id_of(message), number));
    entries.push_back(
        {"warder.detail", id,
         dump(envelope("warder.detail", id, message.time(),
                       {{"eventName", "detail"}, {"additionalDetails", std::move(part)}}))});
  }
  additional["detailParts"] = entries.size() - 1;
  additional["detailSha256"] = util::to_hex(crypto::sha256(util::as_bytes(detail)));
  entries.front().data = dump(json);
  return entries;
}

class OciLogging : public Destination {
 public:
  OciLogging(OciLoggingOptions options, std::unique_ptr<Cloud> cloud, const util::Clock& clock)
      : options_(std::move(options)), cloud_(std::move(cloud)), clock_(clock) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return kBatch; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    auto taken = cloud_->send(Cloud::Service::kLogging, options_.log,
                              put_logs_body(options_.host, messages, clock_.now()));
    Outcome outcome;
    if (taken) {
      outcome.receipt = std::move(taken->receipt);
    } else {
      outcome = outcome_of(taken.error());
    }
    return std::vector<Outcome>(messages.size(), outcome);
  }

  void cancel() override { cloud_->cancel(); }

 private:
  const OciLoggingOptions options_;
  const std::unique_ptr<Cloud> cloud_;
  const util::Clock& clock_;
};

}  // namespace

std::string put_logs_body(std::string_view host, std::span<const Message> messages,
                          util::WallTime now) {
  Json batches = Json::array();
  for (const Message& message : messages) {
    const std::string_view subject = message.event() ? std::string_view(message.event()->jail) : "";
    const util::WallTime time = now - message.time() > kOldest ? now : message.time();
    for (Entry& entry : entries_of(host, message)) {
      // Only neighbours share a batch, so that a request keeps the order of the events.
      if (batches.empty() || batches.back()["type"] != entry.type ||
          batches.back().value("subject", "") != subject) {
        Json fresh;
        fresh["source"] = host;
        fresh["type"] = std::move(entry.type);
        // An optional field that is sent empty is refused.
        if (!subject.empty()) {
          fresh["subject"] = subject;
        }
        fresh["defaultlogentrytime"] = util::format_rfc3339(now);
        fresh["entries"] = Json::array();
        batches.push_back(std::move(fresh));
      }
      batches.back()["entries"].push_back(Json{{"id", std::move(entry.id)},
                                               {"time", util::format_rfc3339(time)},
                                               {"data", std::move(entry.data)}});
    }
  }
  Json body;
  body["specversion"] = "1.0";
  body["logEntryBatches"] = std::move(batches);
  return dump(body);
}

std::unique_ptr<Destination> make_oci_logging(OciLoggingOptions options,
                                              std::unique_ptr<Cloud> cloud,
                                              const util::Clock& clock) {
  return std::make_unique<OciLogging>(std::move(options), std::move(cloud), clock);
}

}  // namespace warder::ship
