#include "jail/keys.h"

#include "config/check.h"
#include "unit/jail/world.h"

#include <catch2/catch.hpp>

#include <string>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

struct Read {
  std::optional<JailOptions> options;
  std::string told;
};

Read read(const std::vector<std::pair<std::string, std::string>>& lines) {
  config::Section section;
  section.name = "sshd";
  section.place = {"jails/sshd.conf", 1};
  std::size_t line = 1;
  for (const auto& [name, text] : lines) {
    config::Option option;
    option.name = name;
    option.text = text;
    option.place = {"jails/sshd.conf", ++line};
    section.options.push_back(option);
  }
  config::Diagnostics diagnostics;
  const config::Values values = config::check(jail_table(), section, diagnostics);
  Read result;
  result.options = jail_options(values, diagnostics);
  result.told = diagnostics.to_text();
  return result;
}

TEST_CASE("The table of keys is sound") { CHECK(config::defects(jail_table()).empty()); }

TEST_CASE("A jail without any key has the defaults of JailOptions") {
  const Read result = read({});
  CHECK(result.told.empty());
  REQUIRE(result.options);
  JailOptions expected;
  expected.name = "sshd";
  expected.filter = "sshd";
  CHECK(*result.options == expected);
}

TEST_CASE("Every key finds its option") {
  const Read result = read({{"enabled", "true"},
                            {"filter", "sshd[mode=aggressive]"},
                            {"logpath", "/var/log/auth.log\n/var/log/secure"},
                            {"journalmatch", "_SYSTEMD_UNIT=ssh.service"},
                            {"backend", "systemd"},
                            {"port", "ssh,2222,8000:8010"},
                            {"protocol", "all"},
                            {"maxretry", "3"},
                            {"findtime", "1h"},
                            {"bantime", "-1"},
                            {"maxmatches", "10"},
                            {"counting", "compat"},
                            {"bantime.increment", "on"},
                            {"bantime.factor", "2"},
                            {"bantime.multipliers", "1 2.5 4"},
                            {"bantime.formula", "ban.Time * ban.Count"},
                            {"bantime.maxtime", "5w"},
                            {"bantime.rndtime", "10m"},
                            {"bantime.overalljails", "yes"},
                            {"ignoreip", "192.0.2.0/24, 2001:db8::1"},
                            {"ignoreself", "no"},
                            {"usedns", "no"},
                            {"observe", "yes"},
                            {"destinations", "webhook mail"},
                            {"ipv6.prefix", "56"},
                            {"ipv6.widen", "48:4"},
                            {"ipv4.widen", "none"},
                            {"widen.limit", "8"},
                            {"sources", "1000"}});
  CHECK(result.told.empty());
  REQUIRE(result.options);
  JailOptions expected;
  expected.name = "sshd";
  expected.enabled = true;
  expected.filter = "sshd[mode=aggressive]";
  expected.logpath = {"/var/log/auth.log", "/var/log/secure"};
  expected.journalmatch = {"_SYSTEMD_UNIT=ssh.service"};
  expected.backend = "systemd";
  expected.port = {"22", "2222", "8000:8010"};
  expected.protocol = "all";
  expected.maxretry = 3;
  expected.findtime = 1h;
  expected.bantime.reset();
  expected.counting = Counting::kCompat;
  expected.increment = {true, "2", {1, 2.5, 4}, "ban.Time * ban.Count", 24h * 35, 10min, true};
  expected.ignoreip = {prefix("192.0.2.0/24"), prefix("2001:db8::1")};
  expected.ignoreself = false;
  expected.observe = true;
  expected.destinations = {"webhook", "mail"};
  expected.ipv6_prefix = 56;
  expected.ipv6_widen = {{48, 4}};
  expected.ipv4_widen.clear();
  expected.widen_limit = 8;
  expected.sources = 1000;
  CHECK(*result.options == expected);
}

TEST_CASE("Another IPv6 prefix without steps of its own is not widened") {
  CHECK(read({{"ipv6.prefix", "128"}}).options->ipv6_widen.empty());
}

TEST_CASE("What cannot be is told with its place") {
  const auto told = [](const char* key, const char* value) { return read({{key, value}}).told; };
  CHECK(told("ipv6.widen", "48:8 56:8") ==
        "jails/sshd.conf:2: [sshd] ipv6.widen = \"48:8 56:8\": /56 is not from /32 to /47 (each "
        "step is wider than the one before)\n");
  CHECK(told("ipv4.widen", "24")
            .find("'24' is no step; write LENGTH:CHILDREN, for instance 56:8, "
                  "or none") != std::string::npos);
  CHECK(told("usedns", "perhaps").find("usedns") != std::string::npos);
  CHECK(told("ignorecommand", "is-ours").find("the program's whole path") != std::string::npos);
  CHECK(told("ignorecache", "max-count=0").find("a number from 1 to 100,000") != std::string::npos);
  CHECK(told("ignorecache", "max-time=2d").find("a time from 1s to 1d") != std::string::npos);
  CHECK(told("ignorecache", "size=3").find("there are max-count and max-time") !=
        std::string::npos);
  CHECK(told("maxlines", "0").find("maxlines") != std::string::npos);
  CHECK(told("bantime.formula", "exec('x')").find("at character 1: 'exec' is not known") !=
        std::string::npos);
  CHECK(told("bantime.multipliers", "1 -2").find("'-2' is no number greater than 0") !=
        std::string::npos);
  CHECK(told("bantime", "0").find("bantime = \"0\"") != std::string::npos);
  CHECK(told("maxretri", "5").find("did you mean maxretry?") != std::string::npos);

  const Read expression =
      read({{"bantime.increment", "yes"}, {"bantime.formula", "ban.Time / (ban.Count - 1)"}});
  CHECK_FALSE(expression.options);
  CHECK(expression.told ==
        "jails/sshd.conf:2: [sshd] bantime.increment = \"yes\": bantime.formula: with ban.Count = "
        "1: at character 10: division by zero\n");
}

TEST_CASE("Options of fail2ban that mean nothing here are warned of") {
  const Read action = read({{"banaction", "nftables"}});
  CHECK(action.options.has_value());
  CHECK(action.told.find("warning") != std::string::npos);
}

}  // namespace
TEST_CASE("What becomes of names, and the program that is asked") {
  CHECK(read({}).options->names == UseNames::kNo);
  const Read warn = read({{"usedns", "warn"}});
  CHECK(warn.options->names == UseNames::kLookUp);
  CHECK(warn.told == "");
  const Read raw = read({{"usedns", "raw"}});
  CHECK(raw.options->names == UseNames::kRaw);
  CHECK(raw.told ==
        "jails/sshd.conf:2: warning: [sshd] usedns = \"raw\": only addresses are banned; what else "
        "the filter finds is told\n");

  const Read asked = read({{"ignorecommand", "/usr/bin/is-ours\n<ip>"},
                           {"ignorecache", "key=\"<ip>\", max-count=7, max-time=1h"}});
  REQUIRE(asked.options);
  CHECK(asked.told == "");
  CHECK(asked.options->ignorecommand == std::vector<std::string>{"/usr/bin/is-ours", "<ip>"});
  CHECK(asked.options->ignorecache_count == 7);
  CHECK(asked.options->ignorecache_time == std::chrono::hours(1));
}

}  // namespace warder::jail
