#include "filter/regex_tree.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace warder::filter;

namespace {

std::string refusal(std::string_view text, const RegexDialect& dialect = {}) {
  const auto tree = parse_regex(text, dialect);
  return tree ? "read" : tree.error().message();
}

// The names of the groups, "-" for those without.
std::string groups(std::string_view text, const RegexDialect& dialect = {}) {
  const auto tree = parse_regex(text, dialect);
  if (!tree) {
    return tree.error().message();
  }
  std::string names;
  for (std::size_t group = 1; group < tree->names.size(); ++group) {
    names += (group == 1 ? "" : " ") + (tree->names[group].empty() ? "-" : tree->names[group]);
  }
  return names;
}

}  // namespace

TEST_CASE("tags become groups") {
  CHECK(groups("^a <HOST>$") == "ip4 ip6");
  CHECK(groups("^a <HOST>$", {.host = HostTag::kAddressOrName}) == "ip4 ip6 dns");
  CHECK(groups("<ADDR>") == "ip4 ip6");
  CHECK(groups("<F-ADDR/>") == "ip4 ip6");
  CHECK(groups("<IP4>|<IP6>") == "ip4 ip6");
  CHECK(groups("<SUBNET>") == "ip4 ip6 cidr");
  CHECK(groups("<DNS>") == "dns");
  CHECK(groups("<F-ID/> <F-PORT/>") == "fid fport");
  CHECK(groups("<F-ID>a</F-ID><F-MLF-X>b</F-MLF-X>") == "fid mlf_x");
  CHECK(groups("<F-USER>\\S+|.*?</F-USER>(x)") == "user -");
  CHECK(groups("a<SKIPLINES>b<SKIPLINES>", {.lines = true}) == "skiplines0 skiplines1");
}

TEST_CASE("what is no tag stays text") {
  for (const char* text : {"<F-HOST/>", "<FID></F-USER>", "[<HOST>]", "\\<HOST>", "<F-user>"}) {
    INFO(text);
    CHECK(groups(text).empty());
  }
}

TEST_CASE("what is wrong in an expression is said with its column and a remedy") {
  CHECK(refusal("a(b") == "column 2: '(' is not closed");
  CHECK(refusal("a)b") == "column 2: ')' closes no group; write \\) for the character");
  CHECK(refusal("a[b") == "column 2: '[' is not closed; write \\[ for the character");
  CHECK(refusal("*a") == "column 1: '*' repeats nothing; write \\* for the character");
  CHECK(refusal("a**") == "column 3: a repetition of a repetition; put the first into (?:...)");
  CHECK(refusal("a{2,1}") == "column 2: the least number of repetitions is above the most");
  CHECK(refusal("a{1001}") ==
        "column 2: more than 1000 repetitions; write '{1000,}', which matches at least the same "
        "lines: a{1000,}");
  CHECK(refusal("[b-a]") == "column 2: 'b-a' is no range of characters");
  CHECK(refusal("\\q") == "column 1: '\\q' means nothing; write 'q' for the character");
  CHECK(refusal("a\\") == "column 2: '\\' at the end; write \\\\ for the character");
  CHECK(refusal("\\x1") == "column 1: '\\x' needs 2 hexadecimal digits");
  CHECK(refusal("(?P<a>x)(?P<a>y)") ==
        "column 9: the group 'a' stands in it twice; an address or a tag can be captured once");
  CHECK(refusal("<HOST> <HOST>") ==
        "column 8: the group 'ip4' stands in it twice; an address or a tag can be captured once");
  CHECK(refusal("(?P=a)") == "column 1: there is no group 'a' before it");
  CHECK(refusal("(a)\\2") == "column 4: there is no group 2 before it");
  CHECK(refusal("(?(a)b)") == "column 1: there is no group 'a' before it");
  CHECK(refusal("a(?i)b") ==
        "column 2: flags inside of an expression; write '(?i:...)' around what they are for, or "
        "put them at the begin: (?i)ab");
  CHECK(refusal("(?L)a") ==
        "column 3: the flag 'L' is for bytes, and lines are text; leave it out (allowed are a, i, "
        "m, s, u, x)");
  CHECK(refusal("(?#a") == "column 1: the comment is not closed");
  CHECK(refusal("(?<x") == "column 1: the name of a group has letters, digits and '_' only");
  CHECK(refusal("(?~a)") == "column 1: '(?' begins no group that is known");
  CHECK(refusal("^x <lines-agressive>") ==
        "column 4: the filter has no option 'lines-agressive' for <lines-agressive>; write [<] "
        "where '<' itself is meant");
  const auto text = parse_regex("^x (?P<y><script>|<F-A><b></F-A>)",
                                RegexDialect{.unknown_tags = UnknownTags::kText});
  REQUIRE(text.has_value());
  CHECK(text->unknown_tags == std::vector<std::string>{"<script>", "<b>"});
  CHECK(text->root == parse_regex("^x (?P<y>[<]script>|(?P<a>[<]b>))", {})->root);
  CHECK(refusal("a<SKIPLINES>b") ==
        "column 2: <SKIPLINES> skips nothing, because each line is judged alone; set maxlines to "
        "the number of lines that belong together");
  CHECK(refusal([] {
          std::string deep;
          for (int i = 0; i < 101; ++i) {
            deep += "(?:";
          }
          return deep;
        }()) == "column 301: groups are nested deeper than 100; write several expressions");
  CHECK(refusal(std::string(40000, 'a')) ==
        "column 1: the expression is longer than 32 KiB; divide it into several");
}

