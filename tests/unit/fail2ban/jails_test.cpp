#include "fail2ban/jails.h"

#include "support/memory_files.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace warder;
using fail2ban::Verdict;
using testing::MemoryFiles;

namespace {

const std::string kDir = "/etc/fail2ban";
const std::string kDefault =
    "[DEFAULT]\n"
    "banaction = kernel-allports\n"
    "port = 0:65535\nprotocol = tcp\nchain = <known/chain>\nmode = normal\n"
    "enabled = false\n"
    "filter = %(__name__)s[mode=%(mode)s]\n"
    "action_ = nftables-multiport[port=\"%(port)s\", protocol=\"%(protocol)s\", "
    "chain=\"%(chain)s\"]\n"
    "action = %(action_)s\n";
const std::string kFilter =
    "[Definition]\nfailregex = ^bad <HOST>$\nmode = normal\nignoreregex =\n"
    "datepattern = {^LN-BEG}\n[Init]\nmaxlines = 1\njournalmatch = _SYSTEMD_UNIT=x.service\n";
const std::string kAction =
    "[Definition]\nactionban = ban <ip> <port>\n[Init]\nport = ssh\nprotocol = tcp\nchain = "
    "INPUT\n";

struct Read {
  fail2ban::Configuration configuration;
  std::string diagnostics;
  const fail2ban::JailPlan& jail(const std::string& name) const {
    for (const fail2ban::JailPlan& plan : configuration.jails) {
      if (plan.name == name) {
        return plan;
      }
    }
    FAIL("no jail " << name);
    throw 0;
  }
};

Read read(std::map<std::string, std::string> extra, fail2ban::ReadOptions options = {}) {
  std::map<std::string, std::string> content{
      {kDir + "/jail.conf", kDefault},
      {kDir + "/filter.d/app.conf", kFilter},
      {kDir + "/action.d/nftables-multiport.conf", kAction},
      {kDir + "/action.d/mine.conf", "[Definition]\nactionban = curl x | sh\n"},
      {kDir + "/action.d/quiet.conf", "[Definition]\nactionstart = true\nactionban =\n"},
      {kDir + "/action.d/sendmail-whois.conf", "[Definition]\nactionban = mail <dest>\n"},
  };
  for (auto& [name, text] : extra) {
    content[kDir + "/" + name] = text;
  }
  if (!options.resolve) {
    options.resolve = [](const std::string& name) -> util::Result<std::vector<net::IpAddress>> {
      if (name == "admin.example.org") {
        return std::vector{*net::IpAddress::parse("198.51.100.7")};
      }
      return util::Error(util::ErrorCode::kNotFound, name + ": unknown");
    };
  }
  MemoryFiles files(std::move(content));
  config::Diagnostics diagnostics;
  Read result;
  result.configuration = fail2ban::read_configuration(files, kDir, options, diagnostics);
  result.diagnostics = diagnostics.to_text();
  return result;
}

std::string option(const fail2ban::JailPlan& plan, std::string_view name) {
  const config::Option* found = plan.options.find(name);
  return found == nullptr ? "(unset)" : found->text;
}

// The one remark about a subject.
const fail2ban::Remark& remark(const fail2ban::JailPlan& plan, std::string_view subject) {
  const auto found =
      std::find_if(plan.remarks.begin(), plan.remarks.end(),
                   [&](const fail2ban::Remark& one) { return one.subject == subject; });
  if (found == plan.remarks.end()) {
    FAIL("no remark about " << subject);
  }
  return *found;
}

}  // namespace

