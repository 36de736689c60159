#include "unit/filter/json_support.h"

#include <catch2/catch.hpp>

using namespace json_test;

namespace {

std::string line(std::string_view uri, int status, std::string_view more_headers = "") {
  return fmt::format(
      R"({{"level":"info","ts":1795348744.931613,"logger":"http.log.access.log0",)"
      R"("msg":"handled request","request":{{"remote_ip":"198.51.100.7","remote_port":"56288",)"
      R"("proto":"HTTP/1.1","method":"POST","host":"vault.example.com","uri":"{}",)"
      R"("headers":{{"User-Agent":["curl/7.88.1"]{},"Accept":["*/*"]}}}},)"
      R"("user_id":"","duration":0.000069013,"size":2,"status":{},)"
      R"("resp_headers":{{"Server":["Caddy"]}}}})",
      uri, more_headers, status);
}

MatcherOptions behind(std::string_view proxy) {
  MatcherOptions options;
  options.trusted_proxies = {*net::Prefix::parse(proxy)};
  return options;
}

}  // namespace

TEST_CASE("a line that fulfils the condition is a finding with all it names") {
  Log log({caddy("status == 401")});
  CHECK(log.judge(line("/x", 401)) == "0:198.51.100.7/0");
  CHECK(log.last.address.is_single());
  CHECK(util::format_rfc3339(log.last.time) == "2026-11-22T11:59:04.931613Z");
  CHECK(log.last.time_from_line);
  CHECK(log.last.attempts == 1);
  CHECK(log.last.user.empty());
  CHECK(log.last.text == line("/x", 401));
  CHECK(log.last.summary == "agent=curl/7.88.1 status=401");
  CHECK(log.last.captures == std::vector<std::pair<std::string, std::string>>{
                                 {"agent", "curl/7.88.1"}, {"status", "401"}});
  CHECK(log.judge(line("/x", 200)).empty());
  CHECK(log.counters[0].findings == 1);
  CHECK(log.counters[0].patterns == std::vector<std::uint64_t>{1});
}

TEST_CASE("of a line of the journal what the program wrote is judged, without the head") {
  Log log({caddy("status == 401")});
  const std::string head = "web1 4f5e6d7c8b9a[812]: ";
  log.message_at = head.size();
  CHECK(log.judge(head + line("/x", 401)) == "0:198.51.100.7/0");
  CHECK(log.last.text == line("/x", 401));
  CHECK(log.judge(head + line("/x", 200)).empty());
  CHECK(log.judge(head + "no entry") == "0!malformed line");
  log.message_at = 0;
  CHECK(log.judge(head + line("/x", 401)) == "0!malformed line");
}

TEST_CASE("every operator judges lines") {
  const auto holds = [](const std::string& condition) {
    Log log({caddy(condition)});
    const std::string said = log.judge(line("/a/%62?c=d", 404));
    REQUIRE((said.empty() || said == "0:198.51.100.7/0"));
    return !said.empty();
  };
  for (const char* yes : {"status == 404",
                          "status != 405",
                          "status < 405",
                          "status <= 404",
                          "status > 403",
                          "status >= 404",
                          "status in (1, 404)",
                          "status in (400..499)",
                          "status not in (400..403)",
                          "request.uri == '/a/%62?c=d'",
                          "request.uri =~ '^/a/'",
                          "request.uri !~ 'z'",
                          "request.uri starts '/a'",
                          "request.uri ends '=d'",
                          "request.uri contains '%62'",
                          "path(request.uri) == '/a/b'",
                          "path(request.uri) in ('/x', '/a/b')",
                          "path(request.uri) =~ '^/a/b$'",
                          "request.remote_ip cidr (198.51.100.0/24)",
                          "request.remote_ip not cidr (10.0.0.0/8, 2001:db8::/32)",
                          "exists request.headers",
                          "exists request.headers.Accept[0]",
                          "not exists request.headers.Accept[1]",
                          "request.headers.Accept[0] == '*/*'",
                          "missing != 1",
                          "missing !~ 'x'",
                          "missing not in (1, 'a')",
                          "missing not cidr (0.0.0.0/0)",
                          "not missing == null",
                          "duration < 0.0001 and size == 2",
                          "status == 404 or missing == 1",
                          "(status == 1 or status == 404) and not (size == 3)",
                          "request.uri =~ 'nothing' or request.uri =~ '^/a'",
                          "request.uri =~ '^/a' and request.uri =~ '62' and status == 404"}) {
    INFO(yes);
    CHECK(holds(yes));
  }
  for (const char* no : {"status == 400",
                         "status != 404",
                         "status < 404",
                         "status <= 403",
                         "status > 404",
                         "status >= 405",
                         "status in (400..403, 405..499)",
                         "status not in (404)",
                         "status == '404'",
                         "status =~ '404'",
                         "request.uri == 404",
                         "request.uri =~ '^/b'",
                         "request.uri !~ '^/a'",
                         "request.uri starts 'a'",
                         "request.uri ends 'c'",
                         "request.uri contains '/b'",
                         "path(request.uri) == '/a/%62'",
                         "request.remote_ip cidr (10.0.0.0/8)",
                         "request.remote_ip not cidr (0.0.0.0/0)",
                         "exists missing",
                         "exists status.x",
                         "missing == 1",
                         "missing < 1",
                         "missing =~ ''",
                         "missing == null",
                         "request == null",
                         "request.headers.Accept == '*/*'",
                         "request.uri.x == 1",
                         "status[0] == 404",
                         "user_id == null",
                         "request.uri =~ '^/a' and request.uri =~ 'z'",
                         "not (status == 404 or missing == 1)"}) {
    INFO(no);
    CHECK_FALSE(holds(no));
  }
}

