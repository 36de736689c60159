#include "filter/json_condition.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace warder::filter;

namespace {

// The tree in a form that is easy to compare.
std::string tree(const Expression& expression) {
  const auto joined = [&](std::string_view name) {
    std::string text(name);
    text += '(';
    for (const Expression& child : expression.children) {
      text += (text.back() == '(' ? "" : " ") + tree(child);
    }
    return text + ')';
  };
  switch (expression.kind) {
    case Expression::Kind::kNot:
      return joined("not");
    case Expression::Kind::kAll:
      return joined("all");
    case Expression::Kind::kAny:
      return joined("any");
    case Expression::Kind::kTest:
      break;
  }
  const Test& test = expression.test;
  std::string text = test.view == FieldView::kUriPath
                         ? fmt::format("path({})", test.field.to_string())
                         : test.field.to_string();
  constexpr const char* kKinds[] = {"one_of",   "matches", "starts", "ends",
                                    "contains", "cidr",    "exists"};
  text += fmt::format(":{}", kKinds[static_cast<int>(test.kind)]);
  for (const NumberRange& range : test.numbers) {
    text += range.low == range.high ? fmt::format(":{}", range.low)
                                    : fmt::format(":{}..{}", range.low, range.high);
  }
  for (const std::string& value : test.texts) {
    text += fmt::format(":'{}'", value);
  }
  text += test.accepts_true ? ":true" : "";
  text += test.accepts_false ? ":false" : "";
  text += test.accepts_null ? ":null" : "";
  for (const auto& prefix : test.prefixes) {
    text += ":" + prefix.to_string();
  }
  return test.text.empty() ? text : text + ":" + test.text;
}

std::string parsed(std::string_view text) {
  ConditionProblem problem;
  const auto expression = parse_condition(text, problem);
  return expression ? tree(*expression) : fmt::format("{}: {}", problem.offset, problem.text);
}

}  // namespace

TEST_CASE("conditions parse") {
  CHECK(parsed("status == 401") == "status:one_of:401");
  CHECK(parsed("status != 401") == "not(status:one_of:401)");
  CHECK(parsed("a.b.User-Agent[0] == \"x\\u00e9\\n\"") == "a.b.User-Agent[0]:one_of:'xé\n'");
  CHECK(parsed("'odd key'.b == -1.5") == "\"odd key\".b:one_of:-1.5");
  CHECK(parsed("status >= 400 and status <= 499") ==
        "all(status:one_of:400..inf status:one_of:-inf..499)");
  CHECK(parsed("status in (401, 400..499, \"x\", true, false, null)") ==
        "status:one_of:401:400..499:'x':true:false:null");
  CHECK(parsed("status not in (1)") == "not(status:one_of:1)");
  CHECK(parsed("request.uri =~ '^/a\\.b'") == "request.uri:matches:^/a\\.b");
  CHECK(parsed("request.uri !~ 'x'") == "not(request.uri:matches:x)");
  CHECK(parsed("path(request.uri) == '/admin'") == "path(request.uri):one_of:'/admin'");
  CHECK(parsed("path == '/admin'") == "path:one_of:'/admin'");
  CHECK(parsed("ip cidr (10.0.0.0/8, 2001:db8::/32, '192.0.2.1')") ==
        "ip:cidr:10.0.0.0/8:2001:db8::/32:192.0.2.1");
  CHECK(parsed("ip not cidr (10.0.0.0/8)") == "not(ip:cidr:10.0.0.0/8)");
  CHECK(parsed("exists a.b[3].c") == "a.b[3].c:exists");
  CHECK(parsed("a starts 'x' or a ends 'y' or a contains 'z'") ==
        "any(a:starts:x a:ends:y a:contains:z)");
}

TEST_CASE("and binds closer than or, not closer than both") {
  CHECK(parsed("not a == 1 and b == 2 or c == 3") ==
        "any(all(not(a:one_of:1) b:one_of:2) c:one_of:3)");
  CHECK(parsed("a == 1 and (b == 2 or c == 3)\nand not (d == 4)") ==
        "all(a:one_of:1 any(b:one_of:2 c:one_of:3) not(d:one_of:4))");
}

TEST_CASE("less and greater leave the limit out") {
  ConditionProblem problem;
  const auto less = parse_condition("a < 400", problem);
  REQUIRE(less);
  CHECK(less->test.numbers[0].high < 400);
  CHECK(less->test.numbers[0].high > 399.999999);
}

