#include "ship/keys.h"

#include "config/check.h"
#include "config/ini.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace std::chrono_literals;

namespace {

struct Read {
  config::Diagnostics diagnostics;
  std::vector<ship::DestinationOptions> destinations;
};

Read read(std::string_view text) {
  Read result;
  config::Document document;
  document.add(config::parse_ini(text, "warder.conf", result.diagnostics));
  const config::Table* const tables[] = {&ship::destination_table()};
  const config::Checked checked = config::check_document(tables, document, result.diagnostics);
  if (!result.diagnostics.has_errors()) {
    for (const config::Values* values : checked.all(ship::destination_table())) {
      result.destinations.push_back(ship::destination_options(*values, result.diagnostics));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("the table of destinations is sound") {
  CHECK(config::defects(ship::destination_table()) == std::vector<std::string>{});
}

TEST_CASE("a destination as configured") {
  const Read slack = read(
      "[destination ops]\nform = slack\nurl = vault:alerts/slack\nevents = alerts finding\n"
      "severity = warning\njails = sshd caddy\ndigest = 5m\nallow_private = a.lan 127.0.0.1\n");
  REQUIRE_FALSE(slack.diagnostics.has_errors());
  REQUIRE(slack.destinations.size() == 1);
  const ship::DestinationOptions& ops = slack.destinations[0];
  CHECK(ops.name == "ops");
  CHECK(ops.form() == ship::Form::kSlack);
  CHECK(ops.url->to_string() == "vault:alerts/slack");
  CHECK_FALSE(ops.token);
  CHECK(ops.selection.mode == ship::Selection::Kinds::kAlerts);
  CHECK(ops.selection.kinds == std::vector<model::EventKind>{model::EventKind::kFinding});
  CHECK(ops.selection.least == model::Severity::kWarning);
  CHECK(ops.selection.jails == std::vector<std::string>{"sshd", "caddy"});
  CHECK(ops.shipper.digest == 5min);
  CHECK(ops.shipper.pause == 1s);
  CHECK(ops.shipper.give_up == 72h);
  CHECK(ops.allow_private == std::vector<std::string>{"a.lan", "127.0.0.1"});

  const Read file = read("[destination log]\nform = json-lines\npath = /var/log/x\nevents = all\n");
  REQUIRE_FALSE(file.diagnostics.has_errors());
  CHECK_FALSE(file.destinations[0].form());
  CHECK(file.destinations[0].means == ship::Means::kJsonLines);
  CHECK(file.destinations[0].shipper.digest == 0s);
  CHECK(file.destinations[0].selection.mode == ship::Selection::Kinds::kAll);
  const Read log = read("[destination log]\nform = fail2ban-log\npath = /var/log/x\n");
  REQUIRE_FALSE(log.diagnostics.has_errors());
  CHECK(log.destinations[0].means == ship::Means::kFail2banLog);
  CHECK(log.destinations[0].shipper.digest == 0s);
  CHECK_FALSE(log.destinations[0].selection.witness);
  CHECK(log.destinations[0].selection.mode == ship::Selection::Kinds::kListed);
  CHECK(log.destinations[0].selection.kinds ==
        std::vector<model::EventKind>{model::EventKind::kFinding, model::EventKind::kBan,
                                      model::EventKind::kUnban});
  CHECK(read("[destination l]\nform = fail2ban-log\npath = /x\nevents = ban\n")
            .destinations[0]
            .selection.kinds == std::vector<model::EventKind>{model::EventKind::kBan});
  CHECK(read("[destination x]\nurl = file:/x\n").destinations[0].shipper.digest == 60s);
  const Read page = read("[destination p]\nform = pagerduty\nurl = file:/x\ntoken = file:/y\n");
  REQUIRE_FALSE(page.diagnostics.has_errors());
  CHECK(page.destinations[0].form() == ship::Form::kPagerDuty);
  CHECK(page.destinations[0].shipper.digest == 0s);  // a summary would swallow the end
  const Read teams = read("[destination t]\nform = teams\nurl = file:/x\n");
  CHECK(teams.destinations[0].form() == ship::Form::kTeams);
  CHECK(teams.destinations[0].shipper.pause == 1s);
  CHECK(teams.destinations[0].shipper.digest == 60s);
}

TEST_CASE("what is missing is told with its place") {
  CHECK(read("[destination a]\nform = ntfy\n[destination b]\nform = json-lines\n"
             "[destination c]\nform = pagerduty\nurl = file:/x\n")
            .diagnostics.to_text() ==
        "warder.conf:2: [destination a] form = \"ntfy\": a webhook needs url\n"
        "warder.conf:4: [destination b] form = \"json-lines\": json-lines needs path\n"
        "warder.conf:6: [destination c] form = \"pagerduty\": pagerduty needs token, the routing "
        "key\n");
  // A webhook's address written in place of a reference is refused and not repeated.
  const std::string text =
      read("[destination a]\nurl = https://hooks.example/canary\n").diagnostics.to_text();
  CHECK(text.find("canary") == std::string::npos);
  CHECK(text.starts_with("warder.conf:2: [destination a] url: "));
}

TEST_CASE("words in a program's arguments are checked, and need an event each") {
  const Read good = read(
      "[destination r]\nform = command\nargv = /bin/x\n  <ip>\nunban_argv = /bin/y\n  <ip>\n"
      "events = ban unban\n");
  CHECK(good.diagnostics.to_text() == "");
  REQUIRE(good.destinations.size() == 1);
  CHECK(good.destinations[0].argv == std::vector<std::string>{"/bin/x", "<ip>"});
  CHECK(good.destinations[0].unban_argv == std::vector<std::string>{"/bin/y", "<ip>"});

  for (const auto& [keys, problem] : std::vector<std::pair<std::string, std::string>>{
           {"form = command\nargv = /bin/x\n  <matches>\n", "<matches> is no word"},
           {"form = command\nargv = /bin/x\n  <ip>\ndigest = 1m\n", "need digest = 0"},
           {"form = command\nargv = /bin/x\nunban_argv = y\n", "the program's whole path"},
           {"form = json-lines\npath = /x\nunban_argv = /y\n", "is for form = command"},
           {"form = fail2ban-log\n", "fail2ban-log needs path"},
           {"form = fail2ban-log\npath = /x\ndigest = 1m\n", "has no summaries"},
           {"form = fail2ban-log\npath = /x\nwitness = yes\n", "no line for a checkpoint"}}) {
    const Read wrong = read("[destination r]\n" + keys);
    INFO(wrong.diagnostics.to_text());
    CHECK(wrong.diagnostics.errors() == 1);
    CHECK(wrong.diagnostics.to_text().find(problem) != std::string::npos);
  }
}

TEST_CASE("destinations with an account of [vault]") {
  const Read good = read(
      "[destination log]\nform = oci-logging\ntarget = ocid1.log.oc1.eu-frankfurt-1.a\n"
      "[destination topic]\nform = oci-notifications\ntarget = ocid1.onstopic.oc1..a\n"
      "[destination trail]\nform = vault-trail\ntarget = audit/\nwitness = no\n"
      "[destination file]\nform = json-lines\npath = /a\n");
  REQUIRE_FALSE(good.diagnostics.has_errors());
  REQUIRE(good.destinations.size() == 4);
  CHECK(good.destinations[0].means == ship::Means::kOciLogging);
  CHECK(good.destinations[0].selection.witness);
  CHECK(good.destinations[0].shipper.digest == 0s);
  CHECK(good.destinations[1].shipper.pause == 1s);
  CHECK(good.destinations[1].shipper.digest == 60s);
  CHECK_FALSE(good.destinations[1].selection.witness);
  CHECK(good.destinations[2].target == "audit");
  CHECK_FALSE(good.destinations[2].selection.witness);
  CHECK(good.destinations[3].selection.witness);
  const auto errors = [](std::string_view text) {
    const Read wrong = read(text);
    CHECK(wrong.diagnostics.has_errors());
    return wrong.diagnostics.to_text();
  };
  CHECK(errors("[destination a]\nform = oci-logging\n").find("needs target, an OCID") !=
        std::string::npos);
  CHECK(errors("[destination a]\nform = oci-logging\ntarget = my-log\n").find("is no OCID") !=
        std::string::npos);
  CHECK(errors("[destination a]\nform = vault-trail\n").find("needs target: the mount") !=
        std::string::npos);
  CHECK(errors("[destination a]\nform = vault-trail\ntarget = ../sys\n").find("is no mount") !=
        std::string::npos);
  CHECK(errors("[destination a]\nform = mail\ntarget = a\nserver = smtp://127.0.0.1\n"
               "from = a@b.example\nto = a@b.example\n")
            .find("is for the forms oci-..., vault-..., abuseipdb and blocklist-de") !=
        std::string::npos);
}

TEST_CASE("public lists need an account, and have an address of their own") {
  const Read good = read(
      "[destination a]\nform = abuseipdb\ntoken = file:/x\n"
      "[destination b]\nform = blocklist-de\ntoken = file:/x\ntarget = ops@example.org\n");
  CHECK(good.diagnostics.to_text() == "");
  CHECK(good.destinations.at(0).target == "15");
  CHECK(good.destinations.at(0).shipper.digest == 0s);
  CHECK(good.destinations.at(1).form() == ship::Form::kBlocklistDe);
  CHECK(read("[destination a]\nform = abuseipdb\ntoken = file:/x\ntarget = ssh\ndigest = 1m\n"
             "[destination b]\nform = blocklist-de\n")
            .diagnostics.to_text() ==
        "warder.conf:4: [destination a] target = \"ssh\": allowed are the service's numbers of "
        "categories, as in 18,22\n"
        "warder.conf:5: [destination a] digest = \"1m\": each address is reported by itself: "
        "digest = 0\n"
        "warder.conf:7: [destination b] form = \"blocklist-de\": it needs token, the API key of "
        "your account there\n"
        "warder.conf:7: [destination b] form = \"blocklist-de\": blocklist-de needs target, the "
        "mail address of your account\n");
}