TEST_CASE("booleans and null are compared as such") {
  const auto filter = [](const std::string& condition) {
    return definition({{"time", "t"}, {"address", "a"}, {"condition", condition}});
  };
  Log log({filter("x == true"), filter("x == false"), filter("x == null"), filter("exists x"),
           filter("x == 1"), filter("x == 'true'")});
  const auto judge = [&](const std::string& value) {
    return log.judge(R"({"t":1795348744,"a":"192.0.2.1","x":)" + value + "}");
  };
  CHECK(judge("true") == "0:192.0.2.1/0 3:192.0.2.1/0");
  CHECK(judge("false") == "1:192.0.2.1/0 3:192.0.2.1/0");
  CHECK(judge("null") == "2:192.0.2.1/0 3:192.0.2.1/0");
  CHECK(judge("1.0e0") == "3:192.0.2.1/0 4:192.0.2.1/0");
  CHECK(judge("\"true\"") == "3:192.0.2.1/0 5:192.0.2.1/0");
  CHECK(judge("[true]") == "3:192.0.2.1/0");
}

TEST_CASE("the first rule that holds is the pattern, others do not add") {
  Log log({caddy("login: status == 401\nany: status in (400..499)\nand request.method == 'POST'")});
  CHECK(log.judge(line("/x", 401)) == "0:198.51.100.7/0");
  CHECK(log.judge(line("/x", 404)) == "0:198.51.100.7/1");
  CHECK(log.judge(line("/x", 500)).empty());
  CHECK(log.counters[0].patterns == std::vector<std::uint64_t>{1, 1});
}

TEST_CASE("ignore takes a match back") {
  Log log({caddy("status == 404",
                 "request.uri == '/favicon.ico'\nrequest.headers.User-Agent[0] =~ 'Monitor'")});
  CHECK(log.judge(line("/favicon.ico", 404)).empty());
  CHECK(log.judge(line("/x", 404)) == "0:198.51.100.7/0");
  CHECK(log.judge(line("/favicon.ico", 200)).empty());
  CHECK(log.counters[0].ignored == 1);
}

TEST_CASE("many filters of one log are judged each") {
  std::vector<Definition> filters;
  for (int i = 0; i < 150; ++i) {
    filters.push_back(
        caddy(fmt::format("status == {} and request.uri =~ '^/{}(/|$)'", 300 + i, i)));
  }
  filters.push_back(caddy("request.uri contains '/149'"));
  Log log(filters);
  CHECK(log.judge(line("/149", 449)) == "149:198.51.100.7/0 150:198.51.100.7/0");
  CHECK(log.judge(line("/70/a", 370)) == "70:198.51.100.7/0");
  CHECK(log.judge(line("/70/a", 371)).empty());
}

TEST_CASE("the order of keys does not matter") {
  Log log({caddy("status == 401 and request.method == 'GET'")});
  CHECK(log.judge(R"({"status":401,"request":{"method":"GET","remote_ip":"192.0.2.1"},"ts":1})") ==
        "0:192.0.2.1/0");
  CHECK(log.judge(R"({"request":{"remote_ip":"192.0.2.1","x":{"method":"PUT"},"method":"GET"},)"
                  R"("ts":1,"a":[{"status":1}],"status":401})") == "0:192.0.2.1/0");
}

