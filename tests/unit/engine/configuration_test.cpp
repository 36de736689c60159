#include "engine/configuration.h"

#include "filter/text_filter.h"
#include "ship/keys.h"
#include "source/file_source.h"
#include "support/memory_files.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace warder;
using engine::VaultDocuments;
using testing::MemoryFiles;

namespace {

const std::string kFilters = std::string(WARDER_SOURCE_DIR) + "/filters";
const std::string kMain =
    "[agent]\nname = vault.example.org\nfilters = " + kFilters + "\njails = /etc/jails\n";

struct Loaded {
  engine::MainConfiguration main;
  std::shared_ptr<const engine::JailSet> jails;
  std::string diagnostics;
};

Loaded load(std::map<std::string, std::string> content, const VaultDocuments& documents = {}) {
  MemoryFiles files(std::move(content));
  config::Diagnostics diagnostics;
  const config::Table* const tables[] = {&ship::destination_table()};
  Loaded loaded;
  loaded.main = engine::load_main(files, "/etc/warder.conf", documents, tables, diagnostics);
  if (!diagnostics.has_errors()) {
    loaded.jails = engine::load_jails(files, loaded.main, documents, {}, diagnostics);
  }
  loaded.diagnostics = diagnostics.to_text();
  return loaded;
}

Loaded load_jail(std::string jail, const VaultDocuments& documents = {}) {
  return load({{"/etc/warder.conf", kMain}, {"/etc/jails/sshd.conf", std::move(jail)}}, documents);
}

const std::string kSshd =
    "[sshd]\nenabled = yes\nlogpath = /var/log/auth.log\nport = ssh\nmaxretry = 4\n";

}  // namespace

TEST_CASE("the main file gives the agent its options") {
  const Loaded loaded = load(
      {{"/etc/warder.conf",
        kMain + "trusted_proxies = 192.0.2.10\nnever_ban = 198.51.100.0/24\nlog_level = notice\n"},
       {"/etc/warder.local", "[agent]\nobserve = yes\n"},
       {"/etc/jails/sshd.conf", kSshd}});
  CHECK(loaded.diagnostics == "");
  CHECK(loaded.main.agent.name == "vault.example.org");
  CHECK(loaded.main.agent.state == "/var/lib/warder");
  CHECK(loaded.main.agent.log_level == log::Level::kNotice);
  CHECK(loaded.main.agent.observe);
  REQUIRE(loaded.jails != nullptr);
  CHECK(loaded.jails->matcher.trusted_proxies ==
        std::vector<net::Prefix>{*net::Prefix::parse("192.0.2.10")});
  CHECK(loaded.jails->never_ban ==
        std::vector<net::Prefix>{*net::Prefix::parse("198.51.100.0/24")});
}

TEST_CASE("an enabled jail is compiled with its filter and ports; 'manual' is always there") {
  const Loaded loaded = load_jail(kSshd + "[other]\nlogpath = /x\n");
  CHECK(loaded.diagnostics == "");
  REQUIRE(loaded.jails != nullptr);
  REQUIRE(loaded.jails->jails.size() == 2);
  CHECK(loaded.jails->jails[0].options.name == engine::kManualJail);
  CHECK(loaded.jails->jails[0].filter == nullptr);
  const engine::CompiledJail& sshd = loaded.jails->jails[1];
  CHECK(sshd.options.name == "sshd");
  CHECK(sshd.options.maxretry == 4);
  CHECK_FALSE(sshd.options.observe);
  CHECK(sshd.filter->name() == "sshd");
  CHECK(sshd.scope.name() == "tcp_22");
}

