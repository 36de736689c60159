#include "jail/notice_book.h"

#include "unit/jail/world.h"

#include <catch2/catch.hpp>

namespace warder::jail {
namespace {

TEST_CASE("What is ignored is told once per address and five minutes") {
  NoticeBook book("sshd");
  book.ignored(prefix("192.0.2.1"), IgnoreReason::kOwnAddress, 1000);
  book.ignored(prefix("192.0.2.2"), IgnoreReason::kNeverBan, 2000);
  book.ignored(prefix("192.0.2.1"), IgnoreReason::kOwnAddress, 3000);
  CHECK(book.take(1000 + NoticeBook::kSumFor - 1, false).empty());
  const auto first = book.take(1000 + NoticeBook::kSumFor, false);
  REQUIRE(first.size() == 1);
  CHECK(first[0].message ==
        "jail sshd ignored 2 findings from 192.0.2.1: it is an address of this host (ignoreself)");
  const auto second = book.take(1000 + NoticeBook::kSumFor, true);
  REQUIRE(second.size() == 1);
  CHECK(second[0].message ==
        "jail sshd ignored 1 finding from 192.0.2.2: it is a gateway, vault or "
        "administrator that must never be banned");
  CHECK(book.take(1'000'000, true).empty());
}

TEST_CASE("Many ignored addresses share one notice beyond the first 64") {
  NoticeBook book("sshd");
  for (std::uint32_t i = 0; i < 1000; ++i) {
    book.ignored(net::Prefix(net::IpAddress::v4(0x7F000000 + i)), IgnoreReason::kUnbannable, 0);
  }
  const auto notices = book.take(0, true);
  REQUIRE(notices.size() == 65);
  CHECK(notices[0].message ==
        "jail sshd ignored 1 finding from 127.0.0.0: it is no address that a ban can mean "
        "(loopback, link-local, multicast or reserved)");
  CHECK(notices[64].count == 936);
  CHECK(notices[64].message ==
        "jail sshd ignored 936 findings from further addresses that are never banned");
}

TEST_CASE("Each summed kind says what to do") {
  NoticeBook book("sshd");
  book.happened(NoticeKind::kSourcesEvicted, 0, 12);
  book.happened(NoticeKind::kWideningCapped, 0);
  book.happened(NoticeKind::kBanTime, 0, 2);
  std::vector<std::string> messages;
  for (const Notice& notice : book.take(0, true)) {
    messages.push_back(notice.message);
  }
  CHECK(messages ==
        std::vector<std::string>{
            "jail sshd forgot 12 sources before findtime was over, because its table is full; "
            "raise sources if the host has the memory",
            "jail sshd left 1 dense attack to bans of single sources, because widen.limit wider "
            "bans are in effect",
            "jail sshd used the plain bantime for 2 bans, because bantime.formula gives no number "
            "for their count"});
}

struct Watched {
  OneAddressWatch watch;
  std::vector<net::Prefix> proxies;
  int told = 0;

  void findings(const char* address, int count, Tick now) {
    for (int i = 0; i < count; ++i) {
      told += watch.observe("sshd", prefix(address), proxies, now) ? 1 : 0;
    }
  }
};

TEST_CASE("One private address behind everything is told once a day") {
  constexpr Tick kDay = Tick{24} * 3600 * 1000;
  Watched watched;
  watched.findings("10.0.0.1", 19, 0);
  CHECK(watched.told == 0);
  watched.findings("10.0.0.1", 1000, 0);
  CHECK(watched.told == 1);
  watched.findings("10.0.0.1", 1, kDay);
  CHECK(watched.told == 2);
}

TEST_CASE("Several addresses, or one public address, are nothing to tell") {
  Watched watched;
  for (int i = 0; i < 100; ++i) {
    watched.findings("10.0.0.1", 19, 0);
    watched.findings("10.0.0.2", 1, 0);
  }
  watched.findings("192.0.2.1", 1000, 0);
  CHECK(watched.told == 0);
}

TEST_CASE("A public address that is a trusted proxy is told") {
  Watched watched;
  watched.proxies = {prefix("192.0.2.0/24")};
  watched.findings("192.0.2.1", 1000, 0);
  CHECK(watched.told == 1);
}

}  // namespace
}  // namespace warder::jail
