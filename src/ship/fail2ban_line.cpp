#include "ship/fail2ban_line.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <string_view>

namespace warder::ship {
namespace {

using model::EventKind;

// "2026-08-01 00:00:00"
std::string local_time(util::WallTime time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr) {
    ::gmtime_r(&seconds, &local);
  }
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

std::string line(util::WallTime time, pid_t process, std::string_view part, std::string_view level,
                 std::string_view text) {
  const auto fraction = time - std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{},{:03} fail2ban.{:<15}[{}]: {:<7} {}\n", local_time(time),
                     std::chrono::floor<std::chrono::milliseconds>(fraction).count(), part, process,
                     level, text);
}

}  // namespace

std::string fail2ban_line(const Message& message, pid_t process) {
  const model::Event* event = message.event();
  if (event == nullptr) {
    return {};
  }
  if (event->kind == EventKind::kAlert && event->jail.empty()) {
    return line(event->time, process, "actions", "INFO", "warder tries out this destination");
  }
  if (!event->address || event->jail.empty()) {
    return {};
  }
  const auto said = [&](std::string_view word) {
    return fmt::format("[{}] {} {}", event->jail, word, event->address->to_string());
  };
  switch (event->kind) {
    case EventKind::kFinding:
      return line(event->time, process, "filter", "INFO",
                  fmt::format("{} - {}", said("Found"), local_time(event->time)));
    case EventKind::kBan:
      return line(event->time, process, "actions", "NOTICE", said("Ban"));
    case EventKind::kUnban:
      return line(event->time, process, "actions", "NOTICE", said("Unban"));
    default:
      return {};
  }
}

}  // namespace warder::ship
