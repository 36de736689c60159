// The shipped filters against what a real Caddy writes when it is attacked: every request by hand
// on a socket, from an address of its own, and the findings of the whole log compared exactly.
#include "filter/matcher.h"
#include "integration/caddy_log/caddy.h"
#include "util/clock.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <filesystem>

using namespace warder;
using namespace warder::filter;

namespace {

constexpr std::array<const char*, 5> kNames = {"vaultwarden-auth", "vaultwarden-admin",
                                               "caddy-scanner", "caddy-4xx", "caddy-auth"};

// Collects "filter address" and "filter !notice", in order.
class Collect final : public MatchHandler {
 public:
  void on_finding(std::size_t filter, model::Finding&& finding) override {
    said.push_back(fmt::format("{} {}", kNames[filter], finding.address.to_string()));
    from_line = from_line && finding.time_from_line;
  }
  void on_notice(std::size_t filter, const Notice& notice) override {
    said.push_back(fmt::format("{} !{}", kNames[filter], to_string(notice.kind)));
  }
  std::vector<std::string> said;
  bool from_line = true;
};

std::string request(std::string_view method, std::string_view target,
                    std::string_view headers = "") {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: vault.example.com\r\nConnection: close\r\nContent-Length: "
      "0\r\n{}\r\n",
      method, target, headers);
}

struct Attack {
  std::string from;
  std::string bytes;
  int status;                             // 0: Caddy drops it unanswered or answers by itself
  std::vector<std::string> said_of_line;  // what the log line must give
  bool logged = true;
};

std::unique_ptr<Matcher> matcher_of_all() {
  std::vector<std::shared_ptr<const Filter>> filters;
  for (const char* name : kNames) {
    FilterRequest wanted;
    wanted.name = name;
    wanted.folders = {std::filesystem::path(WARDER_SOURCE_DIR) / "filters"};
    auto filter = load_filter(wanted);
    REQUIRE(filter);
    filters.push_back(*filter);
  }
  MatcherOptions options;
  options.trusted_proxies = {*net::Prefix::parse("127.0.0.9")};
  auto matcher = Matcher::build(std::move(filters), options);
  REQUIRE(matcher);
  return std::move(*matcher);
}

