// What the filter engine makes of expressions and logs, for comparison with another program.
//   filter_probe regex          each line of standard input is {"regex": ..., "text": ...}; prints
//                               null, an object of the named groups, or {"refused": ...}, also
//                               for a search that was given up; with "wrong": true for what Python
//                               is to refuse as well
//   filter_probe log NAME FILE  prints "LINE<tab>IDENTIFIER" for each finding of a stock filter
//   filter_probe lines          each line of standard input is a filter and a log, {"folder": ...,
//                               "name": ..., "parameters": {...}, "now": SECONDS, "stamped": BOOL,
//                               "lines": [...], "options": {...} (of the jail, as they stand)};
//                               prints what is found in each line, as a list of
//                               lists, or {"refused": ...}
//   filter_probe template NUMBER  one of the default templates of dates
#include "filter/date_templates.h"
#include "filter/filter.h"
#include "filter/matcher.h"
#include "filter/text_filter.h"
#include "filter/text_pattern.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

using namespace warder;
using nlohmann::json;

namespace {

json search(const json& question) {
  const auto pattern = filter::TextPattern::compile(question["regex"].get<std::string>(), {});
  if (!pattern) {
    return {{"refused", pattern.error().message()},
            {"wrong", filter::is_wrong_regex(question["regex"].get<std::string>(), {})}};
  }
  std::string buffer;
  filter::Captures captures;
  const std::string text = question["text"];
  if (!pattern->match(filter::make_subject(text, {}, buffer), captures)) {
    return pattern->gave_up() == 0 ? json(nullptr) : json{{"refused", "the search was given up"}};
  }
  json groups = json::object();
  for (const auto& [name, value] : captures) {
    groups[std::string(name)] = value;
  }
  return groups;
}

int answer_questions(json (*answer)(const json&)) {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << answer(json::parse(line)).dump(-1, ' ', false, json::error_handler_t::replace)
              << "\n";
  }
  return EXIT_SUCCESS;
}

class Collector : public filter::MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&& finding) override {
    json captures = json::object();
    for (const auto& [name, value] : finding.captures) {
      captures[name] = value;
    }
    found.push_back(
        {{"id", finding.identifier.empty() ? finding.address.to_string() : finding.identifier},
         {"time",
          std::chrono::floor<std::chrono::seconds>(finding.time).time_since_epoch().count()},
         {"dated", finding.time_from_line},
         {"pattern", finding.pattern},
         {"attempts", finding.attempts},
         {"user", finding.user},
         {"captures", captures}});
  }
  void on_notice(std::size_t, const filter::Notice&) override {}
  json found = json::array();
};

json judge_log(const json& question) {
  filter::FilterRequest request;
  request.name = question["name"].get<std::string>();
  request.folders = {question["folder"].get<std::string>()};
  request.parameters = question["parameters"].get<std::map<std::string, std::string>>();
  const json given = question.value("options", json::object());
  for (const auto& [option, value] : given.items()) {
    request.jail_options[option] = {value.get<std::string>(), {"jail", 1}};
  }
  request.samples = filter::SamplePolicy::kAllowNone;
  request.text = {.usedns = filter::UseDns::kRaw, .ignore = filter::IgnoreScope::kReference};
  const auto loaded = filter::load_filter(request);
  filter::MatcherOptions options;
  options.lines.rules = filter::DateRules::kCompat;
  auto matcher = loaded ? filter::Matcher::build({*loaded}, options) : loaded.error();
  if (!matcher) {
    return {{"refused", matcher.error().message()}};
  }
  (*matcher)->set_reading(filter::Reading::kAsWritten);
  const util::WallTime now{std::chrono::seconds(question["now"].get<std::int64_t>())};
  json answer = json::array();
  for (const json& text : question["lines"]) {
    const std::string held = text.get<std::string>();
    model::Line line;
    line.text = held;
    line.received = now;
    if (question["stamped"].get<bool>()) {
      line.stamp = now;
    }
    Collector collector;
    (*matcher)->match(line, now, collector);
    answer.push_back(std::move(collector.found));
  }
  if (!(*loaded)->text()->gave_up().empty()) {
    return {{"refused", "a search was given up"}};
  }
  return answer;
}

class Printer : public filter::MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&& finding) override {
    std::cout << line << '\t'
              << (finding.identifier.empty() ? finding.address.to_string() : finding.identifier)
              << '\n';
  }
  void on_notice(std::size_t, const filter::Notice&) override {}
  std::size_t line = 0;
};

int read_log(const char* name, const char* path) {
  filter::FilterRequest request;
  request.name = name;
  request.folders = {"/etc/fail2ban/filter.d"};
  request.samples = filter::SamplePolicy::kAllowNone;
  request.text = {.usedns = filter::UseDns::kRaw, .ignore = filter::IgnoreScope::kReference};
  const auto loaded = filter::load_filter(request);
  filter::MatcherOptions options;
  options.lines.rules = filter::DateRules::kCompat;
  auto matcher = loaded ? filter::Matcher::build({*loaded}, options) : loaded.error();
  if (!matcher) {
    std::cerr << matcher.error().message() << "\n";
    return EXIT_FAILURE;
  }
  (*matcher)->set_reading(filter::Reading::kAsWritten);
  std::ifstream log(path, std::ios::binary);
  Printer printer;
  const util::WallTime now =
      std::chrono::time_point_cast<util::WallTime::duration>(std::chrono::system_clock::now());
  for (std::string text; std::getline(log, text);) {
    ++printer.line;
    model::Line line;
    line.text = text;
    (*matcher)->match(line, now, printer);
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 1 ? words[1] : "";
  if (what == "regex" && count == 2) {
    return answer_questions(search);
  }
  if (what == "lines" && count == 2) {
    return answer_questions(judge_log);
  }
  if (what == "template" && count == 3) {
    std::cout << filter::default_patterns().at(std::stoul(words[2])) << "\n";
    return EXIT_SUCCESS;
  }
  if (what == "log" && count == 4) {
    return read_log(words[2], words[3]);
  }
  std::cerr << "usage: filter_probe regex | log NAME FILE | lines | template NUMBER\n";
  return EXIT_FAILURE;
}
