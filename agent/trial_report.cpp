#include "agent/trial_report.h"

#include "agent/output.h"
#include "filter/lint.h"
#include "filter/text_filter.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace warder::agent {
namespace {

using engine::LineFate;
using engine::TrialReport;
using nlohmann::json;

constexpr std::size_t kAddressesShown = 10;
constexpr std::size_t kMissedShown = 10;
constexpr std::size_t kFormsShown = 8;
constexpr std::size_t kBadShown = 8;
// Of an expression or a line with a caret under it.
constexpr std::size_t kWindow = 96;
constexpr std::size_t kBeforeCaret = 64;

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string cost(const std::optional<double>& nanoseconds) {
  if (!nanoseconds) {
    return "-";
  }
  return *nanoseconds < 1000 ? fmt::format("{:.0f} ns", *nanoseconds)
                             : fmt::format("{:.1f} us", *nanoseconds / 1000);
}

// The part of `text` round `at`, and a caret under it; what fitted green, the rest red.
std::string with_caret(std::string_view text, std::size_t at, std::string_view indent,
                       const Paint& paint) {
  at = std::min(at, text.size());
  const std::size_t begin = at > kBeforeCaret ? at - kBeforeCaret : 0;
  const std::size_t end = std::min(text.size(), begin + kWindow);
  // What is made visible may be longer than what it stands for.
  const std::string fitted = std::string(begin > 0 ? "..." : "") +
                             util::printable_again(text.substr(begin, at - begin), 4 * kWindow);
  const std::string rest = util::printable_again(text.substr(at, end - at), 4 * kWindow) +
                           std::string(end < text.size() ? "..." : "");
  const auto columns =
      static_cast<std::size_t>(std::count_if(fitted.begin(), fitted.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
      }));
  return fmt::format("{}{}{}\n{}{}{}\n", indent, paint.green(fitted), paint.red(rest), indent,
                     std::string(columns, ' '), paint.bold("^"));
}

std::string pattern_name(const filter::Filter& filter, const filter::NearMiss& miss) {
  if (!miss.pattern) {
    return "the prefregex";
  }
  const filter::Place& place = filter.patterns()[*miss.pattern].place;
  return place.line == 0
             ? fmt::format("pattern {}", *miss.pattern + 1)
             : fmt::format("pattern {} ({}:{})", *miss.pattern + 1, place.file, place.line);
}

std::string missed_text(const filter::Filter& filter, const TrialReport& report,
                        const Paint& paint) {
  const std::uint64_t all = report[LineFate::kMissed];
  std::string text = '\n' +
                     paint.bold(fmt::format("MISSED: {}, those nearest to a pattern first",
                                            counted(all, "line"))) +
                     '\n';
  for (std::size_t i = 0; i < report.missed.size() && i < kMissedShown; ++i) {
    const TrialReport::Missed& missed = report.missed[i];
    text += paint.yellow(fmt::format("{:>6}", missed.lines)) +
            fmt::format("{} {}:\n", missed.lines == 1 ? ", line" : ", the first is line",
                        missed.first_number);
    text += fmt::format("       {}\n", util::printable(missed.example, 160));
    if (!missed.nearest) {
      text += paint.dim("       no pattern comes near it") + '\n';
    } else if (!missed.nearest->failed.empty()) {
      text +=
          fmt::format("       nearest is {}, but not {}\n", pattern_name(filter, *missed.nearest),
                      paint.red(util::printable_again(missed.nearest->failed, 200)));
    } else if (missed.nearest->blanks != 0) {
      text += fmt::format("       nearest is {}, but {}\n", pattern_name(filter, *missed.nearest),
                          in_words(*missed.nearest));
    } else {
      text +=
          fmt::format("       nearest is {}, up to here:\n", pattern_name(filter, *missed.nearest));
      text +=
          with_caret(missed.nearest->expression, missed.nearest->expression_at, "         ", paint);
      text += with_caret(missed.nearest->text, missed.nearest->text_at, "         ", paint);
    }
  }
  std::uint64_t shown = 0;
  for (std::size_t i = 0; i < report.missed.size() && i < kMissedShown; ++i) {
    shown += report.missed[i].lines;
  }
  if (shown < all) {
    text += fmt::format("{:>6} more, see --print-missed\n", all - shown);
  }
  return text;
}

std::string capture_of(std::string name, const model::Finding& finding) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (name.starts_with("f_")) {
    name.erase(0, 2);
  }
  if (name == "id" || name == "ip" || name == "host" || name == "addr" || name == "fid") {
    return finding.address.to_string();
  }
  if (name == "user") {
    return finding.user;
  }
  if (name == "msg" || name == "matches") {
    return finding.text;
  }
  if (name == "time") {
    return util::format_rfc3339(finding.time);
  }
  const auto found = std::find_if(finding.captures.begin(), finding.captures.end(),
                                  [&](const auto& capture) { return capture.first == name; });
  return found == finding.captures.end() ? std::string() : found->second;
}

}  // namespace

