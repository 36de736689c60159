#include "filter/text_matcher.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <map>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace warder::filter;
using warder::model::Finding;
using warder::model::Line;
using warder::util::format_rfc3339;
using warder::util::parse_rfc3339;

namespace {

const warder::util::WallTime kNow = parse_rfc3339("2026-08-01T00:00:00Z").value();

using Options = std::map<std::string, std::string>;

Options failing(const char* failregex) { return {{"failregex", failregex}}; }

Definition definition(const Options& options) {
  Definition result;
  result.name = "x";
  result.file = "filters/x.conf";
  std::size_t line = 2;
  for (const auto& [name, value] : options) {
    result.sections["Definition"][name] = {value, {"filters/x.conf", line++}};
  }
  return result;
}

std::shared_ptr<const TextFilter> compile(const Options& options) {
  Problems problems;
  auto filter = TextFilter::compile(definition(options), TextOptions{}, problems);
  INFO((problems.empty() ? "" : problems.to_error().message()));
  REQUIRE(filter != nullptr);
  return filter;
}

std::string refusal(const Options& options) {
  Problems problems;
  REQUIRE(TextFilter::compile(definition(options), TextOptions{}, problems) == nullptr);
  return problems.to_error().message();
}

// The matcher of one log with all that came of its lines.
class Log : public MatchHandler {
 public:
  explicit Log(const std::vector<Options>& filters, MatcherOptions options = {}) {
    options.lines.zone = warder::filter::TimeZone();
    std::vector<TextPart> parts;
    for (const Options& filter : filters) {
      parts.push_back({compile(filter), parts.size()});
      counters.emplace_back();
      counters.back().patterns.resize(parts.back().filter->patterns().size());
    }
    matcher_ = TextMatcher::build(std::move(parts), std::move(options)).value();
  }

  // "0:192.0.2.1/2" for a finding of filter 0 with two lines, notices as "0!date off"; blanks
  // between.
  std::string read(std::string_view text) {
    Line line;
    line.text = text;
    return read(line);
  }
  std::string read(const Line& line) {
    said_.clear();
    matcher_->match(line, now, reading, counters, *this);
    return said_;
  }

  void on_finding(std::size_t filter, Finding&& finding) override {
    const auto lines = 1 + std::count(finding.text.begin(), finding.text.end(), '\n');
    say(fmt::format("{}:{}/{}", filter, finding.address.to_string(), lines));
    last = std::move(finding);
  }
  void on_notice(std::size_t filter, const Notice& notice) override {
    say(fmt::format("{}!{}({})", filter, to_string(notice.kind), notice.subject));
  }

  Finding last;
  std::vector<Counters> counters;
  warder::util::WallTime now = kNow;
  Reading reading = Reading::kCatchUp;

 private:
  void say(std::string_view what) {
    said_ += said_.empty() ? "" : " ";
    said_ += what;
  }

  std::unique_ptr<TextMatcher> matcher_;
  std::string said_;
};

// A message behind a date.
std::string dated(std::string_view message) { return fmt::format("Jul 31 23:59:30 {}", message); }

}  // namespace