TEST_CASE("a jail says how its lines are read") {
  const Loaded loaded = load_jail(kSshd +
                                  "datepattern = ^%%d.%%m.%%Y %%H:%%M\n  {DEFAULT}\n"
                                  "logtimezone = Europe/Berlin\nlogencoding = latin-1\n"
                                  "counting = compat\n");
  CHECK(loaded.diagnostics == "");
  REQUIRE(loaded.jails != nullptr);
  REQUIRE(loaded.jails->jails.size() == 2);
  const engine::CompiledJail& sshd = loaded.jails->jails[1];
  CHECK(sshd.lines.rules == filter::DateRules::kCompat);
  REQUIRE(sshd.lines.encoding);
  CHECK(sshd.lines.encoding->name() == "ISO-8859-1");
  REQUIRE(sshd.lines.zone);
  const std::chrono::sys_seconds summer{std::chrono::seconds(1785500000)};
  CHECK(sshd.lines.zone->period_at(summer).offset == std::chrono::hours(2));
  const filter::DateRecipe& dates = sshd.filter->text()->dates();
  CHECK(dates.templates().size() == 32);
  CHECK(dates.templates()[0]->name() == "^%d.%m.%Y %H:%M");
}

TEST_CASE(
    "a log that others can forge is accepted by name, whatever of the filter is the jail's own") {
  const std::string jail = "enabled = yes\nlogpath = /var/log/mysql/error.log\n";
  const std::string own = "failregex = ^ \\d+ Access denied for '<F-USER>.*</F-USER>'@'<HOST>'$\n";
  for (const std::string& rest : {std::string(), own, std::string("datepattern = {^LN-BEG}\n")}) {
    INFO(rest);
    CHECK(
        load_jail("[mariadb]\n" + jail + rest).diagnostics.find("no pattern is safe in this log") !=
        std::string::npos);
    CHECK(load_jail("[mariadb]\nfilter = mariadb[forged-lines=accepted]\n" + jail + rest).jails !=
          nullptr);
  }
  CHECK(load_jail("[mariadb]\n" + jail + own).jails == nullptr);
}

TEST_CASE("what is wrong with how a jail's lines are read is told in one go") {
  const Loaded loaded = load_jail(kSshd +
                                  "datepattern = %%m/%%Y\nlogtimezone = Europe/Berlln\n"
                                  "logencoding = utf-16\n");
  CHECK(loaded.diagnostics.find("it names a month without a day") != std::string::npos);
  CHECK(loaded.diagnostics.find("there is no time zone 'Europe/Berlln'") != std::string::npos);
  CHECK(loaded.diagnostics.find("in 'utf-16' ASCII does not stand for itself") !=
        std::string::npos);
}

TEST_CASE("a log that is named but not read is told") {
  const Loaded loaded = load_jail(kSshd + "backend = systemd\n");
  CHECK(loaded.jails != nullptr);
  CHECK(loaded.diagnostics ==
        "/etc/jails/sshd.conf:3: warning: [sshd] logpath = \"/var/log/auth.log\": is not read: "
        "backend = systemd has the jail read the journal; to read the files set backend = auto\n");
  CHECK(load_jail(kSshd + "backend = auto\n").diagnostics.empty());
  // Which entries are meant is said where the backend is: the log of the jail that ships is not.
  const auto with_local = [](const std::string& local) {
    return load({{"/etc/warder.conf", kMain},
                 {"/etc/jails/sshd.conf", kSshd},
                 {"/etc/jails/sshd.local", "[sshd]\nbackend = systemd\n" + local}});
  };
  CHECK(with_local("journalmatch = CONTAINER_NAME=x\n").diagnostics.empty());
  CHECK_FALSE(with_local("").diagnostics.empty());
  CHECK_FALSE(with_local("journalmatch = CONTAINER_NAME=x\nlogpath = /x\n").diagnostics.empty());
}

TEST_CASE("observe in [agent] is observe in every jail") {
  const Loaded loaded =
      load({{"/etc/warder.conf", kMain + "observe = yes\n"}, {"/etc/jails/sshd.conf", kSshd}});
  REQUIRE(loaded.jails != nullptr);
  CHECK(loaded.jails->jails[1].options.observe);
}

