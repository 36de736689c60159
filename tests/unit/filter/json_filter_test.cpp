#include "unit/filter/json_support.h"

#include <catch2/catch.hpp>

using namespace json_test;

namespace {

std::vector<std::string> problems_of(
    const std::vector<std::pair<std::string, std::string>>& options) {
  Problems problems;
  const auto filter = compile_json_filter(definition(options), problems);
  CHECK((filter == nullptr) == !problems.empty());
  return problems.texts();
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a JSON filter keeps its rules as written, with their places") {
  const auto filter =
      compiled(caddy("login: status == 401\n\nother: status == 403\n  and size == 1"));
  REQUIRE(filter->patterns().size() == 2);
  CHECK(filter->patterns()[0].text == "login: status == 401");
  CHECK(filter->patterns()[0].place.line == 10);
  CHECK(filter->patterns()[1].text == "other: status == 403\nand size == 1");
  CHECK(filter->patterns()[1].place.line == 12);
}

TEST_CASE("what every JSON filter needs is asked for") {
  CHECK(problems_of({{"format", "json"}}) ==
        Texts{"x.conf:1: [Definition] time is missing; name the field that holds the time, for "
              "example time = ts",
              "x.conf:1: [Definition] address is missing; name the fields that hold the client's "
              "address, best first, for example address = request.client_ip, request.remote_ip",
              "x.conf:1: [Definition] condition is missing; say which lines are failures, for "
              "example condition = status == 401"});
}

TEST_CASE("unknown options are named with what was meant") {
  CHECK(problems_of({{"time", "ts"},
                     {"address", "a"},
                     {"condition", "a == 1"},
                     {"_own", "x"},
                     {"forwardd", "b"},
                     {"failregex", "^x"}}) ==
        Texts{"x.conf:7: a JSON filter has no option 'failregex'; it has format, time, address, "
              "peer, forwarded, user, condition, ignore, message, field.NAME, once, begins, "
              "without-address",
              "x.conf:6: a JSON filter has no option 'forwardd'; did you mean 'forwarded'?"});
}

TEST_CASE("a message is made of fields that have names") {
  CHECK(problems_of({{"time", "ts"},
                     {"address", "a"},
                     {"condition", "a == 1"},
                     {"field.uri", "request.uri"},
                     {"message", "uri, status"}}) ==
        Texts{"x.conf:6: message names 'status', but there is no field.status; add for example "
              "field.status = request.status"});
}

TEST_CASE("all errors of a filter come at once, with line and column") {
  CHECK(problems_of({{"time", "ts["},
                     {"address", "a, b c"},
                     {"forwarded", "x"},
                     {"condition", "one: a == 1\ntwo: a = 2\nthree: a == 3\n  and b => 3"},
                     {"ignore", "x"}}) ==
        Texts{"x.conf:2: time, column 4: expected the number of an element, 0 to 1023, found the "
              "end",
              "x.conf:3: address, column 3: expected '.', '[' or the end, found 'c'",
              "x.conf:4: forwarded needs peer: a list of addresses can only be believed when the "
              "field of the connection's peer shows that one of our proxies reports it; add for "
              "example peer = request.remote_ip",
              "x.conf:6: condition, column 8: expected an operator (==, !=, <, <=, >, >=, =~, !~, "
              "in, not in, cidr, not cidr, starts, ends or contains), found '='; did you mean "
              "'=='?",
              "x.conf:8: condition, column 7: expected an operator (==, !=, <, <=, >, >=, =~, !~, "
              "in, not in, cidr, not cidr, starts, ends or contains), found '='; did you mean "
              "'=='?",
              "x.conf:6: ignore, column 2: expected an operator (==, !=, <, <=, >, >=, =~, !~, "
              "in, not in, cidr, not cidr, starts, ends or contains), found the end"});
}
