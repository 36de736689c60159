#pragma once

#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace warder::fail2ban {

// A ban as fail2ban keeps it (fail2ban-compat 18). Texts may hold anything.
struct StoredBan {
  std::string jail;
  std::string address;
  std::int64_t start = 0;    // seconds since 1970: of the finding that made it
  std::int64_t bantime = 0;  // seconds; -1 for ever
  std::uint32_t count = 1;   // bans of this address by this jail so far
  std::uint32_t failures = 0;
  std::vector<std::string> matches;  // lines, at most 10

  // Seconds since 1970; empty: never.
  std::optional<std::int64_t> end() const {
    return bantime == -1 ? std::nullopt : std::optional(start + bantime);
  }
};

struct StoredLog {
  std::string jail;
  std::string path;
  std::string first_line_digest;  // hexadecimal MD5 or SHA-1 of the first line with its end
  std::int64_t position = 0;      // bytes; for the journal a time
};

struct Stored {
  std::vector<StoredBan> current;  // one an address and jail: its latest ban
  std::vector<StoredBan> history;  // oldest first
  std::vector<StoredLog> logs;
  // Rows left out: beyond kMostRows, or without sense (a text where a number stands).
  std::uint64_t left_out = 0;
};

inline constexpr std::size_t kMostRows = 1'000'000;  // of each table

// Reads a database of fail2ban's, also of one that is running, and changes nothing. kNotFound,
// kDenied; kInvalid for a file that is no such database, is damaged, or has another version than 4
// (fail2ban 0.11 and later); kUnavailable when it stays locked for longer than five seconds. The
// text says what to do.
util::Result<Stored> read_database(const std::filesystem::path& path);

}  // namespace warder::fail2ban