TEST_CASE("addresses are found in their spellings") {
  Log log(std::vector{failing(R"(^\s*fail <HOST>$)")});
  CHECK(log.read(dated("fail 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(log.read(dated("fail [2001:db8::1]")) == "0:2001:db8::1/1");
  CHECK(log.read(dated("fail ::ffff:192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(log.read(dated("fail 2001:DB8:0::1")) == "0:2001:db8::1/1");
  CHECK(log.read(dated("fail www.example.org")).empty());
  CHECK(log.last.time == parse_rfc3339("2026-07-31T23:59:30Z"));
  CHECK(log.last.time_from_line);
  CHECK(log.counters[0].findings == 4);
  CHECK(log.counters[0].patterns == std::vector<std::uint64_t>{4});
}

TEST_CASE("what is no address bans nobody and is counted") {
  Log log(std::vector{failing(R"(^\s*fail <HOST>$)")});
  CHECK(log.read(dated("fail 999.1.1.1")) == "0!bad address(999.1.1.1)");
  CHECK(log.read(dated("fail ::::")) == "0!bad address(::::)");
  CHECK(log.read(dated("fail 192.0.2.01")) == "0!bad address(192.0.2.01)");
  CHECK(log.counters[0].findings == 0);
  CHECK(log.counters[0][NoticeKind::kBadAddress] == 3);
  Log names(std::vector{failing(R"(^\s*fail <DNS>$)")});
  CHECK(names.read(dated("fail www.example.org")) == "0!host name(www.example.org)");
  CHECK(names.read(dated("fail 192.0.2.7")) == "0:192.0.2.7/1");
}

TEST_CASE("subnets and identifiers") {
  Log nets(std::vector{failing("^\\s*net <SUBNET>$\n^\\s*cidr <ADDR>/<CIDR>$")});
  CHECK(nets.read(dated("net 192.0.2.77/24")) == "0:192.0.2.0/24/1");
  CHECK(nets.read(dated("net 2001:db8::1/64")) == "0:2001:db8::/64/1");
  CHECK(nets.read(dated("cidr 192.0.2.77/16")) == "0:192.0.0.0/16/1");
  CHECK(nets.read(dated("net 192.0.2.77/33")) == "0!bad address(33)");
  Log ids(std::vector{failing(R"(^\s*user <F-ID>\S+</F-ID> from <HOST>$)")});
  CHECK(ids.read(dated("user bob from 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(ids.last.captures == std::vector<std::pair<std::string, std::string>>{{"fid", "bob"}});
  CHECK(ids.read(dated("user 192.0.2.9 from 192.0.2.1")) == "0:192.0.2.9/1");
}

TEST_CASE("captures go with the finding") {
  Log log(
      std::vector{failing(R"(^\s*<F-USER>\S+</F-USER> <F-WHAT>\w+</F-WHAT> (?P<none>x)?<HOST>$)")});
  CHECK(log.read(dated("bob login 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(log.last.user == "bob");
  CHECK(log.last.text == dated("bob login 192.0.2.1"));
  CHECK(log.last.captures == std::vector<std::pair<std::string, std::string>>{{"what", "login"}});
  Log alternatives(std::vector{
      failing("^(?: <F-ALT_USER_1>\\w+</F-ALT_USER_1>;| <F-ALT_USER>\\w+</F-ALT_USER>:) "
              "<HOST>$")});
  CHECK(alternatives.read(dated("bob; 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(alternatives.last.user == "bob");
  CHECK(alternatives.read(dated("eve: 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(alternatives.last.user == "eve");
  // Those of a failregex stand in for what it lacks itself, before what the prefix has captured.
  Log prefixed(
      std::vector{Options{{"prefregex", "^ <F-USER>\\w+</F-USER> <F-CONTENT>.+</F-CONTENT>$"},
                          {"failregex", "^(?:as <F-ALT_USER>\\w*</F-ALT_USER> )?<HOST>$"}}});
  CHECK(prefixed.read(dated("bob as eve 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(prefixed.last.user == "eve");
  CHECK(prefixed.read(dated("bob as  192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(prefixed.last.user == "bob");
}

TEST_CASE("the date is cut out before anything matches") {
  Log log(std::vector{failing(R"(^<HOST> - - \[\] "GET)")});
  CHECK(log.read(R"(192.0.2.1 - - [31/Jul/2026:09:22:55 -0700] "GET /")") == "0:192.0.2.1/1");
  CHECK(log.last.time == parse_rfc3339("2026-07-31T16:22:55Z"));
}

TEST_CASE("the first failregex that matches decides") {
  Log log(std::vector{failing("^ a <HOST>\n^ a .* b <HOST>\n^ .* <HOST>$")});
  CHECK(log.read(dated("a x b 192.0.2.2")) == "0:192.0.2.2/1");
  CHECK(log.last.pattern == 1);
  CHECK(log.read(dated("a 192.0.2.1 b 192.0.2.2")) == "0:192.0.2.1/1");
  CHECK(log.last.pattern == 0);
  CHECK(log.counters[0].patterns == std::vector<std::uint64_t>{1, 1, 0});
}

TEST_CASE("an exception holds wherever it stands") {
  const Options filter{
      {"prefregex", R"(^\s*\[<F-MLFID>\d+</F-MLFID>\] <F-CONTENT>.*</F-CONTENT>$)"},
      {"failregex", "^fail <HOST>"},
      {"ignoreregex", "\\[1\\]\nspared$"}};
  Log log(std::vector{filter});
  CHECK(log.read(dated("[1] fail 192.0.2.1")).empty());
  CHECK(log.read(dated("[2] fail 192.0.2.1 spared")).empty());
  CHECK(log.read(dated("[2] fail 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(log.counters[0].ignored == 2);
}

TEST_CASE("several filters of one log are judged each for itself") {
  Log log(std::vector{failing("^ a <HOST>$"), failing("^ b <HOST>$\n^ a <HOST>$"),
                      failing("<HOST>$"),
                      Options{{"failregex", "^ a <HOST>$"}, {"datepattern", "EPOCH"}},
                      Options{{"failregex", "^ a <HOST>$"}, {"datepattern", "{NONE}"}}});
  CHECK(log.read(dated("a 192.0.2.1")) == "0:192.0.2.1/1 1:192.0.2.1/1 2:192.0.2.1/1");
  CHECK(log.read("1785500000 a 192.0.2.1") ==
        "0:192.0.2.1/1 1:192.0.2.1/1 2:192.0.2.1/1 3:192.0.2.1/1");
  CHECK(log.read(" a 192.0.2.1") ==
        "0!no date( a 192.0.2.1) 0:192.0.2.1/1 1!no date( a 192.0.2.1) 1:192.0.2.1/1 "
        "2!no date( a 192.0.2.1) 2:192.0.2.1/1 3!no date( a 192.0.2.1) 3:192.0.2.1/1 "
        "4:192.0.2.1/1");
}

TEST_CASE("dates are judged against now") {
  Log log(std::vector{failing("^ a <HOST>$")});
  log.reading = Reading::kLive;
  CHECK(log.read("Jul 31 23:59:30 a 192.0.2.1") == "0:192.0.2.1/1");
  CHECK(log.last.time == kNow - 30s);
  CHECK(log.read("Jul 31 12:00:00 a 192.0.2.1") == "0!date off(Jul 31 12:00:00) 0:192.0.2.1/1");
  CHECK(log.last.time == kNow);
  CHECK_FALSE(log.last.time_from_line);
  CHECK(log.read("2026-02-30 10:00:00 a 192.0.2.1") ==
        "0!bad date(2026-02-30 10:00:00) 0:192.0.2.1/1");
  Line journal;
  journal.text = " a 192.0.2.1";
  journal.stamp = kNow - 5s;
  CHECK(log.read(journal) == "0:192.0.2.1/1");
  CHECK(log.last.time == kNow - 5s);
}

TEST_CASE("a proxy is never found") {
  MatcherOptions options;
  options.trusted_proxies = {warder::net::Prefix::parse("192.0.2.0/24").value()};
  Log log(std::vector{failing("^ a <HOST>$")}, options);
  CHECK(log.read(dated("a 192.0.2.1")) == "0!address of a proxy(Jul 31 23:59:30 a 192.0.2.1)");
  CHECK(log.read(dated("a 198.51.100.1")) == "0:198.51.100.1/1");
}

TEST_CASE("bytes that are no text do not stop a match") {
  Log log(std::vector{failing("^ user .* from <HOST>$")});
  CHECK(log.read(dated("user \xff\xfe\x80 from 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(log.read(dated(std::string_view("user \0\r\x1b from 192.0.2.1", 23))) == "0:192.0.2.1/1");
}

TEST_CASE("long lines are kept short") {
  Log log(std::vector{failing("^ user (?P<user>.*) from <HOST>$")});
  const std::string name(1 << 20, 'x');
  CHECK(log.read(dated(fmt::format("user {} from 192.0.2.1", name))) == "0:192.0.2.1/1");
  CHECK(log.last.text.size() == kLongestText);
  CHECK(log.last.user.size() == kLongestText);
}

namespace {

const Options kSessions{
    {"prefregex", R"(^\s*\[<F-MLFID>\d+</F-MLFID>\] <F-CONTENT>.*</F-CONTENT>$)"},
    {"failregex",
     "^<F-NOFAIL>conn</F-NOFAIL> <HOST>\n"
     "^fail <F-USER>\\S+</F-USER>\n"
     "^<F-NOFAIL><F-MLFFORGET>disc</F-MLFFORGET></F-NOFAIL>$\n"
     "^<F-MLFFORGET>disc</F-MLFFORGET> fail\n"
     "^<F-MLFGAINED>acc</F-MLFGAINED> <F-USER>\\S+</F-USER>(?: <HOST>)?\n"
     "^<F-NOFAIL>nf</F-NOFAIL> <F-USER>\\S+</F-USER>(?: <HOST>)?\n"
     "^<F-MLFFIRST>end</F-MLFFIRST> <HOST>\n"
     "^<F-MLFECHO>echo</F-MLFECHO> <HOST>\n"
     "^first <HOST>"}};

// What each message of session 1 gives, without the filter's number; "-" for nothing.
std::string session(const std::vector<const char*>& messages) {
  Log log(std::vector{kSessions});
  std::string all;
  for (const char* message : messages) {
    const std::string said = log.read(dated(fmt::format("[1] {}", message)));
    all += all.empty() ? "" : " ";
    all += said.empty() ? "-" : said.substr(2);
  }
  return all;
}

}  // namespace

TEST_CASE("lines of a session make one failure") {
  CHECK(session({"conn 192.0.2.1", "fail bob", "fail bob", "disc"}) ==
        "- 192.0.2.1/2 192.0.2.1/1 -");
  CHECK(session({"fail bob", "conn 192.0.2.1", "fail bob"}) == "- 192.0.2.1/2 192.0.2.1/1");
  CHECK(session({"conn 192.0.2.1", "fail bob", "acc bob", "fail bob"}) ==
        "- 192.0.2.1/2 - 192.0.2.1/2");
  CHECK(session({"conn 192.0.2.1", "nf alice", "acc bob"}) == "- - 192.0.2.1/3");
  CHECK(session({"fail bob", "acc bob 192.0.2.1"}) == "- -");
  CHECK(session({"conn 192.0.2.1", "disc fail", "fail bob"}) == "- 192.0.2.1/2 -");
  CHECK(session({"nf a 192.0.2.1", "nf a 192.0.2.1", "fail a"}) == "- - 192.0.2.1/3");
}

TEST_CASE("a closing line counts only if nothing did before") {
  CHECK(session({"conn 192.0.2.1", "end 192.0.2.1"}) == "- 192.0.2.1/2");
  CHECK(session({"conn 192.0.2.1", "fail bob", "end 192.0.2.1"}) == "- 192.0.2.1/2 -");
  CHECK(session({"end 192.0.2.1", "end 192.0.2.1"}) == "192.0.2.1/1 -");
}

TEST_CASE("a line that may tell of an attempt again is one failure less") {
  CHECK(session({"first 192.0.2.1", "echo 192.0.2.1", "echo 192.0.2.1", "echo 192.0.2.1"}) ==
        "192.0.2.1/1 - 192.0.2.1/2 192.0.2.1/1");
  CHECK(session({"echo 192.0.2.1", "echo 192.0.2.1", "end 192.0.2.1"}) ==
        "192.0.2.1/1 192.0.2.1/1 -");
  CHECK(session({"first 192.0.2.1", "first 192.0.2.1", "echo 192.0.2.1", "echo 192.0.2.1"}) ==
        "192.0.2.1/1 192.0.2.1/1 - 192.0.2.1/2");
}

TEST_CASE("another address in a session of the same number is judged by its own failures") {
  CHECK(session({"first 192.0.2.1", "echo 192.0.2.2", "end 192.0.2.3", "end 192.0.2.3"}) ==
        "192.0.2.1/1 192.0.2.2/1 192.0.2.3/1 -");
}

TEST_CASE("a new address replaces the old one whole") {
  CHECK(session({"conn 2001:db8::1", "conn 192.0.2.1", "fail bob", "conn 2001:db8::2",
                 "fail bob"}) == "- - 192.0.2.1/3 - 2001:db8::2/2");
}

TEST_CASE("a helper line without a session is a failure") {
  Log log(std::vector{failing("^ <F-NOFAIL>x</F-NOFAIL> <HOST>$")});
  CHECK(log.read(dated("x 192.0.2.1")) == "0:192.0.2.1/1");
}

TEST_CASE("sessions are kept apart, few and short") {
  Log log(std::vector{kSessions});
  for (std::size_t id = 1; id <= Sessions::kMost; ++id) {
    CHECK(log.read(dated(fmt::format("[{}] conn 192.0.2.{}", id, id))).empty());
  }
  CHECK(log.read(dated("[2] fail bob")) == "0:192.0.2.2/2");
  CHECK(log.read(dated("[500] conn 198.51.100.1")) ==
        "0!session lost(Jul 31 23:59:30 [500] conn 198.51.100.1)");
  CHECK(log.read(dated("[1] fail bob")) == "0!session lost(Jul 31 23:59:30 [1] fail bob)");
  CHECK(log.read(dated("[3] fail bob")) == "0:192.0.2.3/2");
  log.now += Sessions::kLongest;
  CHECK(log.read(dated("[4] fail bob")).empty());
}

TEST_CASE("what a text filter is refused for") {
  CHECK(refusal({{"failregex", "^a$"}}) ==
        "filters/x.conf:2: failregex '^a$': it captures no address; write <HOST> where the address "
        "stands");
  CHECK(refusal({{"prefregex", "x"}}) ==
        "filters/x.conf: the filter has no failregex, so that it can never match");
  CHECK(refusal({{"failregex", "^<HOST>$\n<HOST>(\n<HOST>(?>x)"}, {"maxlines", "201"}}) ==
        "filters/x.conf:3: maxlines = '201': allowed are 1 to 200 lines\n"
        "filters/x.conf:3: failregex '<HOST>(': column 7: '(' is not closed\n"
        "filters/x.conf:4: failregex '<HOST>(?>x)': column 7: '(?>' (atomic group) is not "
        "supported, because it cannot be matched in linear time; write (?: instead, which "
        "matches at least the same lines: <HOST>(?:x)");
  CHECK(refusal({{"failregex", "<HOST> <HOST>"}}) ==
        "filters/x.conf:2: failregex '<HOST> <HOST>': column 8: the group 'ip4' stands in it "
        "twice; an address or a tag can be captured once");
  CHECK(refusal({{"failregex", "<HOST>"}, {"prefregex", "a\nb"}}) ==
        "filters/x.conf:3: prefregex is one expression on one line");
}

TEST_CASE("fail2ban's rules: a line without a date has that of the line before") {
  MatcherOptions options;
  options.lines.rules = DateRules::kCompat;
  Log log(std::vector{failing(R"(^\s*fail <HOST>$)")}, options);
  // Nothing is known of when it was written.
  CHECK(log.read("fail 192.0.2.1") == "0!no date(fail 192.0.2.1)");
  // The line before concerned nobody.
  CHECK(log.read(dated("hello")).empty());
  CHECK(log.read("fail 192.0.2.1") == "0!no date(fail 192.0.2.1) 0:192.0.2.1/1");
  CHECK(log.last.time == parse_rfc3339("2026-07-31T23:59:30Z"));
  log.now += 31s;
  CHECK(log.read("fail 192.0.2.1") == "0!no date(fail 192.0.2.1)");
  log.reading = Reading::kLive;
  CHECK(log.read("fail 192.0.2.1") == "0!no date(fail 192.0.2.1) 0:192.0.2.1/1");
  CHECK(log.last.time == log.now);
  // One that was not believed was taken for now.
  CHECK(log.read("Jul 31 20:00:00 hello").empty());
  const auto before = log.now;
  log.now += 30s;
  CHECK(log.read("fail 192.0.2.1") == "0!no date(fail 192.0.2.1) 0:192.0.2.1/1");
  CHECK(log.last.time == before);
}

TEST_CASE("a pattern that matches nothing says that the line has no date") {
  Log log(std::vector{Options{{"failregex", "^WARNING: fail <HOST>$"},
                              {"datepattern", "^WARNING:()**\n{^LN-BEG}"}}});
  CHECK(log.read("WARNING: fail 192.0.2.1") == "0:192.0.2.1/1");
  CHECK(log.last.time == kNow);
  CHECK_FALSE(log.last.time_from_line);
}

TEST_CASE("a log in another encoding") {
  MatcherOptions options;
  options.lines.encoding = Encoding::parse("latin-1").value();
  Log log(std::vector{failing("^\\s*M\xc3\xbcller <F-USER>\\S+</F-USER> <HOST>$")}, options);
  CHECK(log.read(dated("M\xfcller Ren\xe9 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(log.last.user == "Ren\xc3\xa9");
  CHECK(log.last.text == dated("M\xc3\xbcller Ren\xc3\xa9 192.0.2.1"));
}

TEST_CASE("jails that read one log in different zones") {
  MatcherOptions options;
  options.lines_by_filter = {{}, {TimeZone::fixed(2h), DateRules::kOwn, std::nullopt}};
  options.lines_by_filter[0].zone = TimeZone();
  Log log(std::vector{failing("a <HOST>$"), failing("b <HOST>$")}, options);
  CHECK(log.read(dated("a 192.0.2.1")) == "0:192.0.2.1/1");
  CHECK(log.last.time == parse_rfc3339("2026-07-31T23:59:30Z"));
  CHECK(log.read(dated("b 192.0.2.1")) == "1:192.0.2.1/1");
  CHECK(log.last.time == parse_rfc3339("2026-07-31T21:59:30Z"));
}

TEST_CASE("the vectors of the specification for identifiers") {
  // reference/fail2ban-compat.md 25.5, with names and other texts as identifiers.
  const auto one = [](const Options& options, std::string_view line, UseDns usedns) {
    Problems problems;
    auto filter = TextFilter::compile(definition(options), {.usedns = usedns}, problems);
    REQUIRE(filter != nullptr);
    std::vector<Counters> all(1);
    all[0].patterns.resize(filter->patterns().size());
    class Told : public MatchHandler {
     public:
      void on_finding(std::size_t, Finding&& finding) override {
        text +=
            finding.identifier.empty() ? finding.address.to_string() : "text " + finding.identifier;
      }
      void on_notice(std::size_t, const Notice& notice) override {
        text += std::string(to_string(notice.kind)) + " ";
      }
      std::string text;
    } told;
    auto matcher = TextMatcher::build({{filter, 0}}, {}).value();
    Line input;
    const std::string text = dated(line);
    input.text = text;
    matcher->match(input, kNow, Reading::kLive, all, told);
    return told.text;
  };
  const Options host = failing("fail <HOST>$");
  CHECK(one(host, "fail 1.2.3.4", UseDns::kNo) == "1.2.3.4");
  CHECK(one(host, "fail [2001:db8::1]", UseDns::kRaw) == "2001:db8::1");
  CHECK(one(host, "fail ::ffff:1.2.3.4", UseDns::kRaw) == "1.2.3.4");
  CHECK(one(host, "fail www.example.org", UseDns::kNo).empty());
  CHECK(one(host, "fail www.example.org", UseDns::kName) == "host name ");
  CHECK(one(host, "fail www.example.org", UseDns::kRaw) == "text www.example.org");
  CHECK(one(host, "fail 999.1.1.1", UseDns::kName) == "bad address ");
  CHECK(one(failing("net <SUBNET>$"), "net 1.2.3.4/24", UseDns::kNo) == "1.2.3.0/24");
  CHECK(one(failing("net <SUBNET>$"), "net 2001:db8::1/64", UseDns::kNo) == "2001:db8::/64");
  CHECK(one(failing("fail <ADDR>/<CIDR>$"), "fail 1.2.3.4/16", UseDns::kNo) == "1.2.0.0/16");
  const Options id = failing("user <F-ID>\\S+</F-ID> from <HOST>$");
  CHECK(one(id, "user bob from 1.2.3.4", UseDns::kRaw) == "text bob");
  const Options tuple = failing(
      "user <F-ID>\\S+</F-ID> <F-TUPLE_ID>\\S+</F-TUPLE_ID> <F-TUPLE_ID_1>.*</F-TUPLE_ID_1>$");
  CHECK(one(tuple, "user bob a o'x", UseDns::kRaw) == "text ('bob', 'a', \"o'x\")");
}

TEST_CASE("failures over several lines") {
  // reference/fail2ban-compat.md 25.5
  const char* failregex = "^\\s*start <HOST>$<SKIPLINES>^\\s*end fail$";
  Log three({Options{{"failregex", failregex}, {"maxlines", "3"}}});
  CHECK(three.read(dated("start 1.2.3.4")).empty());
  CHECK(three.read(dated("noise")).empty());
  CHECK(three.read(dated("end fail")) == "0:1.2.3.4/2");
  CHECK(three.last.text == dated("start 1.2.3.4") + "\n" + dated("end fail"));
  // The noise was given back, and does not make up for what was taken.
  CHECK(three.read(dated("end fail")).empty());

  Log two({Options{{"failregex", failregex}, {"maxlines", "2"}}});
  CHECK(two.read(dated("start 1.2.3.4")).empty());
  CHECK(two.read(dated("noise")).empty());
  CHECK(two.read(dated("end fail")).empty());

  // Only the lines that matched are asked whether they are to be ignored.
  Log ignored(
      {Options{{"failregex", failregex}, {"maxlines", "3"}, {"ignoreregex", "nois[e]|^x"}}});
  CHECK(ignored.read(dated("start 1.2.3.4")).empty());
  CHECK(ignored.read(dated("noise")).empty());
  CHECK(ignored.read(dated("end fail")) == "0:1.2.3.4/2");
}

TEST_CASE("a window that is searched in some lines only finds what one that always is does") {
  // No sieve tells of the second form: it could ask for the end of all text, and never does.
  const std::vector<std::string> failregexes{
      "^a <HOST>$<SKIPLINES>^b",
      "^a <HOST>\\s*<SKIPLINES>\\s*b\\s*$",
      "^b\\nc\\n(?:b|c)? ?a <HOST>",
      "^(?P<n>[bc])\\n(?:.*\\n)*?a <HOST>\\n(?P=n)$",
      "a <HOST>[\\sbc]*c\\b",
      "^a <HOST>$",
      "^a <HOST>[^x]+^c(?:\\s(?!b)\\w*)*$",
      "^c?\\n?a <HOST>\\n",
  };
  const std::vector<std::string> words{"a 192.0.2.1",   "a 192.0.2.2", "b", "c", "b c",
                                       "c a 192.0.2.3", "x",           "",  " "};
  std::mt19937 random(7);
  std::size_t found = 0;
  for (const std::string& failregex : failregexes) {
    INFO(failregex);
    for (const char* lines : {"2", "3", "6"}) {
      Log some({Options{{"failregex", failregex}, {"maxlines", lines}}});
      Log all({Options{{"failregex", failregex + "(?:\\Z)?"
                                                 "?"},
                       {"maxlines", lines}}});
      for (int line = 0; line < 400; ++line) {
        const std::string text = dated(words[random() % words.size()]);
        const std::string expected = all.read(text);
        REQUIRE(some.read(text) == expected);
        found += expected.empty() ? 0 : 1;
      }
    }
  }
  CHECK(found > 100);
}