TEST_CASE("a stock jail has fail2ban's values in our words") {
  const Read result = read({{"jail.local",
                             "[app]\nenabled = true\nlogpath = /var/log/app.log\n"
                             "port = http,https\n"}});
  CHECK(result.diagnostics == "");
  const fail2ban::JailPlan& plan = result.jail("app");
  CHECK(plan.verdict() == Verdict::kRuns);
  CHECK(plan.filter->name == "app");
  CHECK(plan.filter->parameters == config::Parameters{{"mode", "normal"}});
  CHECK(option(plan, "enabled") == "yes");
  CHECK(option(plan, "maxretry") == "3");
  CHECK(option(plan, "findtime") == "10m");
  CHECK(option(plan, "bantime") == "10m");
  CHECK(option(plan, "counting") == "compat");
  CHECK(option(plan, "ipv6.prefix") == "128");
  CHECK(option(plan, "ipv4.widen") == "none");
  CHECK(option(plan, "port") == "http,https");
  CHECK(option(plan, "protocol") == "tcp");
  CHECK(option(plan, "logpath") == "/var/log/app.log head");
  CHECK(option(plan, "usedns") == "warn");
  CHECK(option(plan, "observe") == "(unset)");
  CHECK(plan.actions.at(0).reference.parameters.at("chain") == "<known/chain>");
}

TEST_CASE("jails that are not enabled are left out, unless asked for") {
  CHECK(read({{"jail.local", "[app]\n[other]\nenabled = 0\n"}}).configuration.jails.empty());
  CHECK(read({{"jail.local", "[app]\n[other]\nenabled = 0\n"}}, {.all = true})
            .configuration.jails.size() == 2);
  // Whatever is no yes is a no.
  CHECK(read({{"jail.local", "[app]\nenabled = perhaps\n"}}).configuration.jails.empty());
}

TEST_CASE("known means the filter first, then the jail's earlier files") {
  const Read result =
      read({{"jail.d/a.conf", "[app]\nenabled = on\nfailregex = ^mine$\nbantime = 1h\n"},
            {"jail.local",
             "[app]\nfailregex = %(known/failregex)s\n ^more <HOST>$\n"
             "bantime = %(known/bantime)s\n"}});
  const fail2ban::JailPlan& plan = result.jail("app");
  CHECK(plan.filter_overrides.at("failregex").text == "^bad <HOST>$\n^more <HOST>$");
  CHECK(plan.filter_overrides.at("failregex").place.to_string() == "/etc/fail2ban/jail.local:2");
  CHECK(option(plan, "bantime") == "1h");
}

TEST_CASE("a filter sees its jail's options before its own") {
  const Read result = read(
      {{"jail.local", "[app]\nenabled = on\nmaxretry = 7\n"},
       {"filter.d/app.conf", "[Definition]\nfailregex = ^%(maxretry)s <HOST>$\nmaxretry = 9\n"}});
  CHECK(result.jail("app").filter_options.find("failregex")->text == "^7 <HOST>$");
}

TEST_CASE("head and tail, and more than one path") {
  const fail2ban::JailPlan plan =
      read({{"jail.local", "[app]\nenabled = on\nlogpath = /a/*.log tail\n   /b/x.log\n"}})
          .jail("app");
  CHECK(option(plan, "logpath") == "/a/*.log tail\n/b/x.log head");
  const fail2ban::JailPlan wrong =
      read({{"jail.local", "[app]\nenabled = on\nlogpath = /a/x.log /b/y.log\n"}}).jail("app");
  CHECK(remark(wrong, "logpath").text ==
        "'/b/y.log' after a path is neither head nor tail; write one pattern a line");
  CHECK(wrong.verdict() == Verdict::kLeftOut);
}

