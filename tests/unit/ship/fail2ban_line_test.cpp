#include "ship/fail2ban_line.h"

#include "support/memory_outbox.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>

using namespace warder;

namespace {

// The host's zone while a test runs.
class Zone {
 public:
  explicit Zone(const char* name) {
    if (const char* before = std::getenv("TZ")) {
      before_ = before;
    }
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;
  ~Zone() {
    before_.empty() ? ::unsetenv("TZ") : ::setenv("TZ", before_.c_str(), 1);
    ::tzset();
  }

 private:
  std::string before_;
};

// 2026-08-01 00:00:00.123 in the zone below
const util::WallTime kNight{std::chrono::milliseconds(1'785'535'200'123)};

std::string line(model::EventKind kind, const char* address = "192.0.2.1",
                 const char* jail = "sshd") {
  ship::Message message;
  message.what = testing::ban("192.0.2.1", jail, kNight);
  message.event()->kind = kind;
  message.event()->address.reset();
  if (address != nullptr) {
    message.event()->address = *net::Prefix::parse(address);
  }
  return ship::fail2ban_line(message, 12);
}

}  // namespace

TEST_CASE("findings, bans and their ends are told as fail2ban's log tells them") {
  const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(line(model::EventKind::kFinding) ==
        "2026-08-01 00:00:00,123 fail2ban.filter         [12]: INFO    [sshd] Found 192.0.2.1 - "
        "2026-08-01 00:00:00\n");
  CHECK(line(model::EventKind::kBan) ==
        "2026-08-01 00:00:00,123 fail2ban.actions        [12]: NOTICE  [sshd] Ban 192.0.2.1\n");
  CHECK(line(model::EventKind::kUnban, "2001:db8::/64") ==
        "2026-08-01 00:00:00,123 fail2ban.actions        [12]: NOTICE  [sshd] Unban "
        "2001:db8::/64\n");
}

TEST_CASE("what fail2ban's log does not know leaves no line there") {
  CHECK(line(model::EventKind::kWouldBan) == "");
  CHECK(line(model::EventKind::kExtend) == "");
  CHECK(line(model::EventKind::kFinding, nullptr) == "");
  CHECK(line(model::EventKind::kAlert) == "");
  CHECK(line(model::EventKind::kBan, "192.0.2.1", "") == "");
  ship::Message summary;
  summary.what = ship::Summary();
  CHECK(ship::fail2ban_line(summary, 12) == "");
  // But somebody who tries the destination sees that it works.
  CHECK(
      line(model::EventKind::kAlert, nullptr, "")
          .ends_with("fail2ban.actions        [12]: INFO    warder tries out this destination\n"));
}
