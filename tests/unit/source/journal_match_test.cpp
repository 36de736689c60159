#include "source/journal_match.h"

#include <catch2/catch.hpp>

#include <string>

using warder::source::JournalMatch;
using warder::source::parse_journal_match;

TEST_CASE("a journalmatch is split as a shell and fail2ban do", "[source]") {
  REQUIRE(*parse_journal_match("") == JournalMatch{});
  REQUIRE(*parse_journal_match("_SYSTEMD_UNIT=sshd.service + _COMM=sshd") ==
          JournalMatch{{"_SYSTEMD_UNIT=sshd.service"}, {"_COMM=sshd"}});
  REQUIRE(*parse_journal_match("  A=1 B=2\n\nC='x y' D=\"a \\\" b\" E=a\\ b") ==
          JournalMatch{{"A=1", "B=2"}, {"C=x y", "D=a \" b", "E=a b"}});
  REQUIRE(*parse_journal_match("A=") == JournalMatch{{"A="}});
}

TEST_CASE("what is no journalmatch is refused with the reason", "[source]") {
  const auto message = [](std::string_view text) {
    return parse_journal_match(text).error().message();
  };
  REQUIRE(message("sshd") ==
          "journalmatch: 'sshd' is no FIELD=value; write for instance _SYSTEMD_UNIT=ssh.service");
  REQUIRE(message("unit=x") ==
          "journalmatch: 'unit=x' is no FIELD=value; write for instance "
          "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(message("A=1 +") == "journalmatch: '+' has nothing after it");
  REQUIRE(message("+ A=1") == "journalmatch: '+' has nothing before it");
  REQUIRE(message("A='1") == "journalmatch: a quote (') is not closed");
}
