#include "filter/tags.h"

#include <catch2/catch.hpp>
#include <re2/re2.h>

using warder::filter::begins_with_anchor;
using warder::filter::expand_tags;
using warder::filter::join_sieves;

namespace {

std::string exact(std::string_view text) {
  const auto expanded = expand_tags(text);
  return expanded ? expanded->exact : "refused: " + expanded.error().message();
}

std::string joined(std::string_view prefix, std::string_view pattern) {
  return join_sieves(expand_tags(prefix).value(), expand_tags(pattern).value())
      .value_or("cannot be joined");
}

}  // namespace

TEST_CASE("tags are written out") {
  const std::string ip4 = R"((?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3}))";
  const std::string ip6 = R"((?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:)))";
  CHECK(exact("^a <HOST>$") == R"(^a \[?(?:)" + ip4 + "|" + ip6 + R"()\]?$)");
  CHECK(exact("<ADDR>") == exact("<F-ADDR/>"));
  CHECK(exact("<IP4>|<IP6>") == ip4 + "|" + ip6);
  CHECK(exact("<SUBNET>") == R"(\[?(?:)" + ip4 + "|" + ip6 + R"()(?:/(?P<cidr>\d+))?\]?)");
  CHECK(exact("<DNS>") == R"((?P<dns>[\w\-.^_]*\w))");
  CHECK(exact("<F-ID/> <F-PORT/>") == R"((?P<fid>\S+) (?P<fport>\w+))");
  CHECK(exact("<F-ID>a</F-ID><F-MLF-X>b</F-MLF-X>") == "(?P<fid>a)(?P<mlf_x>b)");
  CHECK(exact("<F-USER>\\S+|.*?</F-USER>") == "(?P<user>\\S+|.*?)");
}

TEST_CASE("what is no tag stays text") {
  CHECK(exact("<F-HOST/>") == "<F-HOST/>");
  CHECK(exact("<FID></F-USER>[<HOST>]\\<HOST>") == "<FID></F-USER>[<HOST>]\\<HOST>");
  CHECK(exact("<F-user>") == "<F-user>");
  CHECK(exact("(?P<name>a)") == "(?P<name>a)");
  CHECK(exact("a\\Z") == "a\\z");
}

TEST_CASE("what cannot be had is refused with its place and a way out") {
  const auto tail = " is not supported, because it cannot be matched in linear time; ";
  CHECK(exact("a(?!b)") == std::string("refused: column 2: '(?!' (negative look-ahead)") + tail +
                               "say what may stand there ([^x] for 'not x'), or put the exception "
                               "into ignoreregex");
  CHECK(exact("(?=a)") == std::string("refused: column 1: '(?=' (look-ahead)") + tail +
                              "match what follows instead of looking at it");
  CHECK(exact("(?<=a)") == std::string("refused: column 1: '(?<=' (look-behind)") + tail +
                               "match what precedes as part of the expression");
  CHECK(exact("(?<!a)") == std::string("refused: column 1: '(?<!' (negative look-behind)") + tail +
                               "say what may precede, e.g. (?:^|[^x]) for 'not after x'");
  CHECK(exact("(?>a)") == std::string("refused: column 1: '(?>' (atomic group)") + tail +
                              "write (?: instead: RE2 never backtracks");
  CHECK(exact("(a)?(?(1)b|c)") == std::string("refused: column 5: '(?(' (conditional group)") +
                                      tail +
                                      "write two expressions, one with the group and one without");
  CHECK(exact("(?P<n>a)(?P=n)") == std::string("refused: column 9: '(?P=' (back-reference)") +
                                       tail +
                                       "write one expression for each value the group can have");
  CHECK(exact("(a)\\1") == std::string("refused: column 4: '\\1' (back-reference)") + tail +
                               "write one expression for each value the group can have");
  CHECK(exact("a++b") == std::string("refused: column 2: '++' (possessive quantifier)") + tail +
                             "leave the second '+' out: RE2 never backtracks");
  CHECK(exact("a<SKIPLINES>b") ==
        "refused: column 2: <SKIPLINES> is not supported; join the lines of one session with "
        "<F-MLFID> instead");
  CHECK(exact("<F-TUPLE_ID>a</F-TUPLE_ID>") ==
        "refused: column 1: <F-TUPLE_ID> is not supported; an offender is one address: capture it "
        "with <HOST> or <F-ID>");
  CHECK(exact("^x <lines-agressive>") ==
        "refused: column 4: the filter has no option 'lines-agressive' for <lines-agressive>; "
        "write [<] where '<' itself is meant");
}

TEST_CASE("what only looks like it is let through") {
  for (const char* fine : {R"(\(?=a)", "[(?=]", R"(\\+)", "a+?", "(?:a+)+", "(?i)a", R"([\1])",
                           "[]+]+", "[^]+]+", "(?+)"}) {
    INFO(fine);
    CHECK(exact(fine).rfind("refused", 0) == std::string::npos);
  }
}

TEST_CASE("a sieve is coarser") {
  CHECK(expand_tags(R"(^\bfail\b <HOST> [\b] <F-USER>x</F-USER>$)")->sieve ==
        R"(^(?:)fail(?:) [0-9a-fA-F:.\[\]]+ [\b] (?:x)$)");
}

TEST_CASE("sieves of prefix and pattern are joined") {
  const char* prefix = R"(^\s*sshd: <F-CONTENT>.+</F-CONTENT>$)";
  CHECK(joined(prefix, "^fail x$") == R"(^\s*sshd: (?:fail x)$)");
  CHECK(joined(prefix, "^fail x") == R"(^\s*sshd: (?:fail x))");
  CHECK(joined(prefix, "fail x$") == R"(^\s*sshd: (?s:.*)(?:fail x)$)");
  CHECK(joined(prefix, "(?i)^fail") == R"(^\s*sshd: (?i:fail))");
  CHECK(joined("^a <F-CONTENT>.+</F-CONTENT> b", "^fail") == "^a (?:fail)(?s:.*) b");
  CHECK(joined(prefix, "^a|b") == "cannot be joined");
  CHECK(joined(prefix, "(?:^a)") == "cannot be joined");
  CHECK(joined(prefix, R"(a\z)") == "cannot be joined");
  CHECK(joined(prefix, R"(^[|^$]\|\^a$)") == R"(^\s*sshd: (?:[|^$]\|\^a)$)");
  CHECK(joined("^no content", "^a") == "cannot be joined");
}

TEST_CASE("anchors are seen") {
  CHECK(begins_with_anchor("^a"));
  CHECK(begins_with_anchor("(?i)^a"));
  CHECK(begins_with_anchor("^(?:a|b)"));
  CHECK_FALSE(begins_with_anchor("^a|b"));
  CHECK_FALSE(begins_with_anchor("(?m)^a"));
  CHECK_FALSE(begins_with_anchor("a"));
  CHECK_FALSE(begins_with_anchor("\\^a"));
}
