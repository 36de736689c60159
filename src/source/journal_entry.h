#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::source {

struct JournalLine {
  std::string text;
  std::size_t message_at = 0;  // model::Line::message_at
};

// The fields of a journal entry that a line is made of; nothing where the entry has none.
struct JournalEntry {
  std::optional<std::string> host;                // _HOSTNAME
  std::optional<std::string> identifier;          // SYSLOG_IDENTIFIER
  std::optional<std::string> command;             // _COMM
  std::optional<std::string> syslog_pid;          // SYSLOG_PID
  std::optional<std::string> pid;                 // _PID
  std::optional<std::string> message;             // MESSAGE; several joined with blanks
  std::optional<std::uint64_t> source_realtime;   // _SOURCE_REALTIME_TIMESTAMP, microseconds
  std::optional<std::uint64_t> source_monotonic;  // _SOURCE_MONOTONIC_TIMESTAMP, microseconds

  // Takes one "FIELD=value"; other fields are passed over.
  void take(std::string_view field);
  // "HOST IDENT[PID]: MESSAGE" as fail2ban 1.1 makes it (server/filtersystemd.py, re-specified):
  // parts that are missing are left out, IDENT `kernel` is followed by "[seconds]", each line break
  // in the message becomes the two characters \n. No date: the stamp is beside the text.
  JournalLine line(std::uint64_t monotonic) const;
};

}  // namespace warder::source
