#include "fail2ban/log_line.h"

#include <catch2/catch.hpp>

using namespace warder::fail2ban;

namespace {

std::string seen(std::string_view line) {
  const auto parsed = parse_log_line(line);
  if (!parsed) {
    return "nothing";
  }
  return std::to_string(static_cast<int>(parsed->saying)) + " " + parsed->jail + " " +
         parsed->address.to_string();
}

std::string said(std::string_view message) {
  return seen("2026-08-01 00:00:00,123 fail2ban.actions        [12]: NOTICE  " +
              std::string(message));
}

}  // namespace

TEST_CASE("lines of fail2ban's log") {
  CHECK(said("[sshd] Ban 192.0.2.1") == "1 sshd 192.0.2.1");
  CHECK(said("[sshd] Restore Ban 192.0.2.1") == "2 sshd 192.0.2.1");
  CHECK(said("[sshd] Unban 2001:db8::1") == "3 sshd 2001:db8::1");
  CHECK(said("[sshd] Repeal Ban 192.0.2.1") == "3 sshd 192.0.2.1");
  CHECK(said("[sshd] 192.0.2.1 already banned") == "4 sshd 192.0.2.1");
  CHECK(said("[sshd] Increase Ban 192.0.2.1 (3 # 0:20:00 -> 2026-08-01 00:20:00)") ==
        "5 sshd 192.0.2.1");
  CHECK(said("[sshd] Ignore 192.0.2.1 by ip") == "6 sshd 192.0.2.1");
  CHECK(said("[net] Ban 192.0.2.0/24") == "1 net 192.0.2.0/24");

  const auto found = parse_log_line(
      "2026-08-01 02:00:01,500 fail2ban.filter         [1234]: INFO    [sshd] Found 192.0.2.1 - "
      "2026-08-01 02:00:00");
  REQUIRE(found);
  CHECK(found->saying == Saying::kFound);
  CHECK(found->written == 1785549601500);
  CHECK(found->found == 1785549600);
}

TEST_CASE("what is no such line") {
  CHECK(said("[sshd] Ban alice") == "nothing");
  CHECK(said("[sshd] Flush ticket(s) with nftables") == "nothing");
  CHECK(said("[sshd] 192.0.2.1 is fine") == "nothing");
  CHECK(said("[] Ban 192.0.2.1") == "nothing");
  CHECK(said("") == "nothing");
  CHECK(seen("") == "nothing");
  CHECK(seen("2026-02-30 00:00:00,123 fail2ban.actions [1]: NOTICE  [sshd] Ban 192.0.2.1") ==
        "nothing");
  CHECK(seen("2026-08-01 00:00:00,123 sshd [1]: NOTICE  [sshd] Ban 192.0.2.1") == "nothing");
}
