// A line is whatever an attacker can make a web server write. Whatever it holds: no crash, the
// address of a finding is the value of a named field or an entry of a forwarded list and never one
// of our proxies, a malformed line gives nothing else, and the good line after it is judged as
// ever.
#include "filter/json_filter.h"
#include "filter/json_matcher.h"
#include "fuzz/require.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace warder;
using warder::testing::require;
using namespace warder::filter;

namespace {

using nlohmann::json;

constexpr std::string_view kGoodLine =
    R"({"ts":1795348744,"status":401,"request":{"remote_ip":"198.51.100.7","uri":"/good"}})";

class Collect final : public MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&& finding) override {
    findings.push_back(std::move(finding));
  }
  void on_notice(std::size_t, const Notice& notice) override {
    malformed = malformed || notice.kind == NoticeKind::kMalformed;
  }
  std::vector<model::Finding> findings;
  bool malformed = false;
};

std::shared_ptr<const JsonFilter> make_filter(std::string_view condition) {
  Definition definition;
  const auto set = [&](const std::string& name, std::string_view value) {
    definition.sections["Definition"][name] = {std::string(value), {"fuzz.conf", 1}};
  };
  set("time", "ts");
  set("address", "request.client_ip, request.remote_ip");
  set("peer", "request.remote_ip");
  set("forwarded", "request.headers.X-Forwarded-For");
  set("user", "user_id");
  set("field.agent", "request.headers.User-Agent[0]");
  set("condition", condition);
  Problems problems;
  auto filter = compile_json_filter(definition, problems);
  require(filter != nullptr);
  return filter;
}

MatcherOptions options() {
  MatcherOptions made;
  made.trusted_proxies = {*net::Prefix::parse("192.0.2.0/24")};
  return made;
}

struct Log {
  Log() {
    std::vector<JsonPart> parts = {
        {make_filter("status >= 400 and path(request.uri) =~ '/(good|[a-z]+)'\nstatus == 200"), 0},
        {make_filter("not request.method == 'GET' or exists request.headers.Accept[1]"), 1},
        {make_filter("request.remote_ip cidr (198.51.100.0/24) and request.uri contains 'o'"), 2}};
    counters.resize(parts.size());
    matcher = std::move(JsonMatcher::build(std::move(parts), options())).value();
  }
  Collect judge(std::string_view text) {
    Collect found;
    model::Line line;
    line.text = text;
    matcher->match(line, now, Reading::kCatchUp, counters, found);
    return found;
  }
  util::WallTime now = *util::parse_rfc3339("2026-11-22T12:00:00Z");
  std::vector<Counters> counters;
  std::unique_ptr<JsonMatcher> matcher;
};

void collect_addresses(const json& value, std::vector<net::IpAddress>& out) {
  if (value.is_array()) {
    for (const json& element : value) {
      collect_addresses(element, out);
    }
  }
  if (!value.is_string()) {
    return;
  }
  std::string_view rest = value.get_ref<const std::string&>();
  while (true) {
    const std::size_t comma = rest.find(',');
    std::string_view entry = rest.substr(0, comma);
    while (!entry.empty() && std::string_view(" \t\r\n").find(entry.front()) != entry.npos) {
      entry.remove_prefix(1);
    }
    while (!entry.empty() && std::string_view(" \t\r\n").find(entry.back()) != entry.npos) {
      entry.remove_suffix(1);
    }
    if (const auto address = net::IpAddress::parse(entry)) {
      out.push_back(*address);
    }
    if (comma == std::string_view::npos) {
      return;
    }
    rest.remove_prefix(comma + 1);
  }
}

// All addresses that the line's named fields hold, as another JSON reader sees them.
std::vector<net::IpAddress> named_addresses(const json& line) {
  std::vector<net::IpAddress> out;
  const auto request = line.find("request");
  if (request == line.end() || !request->is_object()) {
    return out;
  }
  for (const char* name : {"client_ip", "remote_ip"}) {
    if (request->contains(name)) {
      collect_addresses((*request)[name], out);
    }
  }
  if (request->contains("headers") && (*request)["headers"].is_object() &&
      (*request)["headers"].contains("X-Forwarded-For")) {
    collect_addresses((*request)["headers"]["X-Forwarded-For"], out);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Log log;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Collect found = log.judge(text);
  require(!found.malformed || found.findings.empty());
  const json other = json::parse(text, nullptr, false);
  // Only an object can be judged at all.
  require(other.is_object() || other.is_discarded() || found.malformed);
  for (const model::Finding& finding : found.findings) {
    require(finding.address.is_single());
    require(!options().trusted_proxies[0].contains(finding.address));
    require(finding.time <= log.now);
    require(finding.text.size() <= kLongestText);
    if (!other.is_discarded()) {
      const auto named = named_addresses(other);
      require(std::find(named.begin(), named.end(), finding.address.address()) != named.end());
    }
  }
  const Collect good = log.judge(kGoodLine);
  require(good.findings.size() == 3 && !good.malformed);
  return 0;
}
