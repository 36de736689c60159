#include "ship/forms.h"

#include "support/manual_clock.h"
#include "support/memory_outbox.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace warder;
using namespace std::chrono_literals;

namespace {

const ship::Sender kSender{"web-1", "ops"};
const util::WallTime kTime{std::chrono::seconds(1793620800)};  // 2026-11-02T12:00:00Z

ship::Message single() {
  ship::Message message;
  message.key = "ops-01";
  message.items = {7};
  message.sequence = 6;
  message.what = testing::ban("203.0.113.9", "sshd", kTime);
  message.event()->message = "5 findings in 10m";
  message.event()->detail = R"_({"count":5,"bantime":"10m"})_";
  return message;
}

ship::Message hostile() {
  ship::Message message = single();
  message.event()->kind = model::EventKind::kSecurity;
  message.event()->severity = model::Severity::kCritical;
  message.event()->message =
      "@everyone <!channel> **x** \"},{\\ \x1b[2J http://evil \xFF\xE2\x80\xAE";
  message.event()->detail = "no json";
  return message;
}

ship::Message summed() {
  ship::Message message;
  message.key = "ops-01-25";
  message.items = {1, 2};
  message.sequence = 3;
  ship::Summary summary;
  summary.from = kTime - 60s;
  summary.until = kTime;
  summary.window = 60s;
  summary.total = 37;
  summary.severity = model::Severity::kHigh;
  ship::Summary::Kind kind;
  kind.count = 37;
  kind.jails = {{"sshd", 30}, {"caddy", 7}};
  kind.example = "banned";
  summary.kinds = {kind};
  summary.addresses = {{net::Prefix(*net::IpAddress::parse("203.0.113.9")), 5}};
  message.what = summary;
  return message;
}

}  // namespace

TEST_CASE("names of the forms") {
  for (const ship::Form form :
       {ship::Form::kGeneric, ship::Form::kSlack, ship::Form::kDiscord, ship::Form::kNtfy,
        ship::Form::kTeams, ship::Form::kGotify, ship::Form::kPagerDuty, ship::Form::kAlertmanager,
        ship::Form::kAbuseIpDb, ship::Form::kBlocklistDe}) {
    CHECK(ship::parse_form(ship::to_string(form)) == form);
  }
  CHECK_FALSE(ship::parse_form("pager"));
}

TEST_CASE("generic form") {
  const std::vector<ship::Message> messages{single(), summed()};
  CHECK(
      ship::generic_body(kSender, messages, kTime + 1s) ==
      R"_({"format":"warder/1","host":"web-1","destination":"ops","sent":"2026-11-02T12:00:01Z",)_"
      R"_("messages":[{"key":"ops-01","type":"event","sequence":6,)_"
      R"_("id":"00000000000000000000000000000000","kind":"ban","severity":"warning",)_"
      R"_("time":"2026-11-02T12:00:00Z","jail":"sshd","address":"203.0.113.9",)_"
      R"_("message":"5 findings in 10m","detail":{"count":5,"bantime":"10m"}},)_"
      R"_({"key":"ops-01-25","type":"summary","sequence":3,"severity":"high",)_"
      R"_("from":"2026-11-02T11:59:00Z","until":"2026-11-02T12:00:00Z","window_seconds":60,)_"
      R"_("total":37,"text":"37 bans in 1m: sshd 30, caddy 7; top addresses 203.0.113.9 (5)",)_"
      R"_("kinds":[{"kind":"ban","count":37,"jails":[{"jail":"sshd","count":30},)_"
      R"_({"jail":"caddy","count":7}],"other_jails":0,"example":"banned"}],)_"
      R"_("addresses":[{"address":"203.0.113.9","count":5}],"addresses_estimated":false}]})_");
  CHECK(
      ship::generic_body(kSender, std::span(messages).first(1), kTime, ship::Detail::kOmitted) ==
      R"_({"format":"warder/1","host":"web-1","destination":"ops","sent":"2026-11-02T12:00:00Z",)_"
      R"_("messages":[{"key":"ops-01","type":"event","sequence":6,)_"
      R"_("id":"00000000000000000000000000000000","kind":"ban","severity":"warning",)_"
      R"_("time":"2026-11-02T12:00:00Z","jail":"sshd","address":"203.0.113.9",)_"
      R"_("message":"5 findings in 10m","detail_omitted":true}]})_");
}