std::string trial_text(const filter::Filter& filter, const TrialReport& report,
                       const Paint& paint) {
  std::uint64_t addresses = report.addresses.size();
  std::string text =
      paint.bold(fmt::format("{}, {} of {}, {} ignored", counted(report.lines, "line"),
                             counted(report[LineFate::kFinding], "finding"),
                             counted(addresses, "address"), report[LineFate::kIgnored]));
  if (report[LineFate::kHelper] > 0) {
    text += fmt::format(", {} of sessions", report[LineFate::kHelper]);
  }
  if (report[LineFate::kMissed] > 0) {
    text += paint.yellow(fmt::format(", {} missed", report[LineFate::kMissed]));
  }
  if (report.skipped > 0) {
    text += fmt::format(", {} empty or comments", report.skipped);
  }
  text += "\n\n";
  const bool costs = filter.text() != nullptr;
  TextTable patterns(costs ? std::vector<std::string>{"HITS", "COST", "WHERE", "PATTERN"}
                           : std::vector<std::string>{"HITS", "WHERE", "PATTERN"});
  for (std::size_t i = 0; i < filter.patterns().size(); ++i) {
    const filter::Pattern& pattern = filter.patterns()[i];
    const TrialReport::PatternUse& use = report.patterns[i];
    const std::string hits = std::to_string(use.hits);
    std::vector<std::string> row{use.hits > 0 ? paint.green(hits) : paint.dim(hits)};
    if (costs) {
      row.push_back(cost(use.nanoseconds));
    }
    row.push_back(pattern.place.line == 0
                      ? pattern.place.file
                      : fmt::format("{}:{}", pattern.place.file, pattern.place.line));
    // A condition may go over several lines of its file.
    row.push_back(util::printable_again(one_line(pattern.text), 160));
    patterns.add(std::move(row));
  }
  text += patterns.to_text();
  TextTable dates({"LINES", "DATE"});
  for (std::size_t i = 0; i < report.dates.size() && i < kFormsShown; ++i) {
    dates.add(
        {std::to_string(report.dates[i].lines), util::printable(report.dates[i].example, 60)});
  }
  if (report.undated > 0) {
    dates.add({std::to_string(report.undated), paint.yellow("none recognised")});
  }
  if (!dates.empty()) {
    text += '\n' + dates.to_text();
  }
  TextTable notices({"COUNT", "NOTICED"});
  for (std::size_t i = 0; i < filter::kNoticeKinds; ++i) {
    if (report.notices[i] > 0) {
      notices.add({std::to_string(report.notices[i]),
                   std::string(to_string(static_cast<filter::NoticeKind>(i)))});
    }
  }
  if (filter.text() != nullptr) {
    for (const filter::TextFilter::GivenUp& one : filter.text()->gave_up()) {
      notices.add({std::to_string(one.searches),
                   fmt::format("searches given up: {}", util::printable(one.expression, 100))});
    }
  }
  if (!notices.empty()) {
    text += '\n' + notices.to_text();
  }
  TextTable bad({"LINES", "NO ADDRESS"});
  for (std::size_t i = 0; i < report.bad_values.size() && i < kBadShown; ++i) {
    bad.add({std::to_string(report.bad_values[i].lines),
             util::printable(report.bad_values[i].value, 80)});
  }
  if (!bad.empty()) {
    text += '\n' + bad.to_text();
  }
  TextTable blamed({"FINDINGS", "ADDRESS", "FIRST", "LAST"});
  for (std::size_t i = 0; i < report.addresses.size() && i < kAddressesShown; ++i) {
    const TrialReport::Blamed& one = report.addresses[i];
    blamed.add({std::to_string(one.findings), one.address.to_string(),
                short_time(util::format_rfc3339(one.first)),
                short_time(util::format_rfc3339(one.last))});
  }
  if (!blamed.empty()) {
    text += '\n' + blamed.to_text();
  }
  if (report.addresses.size() > kAddressesShown) {
    text +=
        fmt::format("{} more addresses, see --json\n", report.addresses.size() - kAddressesShown);
  }
  if (report[LineFate::kMissed] > 0) {
    text += missed_text(filter, report, paint);
  }
  // Of a filter of our own these are what it is refused for where a jail uses it.
  if (const auto warnings = filter::with_unproven_counted(filter.warnings()); !warnings.empty()) {
    text +=
        '\n' + paint.bold("WARNINGS, told by `warder check` where a jail uses the filter") + '\n';
    for (const std::string& warning : warnings) {
      text += fmt::format("{} {}\n", paint.yellow("*"), warning);
    }
  }
  if (!report.suggestions.empty()) {
    text += '\n' + paint.bold("SUGGESTIONS") + '\n';
    for (const std::string& suggestion : report.suggestions) {
      text += fmt::format("{} {}\n", paint.cyan("*"), suggestion);
    }
  }
  return text;
}

