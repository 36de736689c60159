// What audit logs need beyond web servers' access logs: arrays, lines that blame nobody, entries
// that a full disk cut off or glued together.
#include "filter/json_entries.h"
#include "json_support.h"

#include <catch2/catch.hpp>

#include <string>

using namespace json_test;

namespace {

Definition audit(const std::string& condition,
                 std::vector<std::pair<std::string, std::string>> more = {}) {
  std::vector<std::pair<std::string, std::string>> options = {{"format", "json"},
                                                              {"time", "time"},
                                                              {"address", "request.address"},
                                                              {"field.path", "request.path"},
                                                              {"condition", condition}};
  options.insert(options.end(), more.begin(), more.end());
  return definition(options);
}

const std::vector<std::pair<std::string, std::string>> kBegins = {
    {"begins", "{\"time\":\n{\"auth\":"}, {"once", "request.id"}};

std::string entry(const std::string& id) {
  return R"({"time":"2026-11-22T11:59:00Z","type":"response","request":{"id":")" + id +
         R"(","path":"a/b","address":"192.0.2.7"}})";
}

}  // namespace

TEST_CASE("any() looks at each text of an array") {
  Log log({audit("any(auth.policies) == 'root'"), audit("any(auth.policies) starts 'ad'"),
           audit("any(auth.policies) in ('x', 'web')"), audit("any(auth.policies) != 'root'")});
  const auto with = [](const std::string& policies) {
    return R"({"time":1795348744,"auth":{"policies":)" + policies +
           R"(},"request":{"address":"192.0.2.7"}})";
  };
  CHECK(log.judge(with(R"(["default","root"])")) == "0:192.0.2.7/0");
  CHECK(log.judge(with(R"(["default","web","admin"])")) ==
        "1:192.0.2.7/0 2:192.0.2.7/0 3:192.0.2.7/0");
  CHECK(log.judge(with(R"(["r\u006fot"])")) == "0:192.0.2.7/0");
  CHECK(log.judge(with(R"("root")")) == "0:192.0.2.7/0");
  CHECK(log.judge(with("[]")) == "3:192.0.2.7/0");
  CHECK(log.judge(with(R"([7,["root"],{"a":"root"},null])")) == "3:192.0.2.7/0");
}

TEST_CASE("any() many times over escaped texts needs no more room than it has") {
  std::vector<Definition> all;
  for (int i = 0; i < 40; ++i) {
    all.push_back(audit("any(auth.policies) == 'p" + std::to_string(i) + "'"));
  }
  Log log(all);
  std::string policies;
  for (int i = 0; i < 200; ++i) {
    policies += (policies.empty() ? "" : ",") + std::string(R"("\u0070\u0033\u0039")");
  }
  CHECK(log.judge(R"({"time":1795348744,"auth":{"policies":[)" + policies +
                  R"(]},"request":{"address":"192.0.2.7"}})") == "39:192.0.2.7/0");
}

TEST_CASE("any() compares texts only") {
  for (const char* condition :
       {"any(a) =~ 'x'", "any(a) > 3", "any(a) == true", "any(a) in (1, 'x')"}) {
    Problems problems;
    CHECK(compile_json_filter(audit(condition), problems) == nullptr);
    REQUIRE(problems.texts().size() == 1);
    CHECK(problems.texts()[0] ==
          "x.conf:6: condition, column 1: any() compares texts: ==, !=, in, starts, ends, contains "
          "and cidr are possible");
  }
}

TEST_CASE("a line without an address is a finding where the filter allows it") {
  const std::string line = R"({"time":1795348744,"request":{"path":"a"}})";
  Log strict({audit("request.path == 'a'")});
  CHECK(strict.judge(line) == "0!" + std::string(to_string(NoticeKind::kNoAddress)));
  Log open({audit("request.path == 'a'", {{"without-address", "yes"}})});
  open.judge(line);
  CHECK(open.last.without_address);
  CHECK(open.counters[0].findings == 1);
  CHECK(open.last.captures == std::vector<std::pair<std::string, std::string>>{{"path", "a"}});
}

TEST_CASE("entries behind a prefix, glued together or behind a cut one are judged each") {
  Log log({audit("type == 'response'", kBegins)});
  CHECK(log.judge(entry("1")) == "0:192.0.2.7/0");
  CHECK(log.last.once == "1");
  CHECK(log.judge("<13>Nov 22 web vault: @cee: " + entry("2")) == "0:192.0.2.7/0");
  CHECK(log.judge(entry("3") + entry("4")) == "0:192.0.2.7/0 0:192.0.2.7/0");
  CHECK(log.last.once == "4");
  const std::string malformed = " 0!" + std::string(to_string(NoticeKind::kMalformed));
  // Cut within a text, within a number, right behind the first bracket.
  const std::string whole = entry("5");
  for (const std::size_t kept : {1UL, 10UL, 60UL, whole.size() - 5}) {
    INFO(kept);
    CHECK(log.judge(whole.substr(0, kept) + entry("6")) ==
          "0:192.0.2.7/0" + (kept == 1 ? "" : malformed));
    CHECK(log.last.once == "6");
  }
  // Nothing whole: told, not judged.
  CHECK(log.judge(whole.substr(0, 60)) == malformed.substr(1));
  CHECK(log.judge("no entry at all") == malformed.substr(1));
}

TEST_CASE("text within an entry is none") {
  Log log({audit("type == 'response'", kBegins)});
  CHECK(log.judge(
               R"(x {"time":1795348744,"type":"request","a":"{\"time\":1,\"type\":\"response\"}"})")
            .find("0:") == std::string::npos);
}

TEST_CASE("objects that do not end are given up after some tries") {
  const JsonEntryFinder finder({"{\"auth\":"});
  std::string line;
  for (int i = 0; i < 100'000; ++i) {
    line += "{\"auth\":";
  }
  const JsonEntries found = finder.find(line);
  CHECK(found.cut);
  CHECK(found.whole.empty());
}