TEST_CASE("the journal is read when fail2ban reads it") {
  const fail2ban::JailPlan plan =
      read({{"jail.local", "[app]\nenabled = on\nbackend = systemd\nlogpath = /x\n"}}).jail("app");
  CHECK(plan.reads_journal);
  CHECK(option(plan, "backend") == "systemd");
  CHECK(option(plan, "journalmatch") == "_SYSTEMD_UNIT=x.service");
  CHECK(option(plan, "logpath") == "(unset)");

  fail2ban::ReadOptions options;
  options.exists = [](const std::string& pattern) { return pattern == "/there.log"; };
  CHECK(read({{"jail.local", "[app]\nenabled = on\nlogpath = /gone.log\n"}}, options)
            .jail("app")
            .reads_journal);
  CHECK_FALSE(read({{"jail.local", "[app]\nenabled = on\nlogpath = /there.log\n"}}, options)
                  .jail("app")
                  .reads_journal);
  CHECK_FALSE(read({{"jail.local",
                     "[app]\nenabled = on\nlogpath = /gone.log\nsystemd_if_nologs = false\n"}},
                   options)
                  .jail("app")
                  .reads_journal);
  CHECK_FALSE(
      read({{"jail.local", "[app]\nenabled = on\nlogpath = /gone.log\nbackend = polling\n"}},
           options)
          .jail("app")
          .reads_journal);
  const fail2ban::JailPlan other =
      read({{"jail.local", "[app]\nenabled = on\nbackend = systemd[namespace=x, rotated=on]\n"}})
          .jail("app");
  CHECK(other.verdict() == Verdict::kRefused);
}

TEST_CASE("times and numbers") {
  const fail2ban::JailPlan plan =
      read({{"jail.local",
             "[app]\nenabled = on\nmaxretry = many\nmaxmatches = 1000\nfindtime = 60*60\nbantime = "
             "-1\nbantime.increment = yes\nbantime.factor = 2\nbantime.multipliers = 1 5 30\n"
             "bantime.maxtime = 5w\nbantime.rndtime = 10m\nbantime.overalljails = true\n"}})
          .jail("app");
  CHECK(option(plan, "maxretry") == "3");
  CHECK(remark(plan, "maxretry").text == "'many' is no number: 3 is used, as fail2ban does");
  CHECK(plan.as_read.at("maxmatches") == "1000");
  CHECK(option(plan, "findtime") == "1h");
  CHECK(option(plan, "bantime") == "-1");
  CHECK(option(plan, "bantime.increment") == "yes");
  CHECK(option(plan, "bantime.factor") == "2");
  CHECK(option(plan, "bantime.multipliers") == "1 5 30");
  CHECK(option(plan, "bantime.maxtime") == "35d");
  CHECK(option(plan, "bantime.rndtime") == "10m");
  CHECK(option(plan, "bantime.overalljails") == "yes");
  for (const char* wrong : {"bantime = 0", "bantime = -5", "findtime = 0", "bantime = 10 apples"}) {
    CHECK(read({{"jail.local", std::string("[app]\nenabled = on\n") + wrong + "\n"}})
              .jail("app")
              .verdict() == Verdict::kRefused);
  }
}

TEST_CASE("ignoreip takes prefixes, masks, names and files") {
  MemoryFiles files(std::map<std::string, std::string>{
      {"/lists/x", "203.0.113.1, 203.0.113.2 ; partners\n# all\n2001:db8::/32\n"}});
  const auto resolve = [](const std::string& name) -> util::Result<std::vector<net::IpAddress>> {
    if (name == "two.example.org") {
      return std::vector{*net::IpAddress::parse("192.0.2.1"),
                         *net::IpAddress::parse("2001:db8::1")};
    }
    return util::Error(util::ErrorCode::kNotFound, name + ": unknown");
  };
  const fail2ban::IgnoreList list = fail2ban::read_ignore_list(
      "127.0.0.1/8 ::1,10.0.0.0/255.255.0.0 two.example.org gone.example.org file:/lists/x "
      "file:///lists/none user@name 10.0.0.0/255.0.255.0 10.0.0.0/33",
      {"jail.local", 3}, files, resolve);
  std::vector<std::string> prefixes;
  for (const net::Prefix& prefix : list.prefixes) {
    prefixes.push_back(prefix.to_string());
  }
  CHECK(prefixes == std::vector<std::string>{"127.0.0.0/8", "::1", "10.0.0.0/16", "192.0.2.1",
                                             "2001:db8::1", "203.0.113.1", "203.0.113.2",
                                             "2001:db8::/32"});
  CHECK(list.names == std::set<std::string>{"two.example.org", "gone.example.org"});
  CHECK(list.files == std::set<std::string>{"/lists/x", "/lists/none"});
  std::vector<std::string> told;
  for (const fail2ban::Remark& one : list.remarks) {
    CHECK(one.verdict == Verdict::kDiffers);
    CHECK(one.place.to_string() == "jail.local:3");
    told.push_back(one.text);
  }
  REQUIRE(told.size() == 5);
  CHECK(told[0] ==
        "the name 'gone.example.org' is not known now, and protects nobody until it is: "
        "gone.example.org: unknown");
  CHECK(told[2] == "'user@name' is no address, prefix, name or file, and protects nobody");
}

