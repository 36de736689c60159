#pragma once

#include "filter/json_filter.h"
#include "filter/json_matcher.h"
#include "util/clock.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What the tests of JSON filters share: definitions without a file, and a log with its filters.
namespace json_test {

using namespace warder;
using namespace warder::filter;

inline Definition definition(const std::vector<std::pair<std::string, std::string>>& options) {
  Definition made;
  made.name = "x";
  made.file = "x.conf";
  std::size_t line = 2;
  for (const auto& [name, value] : options) {
    made.sections["Definition"][name] = {value, {"x.conf", line++}};
  }
  return made;
}

// As for Caddy's log, with these conditions.
inline Definition caddy(const std::string& condition, const std::string& ignore = "") {
  std::vector<std::pair<std::string, std::string>> options = {
      {"format", "json"},
      {"time", "ts"},
      {"address", "request.client_ip, request.remote_ip"},
      {"peer", "request.remote_ip"},
      {"forwarded", "request.headers.X-Forwarded-For"},
      {"user", "user_id"},
      {"field.agent", "request.headers.User-Agent[0]"},
      {"field.status", "status"},
      {"condition", condition}};
  if (!ignore.empty()) {
    options.emplace_back("ignore", ignore);
  }
  return definition(options);
}

inline std::shared_ptr<const JsonFilter> compiled(const Definition& definition) {
  Problems problems;
  auto filter = compile_json_filter(definition, problems);
  if (!filter) {
    throw std::runtime_error(fmt::format("{}", fmt::join(problems.texts(), "\n")));
  }
  return filter;
}

// A log with its filters, which tells what a line gives as text:
// "0:address/pattern" for a finding, "0!notice" for a notice, blank between.
class Log : private MatchHandler {
 public:
  explicit Log(const std::vector<Definition>& definitions, MatcherOptions options = {}) {
    std::vector<JsonPart> parts;
    for (const Definition& definition : definitions) {
      parts.push_back({compiled(definition), parts.size()});
    }
    counters.resize(parts.size());
    matcher_ = std::move(JsonMatcher::build(std::move(parts), options)).value();
  }

  std::string judge(std::string_view text) {
    said_.clear();
    model::Line line;
    line.text = text;
    line.message_at = message_at;
    line.stamp = stamp;
    matcher_->match(line, now, reading, counters, *this);
    return said_;
  }

  util::WallTime now = *util::parse_rfc3339("2026-11-22T12:00:00Z");
  Reading reading = Reading::kCatchUp;
  std::optional<util::WallTime> stamp;
  std::size_t message_at = 0;
  std::vector<Counters> counters;
  model::Finding last;

 private:
  void on_finding(std::size_t filter, model::Finding&& finding) override {
    say(fmt::format("{}:{}/{}", filter, finding.address.to_string(), finding.pattern));
    last = std::move(finding);
  }

  void on_notice(std::size_t filter, const Notice& notice) override {
    say(fmt::format("{}!{}", filter, to_string(notice.kind)));
  }

  void say(const std::string& text) { said_ += (said_.empty() ? "" : " ") + text; }

  std::unique_ptr<JsonMatcher> matcher_;
  std::string said_;
};

}  // namespace json_test
