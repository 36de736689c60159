#include "filter/near_miss.h"

#include <catch2/catch.hpp>

using namespace warder::filter;

namespace {

MissExplainer explainer(std::map<std::string, std::string> options) {
  auto filter = make_filter(options);
  INFO((filter ? "" : filter.error().message()));
  REQUIRE(filter.has_value());
  return MissExplainer(*filter);
}

// What fitted of the expression, a bar, and what did not; the same of the line.
std::string told(const std::optional<NearMiss>& miss) {
  if (!miss) {
    return "nothing near";
  }
  return miss->expression.substr(0, miss->expression_at) + " || " +
         miss->expression.substr(miss->expression_at) + "\n" + miss->text.substr(0, miss->text_at) +
         " || " + miss->text.substr(miss->text_at);
}

}  // namespace

TEST_CASE("a miss names the element of the pattern that did not fit", "[near_miss]") {
  auto one = explainer({{"failregex", "^login failed from <HOST> port \\d+ ssh2$"}});
  CHECK(told(one.explain("login failed from 192.0.2.1 port 22 ssh1")) ==
        "^login failed from <HOST> port \\d+ ssh || 2$\n"
        "login failed from 192.0.2.1 port 22 ssh || 1");
  CHECK(told(one.explain("login failed from example.org port 22 ssh2")) ==
        "^login failed from  || <HOST> port \\d+ ssh2$\n"
        "login failed from  || example.org port 22 ssh2");
  CHECK(told(one.explain("something else")) == "nothing near");
}

TEST_CASE("a miss for the blank behind the date says so", "[near_miss]") {
  auto one = explainer({{"failregex", "^app: wrong password from <HOST>$"}});
  const auto miss = one.explain("2026-11-26 11:00:00 app: wrong password from 192.0.2.1");
  REQUIRE(miss);
  CHECK(miss->blanks == 1);
  CHECK(told(miss) ==
        "^app: wrong password from <HOST>$ || \n app: wrong password from 192.0.2.1 || ");
  CHECK(in_words(*miss) ==
        "the blank behind the date, which is taken out first, is still in front: begin the pattern "
        "with ^\\s*");
  // Where something is near as it stands, the blank is not to blame.
  const auto other = explainer({{"failregex", "^\\s*app: wrong password from <HOST>$"}})
                         .explain("2026-11-26 11:00:00 app: wrong password by 192.0.2.1");
  REQUIRE(other);
  CHECK(other->blanks == 0);
  CHECK(in_words(*other) == "stops at 'from <HOST>$' before 'by 192.0.2.1'");
}

TEST_CASE("the place may lie within a group, in the alternative that fits best", "[near_miss]") {
  auto one = explainer({{"failregex",
                         "^Failed (?:password|keyboard-interactive/pam) for (?:invalid user )?"
                         "<F-USER>\\S+</F-USER> from <HOST>$"}});
  CHECK(told(one.explain("Failed keyboard-interactive/pan for x from 192.0.2.1")) ==
        "^Failed (?:password|keyboard-interactive/pa || m) for (?:invalid user )?"
        "<F-USER>\\S+</F-USER> from <HOST>$\n"
        "Failed keyboard-interactive/pa || n for x from 192.0.2.1");
}

TEST_CASE("wildcards do not move the place in the line", "[near_miss]") {
  auto one = explainer({{"failregex", "^rejected .*reason: (?:spam|virus) from <HOST>$"}});
  CHECK(told(one.explain("rejected message 17 reasom: spam from 192.0.2.1")) ==
        "^rejected .*reaso || n: (?:spam|virus) from <HOST>$\n"
        "rejected message 17 reaso || m: spam from 192.0.2.1");
}

TEST_CASE("of several patterns the one that fits farthest is named", "[near_miss]") {
  auto two = explainer({{"failregex",
                         "^Invalid user \\S+ from <HOST>$\n"
                         "^Failed password for \\S+ from <HOST>$"}});
  const auto miss = two.explain("Failed password for root by 192.0.2.1");
  REQUIRE(miss.has_value());
  CHECK(miss->pattern == 1U);
}

TEST_CASE("a line that the prefregex stops is told so; the date is cut out first", "[near_miss]") {
  auto one = explainer({{"prefregex", "^ \\S+ sshd\\[\\d+\\]: <F-CONTENT>.+</F-CONTENT>$"},
                        {"failregex", "^Failed from <HOST>$"}});
  const auto stopped = one.explain("Nov 24 10:00:01 host cron[7]: x");
  REQUIRE(stopped.has_value());
  CHECK_FALSE(stopped->pattern.has_value());
  CHECK(told(stopped) ==
        "^ \\S+  || sshd\\[\\d+\\]: <F-CONTENT>.+</F-CONTENT>$\n host  || cron[7]: x");
  const auto within = one.explain("Nov 24 10:00:01 host sshd[7]: Failed by 192.0.2.1");
  REQUIRE(within.has_value());
  CHECK(within->pattern == 0U);
  CHECK(within->text == "Failed by 192.0.2.1");
}

TEST_CASE("a miss of a JSON filter names the comparison and the value", "[near_miss]") {
  auto one = explainer({{"format", "json"},
                        {"time", "ts"},
                        {"address", "ip"},
                        {"condition",
                         "bad: status in (400, 401) and path(uri) starts \"/login\"\n"
                         "worse: level == \"error\" and exists user"}});
  CHECK(one.explain(R"({"ts":1,"ip":"192.0.2.1","status":200,"uri":"/login"})")->failed ==
        "status in (400, 401): it is 200");
  CHECK(one.explain(R"({"ts":1,"ip":"192.0.2.1","status":401,"uri":"/"})")->failed ==
        "path(uri) starts \"/login\": it is \"/\"");
  const auto worse = one.explain(R"({"ts":1,"ip":"192.0.2.1","level":"error"})");
  REQUIRE(worse.has_value());
  CHECK(worse->pattern == 1U);
  CHECK(worse->failed == "exists user: the line has no such field");
  CHECK_FALSE(one.explain(R"({"ts":1,"ip":"192.0.2.1"})").has_value());
  CHECK_FALSE(one.explain("no JSON").has_value());
}
