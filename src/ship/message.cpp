#include "ship/message.h"

#include "util/duration.h"
#include "util/encoding.h"

#include <fmt/core.h>

namespace warder::ship {
namespace {

using model::EventKind;

std::string noun(EventKind kind, std::uint64_t count) {
  const std::string_view plural = count == 1 ? "" : "s";
  switch (kind) {
    case EventKind::kBan:
    case EventKind::kUnban:
    case EventKind::kFinding:
      return fmt::format("{}{}", model::to_string(kind), plural);
    case EventKind::kWouldBan:
      return fmt::format("would-be ban{}", plural);
    default:
      return fmt::format("{} event{}", model::to_string(kind), plural);
  }
}

// "sshd 30, caddy 7, others 4", or the example when no jail is concerned.
std::string break_down(const Summary::Kind& kind) {
  std::string text;
  for (const auto& [jail, count] : kind.jails) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", jail, count);
  }
  if (kind.other_jails != 0) {
    text += fmt::format("{}others {}", text.empty() ? "" : ", ", kind.other_jails);
  }
  return text.empty() ? kind.example : text;
}

std::string top_addresses(const Summary& summary) {
  if (summary.addresses.empty()) {
    return {};
  }
  std::string text =
      summary.addresses_estimated ? "top addresses (of those counted)" : "top addresses";
  std::string_view separator = " ";
  for (const auto& [address, count] : summary.addresses) {
    text += fmt::format("{}{}", separator, address.to_string());
    if (count > 1) {
      text += fmt::format(" ({})", count);
    }
    separator = ", ";
  }
  return text;
}

// What was held is told hours later: a line for each of the worst.
std::string held_lines(const Summary& summary) {
  std::string text;
  if (summary.was_held) {
    for (const Summary::Line& line : summary.worst) {
      text += fmt::format("\n{} {}: {}", util::format_rfc3339(line.time),
                          model::to_string(line.severity), line.message);
    }
  }
  return text;
}

}  // namespace

std::string event_key(std::string_view destination, const model::EventId& id) {
  return fmt::format("{}-{}", destination, util::to_hex(id.bytes));
}

std::string summary_text(const Summary& summary, Lines lines) {
  const std::string window =
      summary.was_held ? "quiet hours" : util::format_duration(summary.window);
  std::string addresses = top_addresses(summary);
  if (summary.kinds.size() == 1) {
    const Summary::Kind& kind = summary.kinds.front();
    std::string text = fmt::format("{} {} in {}: {}", kind.count, noun(kind.kind, kind.count),
                                   window, break_down(kind));
    return (addresses.empty() ? text : text + "; " + addresses) +
           (lines == Lines::kYes ? held_lines(summary) : std::string());
  }
  std::string text = fmt::format("{} alerts in {}", summary.total, window);
  for (const Summary::Kind& kind : summary.kinds) {
    text += fmt::format("\n{} {}: {}", kind.count, noun(kind.kind, kind.count), break_down(kind));
  }
  return (addresses.empty() ? text : text + "\n" + addresses) +
         (lines == Lines::kYes ? held_lines(summary) : std::string());
}

std::string headline(const Message& message) {
  if (message.summary()) {
    return fmt::format("{} alerts in {}", message.summary()->total,
                       message.summary()->was_held
                           ? "quiet hours"
                           : util::format_duration(message.summary()->window));
  }
  const model::Event& event = *message.event();
  std::string text(model::to_string(event.kind));
  if (event.address) {
    text += " " + event.address->to_string();
  }
  if (!event.jail.empty()) {
    text += " (" + event.jail + ")";
  }
  return text;
}

}  // namespace warder::ship
