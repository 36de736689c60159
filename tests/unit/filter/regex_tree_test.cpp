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
        "column 2: more than 1000 repetitions; write '{n,}' without an upper bound");
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
        "put them at the begin");
  CHECK(refusal("(?x)a") == "column 3: the flag 'x' is not supported; allowed are a, i, m, s");
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
        }()) == "column 301: groups are nested deeper than 100");
  CHECK(refusal(std::string(40000, 'a')) ==
        "column 1: the expression is longer than 32 KiB; divide it into several");
}

TEST_CASE("what commits to a choice is refused") {
  const auto tail = " is not supported, because it cannot be matched in linear time; ";
  CHECK(refusal("(?>a)") == std::string("column 1: '(?>' (atomic group)") + tail +
                                "write (?: instead: RE2 never backtracks");
  CHECK(refusal("a++b") == std::string("column 2: '++' (possessive quantifier)") + tail +
                               "leave the second '+' out: RE2 never backtracks");
  CHECK(refusal("a(?=(?P<n>b))") ==
        "column 2: a named group inside of what is only looked at is not supported; capture it "
        "where it is matched");
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
