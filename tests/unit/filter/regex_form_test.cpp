#include "filter/regex_form.h"

#include "filter/regex_program.h"
#include "filter/regex_sieve.h"
#include "filter/sieve.h"

#include <catch2/catch.hpp>

using namespace warder::filter;

namespace {

std::string sieve(std::string_view text) { return print_sieve(parse_regex(text, {}).value()); }

std::string joined(std::string_view prefix, std::string_view text) {
  return print_sieve(parse_regex(prefix, {}).value(), parse_regex(text, {}).value());
}

bool passes(const std::string& expression, std::string_view line) {
  Sieve sieve;
  (void)sieve.add(expression).value();
  REQUIRE(sieve.compile());
  std::string buffer;
  std::string folded;
  fold_subject(make_subject(line, {}, buffer), folded);
  std::vector<std::size_t> numbers;
  sieve.search(folded, numbers);
  return !numbers.empty();
}

// Of a window's newest line; "-" when nothing can be said.
std::string newest(std::string_view text) {
  const auto sieves =
      print_newest_line_sieves(parse_regex(text, {.host = {}, .lines = true}).value());
  std::string all = sieves ? "" : "-";
  for (const std::string& one : sieves.value_or(std::vector<std::string>())) {
    all += (all.empty() ? "" : " or ") + one;
  }
  return all;
}

bool anchored(std::string_view text) {
  return begins_with_anchor(parse_regex(text, {}).value().root);
}

}  // namespace

TEST_CASE("a sieve asks for no places and no groups, and takes addresses as runs") {
  CHECK(sieve(R"(^\bfail\b <HOST> <F-USER>x</F-USER>$)") ==
        R"(^fail [0-9a-fA-F:.\[\]]+ (?:x)(?:\n?\z))");
  CHECK(sieve("^a(?!b)(?P<n>c)(?P=n)") == "^a(?:c)(?:c)");
  CHECK(sieve("(?P<n>c)?(?(n)d|e)") == "(?:(?:c))?(?:d|e)");
  CHECK(sieve(".{0,200}x{2,3}") == "(?:[^\\x{a}])*(?:x){2,3}");
}

TEST_CASE("sieves of prefix and pattern are joined") {
  const char* prefix = R"(^sshd: <F-CONTENT>.+</F-CONTENT>$)";
  CHECK(joined(prefix, "^fail x$") == R"(^sshd: (?:fail x)(?:\n?\z))");
  CHECK(joined(prefix, "^fail x") == R"(^sshd: (?:fail x))");
  CHECK(joined(prefix, "fail x$") == R"(^sshd: (?:(?:[\x00-\x{ff}])*fail x)(?:\n?\z))");
  CHECK(joined("^a <F-CONTENT>.+</F-CONTENT> b", "^fail") == R"(^a (?:fail(?:[\x00-\x{ff}])*) b)");
  CHECK(joined("^no content", "^a") == "^a");
  CHECK(joined("^a(?: <F-CONTENT>.+</F-CONTENT>)?", "^b") == "^a(?: (?:(?:[^\\x{a}])+))?");
}

TEST_CASE("an empty content leaves the whole message to the expressions") {
  const std::string both = joined("^a <F-CONTENT>.*</F-CONTENT>$", "^a $");
  CHECK(passes(both, "a "));
  CHECK(passes(both, "a a "));
  CHECK_FALSE(passes(both, "a b"));
}

TEST_CASE("characters beyond ASCII pass a sieve where a class may have them") {
  CHECK(passes(sieve(R"(^\w\s\d.$)"), "\xC3\xA9\xC2\xA0\xD9\xA3\xE2\x82\xAC"));
  CHECK(passes(sieve("^caf\xC3\xA9$"), "caf\xC3\xA9"));
  CHECK_FALSE(passes(sieve("^[a-z]+$"), "caf\xC3\xA9"));
  CHECK(passes(sieve("^x.y$"), "x\xFFy"));
}

TEST_CASE("anchors are seen") {
  CHECK(anchored("^a"));
  CHECK(anchored("(?i)^a"));
  CHECK(anchored("^(?:a|b)"));
  CHECK(anchored("^a|^b"));
  CHECK(anchored("(?:^a)+"));
  CHECK_FALSE(anchored("^a|b"));
  CHECK_FALSE(anchored("(?m)^a"));
  CHECK_FALSE(anchored("a"));
  CHECK_FALSE(anchored("\\^a"));
}

TEST_CASE("the newest line of a window begins a match, or goes on with one, or both") {
  CHECK(newest("^a b$") == "^a b(?m:$)");
  CHECK(newest("^a\\nb") == R"(^a\x{a}b or ^(?:b))");
  CHECK(newest("^a[^x]+b$") == R"(^a(?:[^x])+b(?m:$) or ^(?:(?:[^x])*b(?m:$)))");
  CHECK(newest("^a<SKIPLINES>b") ==
        R"(^a\x{a}(?:(?:(?:[^\x{a}])*\x{a})*)b)"
        R"( or ^(?:(?:(?:(?:(?:[^\x{a}])*\x{a})*)b|(?:(?:[^\x{a}])*\x{a})*b)))");
  // What takes nothing of the line was there before.
  CHECK(newest("a\\n") == R"(a\x{a})");
  CHECK(newest("a\\n*$") == R"(a(?:\x{a})*(?m:$) or ^(?:(?:\x{a})+(?m:$)))");
  CHECK(newest("(?P<n>a\\n)b(?P=n)c") == R"((?:a\x{a})ba\x{a}c or ^(?:(?:ba\x{a}c|c)))");
}

TEST_CASE("nothing is said of the newest line where the lines around it tell") {
  for (const char* text : {"(?<!x)a", "(?<=x)a", "a(?!x\\n)", "a(?![^b])", "a(?=b$)", "\\Aa",
                           "a\\Z", "a?", "^", "a\\n\\b", "a\\n(?!b)", "a\\n(?:b?(?!c))*"}) {
    INFO(text);
    CHECK(newest(text) == "-");
  }
  CHECK(newest("a(?!b)c") == "ac");
  CHECK(newest("a\\n(?!b)c") == R"(a\x{a}c or ^(?:c))");
}
