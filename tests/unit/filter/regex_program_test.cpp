#include "filter/regex_program.h"

#include "filter/text_pattern.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace warder::filter;

namespace {

// What the expression finds in the text: "no", or its named groups; or why it is refused.
std::string find(std::string_view regex, std::string_view text, const RegexDialect& dialect = {}) {
  const auto pattern = TextPattern::compile(regex, dialect);
  if (!pattern) {
    return pattern.error().message();
  }
  std::string buffer;
  Captures captures;
  const Subject subject = make_subject(text, {}, buffer);
  const bool matches = pattern->match(subject, captures);
  CHECK(pattern->matches(subject) == matches);
  std::string told = matches ? "yes" : "no";
  for (const auto& [name, value] : captures) {
    told += fmt::format(" {}={}", name, value);
  }
  return told;
}

}  // namespace

TEST_CASE("a loop of words that are not X, then X, stops at the first X") {
  const char* regex = R"(^fail(?:\s+(?!IP:)\S+)* IP: (?P<ip>\S+)$)";
  CHECK(find(regex, "fail of user x IP: 1.2.3.4") == "yes ip=1.2.3.4");
  CHECK(find(regex, "fail IP: 1.2.3.4") == "yes ip=1.2.3.4");
  // What an attacker writes behind a malformed first one is no address.
  CHECK(find(regex, "fail IP:bad IP: 6.6.6.6") == "no");
  CHECK(find(regex, "fail IP: x y IP: 6.6.6.6") == "no");
}

TEST_CASE("text without X is not prolonged over X") {
  const char* regex = R"(^for (?P<user>(?:(?! from ).)*) from (?P<ip>[0-9.]+)(?P<rest>.*)$)";
  CHECK(find(regex, "for bob from 1.2.3.4 port 1") == "yes user=bob ip=1.2.3.4 rest= port 1");
  CHECK(find(regex, "for bob from x from 1.2.3.4") == "no");
  CHECK(find(regex, "for bob fromage from 1.2.3.4") == "yes user=bob fromage ip=1.2.3.4 rest=");
  CHECK(find(R"(^u=(?P<user>.*) from (?P<ip>[\d.]+)(?:(?! from ).)*$)",
             "u=a from 1.1.1.1 from 2.2.2.2 x") == "yes user=a from 1.1.1.1 ip=2.2.2.2");
}

TEST_CASE("a name other than X, a text not beginning with X") {
  CHECK(find(R"(\[(?!recidive\])(?P<jail>[^\]]*)\] Ban)", "[sshd] Ban") == "yes jail=sshd");
  CHECK(find(R"(\[(?!recidive\])(?P<jail>[^\]]*)\] Ban)", "[recidive] Ban") == "no");
  CHECK(find(R"(\[(?!recidive\])(?P<jail>[^\]]*)\] Ban)", "[recidive2] Ban") ==
        "yes jail=recidive2");
  CHECK(find(R"(^x(?P<why>: (?!Too many)[^\[]+)?(?P<end> \[pre\])?\s*$)", "x: Bye [pre]") ==
        "yes why=: Bye end= [pre]");
}

TEST_CASE("what is looked for ahead is matched by what follows") {
  CHECK(find("^op=1 (?=ACCEPT|RESULT)(?P<content>.+)$", "op=1 RESULT err") ==
        "yes content=RESULT err");
  CHECK(find("^op=1 (?=ACCEPT|RESULT)(?P<content>.+)$", "op=1 SEARCH err") == "no");
  CHECK(find(R"(^(?P<a>\w+)(?= end)(?P<b>.*)$)", "some end") == "yes a=some b= end");
}

TEST_CASE("several looks at one place") {
  CHECK(find("^(?!a)(?!b)(?!a)(?P<x>.)(?!c)(?:(?!c).)*$", "x-d") == "yes x=x");
  CHECK(find("^(?!a)(?!b)(?!a)(?P<x>.)(?!c)(?:(?!c).)*$", "b-d") == "no");
  CHECK(find("^(?:(?!b)){2}(?P<x>.).*?(?:(?!b).)*$", "abc") == "yes x=a");
  CHECK(find("(?:(?!x)){2}$", "\xC3\xA9") == "yes");
}

