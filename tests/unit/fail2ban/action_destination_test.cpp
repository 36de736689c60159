#include "fail2ban/action_destination.h"

#include "config/ini.h"

#include <catch2/catch.hpp>

using namespace warder;
using fail2ban::ActionDestination;

namespace {

const fail2ban::DestinationSurroundings kHost{
    .mail_server = "smtp://mail.lan", .host = "web-1", .exists = [](const std::string& path) {
      return path == "/usr/bin/notify";
    }};

std::string command(std::string_view ban, std::string_view unban = {}) {
  const auto destination = fail2ban::command_destination(ban, unban, "my action", "app", kHost);
  return destination ? destination->to_ini() : destination.error().message();
}

std::string mail(const std::string& options,
                 const fail2ban::DestinationSurroundings& host = kHost) {
  config::Diagnostics diagnostics;
  config::Document document;
  document.add(config::parse_ini("[Definition]\n" + options, "x.conf", diagnostics));
  return fail2ban::mail_destination(config::Definition(document, {}, {}), host).to_ini();
}

}  // namespace

TEST_CASE("a command of an action as a destination") {
  CHECK(command("/opt/ban add <fid> <bantime> <failures> <restored> 100%") ==
        "[destination fail2ban-my-action-app]\nform = command\nargv = /opt/ban\n  add\n  <ip>\n"
        "  <bantime>\n  <failures>\n  0\n  100%%\nevents = ban\njails =\n");
  CHECK(command("notify '<ip> banned'", "notify '<ip> free'") ==
        "[destination fail2ban-my-action-app]\nform = command\nargv = /usr/bin/notify\n"
        "  <ip> banned\nunban_argv = /usr/bin/notify\n  <ip> free\nevents = ban unban\njails =\n");
}

TEST_CASE("what an argument cannot hold stands against it") {
  const std::string why =
      " is not put into arguments: text of a log is written by whoever attacks, could pass for an "
      "option and would stand in the list of processes";
  CHECK(command("/opt/ban <matches>") == "<matches>" + why);
  CHECK(command("/opt/ban <F-USER>") == "<F-USER>" + why);
  CHECK(command("/opt/ban ''") == "the argument '' cannot stand in a list");
  CHECK(command("/opt/ban 'a ;b'") == "the argument 'a ;b' cannot stand in a list");
  CHECK(command("nowhere <ip>") == "there is no program nowhere; write its whole path");
  CHECK(command("../ban <ip>") == "there is no program ../ban; write its whole path");
  CHECK(command("/opt/ban <ip>", "/opt/ban <ip> | x") ==
        "actionunban: '|', more than one command, needs a shell");
  CHECK(command("/opt/ban <ip>", "/opt/ban <bantime>") ==
        "actionunban: how long a ban was and what led to it is not known any more when it ends");
}

TEST_CASE("a mail action as a destination") {
  CHECK(mail("dest = ops@example.org, root\nsender = f2b@<fq-hostname>\n") ==
        "[destination fail2ban-mail-ops-example.org-root-localhost]\nform = mail\n"
        "server = smtp://mail.lan\nfrom = f2b@web-1\nto = ops@example.org root@localhost\n"
        "events = ban\njails =\n");
  CHECK(mail("") ==
        "[destination fail2ban-mail-root-localhost]\nform = mail\nserver = smtp://mail.lan\n"
        "from = root@web-1\nto = root@localhost\nevents = ban\njails =\n");
  CHECK(mail("", {}).find("server = smtp://127.0.0.1\n") != std::string::npos);
  // As in the head of a mail: SMTP takes the bare addresses.
  CHECK(mail("dest = Ops Night <ops@example.org>, root\n"
             "sender = Fail2Ban on <fq-hostname> <f2b@example.org>\n") ==
        "[destination fail2ban-mail-ops-example.org-root-localhost]\nform = mail\n"
        "server = smtp://mail.lan\nfrom = f2b@example.org\n"
        "to = ops@example.org root@localhost\nevents = ban\njails =\n");

  const ActionDestination smtp = fail2ban::smtp_destination(
      {{"host", "mail.example.org:587"}, {"user", "me"}, {"password", "hunter2"}});
  CHECK_FALSE(smtp.in_use);
  CHECK(smtp.to_ini() ==
        "[destination fail2ban-mail-root-localhost]\nform = mail\n"
        "server = smtp://mail.example.org:587\nfrom = fail2ban@localhost\nto = root@localhost\n"
        "username = me\npassword = vault:alerts-secrets/smtp_password\nevents = ban\njails =\n");
}

TEST_CASE("a webhook is known by its host, and its address is not told") {
  const auto form = [](std::string_view line) {
    const auto webhook = fail2ban::webhook_destination(line, "tell");
    return webhook ? webhook->keys.at(0).second + " " + webhook->keys.at(1).second : "none";
  };
  CHECK(form("curl -d x https://hooks.slack.com/services/T/B/secret") ==
        "slack vault:webhooks/tell");
  CHECK(form("x=$(date); curl \"https://discord.com/api/webhooks/1/s\" -d \"$x\"") ==
        "discord vault:webhooks/tell");
  CHECK(form("wget -q --post-data=x https://ptb.discord.com/api/webhooks/1/s") ==
        "discord vault:webhooks/tell");
  CHECK(form("curl -d x https://NTFY.example.org/alerts") == "ntfy vault:webhooks/tell");
  CHECK(form("curl -d x https://hooks.slack.com.evil.example/") == "none");
  CHECK(form("curl -d x https://api.example.org/") == "none");
  CHECK(form("curly https://hooks.slack.com/") == "none");
  CHECK(form("curl") == "none");
}

TEST_CASE("equal destinations of several jails become one, others keep apart") {
  std::vector<ActionDestination> list;
  const auto add = [&](const char* jail, const char* key) {
    fail2ban::add_destination({.name = "n",
                               .keys = {{"form", key}},
                               .place = {},
                               .jails = {jail},
                               .actions = {std::string("tell-") + key}},
                              &list);
  };
  add("a", "x");
  add("b", "y");
  add("c", "x");
  add("a", "x");
  add("d", "y");
  REQUIRE(list.size() == 2);
  CHECK(list[0].to_ini() == "[destination n]\nform = x\njails = a c\n");
  CHECK(list[1].to_ini() == "[destination n-2]\nform = y\njails = b d\n");
  CHECK(list[0].actions == std::vector<std::string>{"tell-x"});
}
