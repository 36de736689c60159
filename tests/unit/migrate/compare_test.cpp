#include "migrate/compare.h"

#include <catch2/catch.hpp>

using namespace warder;
using migrate::Agreement;
using migrate::SeenBan;
using std::chrono::seconds;

namespace {

SeenBan ban(const char* address, int at, const char* jail = "sshd") {
  return {jail, *net::Prefix::parse(address), util::WallTime(seconds(at)), {}};
}

struct Told {
  std::vector<std::string> list;
  migrate::Comparator comparator{{}, [this](const migrate::Comparison& one) {
                                   list.push_back(std::string(migrate::to_string(one.agreement)) +
                                                  " " + one.address.to_string());
                                 }};
};

}  // namespace

TEST_CASE("bans of both sides find each other, whichever comes first") {
  Told told;
  told.comparator.fail2ban(ban("192.0.2.1", 100));
  told.comparator.warder(ban("192.0.2.1", 101));
  told.comparator.warder(ban("192.0.2.2", 100));
  told.comparator.fail2ban(ban("192.0.2.2", 130));
  told.comparator.fail2ban(ban("192.0.2.3", 100));
  told.comparator.warder(ban("192.0.2.3", 100, "other"));
  told.comparator.finish();
  CHECK(told.list == std::vector<std::string>{"equal 192.0.2.1", "other time 192.0.2.2",
                                              "only warder 192.0.2.3", "only fail2ban 192.0.2.3"});
  CHECK(told.comparator.total().equal == 1);
  CHECK(told.comparator.jails().at("sshd").only_fail2ban == 1);
}

TEST_CASE("the nearest ban is the partner") {
  Told told;
  told.comparator.fail2ban(ban("192.0.2.1", 100));
  told.comparator.fail2ban(ban("192.0.2.1", 130));
  told.comparator.warder(ban("192.0.2.1", 130));
  told.comparator.warder(ban("192.0.2.1", 100));
  CHECK(told.list == std::vector<std::string>{"equal 192.0.2.1", "equal 192.0.2.1"});
}

TEST_CASE("an old ban that comes late waits for its partner, too") {
  Told told;
  told.comparator.advance(util::WallTime(seconds(5000)));
  told.comparator.warder(ban("192.0.2.1", 100));  // of a log that is behind
  told.comparator.warder(ban("192.0.2.2", 100));
  told.comparator.advance(util::WallTime(seconds(5060)));
  CHECK(told.list.empty());
  told.comparator.fail2ban(ban("192.0.2.1", 100));
  CHECK(told.list == std::vector<std::string>{"equal 192.0.2.1"});
  told.comparator.advance(util::WallTime(seconds(5061)));
  CHECK(told.list == std::vector<std::string>{"equal 192.0.2.1", "only warder 192.0.2.2"});
}

TEST_CASE("a ban without a partner is told when its time is over") {
  Told told;
  told.comparator.fail2ban(ban("192.0.2.1", 100));
  told.comparator.advance(util::WallTime(seconds(160)));
  CHECK(told.list.empty());
  told.comparator.advance(util::WallTime(seconds(161)));
  CHECK(told.list == std::vector<std::string>{"only fail2ban 192.0.2.1"});
  // Further apart than the patience: two bans.
  told.comparator.fail2ban(ban("192.0.2.2", 200));
  told.comparator.warder(ban("192.0.2.2", 300));
  told.comparator.finish();
  CHECK(told.list.size() == 3);
}

TEST_CASE("a ban whose finding is not known for sure agrees with any of them") {
  Told told;
  SeenBan unsure = ban("192.0.2.1", 200);
  unsure.earliest = util::WallTime(seconds(100));
  told.comparator.fail2ban(unsure);
  told.comparator.warder(ban("192.0.2.1", 150));
  told.comparator.fail2ban(unsure);
  told.comparator.warder(ban("192.0.2.1", 97));
  CHECK(told.list == std::vector<std::string>{"equal 192.0.2.1", "other time 192.0.2.1"});
}

TEST_CASE("what waits is bounded") {
  migrate::CompareOptions options;
  options.most_waiting = 2;
  std::size_t told = 0;
  migrate::Comparator comparator(options, [&](const migrate::Comparison&) { ++told; });
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    comparator.fail2ban(ban(address, 100));
  }
  comparator.finish();
  CHECK(told == 2);
  CHECK(comparator.total().forgotten == 1);
}