TEST_CASE("keys and values mean what they are without escapes") {
  Log log({caddy("request.uri =~ '^/a\"\\n\\x00é$' and status == 401")});
  CHECK(log.judge(R"({"st\u0061tus":401,"ts":1,"\u0072equest":{"remote_ip":"192.0.2.\u0031",)"
                  R"("uri":"\/a\"\n\u0000\u00e9"}})") == "0:192.0.2.1/0");
}

TEST_CASE("text inside values cannot pose as fields") {
  Log log({caddy("status == 401")});
  CHECK(log.judge(line(R"(/\",\"status\":401,\"request\":{\"remote_ip\":\"192.0.2.66)", 200))
            .empty());
  CHECK(log.judge(line(R"(/\",\"remote_ip\":\"192.0.2.66\",\"x\":\")", 401)) == "0:198.51.100.7/0");
}

TEST_CASE("a wanted key that comes twice makes the line ambiguous") {
  Log log({caddy("status == 401 and request.uri =~ 'x'")});
  for (const char* twice :
       {R"({"status":401,"status":401,"ts":1,"request":{"remote_ip":"192.0.2.1","uri":"x"}})",
        R"({"status":401,"ts":1,"request":{"remote_ip":"192.0.2.1"},"request":{"uri":"x"}})",
        R"({"status":401,"ts":1,"request":{"remote_ip":"192.0.2.1","uri":"x","u\u0072i":"y"}})"}) {
    INFO(twice);
    CHECK(log.judge(twice) == "0!malformed line");
  }
  CHECK(log.judge(R"({"a":1,"a":2,"status":401,"ts":1,)"
                  R"("request":{"remote_ip":"192.0.2.1","uri":"x"}})") == "0:192.0.2.1/0");
}

TEST_CASE("what is no JSON object is counted and the next line judged") {
  Log log({caddy("status == 401 and request.uri =~ '.'"), caddy("status == 500")});
  const std::string good = line("/x", 401);
  std::vector<std::string> bad = {"",
                                  " ",
                                  "null",
                                  "1",
                                  "[]",
                                  "\"x\"",
                                  "{",
                                  "}",
                                  "{]",
                                  R"({"a":1)",
                                  R"({"a":1,})",
                                  R"({"a" 1})",
                                  R"({"status":401}})",
                                  R"({"status":401}{"status":401})",
                                  R"({"status":401} x)",
                                  R"({"status":4o1})",
                                  R"({"status":tru})",
                                  R"({"status":1e999})",
                                  R"({"status":-})",
                                  R"({"status":01})",
                                  R"({"status":})",
                                  R"({"status":401 402})",
                                  R"({"status":+401})",
                                  R"({"status":"x})",
                                  "2026-11-22 info text",
                                  good + good,
                                  good + "garbage",
                                  good.substr(1),
                                  good.substr(0, good.size() - 1),
                                  std::string("\0\0", 2) + good,
                                  good + std::string("\0", 1),
                                  line("\xff\xfe", 401),
                                  line(std::string_view("\0", 1), 401),
                                  line("\n", 401),
                                  line("\xed\xa0\x80", 401),
                                  line("\\ud800", 401),
                                  line("\\q", 401),
                                  line("\\u12", 401),
                                  "\xef\xbb\xbf" + good};
  for (const std::string& text : bad) {
    INFO(text);
    CHECK(log.judge(text) == "0!malformed line 1!malformed line");
    CHECK(log.judge(good) == "0:198.51.100.7/0");
  }
  CHECK(log.counters[0][NoticeKind::kMalformed] == bad.size());
  CHECK(log.counters[1][NoticeKind::kMalformed] == bad.size());
}

TEST_CASE("deep nesting and long lines neither crash nor hide what is beside them") {
  Log log({caddy("status == 401")});
  const std::size_t deep = 100'000;
  const std::string head = R"({"ts":1,"request":{"remote_ip":"192.0.2.1"},"status":401,"x":)";
  CHECK(log.judge(head + std::string(deep, '[') + std::string(deep, ']') + "}") == "0:192.0.2.1/0");
  CHECK(log.judge(head + std::string(deep, '[') + "}") == "0!malformed line");
  CHECK(log.judge(head + std::string(deep, '{') + "}") == "0!malformed line");
  CHECK(log.judge(std::string(deep, '[')) == "0!malformed line");
  CHECK(log.judge(head + "\"" + std::string(3'000'000, 'a') + "\"}") == "0:192.0.2.1/0");
  CHECK(log.last.text.size() == kLongestText);
  CHECK(log.judge(line("/x", 401)) == "0:198.51.100.7/0");
}

