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

namespace {

// Lines of one log, each read by the given jails.
class Reading {
 public:
  explicit Reading(Notices& notices, std::vector<std::string> jails)
      : notices_(notices), jails_(std::move(jails)) {}
  // A line of which every jail's filter says so.
  void line(const filter::Notice& notice) {
    ++number_;
    for (const std::string& jail : jails_) {
      notices_.filter({"/var/log/a.log", 100 * number_, 99, number_, jails_, jail}, notice);
    }
  }

 private:
  Notices& notices_;
  std::vector<std::string> jails_;
  std::uint64_t number_ = 0;
};

}  // namespace

TEST_CASE("what can come with every line is told once in ten minutes and then summed up") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  const filter::Notice notice{NoticeKind::kNoAddress, ""};
  Reading sshd(notices, {"sshd"});
  for (int i = 0; i < 1000; ++i) {
    sshd.line(notice);
  }
  CHECK(fixture.all_told() == Lines{"source notice [sshd] a line matches but has no address"});
  fixture.clock.advance(Notices::kInterval - 1us);
  sshd.line(notice);
  CHECK(fixture.recorded().size() == 1);
  fixture.clock.advance(1us);
  sshd.line(notice);
  CHECK(fixture.all_told().back() ==
        "source notice [sshd] a line matches but has no address (1000 more since it was last "
        "told)");
  fixture.clock.advance(Notices::kInterval);
  sshd.line(notice);
  CHECK(fixture.all_told() ==
        Lines{"source notice [sshd] a line matches but has no address",
              "source notice [sshd] a line matches but has no address (1000 more since it was "
              "last told)",
              "source notice [sshd] a line matches but has no address"});
}

TEST_CASE("jails and kinds are limited each for itself") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  Reading both(notices, {"sshd", "caddy"});
  Reading one(notices, {"sshd"});
  for (int i = 0; i < 3; ++i) {
    both.line({NoticeKind::kNoDate, ""});
    one.line({NoticeKind::kSessionLost, ""});
  }
  CHECK(fixture.all_told() ==
        Lines{"source notice [sshd] a line that matches has no date that can be read; it counts "
              "as happening now",
              "source notice [caddy] a line that matches has no date that can be read; it counts "
              "as happening now",
              "source notice [sshd] more log sessions are open at once than are kept"});
}

TEST_CASE("each notice of a filter says what it is about, in printable text") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  for (std::size_t kind = 0; kind < filter::kNoticeKinds; ++kind) {
    Reading(notices, {"j"}).line({static_cast<NoticeKind>(kind), "a\n\xff"});
  }
  CHECK(
      fixture.all_told() ==
      Lines{
          R"(source warning [j] /var/log/a.log, at byte 100: the log's date 'a\x0a\xff' is more than a minute from this host's clock and was not believed; check the time zone of the log and the clock)",
          R"(source notice [j] a line that matches has no date that can be read; it counts as happening now)",
          R"(source notice [j] the log's date 'a\x0a\xff' is none; the line counts as happening now)",
          R"(source notice [j] what stands at the place of the address is no address: 'a\x0a\xff')",
          R"(source notice [j] the log names the host 'a\x0a\xff' instead of its address; make the program log addresses (names are not looked up))",
          R"(source notice [j] a line matches but has no address)",
          R"(source warning [j] /var/log/a.log, at byte 100: a line of a JSON log is no JSON and was not judged: 'a\x0a\xff')",
          R"(source high [j] /var/log/a.log, at byte 100: the web server takes the client's address from a header that a\x0a\xff sent, and a\x0a\xff is no trusted proxy of ours; if it is your proxy, add it to trusted_proxies, otherwise the web server believes forged headers)",
          R"(source warning [j] /var/log/a.log, at byte 100: an offence came through the proxy a\x0a\xff without the client's address; nobody was blamed. Make the proxy send X-Forwarded-For)",
          R"(source notice [j] more log sessions are open at once than are kept)",
          R"(source warning [j] /var/log/a.log, at byte 100: a line needed more memory than the search may use; its patterns were tried one by one)"});
}

TEST_CASE("what a log has is told once, however many jails read it, with its place") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  Reading shared(notices, {"caddy-scanner", "vaultwarden"});
  const filter::Notice broken{NoticeKind::kMalformed, "{"};
  for (int i = 0; i < 3; ++i) {
    shared.line(broken);
  }
  fixture.clock.advance(Notices::kInterval);
  shared.line(broken);
  const auto events = fixture.recorded();
  REQUIRE(events.size() == 2);
  // Without a jail, so that the destinations of both hear of it.
  CHECK(testing::told(events[0]) ==
        "source warning /var/log/a.log, at byte 100: a line of a JSON log is no JSON and was not "
        "judged: '{'");
  CHECK(nlohmann::json::parse(events[0].detail) ==
        nlohmann::json{{"notice", to_string(NoticeKind::kMalformed)},
                       {"incident", "malformed line|/var/log/a.log"},
                       {"log", "/var/log/a.log"},
                       {"offset", 100},
                       {"length", 99},
                       {"jails", {"caddy-scanner", "vaultwarden"}}});
  CHECK(testing::told(events[1]) ==
        "source warning /var/log/a.log, at byte 400: a line of a JSON log is no JSON and was not "
        "judged: '{' (2 more since it was last told)");
}

TEST_CASE(
    "what a filter has with a line is told of each jail, and a log's lines of one jail name it") {
  RecorderFixture fixture;
  Notices notices(fixture.recorder, fixture.clock);
  Reading(notices, {"a", "b"}).line({NoticeKind::kNoAddress, ""});
  Reading(notices, {"a"}).line({NoticeKind::kMalformed, "{"});
  CHECK(fixture.all_told() ==
        Lines{"source notice [a] a line matches but has no address",
              "source notice [b] a line matches but has no address",
              "source warning [a] /var/log/a.log, at byte 100: a line of a JSON log is no JSON and "
              "was not judged: '{'"});
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