TEST_CASE("what commits to a choice is refused") {
  const auto tail = " is not supported, because it cannot be matched in linear time; ";
  CHECK(refusal("(?>a)") == std::string("column 1: '(?>' (atomic group)") + tail +
                                "write (?: instead, which matches at least the same lines: (?:a)");
  CHECK(refusal("a++b") ==
        std::string("column 2: '++' (possessive quantifier)") + tail +
            "leave the second '+' out, which matches at least the same lines: a+b");
  CHECK(refusal("a(?=(?P<n>b)<F-X>c</F-X>)") ==
        "column 2: a named group inside of what is only looked at is not supported; capture it "
        "where it is matched, or write (?: for it: a(?=(?:b)(?:c))");
  // All that is refused is rewritten, and nothing is proposed that would be refused in turn.
  CHECK(refusal("^x (?>a|b{2,}+)(?i)<HOST>c{5,2000}?$") ==
        std::string("column 4: '(?>' (atomic group)") + tail +
            "write (?: instead, which matches at least the same lines: "
            "(?i)^x (?:a|b{2,})<HOST>c{5,}?$");
  CHECK(refusal("a++(?P<b>c)(?P<b>d)") ==
        std::string("column 2: '++' (possessive quantifier)") + tail +
            "leave the second '+' out, which matches at least the same lines");
}

TEST_CASE("what is wrong in itself is told from what cannot be had here") {
  for (const char* wrong :
       {"(", ")", "*", "a**", "a{3,2}", "[a", "[b-a]", "\\q", "\\", "\\x1", "<HOST> <HOST>",
        "(?P=a)", "(a)\\2", "(?~a)", "(?L)a", "(?P<a-b>c)", "(?#a", "(a)(?(1)a|b|c)"}) {
    INFO(wrong);
    CHECK(is_wrong_regex(wrong, {}));
  }
  for (const char* ours :
       {"a++", "(?>a)", "a(?i)b", "a{1001}", "a<SKIPLINES>b", "<none>", "a(?=(?P<n>b))",
        "(?P<\xc3\xa9>b)", "(?(1)a|b)(c)", "\\N{DIGIT ONE}", "[\\N{DIGIT ONE}]", "a", "(?x) a"}) {
    INFO(ours);
    CHECK_FALSE(is_wrong_regex(ours, {}));
  }
}

TEST_CASE("blanks and comments of a verbose expression are none of it") {
  const auto same = [](std::string_view verbose, std::string_view plain) {
    INFO(verbose);
    const auto tree = parse_regex(verbose, {});
    REQUIRE(tree.has_value());
    CHECK(tree->root == parse_regex(plain, {}).value().root);
  };
  same("(?x) ^ a + b {2,3} [ ] \\  \\# # <HOST> ) | (", "^a+b{2,3}[ ][ ][#]");
  same("(?xi)\ta | ( b\n# c\n ) *", "(?i)a|(b)*");
  same("a b(?x: c d (?-x: e ) f )g h", "a b(?:cd(?: e )f)g h");
  same("(?x) (?i) a <F-USER> . +? </F-USER> <ADDR>", "(?i)a<F-USER>.+?</F-USER><ADDR>");
  same("(?x)a{1, 2}", "a[{]1,2}");
  same("a(?#comment)+b", "a+b");
  same("\\101(b)\\1", "A(b)\\1");
  CHECK(refusal("(?x)a + *") ==
        "column 9: a repetition of a repetition; put the first into (?:...)");
}

TEST_CASE("what only looks like it is let through") {
  for (const char* fine :
       {R"(\(?=a)", "[(?=]", R"(\\+)", "a+?", "(?:a+)+", "(?i)a", "[]+]+", "[^]+]+", "a{", "a{x}",
        "a{,3}", "(?i:a)(?-i:b)", "((?i)a|b)", "(?:(?i)a)", "(?#no)a", "a|", "(|a)", "{1}x{2}"}) {
    INFO(fine);
    CHECK((refusal(fine) == "read" ||
           (std::string_view(fine) == "{1}x{2}" && refusal(fine) != "read")));
  }
}

TEST_CASE("lengths are known") {
  const auto lengths = [](std::string_view text) {
    const RegexTree tree = parse_regex(text, {}).value();
    return fmt::format("{} {}", least_length(tree.root), most_length(tree.root));
  };
  CHECK(lengths("abc") == "3 3");
  CHECK(lengths("a|bcd|") == "0 3");
  CHECK(lengths("(?:ab){2,3}c?") == "4 7");
  CHECK(lengths("a*b+") == "1 -1");
  CHECK(lengths("^(?!abc)x$") == "1 1");
}
