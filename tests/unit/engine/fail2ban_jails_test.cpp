#include "config/file_reader.h"
#include "engine/configuration.h"
#include "filter/filter.h"
#include "filter/matcher.h"
#include "support/temporary_folder.h"
#include "util/strings.h"

#include <catch2/catch.hpp>

using namespace warder;
using testing::TemporaryFolder;

namespace {

struct Loaded {
  std::shared_ptr<const engine::JailSet> jails;
  std::string diagnostics;
};

// The folder's etc/ as a fail2ban configuration, beside own jails in own/.
Loaded load(const TemporaryFolder& folder, std::vector<std::string> skip_actions = {},
            engine::MainConfiguration main = {}) {
  folder.write("etc/action.d/nftables.conf",
               "[Definition]\nactionban = x\n[Init]\nport = ssh\nprotocol = tcp\n");
  folder.write("etc/action.d/mine.conf", "[Definition]\nactionban = curl x | sh\n");
  folder.write("etc/filter.d/app.conf",
               "[Definition]\nfailregex = ^\\s*app <mode> <HOST>$\nmode = calm\nlogtype = x\n");
  folder.write("own/none.conf", "[DEFAULT]\n");
  config::DiskFiles files;
  config::Diagnostics diagnostics;
  main.agent.fail2ban_configuration = (folder / "etc").string();
  main.agent.fail2ban_skip_actions = std::move(skip_actions);
  main.agent.jails = {(folder / "own").string()};
  main.agent.filters = {std::string(WARDER_SOURCE_DIR) + "/filters"};
  const auto resolve = [](const std::string&) -> util::Result<std::vector<net::IpAddress>> {
    return std::vector{*net::IpAddress::parse("198.51.100.7")};
  };
  Loaded loaded;
  loaded.jails = engine::load_jails(files, main, {}, {}, diagnostics, resolve);
  loaded.diagnostics = diagnostics.to_text();
  return loaded;
}

const std::string kJail =
    "[DEFAULT]\naction = nftables[port=\"80,443\"]\nfilter = %(__name__)s[mode=%(mode)s]\n"
    "mode = wild\n[app]\nenabled = true\nlogpath = /var/log/app.log\nmaxretry = 7\n"
    "ignoreip = admin.example.org\n[other]\nfilter = broken(\n";

}  // namespace

TEST_CASE("the enabled jails of a fail2ban configuration are compiled") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail);
  const Loaded loaded = load(folder);
  CHECK(loaded.diagnostics == "");
  REQUIRE(loaded.jails != nullptr);
  REQUIRE(loaded.jails->jails.size() == 2);
  const engine::CompiledJail& jail = loaded.jails->jails[1];
  CHECK(jail.options.name == "app");
  CHECK(jail.options.maxretry == 7);
  CHECK(jail.options.counting == jail::Counting::kCompat);
  CHECK(jail.options.ipv6_prefix == 128);
  CHECK(jail.options.ignoreip == std::vector{*net::Prefix::parse("198.51.100.7")});
  CHECK(jail.scope.name() == "tcp_80_443");
  REQUIRE(jail.filter->patterns().size() == 1);
  CHECK(jail.filter->patterns()[0].text.find("wild") != std::string::npos);
  CHECK(loaded.jails->ignored_names == std::set<std::string>{"admin.example.org"});
}

TEST_CASE("a jail's own failregex stands for the filter's") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail);
  folder.write("etc/jail.local", "[app]\nfailregex = %(known/failregex)s\n ^\\s*mine <HOST>$\n");
  const Loaded loaded = load(folder);
  CHECK(loaded.diagnostics == "");
  REQUIRE(loaded.jails != nullptr);
  CHECK(loaded.jails->jails.at(1).filter->patterns().size() == 2);
}

TEST_CASE("what cannot be honoured refuses the configuration at its place") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail);
  folder.write(
      "etc/jail.local",
      "[app]\naction = mine\n         nftables\nignorecommand = /bin/true; x\nmaxretry = 3\n");
  const std::string place = (folder / "etc/jail.local").string();
  const Loaded refused = load(folder);
  CHECK(refused.jails == nullptr);
  CHECK(refused.diagnostics.find(place + ":2: [app] action mine: its commands are not run: '|'") !=
        std::string::npos);
  CHECK(refused.diagnostics.find(place + ":4: [app] ignorecommand: ") != std::string::npos);

  folder.write("etc/jail.local", "[app]\naction = mine\n         nftables\n");
  const Loaded accepted = load(folder, {"mine"});
  CHECK(accepted.jails != nullptr);
  CHECK(accepted.diagnostics.find(place + ":2: warning: [app] action mine") != std::string::npos);
}

