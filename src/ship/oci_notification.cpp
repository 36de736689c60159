#include "ship/oci_notification.h"

#include "ship/text.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <span>
#include <utility>
#include <vector>

namespace warder::ship {
namespace {

using Json = nlohmann::ordered_json;

// It becomes the subject of a mail.
constexpr std::size_t kLongestTitle = 200;
constexpr std::size_t kLongestLine = 2000;
constexpr std::size_t kLongestText = 16'000;

std::string text_of(std::string_view host, const Message& message) {
  if (message.summary()) {
    return told_text(message, &plain_text, kLongestText) +
           fmt::format("\n\nhost: {}\nkey: {}\n", host, message.key);
  }
  const model::Event& event = *message.event();
  std::string text = told_text(message, &plain_text, kLongestLine) + '\n';
  const auto row = [&](std::string_view name, std::string_view value) {
    text += fmt::format("\n{}: {}", name, plain_text(value, kLongestLine));
  };
  row("host", host);
  row("kind", model::to_string(event.kind));
  row("severity", model::to_string(event.severity));
  row("time", util::format_rfc3339(event.time));
  if (!event.jail.empty()) {
    row("jail", event.jail);
  }
  if (event.address) {
    row("address", event.address->to_string());
  }
  row("key", message.key);
  return text + '\n';
}

class OciNotification : public Destination {
 public:
  OciNotification(OciNotificationOptions options, std::unique_ptr<Cloud> cloud)
      : options_(std::move(options)), cloud_(std::move(cloud)) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return 1; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    const auto taken = cloud_->send(Cloud::Service::kNotifications, options_.topic,
                                    publish_body(options_.host, messages.front()));
    if (!taken) {
      return {outcome_of(taken.error())};
    }
    Outcome outcome;
    outcome.receipt = taken->receipt;
    const Json answer = Json::parse(taken->answer, nullptr, false);
    if (answer.is_object() && answer.contains("messageId") && answer["messageId"].is_string()) {
      outcome.receipt = plain_text(answer["messageId"].get_ref<const std::string&>(), 100);
    }
    return {outcome};
  }

  void cancel() override { cloud_->cancel(); }

 private:
  const OciNotificationOptions options_;
  const std::unique_ptr<Cloud> cloud_;
};

}  // namespace

std::string publish_body(std::string_view host, const Message& message) {
  const Json json{
      {"title", plain_text(fmt::format("{}: {}", host, headline(message)), kLongestTitle)},
      {"body", text_of(host, message)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::unique_ptr<Destination> make_oci_notification(OciNotificationOptions options,
                                                   std::unique_ptr<Cloud> cloud) {
  return std::make_unique<OciNotification>(std::move(options), std::move(cloud));
}

}  // namespace warder::ship