std::string trial_json(const filter::Filter& filter, const TrialReport& report) {
  json patterns = json::array();
  for (std::size_t i = 0; i < filter.patterns().size(); ++i) {
    const filter::Pattern& pattern = filter.patterns()[i];
    const TrialReport::PatternUse& use = report.patterns[i];
    json row{{"file", pattern.place.file},
             {"line", pattern.place.line},
             {"pattern", pattern.text},
             {"hits", use.hits}};
    if (use.nanoseconds) {
      row["nanoseconds"] = static_cast<std::uint64_t>(*use.nanoseconds);
    }
    if (use.shadowed_by) {
      row["shadowed_by"] = *use.shadowed_by;
    }
    patterns.push_back(std::move(row));
  }
  json notices = json::object();
  for (std::size_t i = 0; i < filter::kNoticeKinds; ++i) {
    if (report.notices[i] > 0) {
      notices[std::string(to_string(static_cast<filter::NoticeKind>(i)))] = report.notices[i];
    }
  }
  json dates = json::array();
  for (const TrialReport::DateForm& form : report.dates) {
    dates.push_back({{"lines", form.lines}, {"example", form.example}});
  }
  json bad = json::array();
  for (const TrialReport::BadValue& value : report.bad_values) {
    bad.push_back({{"value", value.value}, {"lines", value.lines}, {"why", to_string(value.kind)}});
  }
  json blamed = json::array();
  for (const TrialReport::Blamed& one : report.addresses) {
    blamed.push_back({{"address", one.address.to_string()},
                      {"findings", one.findings},
                      {"first", util::format_rfc3339(one.first)},
                      {"last", util::format_rfc3339(one.last)}});
  }
  json missed = json::array();
  for (const TrialReport::Missed& one : report.missed) {
    json row{{"lines", one.lines}, {"first", one.first_number}, {"example", one.example}};
    if (one.nearest) {
      json nearest{{"pattern", nullptr}};
      if (one.nearest->pattern) {
        nearest["pattern"] = *one.nearest->pattern;
      }
      if (one.nearest->failed.empty()) {
        nearest["expression"] = one.nearest->expression;
        nearest["expression_at"] = one.nearest->expression_at;
        nearest["text"] = one.nearest->text;
        nearest["text_at"] = one.nearest->text_at;
        if (one.nearest->blanks != 0) {
          nearest["blanks"] = one.nearest->blanks;
        }
      } else {
        nearest["failed"] = one.nearest->failed;
      }
      row["nearest"] = std::move(nearest);
    }
    missed.push_back(std::move(row));
  }
  json gave_up = json::array();
  if (filter.text() != nullptr) {
    for (const filter::TextFilter::GivenUp& one : filter.text()->gave_up()) {
      gave_up.push_back({{"expression", one.expression}, {"searches", one.searches}});
    }
  }
  const json document{{"filter", filter.name()},
                      {"lines", report.lines},
                      {"skipped", report.skipped},
                      {"oversized", report.oversized},
                      {"findings", report[LineFate::kFinding]},
                      {"ignored", report[LineFate::kIgnored]},
                      {"helpers", report[LineFate::kHelper]},
                      {"unusable", report[LineFate::kUnusable]},
                      {"missed", report[LineFate::kMissed]},
                      {"patterns", std::move(patterns)},
                      {"notices", std::move(notices)},
                      {"gave_up", std::move(gave_up)},
                      {"dates", std::move(dates)},
                      {"undated", report.undated},
                      {"addresses", report.addresses.size()},
                      {"most_blamed", std::move(blamed)},
                      {"bad_values", std::move(bad)},
                      {"missed_kinds", std::move(missed)},
                      {"warnings", filter.warnings()},
                      {"suggestions", report.suggestions}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

std::string finding_as(std::string_view token, const model::Finding& finding) {
  if (token == "row") {
    return fmt::format("{} {} {}", util::format_rfc3339(finding.time), finding.address.to_string(),
                       util::printable(finding.text, filter::kLongestText));
  }
  if (token.find('<') == std::string_view::npos) {
    return util::printable(capture_of(std::string(token), finding), filter::kLongestText);
  }
  std::string text;
  while (!token.empty()) {
    const std::size_t open = token.find('<');
    const std::size_t close = token.find('>', open);
    if (open == std::string_view::npos || close == std::string_view::npos) {
      return text + std::string(token);
    }
    text += token.substr(0, open);
    text +=
        util::printable(capture_of(std::string(token.substr(open + 1, close - open - 1)), finding),
                        filter::kLongestText);
    token.remove_prefix(close + 1);
  }
  return text;
}

}  // namespace warder::agent