TEST_CASE("patterns of a filter that are too large to prove are told as one") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail);
  const std::string wide = "^(?:(?:a?b?c?d?e?){20}){20}(?:x{20}y{20}){20} <HOST>";
  folder.write("etc/filter.d/app.local",
               "[Definition]\nfailregex = " + wide + "$\n  " + wide + " end$\n");
  const Loaded loaded = load(folder);
  REQUIRE(loaded.jails != nullptr);
  CHECK(util::trim(loaded.diagnostics) ==
        (folder / "etc/jail.conf").string() +
            ":3: warning: [app] filter = \"app[mode=wild]\": 2 of its patterns are too large to "
            "prove that injected text cannot move the address");
}

TEST_CASE("a tag that fail2ban does not know stands for itself, and is told") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail);
  folder.write("etc/filter.d/app.local", "[Definition]\nfailregex = ^ <HOST> sent <script>$\n");
  const Loaded loaded = load(folder);
  CHECK(util::trim(loaded.diagnostics) ==
        (folder / "etc/jail.conf").string() + ":3: warning: [app] filter = \"app[mode=wild]\": " +
            (folder / "etc/filter.d/app.local").string() +
            ":2: the filter has no option for <script>, which stands for itself, as in fail2ban; "
            "write [<] where '<' itself is meant");
  REQUIRE(loaded.jails != nullptr);
  class Catcher : public filter::MatchHandler {
   public:
    void on_finding(std::size_t, model::Finding&& finding) override {
      addresses += finding.address.to_string() + ";";
    }
    void on_notice(std::size_t, const filter::Notice&) override {}
    std::string addresses;
  } catcher;
  const auto matcher = filter::Matcher::build({loaded.jails->jails.at(1).filter}, {});
  REQUIRE(matcher.has_value());
  for (const char* text : {" 192.0.2.1 sent <script>", " 192.0.2.2 sent script"}) {
    model::Line line;
    line.text = text;
    line.stamp = util::WallTime();
    (*matcher)->match(line, util::WallTime(), catcher);
  }
  CHECK(catcher.addresses == "192.0.2.1;");
}

TEST_CASE("a jail whose filter compiles nowhere is left out, one that only we refuse is an error") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail + "[second]\nfilter = app\nenabled = true\nlogpath = /x\n");
  const auto with = [&](const std::string& expression) {
    folder.write("etc/filter.d/broken.conf", "[Definition]\n" + expression + "\n");
    folder.write("etc/jail.local", "[app]\nfilter = broken\nignorecommand = /bin/true; x\n");
    return load(folder);
  };
  const std::string file = (folder / "etc/filter.d/broken.conf").string();
  for (const std::string wrong :
       {"failregex = ^(a <HOST>$", "failregex = ^a$", "failregex = ^a <HOST>$\nignoreregex = x**",
        "failregex = ^a <HOST>$\n    ^b $", "prefregex = (\nfailregex = ^a <HOST>$"}) {
    INFO(wrong);
    const Loaded loaded = with(wrong);
    REQUIRE(loaded.jails != nullptr);
    REQUIRE(loaded.jails->jails.size() == 2);
    CHECK(loaded.jails->jails[1].options.name == "second");
    REQUIRE(loaded.jails->left_out.size() == 1);
    CHECK(loaded.jails->left_out[0].name == "app");
    CHECK(loaded.jails->left_out[0].why.find(file) != std::string::npos);
    CHECK(loaded.diagnostics.find(": warning: [app] filter = \"broken\": " + file) !=
          std::string::npos);
    CHECK(util::trim(loaded.diagnostics)
              .ends_with("; the jail is left out; fail2ban itself does not start with it; mend it, "
                         "or set enabled = false"));
    CHECK(loaded.diagnostics.find("ignorecommand") == std::string::npos);
  }
  const Loaded refused = with("failregex = ^a++ <HOST>$");
  CHECK(refused.jails == nullptr);
  CHECK(refused.diagnostics.find(
            file + ":2: failregex '^a++ <HOST>$': column 3: '++' (possessive quantifier) is not "
                   "supported, because it cannot be matched in linear time; leave the second '+' "
                   "out, which matches at least the same lines: ^a+ <HOST>$") != std::string::npos);
  CHECK(refused.diagnostics.find("ignorecommand") != std::string::npos);
  // What fails in both is left out, whatever else only we refuse.
  CHECK(with("failregex = ^a++ <HOST>$\n    ^(b <HOST>$").jails != nullptr);
}

TEST_CASE("a jail that is enabled twice is told") {
  const TemporaryFolder twice;
  twice.write("etc/jail.conf", kJail);
  twice.write("own/app.conf", "[app]\nenabled = yes\nfilter = sshd\nlogpath = /var/log/auth.log\n");
  CHECK(load(twice).diagnostics.find("enabled here and among the agent's own jails") !=
        std::string::npos);
}

