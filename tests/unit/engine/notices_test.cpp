#include "engine/notices.h"

#include "unit/engine/engine_support.h"
#include "util/strings.h"

#include <nlohmann/json.hpp>

using namespace warder;
using namespace std::chrono_literals;
using engine::Notices;
using filter::NoticeKind;
using model::EventKind;
using model::Severity;
using testing::RecorderFixture;

using Lines = std::vector<std::string>;

TEST_CASE("what can come with every line is told once in ten minutes and then summed up") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  const filter::Notice notice{NoticeKind::kNoAddress, ""};
  for (int i = 0; i < 1000; ++i) {
    notices.filter("sshd", notice);
  }
  CHECK(fixture.all_told() == Lines{"source notice [sshd] a line matches but has no address"});
  fixture.clock.advance(Notices::kInterval - 1us);
  notices.filter("sshd", notice);
  CHECK(fixture.recorded().size() == 1);
  fixture.clock.advance(1us);
  notices.filter("sshd", notice);
  CHECK(fixture.all_told().back() ==
        "source notice [sshd] a line matches but has no address (1000 more since it was last "
        "told)");
  fixture.clock.advance(Notices::kInterval);
  notices.filter("sshd", notice);
  CHECK(fixture.all_told() ==
        Lines{"source notice [sshd] a line matches but has no address",
              "source notice [sshd] a line matches but has no address (1000 more since it was "
              "last told)",
              "source notice [sshd] a line matches but has no address"});
}

TEST_CASE("jails and kinds are limited each for itself") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  for (int i = 0; i < 3; ++i) {
    notices.filter("sshd", {NoticeKind::kNoDate, ""});
    notices.filter("sshd", {NoticeKind::kSessionLost, ""});
    notices.filter("caddy", {NoticeKind::kNoDate, ""});
  }
  CHECK(fixture.all_told() ==
        Lines{"source notice [sshd] a line that matches has no date that can be read; it counts "
              "as happening now",
              "source notice [sshd] more log sessions are open at once than are kept",
              "source notice [caddy] a line that matches has no date that can be read; it counts "
              "as happening now"});
}

TEST_CASE("each notice of a filter says what it is about, in printable text") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  for (std::size_t kind = 0; kind < filter::kNoticeKinds; ++kind) {
    notices.filter("j", {static_cast<NoticeKind>(kind), "a\n\xff"});
  }
  CHECK(
      fixture.all_told() ==
      Lines{
          R"(source warning [j] the log's date 'a\x0a\xff' is more than a minute from this host's clock and was not believed; check the time zone of the log and the clock)",
          R"(source notice [j] a line that matches has no date that can be read; it counts as happening now)",
          R"(source notice [j] the log's date 'a\x0a\xff' is none; the line counts as happening now)",
          R"(source notice [j] what stands at the place of the address is no address: 'a\x0a\xff')",
          R"(source notice [j] the log names the host 'a\x0a\xff' instead of its address; make the program log addresses (names are not looked up))",
          R"(source notice [j] a line matches but has no address)",
          R"(source warning [j] a line of a JSON log is no JSON and was not judged: 'a\x0a\xff')",
          R"(source high [j] the web server takes the client's address from a header that a\x0a\xff sent, and a\x0a\xff is no trusted proxy of ours; if it is your proxy, add it to trusted_proxies, otherwise the web server believes forged headers)",
          R"(source warning [j] an offence came through the proxy a\x0a\xff without the client's address; nobody was blamed. Make the proxy send X-Forwarded-For)",
          R"(source notice [j] more log sessions are open at once than are kept)",
          R"(source warning [j] a line needed more memory than the search may use; its patterns were tried one by one)"});
}

TEST_CASE("a notice of a source keeps its facts") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  source::Notice notice;
  notice.kind = source::NoticeKind::kOversized;
  notice.severity = Severity::kWarning;
  notice.log = "/var/log/a\nb.log";
  notice.text = "a line was too long";
  notice.offset = 10;
  notice.length = 70000;
  notice.sha256 = "ab12";
  notices.source(notice);
  source::Notice plain;
  plain.kind = source::NoticeKind::kUnreadable;
  plain.severity = Severity::kHigh;
  plain.log = "/var/log/c.log";
  plain.text = "permission denied";
  plain.error = 13;
  notices.source(plain);
  const auto events = fixture.recorded();
  REQUIRE(events.size() == 2);
  CHECK(testing::told(events[0]) == "source warning a line was too long");
  CHECK(nlohmann::json::parse(events[0].detail) ==
        nlohmann::json{{"notice", to_string(source::NoticeKind::kOversized)},
                       {"log", R"(/var/log/a\x0ab.log)"},
                       {"offset", 10},
                       {"length", 70000},
                       {"sha256", "ab12"}});
  CHECK(testing::told(events[1]) == "source high permission denied");
  CHECK(nlohmann::json::parse(events[1].detail) ==
        nlohmann::json{{"notice", to_string(source::NoticeKind::kUnreadable)},
                       {"log", "/var/log/c.log"},
                       {"errno", 13}});
}

TEST_CASE("a source's text is cut between characters") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  source::Notice notice;
  notice.text = "x";
  while (notice.text.size() < model::Event::kLongestMessage) {
    notice.text += "\xc3\xa9";
  }
  notices.source(notice);
  const auto events = fixture.recorded();
  REQUIRE(events.size() == 1);
  CHECK(events[0].message.size() <= model::Event::kLongestMessage);
  CHECK(util::printable_again(events[0].message, 2000) == events[0].message);
  CHECK(events[0].message.ends_with("\xc3\xa9..."));
}

TEST_CASE("a jail's notices are told as configuration or as the agent's own") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  using jail::NoticeKind;
  notices.jail("sshd", {NoticeKind::kOneAddress, Severity::kHigh, testing::prefix("10.0.0.1"), 9,
                        "all from one address"});
  notices.jail("sshd", {NoticeKind::kBanTime, Severity::kWarning, {}, 1, "the formula failed"});
  notices.jail("sshd", {NoticeKind::kIgnored, Severity::kNotice, {}, 7, "7 were\nignored"});
  const auto events = fixture.recorded();
  REQUIRE(events.size() == 3);
  CHECK(testing::told(events[0]) == "config high [sshd] all from one address");
  CHECK(events[0].address == testing::prefix("10.0.0.1"));
  CHECK(testing::told(events[1]) == "config warning [sshd] the formula failed");
  CHECK(testing::told(events[2]) == R"(agent notice [sshd] 7 were\x0aignored)");
}

TEST_CASE("a plain notice is made printable and bounded") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  notices.plain(EventKind::kVault, Severity::kWarning, "away\x07" + std::string(9'000, 'v'));
  const auto events = fixture.recorded();
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == EventKind::kVault);
  CHECK(events[0].time == fixture.clock.now());
  CHECK(events[0].message.starts_with(R"(away\x07vvv)"));
  CHECK(events[0].message.size() == model::Event::kLongestMessage);
}