TEST_CASE("JSON line") {
  CHECK(ship::json_line(kSender, single()) ==
        R"_({"host":"web-1","key":"ops-01","type":"event","sequence":6,)_"
        R"_("id":"00000000000000000000000000000000","kind":"ban","severity":"warning",)_"
        R"_("time":"2026-11-02T12:00:00Z","jail":"sshd","address":"203.0.113.9",)_"
        R"_("message":"5 findings in 10m","detail":{"count":5,"bantime":"10m"}})_");
  CHECK(ship::json_line(kSender, hostile()) ==
        R"_({"host":"web-1","key":"ops-01","type":"event","sequence":6,)_"
        R"_("id":"00000000000000000000000000000000","kind":"security","severity":"critical",)_"
        R"_("time":"2026-11-02T12:00:00Z","jail":"sshd","address":"203.0.113.9",)_"
        R"_("message":"@everyone <!channel> **x** \"},{\\ \\x1b[2J http://evil \\xff\\u{202e}",)_"
        R"_("detail":"no json"})_");
}

TEST_CASE("Slack's form") {
  CHECK(ship::slack_body(kSender, single()) ==
        R"_({"text":"[warning] web-1: ban 203.0.113.9 (sshd)\n5 findings in 10m","mrkdwn":false,)_"
        R"_("unfurl_links":false,"unfurl_media":false})_");
  CHECK(
      ship::slack_body(kSender, summed()) ==
      R"_({"text":"[high] web-1: 37 alerts in 1m\n37 bans in 1m: sshd 30, caddy 7; top addresses )_"
      R"_(203.0.113.9 (5)","mrkdwn":false,"unfurl_links":false,"unfurl_media":false})_");
  CHECK(ship::slack_body(kSender, hostile()) ==
        "{\"text\":\"[critical] web-1: security 203.0.113.9 (sshd)\\n@\xE2\x80\x8B"
        "everyone &lt;!channel&gt; **x** \\\"},{\\\\ \\\\x1b[2J http:\xE2\x80\x8B//evil "
        "\\\\xff\\\\u{202e}\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false}");
}

TEST_CASE("Discord's form") {
  CHECK(ship::discord_body(kSender, single()) ==
        R"_({"allowed_mentions":{"parse":[]},"embeds":[{"title":"web-1\\: ban 203.0.113.9 )_"
        R"_(\\(sshd\\)","description":"5 findings in 10m","color":15844367,)_"
        R"_("timestamp":"2026-11-02T12:00:00Z"}]})_");
  CHECK(ship::discord_body(kSender, hostile()) ==
        "{\"allowed_mentions\":{\"parse\":[]},\"embeds\":[{\"title\":\"web-1\\\\: security "
        "203.0.113.9 \\\\(sshd\\\\)\",\"description\":\"@\xE2\x80\x8B"
        "everyone \\\\<!channel\\\\> \\\\*\\\\*x\\\\*\\\\* \\\"},{\\\\\\\\ \\\\\\\\x1b\\\\[2J "
        "http\\\\:\xE2\x80\x8B//evil \\\\\\\\xff\\\\\\\\u{202e}\",\"color\":15158332,"
        "\"timestamp\":\"2026-11-02T12:00:00Z\"}]}");
}

TEST_CASE("ntfy's form") {
  CHECK(ship::ntfy_body(kSender, "topic", summed()) ==
        R"_({"topic":"topic","title":"web-1: 37 alerts in 1m","message":"37 bans in 1m: sshd 30, )_"
        R"_(caddy 7; top addresses 203.0.113.9 (5)","priority":4,"tags":["high"]})_");
  CHECK(nlohmann::json::parse(ship::ntfy_body(kSender, "topic", hostile()))["priority"] == 5);
}

TEST_CASE("the longest event stays within every receiver's limits") {
  ship::Message message = single();
  message.event()->jail = std::string(5000, '<');
  message.event()->message = std::string(1 << 20, '&');
  message.event()->detail = std::string(16000, '[') + std::string(16000, ']');
  const auto slack = nlohmann::json::parse(ship::slack_body(kSender, message));
  CHECK(slack["text"].get<std::string>().size() < 4000);
  const auto discord = nlohmann::json::parse(ship::discord_body(kSender, message));
  CHECK(discord["embeds"][0]["title"].get<std::string>().size() <= 256);
  CHECK(discord["embeds"][0]["description"].get<std::string>().size() <= 4096);
  const auto ntfy = nlohmann::json::parse(ship::ntfy_body(kSender, "t", message));
  CHECK(ntfy["message"].get<std::string>().size() < 4096);
  CHECK(nlohmann::json::accept(ship::json_line(kSender, message)));
}
