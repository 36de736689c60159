// Lines of Caddy's access log a second on one core, against 1, 10 and 100 filters: a usual mix (one
// request in thirty refused) and a hostile one (every request refused, long and escaped). Prints
// figures; nothing here passes or fails.
#include "filter/json_filter.h"
#include "filter/json_matcher.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace warder;
using namespace warder::filter;

namespace {

class Count final : public MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&&) override { ++findings; }
  void on_notice(std::size_t, const Notice&) override { ++notices; }
  std::uint64_t findings = 0;
  std::uint64_t notices = 0;
};

std::shared_ptr<const JsonFilter> caddy_filter(const std::string& condition) {
  Definition definition;
  definition.file = "bench.conf";
  const auto set = [&](const std::string& name, const std::string& value) {
    definition.sections["Definition"][name] = {value, {"bench.conf", 1}};
  };
  set("time", "ts");
  set("address", "request.client_ip, request.remote_ip");
  set("peer", "request.remote_ip");
  set("forwarded", "request.headers.X-Forwarded-For");
  set("condition", condition);
  Problems problems;
  auto filter = compile_json_filter(definition, problems);
  if (!filter) {
    throw std::runtime_error(problems.to_error().message());
  }
  return filter;
}

// As different as the filters of a busy host: sign-ins, scanners, floods, single hosts.
std::vector<JsonPart> filters(int count) {
  std::vector<JsonPart> parts;
  for (int i = 0; i < count; ++i) {
    std::string condition;
    switch (i % 5) {
      case 0:
        condition = fmt::format(
            "request.method == 'POST' and path(request.uri) == '/site{}/login' and status in (400, "
            "401, 429)",
            i);
        break;
      case 1:
        condition = fmt::format(
            "status in (400..499) and request.uri =~ '(?i)/(\\.env|wp-login|phpmyadmin|scan{})'",
            i);
        break;
      case 2:
        condition = fmt::format("status == 404 and request.host == 'host{}.example.com'", i);
        break;
      case 3:
        condition = fmt::format(
            "status >= 400 and request.headers.User-Agent[0] =~ '(?i)(sqlmap|nikto|bot{})'", i);
        break;
      default:
        condition =
            fmt::format("status in (401, 403) and request.remote_ip cidr (10.{}.0.0/16)", i % 250);
        break;
    }
    parts.push_back({caddy_filter(condition), parts.size()});
  }
  return parts;
}

std::string access_line(int number, std::string_view uri, int status, std::string_view agent) {
  return fmt::format(
      R"({{"level":"info","ts":1795348744.{:06},"logger":"http.log.access.log0",)"
      R"("msg":"handled request","request":{{"remote_ip":"198.51.{}.{}","remote_port":"{}",)"
      R"("client_ip":"198.51.{}.{}","proto":"HTTP/2.0","method":"GET",)"
      R"("host":"vault.example.com","uri":"{}","headers":{{"User-Agent":["{}"],)"
      R"("Accept":["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],)"
      R"("Accept-Language":["en-US,en;q=0.5"],"Accept-Encoding":["gzip, deflate, br"],)"
      R"("Sec-Fetch-Dest":["document"],"Sec-Fetch-Mode":["navigate"],"Cookie":["REDACTED"]}},)"
      R"("tls":{{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2",)"
      R"("server_name":"vault.example.com"}}}},"bytes_read":0,"user_id":"",)"
      R"("duration":0.000{},"size":{},"status":{},"resp_headers":{{"Server":["Caddy"],)"
      R"("Alt-Svc":["h3=\":443\"; ma=2592000"],"Content-Type":["text/html; charset=utf-8"],)"
      R"("X-Frame-Options":["SAMEORIGIN"]}}}})",
      number % 1'000'000, number / 250 % 250, number % 250, 1024 + number % 60'000,
      number / 250 % 250, number % 250, uri, agent, 100 + number % 900, number % 20'000, status);
}

constexpr std::string_view kBrowser =
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

std::vector<std::string> usual_lines() {
  std::vector<std::string> lines;
  for (int i = 0; i < 4096; ++i) {
    const bool refused = i % 30 == 0;
    lines.push_back(access_line(i, fmt::format("/api/ciphers/{}/attachment?v={}", i, i * 7),
                                refused ? 404 : 200, kBrowser));
  }
  return lines;
}

std::vector<std::string> hostile_lines() {
  std::vector<std::string> lines;
  for (int i = 0; i < 4096; ++i) {
    std::string uri = fmt::format("/cgi-bin/%2e%2e/{}", i);
    for (int k = 0; k < 12; ++k) {
      uri += R"(/.en/wp-logi/phpmyadmi/\u0026\u003c)";
    }
    lines.push_back(access_line(i, uri, i % 2 == 0 ? 404 : 401,
                                R"(\u0000sqlma nikt bo \",\"status\":200,\"x\":\")"));
  }
  return lines;
}

void measure(std::string_view name, const std::vector<std::string>& texts, int filter_count) {
  auto parts = filters(filter_count);
  std::vector<Counters> counters(parts.size());
  auto matcher = std::move(JsonMatcher::build(std::move(parts), {})).value();
  Count count;
  const util::WallTime now = util::SystemClock().now();
  std::size_t bytes = 0;
  std::size_t lines = 0;
  const auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> spent{};
  while (spent.count() < 2) {
    for (const std::string& text : texts) {
      model::Line line;
      line.text = text;
      matcher->match(line, now, Reading::kCatchUp, counters, count);
      bytes += text.size() + 1;
    }
    lines += texts.size();
    spent = std::chrono::steady_clock::now() - start;
  }
  const double per_second = static_cast<double>(lines) / spent.count();
  std::printf("%-8.*s %3d filters  %9.0f lines/s  %6.0f MB/s  %4zu bytes a line  %llu findings\n",
              static_cast<int>(name.size()), name.data(), filter_count, per_second,
              static_cast<double>(bytes) / spent.count() / 1e6, bytes / lines,
              static_cast<unsigned long long>(count.findings));
}

}  // namespace

int main() {
  const auto usual = usual_lines();
  const auto hostile = hostile_lines();
  for (const int filter_count : {1, 10, 100}) {
    measure("usual", usual, filter_count);
    measure("hostile", hostile, filter_count);
  }
}