TEST_CASE("what is looked for behind") {
  CHECK(find("(?<=id=)(?P<id>[0-9]+)", "gid 7 id=42") == "yes id=42");
  CHECK(find("(?<!g)id=(?P<id>[0-9]+)", "gid=7 id=42") == "yes id=42");
  CHECK(find("(?<!g)id=(?P<id>[0-9]+)", "gid=7") == "no");
}

TEST_CASE("conditions on a group know whether it took part") {
  const char* regex = R"x(^(?P<q>")?(?P<word>\w+)(?(q)"|!)$)x";
  CHECK(find(regex, "\"ab\"") == "yes q=\" word=ab");
  CHECK(find(regex, "ab!") == "yes word=ab");
  CHECK(find(regex, "\"ab!") == "no");
  CHECK(find(regex, "ab\"") == "no");
  // The condition stands outside of the group in which the choice is made.
  const char* outer = R"(^(?P<user>(?P<simple>\S+)|.*?) from (?P<ip>[\d.]+)(?(simple): |$))";
  CHECK(find(outer, "bob from 1.2.3.4: x") == "yes user=bob simple=bob ip=1.2.3.4");
  CHECK(find(outer, "bob x from 1.2.3.4") == "yes user=bob x ip=1.2.3.4");
  CHECK(find(outer, "bob x from 1.2.3.4: x") == "no");
  // The order of preference is kept: the other branch is not better because it is another.
  CHECK(find("^(?:(?P<a>x)|(?P<b>x))(?(b)y|.)", "xy") == "yes a=x");
  CHECK(find("^(?P<a>x)?"
             "?(?P<b>.)(?(a)y|.)",
             "xy") == "yes b=x");
  CHECK(find("^(?P<a>x)+(?(a)y)", "xxy") ==
        "column 10: a group in a repetition cannot be asked for with (?(...)) or (?P=...), because "
        "each round may change it; write the rounds out");
}

TEST_CASE("back-references are what their group was") {
  const char* code = R"(^(?P<code>[\dA-F]+): error:(?P=code):end$)";
  CHECK(find(code, "1F: error:1F:end") == "yes code=1F");
  CHECK(find(code, "1F: error:1E:end") == "no");
  CHECK(find(R"(^(?P<mail><\S+@\S+>)(?: (?P=mail)\.\.\.)? end$)", "<a@b> <a@b>... end") ==
        "yes mail=<a@b>");
  CHECK(find(R"(^(?P<mail><\S+@\S+>)(?: (?P=mail)\.\.\.)? end$)", "<a@b> <a@c>... end") == "no");
  // A group of few texts is one branch a text.
  const char* quote = R"x(^acct=(?P<q>"?)(?P<name>\S+)(?P=q) exe)x";
  CHECK(find(quote, "acct=\"root\" exe") == "yes q=\" name=root");
  CHECK(find(quote, "acct=root exe") == "yes q= name=root");
  CHECK(find(quote, "acct=\"root exe") == "yes q= name=\"root");
  CHECK(find(R"((a|b)(?P<x>.)\1)", "axb cya") == "no");
  CHECK(find(R"((a|b)(?P<x>.)\1)", "axbc byb") == "yes x=y");
  CHECK(find("^(?P<a>x)?y(?P=a)?z", "yz") == "yes");
  CHECK(find("^(?P<a>x)?y(?P=a)z", "yxz") == "no");
}

TEST_CASE("where the first division does not fit a reference, the next is tried") {
  const char* regex = R"(^for (?P<user>.*) from (?P<ip>[\d.]+) user=(?P=user)(?P<rest>.*)$)";
  CHECK(find(regex, "for a from 1.1.1.1 user=a from 2.2.2.2 user=b") ==
        "yes user=a ip=1.1.1.1 rest= from 2.2.2.2 user=b");
  CHECK(find(R"(^(?P<a>.+) (?P=a)$)", "x y x y") == "yes a=x y");
  CHECK(find(R"(^(?P<a>.+)(?P<b>.*)-(?P=a)$)", "abc-ab") == "yes a=ab b=c");
}

TEST_CASE("the end is before the line break that ends the message") {
  CHECK(find("a$", "a") == "yes");
  CHECK(find("a\\n$", "a") == "yes");
  CHECK(find("a\\Z", "a") == "yes");
  CHECK(find("a\\s$", "a") == "yes");
  CHECK(find("^a$", "a\nb") == "no");
  CHECK(find("(?P<x>[^b]+)$", "ba") == "yes x=a");
}