TEST_CASE("the time is the field's, judged as of other logs") {
  Log log({caddy("status == 401")});
  const auto with = [](std::string_view time) {
    return fmt::format(R"({{{}"status":401,"request":{{"remote_ip":"192.0.2.1"}}}})", time);
  };
  CHECK(log.judge(with(R"("ts":"2026-11-22T11:00:00Z",)")) == "0:192.0.2.1/0");
  CHECK(util::format_rfc3339(log.last.time) == "2026-11-22T11:00:00Z");
  CHECK(log.judge(with("")) == "0!no date 0:192.0.2.1/0");
  CHECK(log.last.time == log.now);
  CHECK_FALSE(log.last.time_from_line);
  CHECK(log.judge(with(R"("ts":"yesterday",)")) == "0!bad date 0:192.0.2.1/0");
  CHECK(log.judge(with(R"("ts":-5,)")) == "0!bad date 0:192.0.2.1/0");
  CHECK(log.judge(with(R"("ts":[1],)")) == "0!no date 0:192.0.2.1/0");
  CHECK(log.judge(with(R"("ts":1e999,)")) == "0!malformed line");
  log.reading = Reading::kLive;
  CHECK(log.judge(with(R"("ts":1,)")) == "0!date off 0:192.0.2.1/0");
  CHECK(log.last.time == log.now);
  log.stamp = *util::parse_rfc3339("2026-11-22T11:59:59Z");
  CHECK(log.judge(with(R"("ts":1,)")) == "0:192.0.2.1/0");
  CHECK(log.last.time == log.stamp);
}

TEST_CASE("a forged X-Forwarded-For blames nobody else") {
  const std::string forged = R"(,"X-Forwarded-For":["192.0.2.66"])";
  Log direct({caddy("status == 401")});
  CHECK(direct.judge(line("/x", 401, forged)) == "0:198.51.100.7/0");
  Log other({caddy("status == 401")}, behind("192.0.2.0/24"));
  CHECK(other.judge(line("/x", 401, forged)) == "0:198.51.100.7/0");
}

TEST_CASE("behind a trusted proxy the nearest foreign entry is blamed") {
  Log log({caddy("status == 401")}, behind("198.51.100.0/28"));
  CHECK(log.judge(line("/x", 401, R"(,"X-Forwarded-For":["192.0.2.66, 203.0.113.5"])")) ==
        "0:203.0.113.5/0");
  CHECK(log.judge(
            line("/x", 401, R"(,"X-Forwarded-For":["192.0.2.66","203.0.113.5, 198.51.100.9"])")) ==
        "0:203.0.113.5/0");
  CHECK(log.judge(line("/x", 401)) == "0!address of a proxy");
  CHECK(log.judge(line("/x", 401, R"(,"X-Forwarded-For":[])")) == "0!address of a proxy");
  CHECK(log.judge(line("/x", 401, R"(,"X-Forwarded-For":["unknown"])")) == "0!bad address");
  CHECK(log.counters[0].findings == 2);
  CHECK(log.counters[0][NoticeKind::kProxyAddress] == 2);
}

TEST_CASE("a client that the server took from the headers of an unknown proxy is told") {
  Log log({caddy("status == 401")});
  std::string text = line("/x", 401, R"(,"X-Forwarded-For":["203.0.113.5"])");
  text.insert(text.find("\"proto\""), R"("client_ip":"203.0.113.5",)");
  CHECK(log.judge(text) == "0!client differs from peer 0:198.51.100.7/0");
}

TEST_CASE("a missing or unreadable address is told") {
  Log log({caddy("status == 401")});
  CHECK(log.judge(R"({"ts":1,"status":401})") == "0!no address");
  CHECK(log.judge(R"({"ts":1,"status":401,"request":{"remote_ip":7}})") == "0!no address");
  CHECK(log.judge(R"({"ts":1,"status":401,"request":{"remote_ip":"@"}})") == "0!bad address");
  CHECK(log.judge(R"({"ts":1,"status":401,"request":{"client_ip":"192.0.2.1"}})") ==
        "0:192.0.2.1/0");
}
