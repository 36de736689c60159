#pragma once

#include "ship/message.h"
#include "util/clock.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace warder::ship {

// The bodies that receivers understand; README.md has their sources and limits.
enum class Form {
  kGeneric,
  kSlack,
  kDiscord,
  kNtfy,
  kTeams,
  kGotify,
  kPagerDuty,
  kAlertmanager,
  kAbuseIpDb,
  kBlocklistDe
};

std::string_view to_string(Form form);
std::optional<Form> parse_form(std::string_view name);

// A receiver that finds an event too long gets it once more without its detail ("detail_omitted").
enum class Detail { kWhole, kOmitted };

// What goes into every message beside the message.
struct Sender {
  std::string_view host;
  std::string_view destination;
};

// Each returns valid JSON in valid UTF-8 within the receiver's limits, whatever the events hold.
// Text of events cannot mention people or channels, make links or markup, or break out of its
// field.
std::string generic_body(const Sender& sender, std::span<const Message> messages,
                         util::WallTime sent, Detail detail = Detail::kWhole);
std::string slack_body(const Sender& sender, const Message& message);
std::string discord_body(const Sender& sender, const Message& message);
std::string ntfy_body(const Sender& sender, std::string_view topic, const Message& message);

// One line for a JSON lines file, without the line end; the object of the generic form.
std::string json_line(const Sender& sender, const Message& message);

}  // namespace warder::ship