TEST_CASE("actions: the kernel's are native, others are told by name") {
  const fail2ban::JailPlan plan =
      read({{"jail.local",
             "[app]\nenabled = on\naction = %(action_)s\n  sendmail-whois[dest=root]\n  quiet\n"}})
          .jail("app");
  CHECK(plan.verdict() == Verdict::kDiffers);
  CHECK(plan.actions.size() == 3);
  CHECK(remark(plan, "action sendmail-whois").text ==
        "mail is sent by a destination, once there is a relay");
  CHECK(remark(plan, "action quiet").verdict == Verdict::kDiffers);

  const std::string mine = "[app]\nenabled = on\naction = %(action_)s\n  mine\n  smart.py[x=1]\n";
  const fail2ban::JailPlan refused = read({{"jail.local", mine}}).jail("app");
  CHECK(refused.verdict() == Verdict::kRefused);
  CHECK(remark(refused, "action mine").text ==
        "its commands are not run: '|', more than one command, needs a shell");
  CHECK(remark(refused, "action smart.py").text == "actions written in Python are not run");
  CHECK(remark(refused, "action mine").place.to_string() == "/etc/fail2ban/jail.local:3");
  CHECK(
      read({{"jail.local", mine}}, {.skip_actions = {"mine", "smart.py"}}).jail("app").verdict() ==
      Verdict::kDiffers);

  // Said once, and nothing of what would follow if there were no action.
  const fail2ban::JailPlan unset =
      read({{"jail.local", "[app]\nenabled = on\nlogpath = /x\naction = %(nothing)s\n"}})
          .jail("app");
  REQUIRE(unset.remarks.size() == 1);
  CHECK(unset.remarks[0].subject == "action");
  CHECK(unset.remarks[0].verdict == Verdict::kLeftOut);

  const fail2ban::JailPlan broken =
      read({{"jail.local", "[app]\nenabled = on\naction = odd\n"},
            {"action.d/odd.conf", "[Definition]\nactionban = /bin/x %(nothing)s\n"}})
          .jail("app");
  CHECK(remark(broken, "action odd").verdict == Verdict::kLeftOut);
  CHECK(remark(broken, "action odd").text.starts_with("its actionban cannot be read: "));

  const fail2ban::JailPlan gone =
      read({{"jail.local", "[app]\nenabled = on\naction = nowhere\n"}}).jail("app");
  CHECK(remark(gone, "action nowhere").verdict == Verdict::kLeftOut);
}

