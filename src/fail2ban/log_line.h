#pragma once

#include "net/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::fail2ban {

// What a line of fail2ban's own log says of an address (fail2ban-compat 20).
enum class Saying : std::uint8_t { kFound, kBan, kRestore, kUnban, kAlready, kIncrease, kIgnore };

struct LogLine {
  Saying saying = Saying::kFound;
  std::string jail;
  net::Prefix address;
  // Of the line, as written: local time of the host, milliseconds since 1970 as if it were UTC.
  std::int64_t written = 0;
  // kFound: the time of the line that was found, in the same way, in whole seconds.
  std::optional<std::int64_t> found;
};

// Reads a line of the form "2026-08-01 00:00:00,123 fail2ban.actions [12]: NOTICE  [sshd] Ban
// 192.0.2.1". Empty for every other line, and for a subject that is no address.
std::optional<LogLine> parse_log_line(std::string_view line);

}  // namespace warder::fail2ban