std::vector<Attack> attacks() {
  const std::string token = "/identity/connect/token";
  const auto both = [](const std::string& filter, const std::string& address) {
    return std::vector<std::string>{filter + " " + address, "caddy-4xx " + address};
  };
  const auto flood = [](const std::string& address) {
    return std::vector<std::string>{"caddy-4xx " + address};
  };
  const std::string forged =
      "X-Forwarded-For: 192.0.2.66\r\nX-Real-IP: 192.0.2.66\r\nForwarded: for=192.0.2.66\r\n"
      "Client-Ip: 192.0.2.66\r\n";
  std::vector<Attack> all = {
      {"127.0.0.2", request("GET", "/"), 200, {}},
      {"127.0.0.2", request("POST", token), 400, both("vaultwarden-auth", "127.0.0.2")},
      {"127.0.0.2", request("POST", token + "?second=factor"), 400, flood("127.0.0.2")},
      // A forged header blames nobody but its writer.
      {"127.0.0.3", request("POST", token, forged), 400, both("vaultwarden-auth", "127.0.0.3")},
      // Spellings that Caddy routes as the plain path.
      {"127.0.0.4", request("POST", "/identity/connect/%74oken"), 400,
       both("vaultwarden-auth", "127.0.0.4")},
      {"127.0.0.4", request("POST", "//identity//connect/token"), 400,
       both("vaultwarden-auth", "127.0.0.4")},
      {"127.0.0.4", request("POST", "http://vault.example.com/identity/connect/token"), 400,
       both("vaultwarden-auth", "127.0.0.4")},
      {"127.0.0.4", request("POST", "/vault/identity/connect/token"), 400,
       both("vaultwarden-auth", "127.0.0.4")},
      {"127.0.0.5", request("POST", "/admin"), 401, both("vaultwarden-admin", "127.0.0.5")},
      {"127.0.0.5", request("POST", "/admin/?x"), 401, both("vaultwarden-admin", "127.0.0.5")},
      {"127.0.0.5",
       request("POST", "/admin", "Authorization: Basic eDp5\r\n"),
       401,
       {"vaultwarden-admin 127.0.0.5", "caddy-4xx 127.0.0.5", "caddy-auth 127.0.0.5"}},
      {"127.0.0.6", request("GET", "/.env"), 404, both("caddy-scanner", "127.0.0.6")},
      {"127.0.0.6", request("GET", "/static/%2e%2e/%2e%2e/etc/passwd"), 404,
       both("caddy-scanner", "127.0.0.6")},
      {"127.0.0.6", request("GET", "/nothing", "User-Agent: sqlmap/1.7\r\n"), 404,
       both("caddy-scanner", "127.0.0.6")},
      {"127.0.0.6", request("GET", "/favicon.ico"), 404, {}},
      // Text that tries to be JSON, a second line, a second object, or a control sequence.
      {"127.0.0.7",
       request("GET", R"(/?a=","status":400,"request":{"remote_ip":"192.0.2.66"},"b":")"),
       200,
       {}},
      {"127.0.0.7",
       request("POST", token,
               R"(User-Agent: ","remote_ip":"192.0.2.66","status":200,"x":")"
               "\r\n"),
       400, both("vaultwarden-auth", "127.0.0.7")},
      {"127.0.0.7",
       request("POST", token, "User-Agent: \\\"}}\\n{\\\"status\\\":401,\\\"\xe2\x80\xae\r\n"), 400,
       both("vaultwarden-auth", "127.0.0.7")},
      {"127.0.0.7", request("POST", token, "X-Bytes: \xff\xfe\x80\r\n"), 400,
       both("vaultwarden-auth", "127.0.0.7")},
      {"127.0.0.7", request("POST", token, "Status: 200\r\nRemote_ip: 192.0.2.66\r\n"), 400,
       both("vaultwarden-auth", "127.0.0.7")},
      // Behind our proxy.
      {"127.0.0.9", request("POST", token, "X-Forwarded-For: 192.0.2.66, 198.51.100.7\r\n"), 400,
       both("vaultwarden-auth", "198.51.100.7")},
      {"127.0.0.9",
       request("POST", token,
               "x-forwarded-for: 192.0.2.66\r\nX-Forwarded-For: 2001:db8::7, 127.0.0.9\r\n"),
       400, both("vaultwarden-auth", "2001:db8::7")},
      {"127.0.0.9",
       request("POST", token),
       400,
       {"vaultwarden-auth !address of a proxy", "caddy-4xx !address of a proxy"}},
      {"127.0.0.9",
       request("POST", token, "X-Forwarded-For: 198.51.100.7, unknown\r\n"),
       400,
       {"vaultwarden-auth !bad address", "caddy-4xx !bad address"}},
      // Refused before any handler: answered and not logged.
      {"127.0.0.8", "GARBAGE\r\n\r\n", 400, {}, false},
      {"127.0.0.8", request("GET", "/", "X: a\x01\r\n"), 400, {}, false},
  };
  all.push_back({"127.0.0.8", request("GET", "/" + std::string(20'000, '/') + ".git/config"), 404,
                 both("caddy-scanner", "127.0.0.8")});
  return all;
}

}  // namespace

TEST_CASE("the shipped filters judge the log of a real Caddy exactly") {
  const auto matcher = matcher_of_all();
  testing::Caddy caddy;
  std::vector<Attack> logged;
  for (const Attack& attack : attacks()) {
    INFO(attack.bytes);
    CHECK(caddy.send(attack.from, attack.bytes) == attack.status);
    if (attack.logged) {
      logged.push_back(attack);
    }
  }
  const auto lines = caddy.stop_and_read_log();
  REQUIRE(lines.size() == logged.size());
  const util::WallTime now = util::SystemClock().now();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    INFO(lines[i]);
    Collect collect;
    model::Line line;
    line.text = lines[i];
    matcher->match(line, now, collect);
    CHECK(collect.said == logged[i].said_of_line);
    CHECK(collect.from_line);
  }
}