TEST_CASE("letters beyond ASCII are letters") {
  CHECK(find(R"(^user (?P<u>\w+) from)", "user J\xC3\xBCrgen from") == "yes u=J\xC3\xBCrgen");
  CHECK(find(R"(^\w\W\w$)", "\xC3\xA9\xC2\xA0\xE2\x82\xAC") == "no");
  CHECK(find(R"(^\w\s\W$)", "\xC3\xA9\xC2\xA0\xE2\x82\xAC") == "yes");
  CHECK(find(R"(^x.y$)", "x\xE2\x82\xACy") == "yes");
  CHECK(find(R"(^x.y$)", "x\xFFy") == "yes");
  CHECK(find(R"(^\d$)", "\xD9\xA3") == "yes");
  CHECK(find(R"((?a)^\d$)", "\xD9\xA3") == "no");
  CHECK(find("^[^\xC3\xA9]$", "\xC3\xA9") == "no");
  CHECK(find("^[^\xC3\xA9]$", "\xC3\xA8") == "yes");
  CHECK(find("(?i)^\xC3\x89$", "\xC3\xA9") == "yes");
  CHECK(find(R"(\bcaf)",
             "\xC3\xA9"
             "caf") == "no");
  CHECK(find(R"(^(?P<u>\w+)(?! x)\b)", "\xC3\xA9t\xC3\xA9 x") == "no");
  CHECK(find(R"(^(?P<u>\w+)(?! x))", "\xC3\xA9t\xC3\xA9 x") == "yes u=\xC3\xA9t");
  CHECK(find("\xC2\xA1"
             "Hola",
             "\xC2\xA1Hola") == "yes");
}

TEST_CASE("blanks are those of Python") { CHECK(find("^\\s{6}x", "\t\v\f\x1c\x1f x") == "yes"); }

TEST_CASE("several lines are searched with the anchors of each") {
  const RegexDialect lines{.lines = true};
  CHECK(find("^b (?P<x>.)$", "a 1\nb 2\nc 3", lines) == "yes x=2");
  CHECK(find("^a (?P<x>.)$<SKIPLINES>^c (?P=x)", "a 1\nb 2\nc 3\nc 1", lines) ==
        "yes x=1 skiplines0=b 2\nc 3\n");
}

TEST_CASE("what an automaton cannot tell is refused") {
  CHECK(find("(?P<a>x*)(?!(?P=a))", "") ==
        "column 13: (?P=...) and (?(...)) within (?=...), (?!...), (?<=...) or (?<!...) are not "
        "supported; write one expression for each value the group can have");
  CHECK(find("(?!a(?!b))", "") ==
        "column 5: a look within (?=...), (?!...), (?<=...) or (?<!...) is not supported; write "
        "them one after the other");
}

// What Python finds; tests/integration/fail2ban_regex asks it for many more.
TEST_CASE("a repetition is left with a round that takes no character") {
  CHECK(find("^(?:a?|b)*(?P<r>.*)$", "ab") == "yes r=b");
  CHECK(find("^(?P<n>(?:a?|b)*)(?P<r>b?)c", "abbc") == "yes n=ab r=b");
  CHECK(find("^(?P<n>(?:a?"
             "?)*)(?P<r>.*)$",
             "aab") == "yes n= r=aab");
  CHECK(find("^(?P<c>.*)*$", "abc") == "yes c=");
  CHECK(find("^(?:(?P<c>a?)|b){0,3}c", "bc") == "yes c=");
  CHECK(find("^(?P<n>(?:a||b)+)(?P<r>.*)$", "aba") == "yes n=a r=ba");
  CHECK(find("^(?P<n>(?:|a){2})(?P<r>.*)$", "aab") == "yes n= r=aab");
  // Rounds without a character have to hold.
  CHECK(find("^(?P<n>(?:(?!xz)|y)*)(?P<r>.*)$", "yxz") == "yes n= r=yxz");
  CHECK(find("^x(?P<n>(?:(?!y)|y)*)(?P<r>.*)$", "xyyz") == "yes n=yy r=z");
  CHECK(find(R"(^(?P<n>(?:\B|b){0,3})(?P<r>.*)$)", "bbb") == "yes n=b r=bb");
  CHECK(find("^(?P<n>(?:(?:(?=x)|y))*)(?P<r>.*)$", "yyx") == "yes n=yy r=x");
  // The empty way comes last, or no round is empty, or all rounds are taken.
  CHECK(find("^(?P<n>(?:y|(?!xz))*)(?P<r>.*)$", "yyx") == "yes n=yy r=x");
  CHECK(find("^(?P<n>(?:a?b?)*)(?P<r>.*)$", "abbac") == "yes n=abba r=c");
  CHECK(find("^(?P<n>(?:(?!xz).)*)(?P<r>.*)$", "abxz") == "yes n=ab r=xz");
  CHECK(find("^(?P<n>(?:(?:(?!x)|y)b)*)(?P<r>.*)$", "bybx") == "yes n=byb r=x");
  CHECK(find(R"(^(?P<n>(?:[^\]"]*|"[^"]*")*)\](?P<r>.*)$)", "a\"]\"b]c") == "yes n=a\"]\"b r=c");
}

