#include "source/journal_entry.h"

#include <catch2/catch.hpp>

#include <initializer_list>
#include <string>

using warder::source::JournalEntry;
using warder::source::JournalLine;

namespace {

JournalLine made(std::initializer_list<std::string_view> fields) {
  JournalEntry entry;
  for (const std::string_view field : fields) {
    entry.take(field);
  }
  return entry.line(12'345'678);
}

std::string line(std::initializer_list<std::string_view> fields) { return made(fields).text; }

std::string message(std::initializer_list<std::string_view> fields) {
  const JournalLine line = made(fields);
  return line.text.substr(line.message_at);
}

}  // namespace

TEST_CASE("a journal entry becomes the line that fail2ban makes of it", "[source]") {
  REQUIRE(line({"_HOSTNAME=web1", "SYSLOG_IDENTIFIER=sshd", "_PID=42",
                "MESSAGE=Failed password"}) == "web1 sshd[42]: Failed password");
  REQUIRE(line({"_HOSTNAME=web1", "_COMM=sshd", "SYSLOG_PID=7", "_PID=42", "MESSAGE=x"}) ==
          "web1 sshd[7]: x");
  REQUIRE(line({"_HOSTNAME=web1", "SYSLOG_IDENTIFIER=cron", "_COMM=other", "MESSAGE=x"}) ==
          "web1 cron: x");
  REQUIRE(line({"MESSAGE=alone"}) == "alone");
  REQUIRE(line({"_HOSTNAME=web1", "_PID=42", "MESSAGE=x"}) == "web1 x");
  REQUIRE(line({"_HOSTNAME=web1", "SYSLOG_IDENTIFIER=kernel", "MESSAGE=oops"}) ==
          "web1 kernel: [   12.345678] oops");
  REQUIRE(line({"_HOSTNAME=web1", "SYSLOG_IDENTIFIER=kernel", "MESSAGE=oops",
                "_SOURCE_MONOTONIC_TIMESTAMP=1500000"}) == "web1 kernel: [    1.500000] oops");
  REQUIRE(line({"MESSAGE=a\nb", "MESSAGE=c"}) == "a\\nb c");
  REQUIRE(line({"_HOSTNAME=web1", "no field", "=", "MESSAGE="}) == "web1 ");
}

TEST_CASE("a line of the journal says where the program's own words begin", "[source]") {
  REQUIRE(message({"_HOSTNAME=web1", "SYSLOG_IDENTIFIER=caddy", "_PID=42",
                   R"(MESSAGE={"status":401})"}) == R"({"status":401})");
  REQUIRE(message({"_HOSTNAME=web1", "SYSLOG_IDENTIFIER=kernel", "MESSAGE=oops"}) == "oops");
  REQUIRE(message({"_HOSTNAME=web1", "MESSAGE=a", "MESSAGE=b"}) == "a b");
  REQUIRE(message({"MESSAGE=alone"}) == "alone");
  REQUIRE(message({"_HOSTNAME=web1", "MESSAGE="}).empty());
  REQUIRE(message({"_HOSTNAME=web1", "_PID=42"}) == "web1");  // no message: nothing is taken off
}

TEST_CASE("stamps that are no numbers count as missing", "[source]") {
  JournalEntry entry;
  entry.take("_SOURCE_REALTIME_TIMESTAMP=12x");
  REQUIRE_FALSE(entry.source_realtime);
  entry.take("_SOURCE_REALTIME_TIMESTAMP=1793620800000001");
  REQUIRE(entry.source_realtime == 1793620800000001U);
}