TEST_CASE("errors say where, what was expected and what was meant") {
  CHECK(parsed("") == "0: expected the name of a field, found the end");
  CHECK(parsed("status = 401") ==
        "7: expected an operator (==, !=, <, <=, >, >=, =~, !~, in, not in, cidr, not cidr, "
        "starts, ends or contains), found '='; did you mean '=='?");
  CHECK(parsed("status == 401 && a == 1") ==
        "14: expected 'and', 'or' or the end, found '&&'; did you mean 'and'?");
  CHECK(parsed("status == 401 AND a == 1") ==
        "14: expected 'and', 'or' or the end, found 'AND'; did you mean 'and'?");
  CHECK(parsed("(status == 401") == "14: expected 'and', 'or' or ')', found the end");
  CHECK(parsed("status == abc") ==
        "10: expected a number, true, false, null or a text in quotes, found 'abc'");
  CHECK(parsed("status > '4'") == "9: expected a number after '>', found ''4''");
  CHECK(parsed("status in 401") == "10: expected '(', found '401'");
  CHECK(parsed("status in (401 402)") == "15: expected ',' or ')', found '402'");
  CHECK(parsed("status in (499..400)") ==
        "16: expected a number not below the first after '..', found '400'");
  CHECK(parsed("status not == 1") == "11: expected 'in' or 'cidr' after 'not', found '=='");
  CHECK(parsed("a. == 1") == "3: expected a name after '.', found '=='");
  CHECK(parsed("a[x] == 1") == "2: expected the number of an element, 0 to 1023, found 'x'");
  CHECK(parsed("a[1024] == 1") == "2: expected the number of an element, 0 to 1023, found '1024'");
  CHECK(parsed("a[0 == 1") == "4: expected ']', found '=='");
  CHECK(parsed("a =~ x") == "5: expected a text in quotes, found 'x'");
  CHECK(parsed("a =~ '(?=x)'") ==
        "5: this is no regular expression of RE2: invalid perl operator: (?=; look-around and "
        "back-references do not exist there");
  CHECK(parsed("a =~ \"\\.env\"") ==
        "5: '\"\\\\.': in double quotes only the escapes of JSON are known; write a regular "
        "expression in single quotes, where nothing is escaped");
  CHECK(parsed("a == 'x") == "5: ''x': the closing quote is missing");
  CHECK(parsed("a == #") == "5: '#': this character means nothing here");
  CHECK(parsed("ip cidr (10.0.0.1/8)")
            .starts_with("9: expected an address or prefix such as 10.0.0.0/8: "));
  CHECK(parsed("'' == 1") ==
        "0: the name of a field is neither empty nor holds quotes, backslashes or control "
        "characters");
}

TEST_CASE("conditions are bounded") {
  CHECK(parsed(std::string(kLongestCondition + 1, ' ')) ==
        "0: longer than 16384 bytes; write it as several rules, one a line");
  CHECK(parsed(std::string(1000, '(')) ==
        "32: more than 32 levels of parentheses and 'not'; write it as several rules, one a line");
  std::string nots;
  for (int i = 0; i < 100; ++i) {
    nots += "not ";
  }
  CHECK(parsed(nots + "a == 1") ==
        "128: more than 32 levels of parentheses and 'not'; write it as several rules, one a line");
  std::string many = "a == 1";
  for (std::size_t i = 1; i < kMostTests; ++i) {
    many += " or a == 1";
  }
  CHECK(parsed(many).starts_with("any("));
  CHECK(parsed(many + " or a == 1") ==
        fmt::format("{}: more than 1000 tests; write it as several rules, one a line",
                    many.size() + 4));
  std::string deep = "a";
  for (int i = 0; i < 16; ++i) {
    deep += ".a";
  }
  CHECK(parsed(deep + " == 1") == "32: a path has at most 16 steps");
}

TEST_CASE("a path prints as it is written") {
  for (const char* text : {"a", "a.b.User-Agent[0]", "\"odd key\"[3][4].b", "\"1\".x"}) {
    ConditionProblem problem;
    const auto path = parse_json_path(text, problem);
    REQUIRE(path);
    CHECK(path->to_string() == text);
  }
  ConditionProblem problem;
  CHECK_FALSE(parse_json_path("a b", problem));
  CHECK(problem.text == "expected '.', '[' or the end, found 'b'");
}