TEST_CASE("actions that report to a public list are told as a destination, or refused by name") {
  const Read made = read(
      {{"jail.local",
        "[app]\nenabled = yes\nlogpath = /x\naction = %(action_)s\n  "
        "abuseipdb[abuseipdb_apikey=\"canary\", abuseipdb_category=\"18,22\"]\n  "
        "blocklist_de[email=\"ops@example.org\", apikey=\"canary\"]\n"
        "[other]\nenabled = yes\nfilter = app\nlogpath = /x\naction = %(action_)s\n"
        "  apprise\n  xarf-login-attack\n"},
       {"action.d/abuseipdb.conf", "[Definition]\nactionban = curl | x\n"},
       {"action.d/blocklist_de.conf", "[Definition]\nactionban = curl | x\n[Init]\nemail =\n"},
       {"action.d/apprise.conf", "[Definition]\nactionban = printf x | apprise\n"},
       {"action.d/xarf-login-attack.conf", "[Definition]\nactionban = oifs; mail <matches>\n"}});
  REQUIRE(made.configuration.destinations.size() == 2);
  CHECK(made.configuration.destinations[0].to_ini() ==
        "[destination fail2ban-abuseipdb-app]\nform = abuseipdb\n"
        "token = vault:alerts-secrets/abuseipdb_key\ntarget = 18,22\nevents = ban\njails = app\n");
  CHECK(made.configuration.destinations[1].to_ini() ==
        "[destination fail2ban-blocklist_de-app]\nform = blocklist-de\n"
        "token = vault:alerts-secrets/blocklist_de_key\ntarget = ops@example.org\nevents = ban\n"
        "jails = app\n");
  CHECK_FALSE(made.configuration.destinations[0].in_use);
  const auto refused = [&](const std::string& jail) {
    std::string all;
    for (const fail2ban::Remark& remark : made.jail(jail).remarks) {
      if (remark.verdict == Verdict::kRefused) {
        all += remark.subject + ": " + remark.text + "\n";
      }
    }
    return all;
  };
  CHECK(refused("app") == "");
  CHECK(refused("other") ==
        "action apprise: its command needs a shell, and apprise is not run\n"
        "action xarf-login-attack: its command needs a shell and sends lines of the log to a third "
        "party\n");
}

TEST_CASE("what is true of all jails is told once, where the first of them says so") {
  const Read made =
      read({{"jail.local",
             "[app]\nenabled = on\naction = quiet\n[two]\nenabled = on\nfilter = app\n"
             "action = %(action_)s\n  sendmail-whois\n[three]\nenabled = on\nfilter = app\n"
             "action = %(action_)s\n  sendmail-whois\n"}});
  const std::vector<fail2ban::Remark>& remarks = made.configuration.remarks;
  REQUIRE(remarks.size() == 2);
  CHECK(remarks[0].subject == "banaction");
  CHECK(remarks[0].place.to_string() == "/etc/fail2ban/jail.local:7");
  CHECK(remarks[1].subject == "mail");
  CHECK(remarks[1].text ==
        "nothing is looked up (whois, GeoIP) and no line of the log goes along; a start or stop of "
        "a jail is not mailed, and what follows a mail within a minute goes as one summary");
  REQUIRE(made.configuration.destinations.size() == 1);
  CHECK(made.configuration.destinations[0].actions == std::vector<std::string>{"sendmail-whois"});
}

TEST_CASE("a jail without a banning action only observes") {
  const fail2ban::JailPlan plan =
      read({{"jail.local", "[app]\nenabled = on\naction = sendmail-whois\n"}}).jail("app");
  CHECK(option(plan, "observe") == "yes");
  CHECK(plan.verdict() == Verdict::kDiffers);
}

TEST_CASE("several kernel actions close what each of them closes") {
  const auto scope = [](const std::string& action) {
    const fail2ban::JailPlan plan =
        read({{"jail.local", "[app]\nenabled = on\naction = " + action + "\n"},
              {"action.d/route.conf", "[Definition]\nactionban = x\n"},
              {"action.d/iptables-allports.conf", kAction}})
            .jail("app");
    return option(plan, "protocol") + " " + option(plan, "port");
  };
  CHECK(scope("nftables-multiport") == "tcp ssh");
  CHECK(scope("nftables-multiport[port=53]\n nftables-multiport[port=53, protocol=udp]") ==
        "all 53");
  CHECK(scope("nftables-multiport[port=\"80,443\", protocol=\"tcp,udp\"]") == "all 80,443");
  CHECK(scope("nftables-multiport[port=1]\n nftables-multiport[port=2]") == "tcp 1,2");
  CHECK(scope("iptables-allports[protocol=udp]") == "udp (unset)");
  CHECK(scope("nftables-multiport[type=allports]") == "tcp (unset)");
  CHECK(scope("nftables-multiport[port=1]\n route") == "all (unset)");
}