TEST_CASE("the vault's documents lie over the files") {
  const Loaded loaded =
      load_jail(kSshd, {.jails = R"({"sshd": {"maxretry": 9},
                           "late": {"enabled": true, "filter": "sshd", "logpath": ["/a", "/b"]}})",
                        .alerts = R"({"ops": {"form": "slack", "url": "vault:alerts-urls/ops"}})"});
  CHECK(loaded.diagnostics == "");
  REQUIRE(loaded.jails != nullptr);
  REQUIRE(loaded.jails->jails.size() == 3);
  CHECK(loaded.jails->jails[1].options.maxretry == 9);
  CHECK(loaded.jails->jails[1].options.logpath == std::vector<std::string>{"/var/log/auth.log"});
  CHECK(loaded.jails->jails[2].options.name == "late");
  CHECK(loaded.jails->jails[2].options.logpath == std::vector<std::string>{"/a", "/b"});
  CHECK(loaded.main.checked.all(ship::destination_table()).size() == 1);
}

TEST_CASE("everything that is wrong is told in one go") {
  const Loaded loaded =
      load({{"/etc/warder.conf", kMain},
            {"/etc/jails/a.conf",
             "[a]\nenabled = yes\nfilter = sshd\nlogpath = /x\nmaxretry = lots\nbantimee = 1h\n"},
            {"/etc/jails/b.conf", "[b]\nenabled = yes\nfilter = nosuch\nlogpath = /x\n"},
            {"/etc/jails/c.conf", "[c]\nenabled = yes\nfilter = sshd\n"},
            {"/etc/jails/d.conf", "[manual]\nenabled = yes\n"}});
  CHECK(loaded.jails == nullptr);
  CHECK(loaded.diagnostics ==
        "/etc/jails/a.conf:5: [a] maxretry = \"lots\": 'lots' is no whole number; allowed: a whole "
        "number from 1 to 1000000\n"
        "/etc/jails/a.conf:6: [a] bantimee: is no known key; did you mean bantime?\n"
        "/etc/jails/b.conf:3: [b] filter = \"nosuch\": there is no filter 'nosuch': no nosuch.conf "
        "in " +
            kFilters +
            "\n"
            "/etc/jails/c.conf:1: [c] logpath: the jail reads nothing: set logpath, or backend = "
            "systemd "
            "and journalmatch\n"
            "/etc/jails/d.conf:1: the jail 'manual' holds what is banned by hand and cannot be "
            "configured\n");
}

TEST_CASE("a wrong vault document is refused by its place") {
  const Loaded wrong = load_jail(kSshd, {R"({"sshd": {"maxretry": 0}})", {}});
  CHECK(wrong.jails == nullptr);
  CHECK(wrong.diagnostics ==
        "vault jails#/sshd/maxretry: [sshd] maxretry = \"0\": '0' is too small; allowed: a whole "
        "number from 1 to 1000000\n");
  const Loaded broken = load_jail(kSshd, {R"({"sshd": )", {}});
  CHECK(broken.jails == nullptr);
  CHECK(broken.diagnostics == "vault jails:1: the document is no JSON: error at byte 10\n");
}

TEST_CASE("a main file that is not there or wrong is an error") {
  CHECK(load({{"/etc/other", ""}}).diagnostics ==
        "/etc/warder.conf: there is no such configuration; create it, or /etc/warder.local\n");
  CHECK(load({{"/etc/warder.conf", "[agent]\nobserv = yes\n[nosuch]\n"}}).diagnostics ==
        "/etc/warder.conf:2: [agent] observ: is no known key; did you mean observe?\n"
        "/etc/warder.conf:3: [nosuch]: is no known section; a jail, [monitor NAME] and [files "
        "NAME] belong into a file of the folder that [agent] jails names\n");
}