TEST_CASE("a repetition of which too much would come is refused with what to write instead") {
  CHECK(find("^(?:a?|b){0,90}c", "") ==
        "column 10: too much comes of this repetition, in which a round may take no character; "
        "write it so that each round takes one, as (?:a|b)* for (?:a?b?)*");
  CHECK(find("^(?P<c>x*)y(?:(?P=c)|b)*c", "") ==
        "column 15: a back-reference that may be of nothing, in a repetition of which a round may "
        "take no character; let the group or the round take one");
}

TEST_CASE("a back-reference to what stands close together has the group's length") {
  CHECK(find("^a(?P<c>x*)(?P=c)", "axb") == "yes c=");
  CHECK(find("^a(?P<c>.*)(?P=c)", "axyz") == "yes c=");
  CHECK(find("^a(?P<c>[^b]*)(?P=c)", "axxxyz") == "yes c=x");
  CHECK(find("^a(?P<c>x+)(?P=c)(?P<r>.*)$", "axxxxxb") == "yes c=xx r=xb");
}

TEST_CASE("looks that are asked often at one place find their marks each time") {
  // The plain form's match breaks a look, so that marks are searched.
  CHECK(find(R"(^(?P<a>.*)(?:(?=x)){5}(?!xz)(?P<b>x.)$)", "xa xb xz") == "no");
  CHECK(find(R"(^(?P<a>.*)(?:(?=x)){5}(?!xz)(?P<b>x.*)$)", "xa xb xz") == "yes a=xa  b=xb xz");
  CHECK(find(R"(^(?P<u>.*) (?:(?! u=).)*(?: u=(?P=u))? end$)", "a b c u=a b end") ==
        "yes u=a b c u=a");
  CHECK(find(R"(^(?P<u>.*) from \d+(?: (?:(?! from ).)*(?: user=(?P=u))? end)$)",
             "a from 1 from 2 text user=a from 1 end") == "yes u=a from 1");
}

TEST_CASE("an expression that RE2 would not take is refused when it is compiled") {
  CHECK(find("^(?:(?:[a-z]{100}){10}){9}<HOST>", "") == "invalid repetition size: {9,9}");
  std::string large = "^";
  for (int part = 0; part < 100; ++part) {
    large += "(?:.{1,10}){100}";
  }
  CHECK(find(large + "<HOST>", "") == "pattern too large - compile failed");
  CHECK(find("^[bdfhjlnprtvxz]{900} <HOST>", "") == "no");
}

TEST_CASE("a search that gives up is counted") {
  const auto pattern = TextPattern::compile(R"(\b(?P<w>[a-z]+)=(?P=w)!)", {});
  REQUIRE(pattern);
  CHECK(pattern->has_trials());
  CHECK_FALSE(TextPattern::compile("^a (?P<b>x)$", {})->has_trials());
  const auto finds = [&](int wrong_ones) {
    std::string text;
    for (int i = 0; i < wrong_ones; ++i) {
      text += fmt::format("{}=zz! ", std::string(1, static_cast<char>('a' + i % 20)));
    }
    text += "same=same!";
    std::string buffer;
    return pattern->matches(make_subject(text, {}, buffer));
  };
  CHECK(finds(3));
  CHECK(pattern->gave_up() == 0);
  CHECK_FALSE(finds(100));  // there is a match, behind too many that are none
  CHECK(pattern->gave_up() == 1);
}