TEST_CASE("a jail that fail2ban starts without is told, and the others run") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf",
               kJail + "[ghost]\nenabled = true\nfilter = ghost\nlogpath = /x\naction = mine\n");
  const Loaded loaded = load(folder);
  CHECK(util::trim(loaded.diagnostics) ==
        (folder / "etc/jail.conf").string() + ":14: warning: [ghost] filter: there is no " +
            (folder / "etc/filter.d/ghost.conf").string() +
            "; the jail is left out, as in fail2ban; mend it, or set enabled = false");
  REQUIRE(loaded.jails != nullptr);
  REQUIRE(loaded.jails->jails.size() == 2);
  CHECK(loaded.jails->jails[1].options.name == "app");
}

TEST_CASE("a jail of fail2ban's can be tried by its name, with changes") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail +
                                    "[idle]\nfilter = app\nlogpath = /nowhere\naction = mine\n"
                                    "[ghost]\nfilter = ghost\n");
  load(folder);  // writes the rest
  config::DiskFiles files;
  engine::MainConfiguration main;
  main.agent.fail2ban_configuration = (folder / "etc").string();
  main.agent.jails = {(folder / "own").string()};
  main.agent.filters = {std::string(WARDER_SOURCE_DIR) + "/filters"};

  const auto app = engine::load_jail(files, main, {}, {"app", {}, {}});
  REQUIRE(app.has_value());
  CHECK(app->options.maxretry == 7);
  CHECK(app->options.counting == jail::Counting::kCompat);
  CHECK(app->filter->patterns().at(0).text == "^\\s*app wild <HOST>$");

  folder.write("changed.conf", "[app]\nmaxretry = 2\nfailregex = ^\\s*other <HOST>$\n");
  const auto changed = engine::load_jail(
      files, main, {}, {"app", {(folder / "changed.conf").string()}, {{"findtime", "1h"}}});
  REQUIRE(changed.has_value());
  CHECK(changed->options.maxretry == 2);
  CHECK(changed->options.findtime == std::chrono::hours(1));
  CHECK(changed->filter->patterns().at(0).text == "^\\s*other <HOST>$");

  CHECK(engine::load_jail(files, main, {}, {"idle", {}, {}}).has_value());
  CHECK(engine::load_jail(files, main, {}, {"ghost", {}, {}})
            .error()
            .message()
            .find("etc/filter.d/ghost.conf") != std::string::npos);
  CHECK(engine::load_jail(files, main, {}, {"nobody", {}, {}}).error().message() ==
        "no jail is named 'nobody'");
}

TEST_CASE("destinations that stand for actions are used, but not by an agent that observes") {
  const TemporaryFolder folder;
  folder.write("etc/jail.conf", kJail);
  folder.write("etc/jail.local",
               "[app]\naction = nftables\n  banner\n  sendmail[dest=ops@example.org]\n  slack\n");
  folder.write("etc/action.d/banner.conf",
               "[Definition]\nactionban = /opt/banner add <ip> <name>\n"
               "actionunban = /opt/banner del <ip>\n");
  folder.write("etc/action.d/sendmail.conf", "[Definition]\nactionban = x | y\n");
  folder.write("etc/action.d/slack.conf",
               "[Definition]\nactionban = curl -d '<ip>' https://hooks.slack.com/services/T/B/X\n");
  const auto names = [](const Loaded& loaded) {
    REQUIRE(loaded.jails != nullptr);
    std::string text;
    for (const config::Section& section : loaded.jails->action_destinations) {
      text += section.name + ";";
    }
    return text;
  };
  const Loaded without = load(folder);
  CHECK(names(without) == "destination fail2ban-banner-app;");
  const config::Section& banner = without.jails->action_destinations.at(0);
  CHECK(banner.find("argv")->text == "/opt/banner\nadd\n<ip>\napp");
  CHECK(banner.find("unban_argv")->text == "/opt/banner\ndel\n<ip>");
  CHECK(banner.find("events")->text == "ban unban");
  CHECK(banner.find("jails")->text == "app ");
  CHECK(banner.place.to_string() == (folder / "etc/jail.local").string() + ":2");
  CHECK(without.diagnostics.find("fail2ban_mail_server") != std::string::npos);
  CHECK(without.diagnostics.find("hooks.slack.com") == std::string::npos);  // a secret

  engine::MainConfiguration main;
  main.agent.fail2ban_mail_server = "smtp://127.0.0.1";
  CHECK(names(load(folder, {}, main)) ==
        "destination fail2ban-banner-app;destination fail2ban-mail-ops-example.org;");
  main.agent.observe = true;
  CHECK(names(load(folder, {}, main)) == "");
  CHECK(names(load(folder, {"banner"})) == "");
}