TEST_CASE("a jail's own expressions stand for the filter's") {
  const Loaded own = load_jail(kSshd +
                               "failregex = ^mine <ADDR>$\n  ^ours <ADDR>$\nignoreregex = 192\n"
                               "prefregex = ^x: <F-CONTENT>.+</F-CONTENT>$\n");
  CHECK(own.diagnostics == "");
  REQUIRE(own.jails != nullptr);
  const filter::TextFilter& text = *own.jails->jails.at(1).filter->text();
  REQUIRE(text.patterns().size() == 2);
  CHECK(text.patterns()[1].text == "^ours <ADDR>$");
  CHECK(text.patterns()[1].place.line == 7);
  CHECK(text.ignore().size() == 1);
  CHECK(text.prefix_text() == "^x: <F-CONTENT>.+</F-CONTENT>$");
  const Loaded joined = load_jail(kSshd + "maxlines = 2\n");
  REQUIRE(joined.jails != nullptr);
  CHECK(joined.jails->jails.at(1).filter->text()->lines() == 2);

  const Loaded wrong = load_jail(kSshd + "failregex = ^a <ADDR>$\n  ^b( <ADDR>$\n");
  CHECK(wrong.jails == nullptr);
  CHECK(wrong.diagnostics.find("/etc/jails/sshd.conf:7: ") != std::string::npos);
  // What injected text can do to them is told.
  const Loaded unsafe = load_jail(kSshd + "failregex = user .* from <ADDR>\n");
  CHECK(unsafe.jails != nullptr);
  CHECK(unsafe.diagnostics.find("warning: [sshd] filter: /etc/jails/sshd.conf:6: ") !=
        std::string::npos);
}

TEST_CASE("a jail adds to its filter's expressions with %(known/failregex)s") {
  const Loaded alone = load_jail(kSshd);
  REQUIRE(alone.jails != nullptr);
  const Loaded loaded = load(
      {{"/etc/warder.conf", kMain},
       {"/etc/jails/sshd.conf", kSshd + "failregex = %(known/failregex)s\n  ^own <HOST>$\n"},
       {"/etc/jails/sshd.local", "[sshd]\nfailregex = %(known/failregex)s\n  ^too <HOST>$\n"}});
  REQUIRE(loaded.jails != nullptr);
  const std::vector<filter::Pattern>& of_filter = alone.jails->jails[1].filter->patterns();
  const std::vector<filter::Pattern>& patterns = loaded.jails->jails[1].filter->patterns();
  REQUIRE(patterns.size() == of_filter.size() + 2);
  CHECK(patterns[0].text == of_filter[0].text);
  CHECK(patterns[of_filter.size()].text == "^own <HOST>$");
  CHECK(patterns.back().text == "^too <HOST>$");

  const Loaded other =
      load_jail(kSshd + "filter = nowhere\nfailregex = %(known/failregex)s\n  ^own <HOST>$\n");
  CHECK(other.diagnostics.find("%(known/failregex)s is set nowhere") != std::string::npos);
}

TEST_CASE("a jail's words for names and its ignorecommand reach the filter and the jail") {
  const Loaded names = load_jail(kSshd + "usedns = yes\nignorecommand = /bin/ours\n  <ip>\n");
  CHECK(names.diagnostics == "");
  REQUIRE(names.jails != nullptr);
  const engine::CompiledJail& jail = names.jails->jails.at(1);
  CHECK(jail.filter->text()->options().usedns == filter::UseDns::kLookUp);
  CHECK(jail.options.ignorecommand == std::vector<std::string>{"/bin/ours", "<ip>"});
  CHECK(load_jail(kSshd + "ignorecommand = /bin/ours\n  <bantime>\n")
            .diagnostics.find("an event of kind finding has nothing for <bantime>") !=
        std::string::npos);
  CHECK(load_jail(kSshd + "ignorecommand = /bin/ours\n  <user>\n")
            .diagnostics.find("<user> is no word for an argument") != std::string::npos);
}