TEST_CASE("what cannot be honoured is refused where it stands") {
  const fail2ban::JailPlan plan = read({{"jail.local",
                                         "[app]\nenabled = on\nignorecommand = is-mine <ip> | x\n"
                                         "maxretry = %(nothing)s\n"}})
                                      .jail("app");
  CHECK(remark(plan, "ignorecommand").place.to_string() == "/etc/fail2ban/jail.local:3");
  CHECK(remark(plan, "ignorecommand").verdict == Verdict::kRefused);
  CHECK(remark(plan, "ignorecommand").text ==
        "is not run: '|', more than one command, needs a shell");
  CHECK(remark(plan, "maxretry").place.to_string() == "/etc/fail2ban/jail.local:4");
  const fail2ban::JailPlan no_filter =
      read({{"jail.local", "[app]\nenabled = on\nfilter = nothing\n"}}).jail("app");
  CHECK(remark(no_filter, "filter").text == "there is no /etc/fail2ban/filter.d/nothing.conf");
}

TEST_CASE("a jail that fail2ban starts without is left out, whatever else is wrong with it") {
  for (const std::string wrong : {"filter = nothing", "filter = app[x = 1]",
                                  "action = nftables-multiport[x]", "action = nothing"}) {
    INFO(wrong);
    const Read result = read({{"action.d/told.conf", "[Definition]\nactionban = /opt/told <ip>\n"},
                              {"jail.local",
                               "[DEFAULT]\naction = %(action_)s\n  told\nlogpath = /x\n"
                               "[app]\nenabled = on\nignorecommand = is-mine <ip> | x\n"
                               "[other]\nenabled = on\nfilter = app\n"},
                              {"jail.d/z.local", "[app]\n" + wrong + "\n"}});
    const fail2ban::JailPlan& plan = result.jail("app");
    CHECK(plan.verdict() == Verdict::kLeftOut);
    const auto why = std::find_if(plan.remarks.begin(), plan.remarks.end(),
                                  [](const auto& one) { return one.verdict == Verdict::kLeftOut; });
    REQUIRE(why != plan.remarks.end());
    CHECK(why->place.to_string() == "/etc/fail2ban/jail.d/z.local:2");
    CHECK(why->remedy == "the jail is left out, as in fail2ban; mend it, or set enabled = false");
    REQUIRE(result.configuration.destinations.size() == 1);
    CHECK(result.configuration.destinations[0].jails == std::vector<std::string>{"other"});
  }
}

TEST_CASE("a jail that keeps fail2ban from starting, or finds nothing there, is left out") {
  const std::string no_start =
      "the jail is left out; fail2ban itself does not start with it; mend it, or set enabled = "
      "false";
  const std::string no_effect =
      "the jail is left out; in fail2ban it runs and finds nothing; mend it, or set enabled = "
      "false";
  struct Case {
    const char* jail;
    const char* filter;
    const char* what;
    std::string remedy;
  };
  for (const Case& one : std::vector<Case>{
           {"filter = %(nope)s", "", "nope", no_start},
           {"action = %(nope)s", "", "nope", no_start},
           {"enabled = %(nope)s", "", "nope", no_start},
           {"findtime = %(nope)s", "", "nope", no_start},
           {"logpath = /x middle", "", "neither head nor tail", no_start},
           {"filter = bad", "failregex = x <HOST>\n", "bad.conf", no_start},
           {"filter = bad", "[Definition]\nfailregex = %(nope)s <HOST>\n", "nope", no_start},
           {"filter = bad", "[Definition]\nfailregex = <a> <HOST>\na = <b>\nb = <a>\n", "<a>",
            no_start},
           {"action = bad", "actionban = x\n", "bad.conf", no_start},
           {"filter =", "", "the jail has no filter", no_effect},
           {"filter = bad", "[Definition]\nignoreregex = x\n", "bad has no failregex", no_effect},
           {"logpath =\nsystemd_if_nologs = no", "", "the jail reads no log", no_start}}) {
    INFO(one.jail << ' ' << one.filter);
    const Read result = read({{"jail.local",
                               "[DEFAULT]\nlogpath = /x\n[app]\nenabled = on\n"
                               "[other]\nenabled = on\nfilter = app\n"},
                              {"jail.d/z.local", std::string("[app]\n") + one.jail + "\n"},
                              {"filter.d/bad.conf", one.filter},
                              {"action.d/bad.conf", one.filter}});
    const fail2ban::JailPlan& plan = result.jail("app");
    CHECK(plan.verdict() == Verdict::kLeftOut);
    const auto why = std::find_if(plan.remarks.begin(), plan.remarks.end(), [](const auto& told) {
      return told.verdict == Verdict::kLeftOut;
    });
    REQUIRE(why != plan.remarks.end());
    CHECK((why->subject + " " + why->text + " " + why->place.to_string()).find(one.what) !=
          std::string::npos);
    CHECK(why->remedy == one.remedy);
    CHECK(result.jail("other").verdict() < Verdict::kRefused);
  }
  const Read unset = read({{"jail.local", "[app]\nenabled = on\nsystemd_if_nologs = no\n"}});
  CHECK(remark(unset.jail("app"), "logpath").text == "the jail reads no log");
  CHECK(remark(unset.jail("app"), "logpath").remedy == no_effect);
}

TEST_CASE("a stock filter for a log that others can forge is told") {
  const fail2ban::JailPlan plan =
      read({{"filter.d/mysqld-auth.conf", "[Definition]\nfailregex = ^denied <HOST>$\n"},
            {"jail.local", "[db]\nenabled = on\nfilter = mysqld-auth\nlogpath = /x\n"}})
          .jail("db");
  CHECK(plan.filter->name == "mysqld-auth");
  CHECK(remark(plan, "filter mysqld-auth").verdict == Verdict::kRuns);
  CHECK(remark(plan, "filter mysqld-auth").place.to_string() == "/etc/fail2ban/jail.local:3");
  CHECK(remark(plan, "filter mysqld-auth").text.starts_with("MariaDB writes user names"));

  const fail2ban::JailPlan mail =
      read({{"filter.d/roundcube-auth.conf", "[Definition]\nfailregex = ^denied <HOST>$\n"},
            {"jail.local", "[mail]\nenabled = on\nfilter = roundcube-auth\nlogpath = /x\n"}})
          .jail("mail");
  CHECK(remark(mail, "filter roundcube-auth").verdict == Verdict::kRuns);
  CHECK(remark(mail, "filter roundcube-auth").text.starts_with("Roundcube writes user names"));
}

TEST_CASE("fail2ban.conf says where database and log are") {
  const Read result = read({{"fail2ban.conf",
                             "[Definition]\ndbfile = /var/lib/f.sqlite3\nlogtarget "
                             "= /var/log/f.log\nloglevel = DEBUG\n"}});
  CHECK(result.configuration.globals.database == "/var/lib/f.sqlite3");
  CHECK(result.configuration.globals.log == "/var/log/f.log");
  CHECK(result.configuration.globals.remarks.size() == 2);
}

TEST_CASE("a plain ignorecommand is asked, with the address in its arguments") {
  const fail2ban::JailPlan plan =
      read({{"jail.local",
             "[app]\nenabled = on\nignorecommand = %(fail2ban_confpath)s/mine '<fid>' a\n"
             "ignorecache = key=\"<ip>\", max-count=9\n"}})
          .jail("app");
  CHECK(plan.verdict() == Verdict::kDiffers);
  CHECK(option(plan, "ignorecommand") == "/etc/fail2ban/mine\n<ip>\na");
  CHECK(option(plan, "ignorecache") == "key=\"<ip>\", max-count=9");
}

TEST_CASE("names are looked up unless the jail says no") {
  const auto usedns = [](const std::string& line) {
    return option(read({{"jail.local", "[app]\nenabled = on\n" + line}}).jail("app"), "usedns");
  };
  CHECK(usedns("") == "warn");  // fail2ban's built-in value
  CHECK(usedns("usedns = YES\n") == "yes");
  CHECK(usedns("usedns = no\n") == "no");
  CHECK(usedns("usedns = raw\n") == "raw");
  CHECK(usedns("usedns = sometimes\n") == "no");
}
