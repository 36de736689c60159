// Runs every stock filter of fail2ban over every one of its sample logs and compares with what is
// noted there of each line: match or none, whom, when, and every captured field that is named.
// Prints a table and fails for any line that comes out differently and is not in kKnown.
#include "corpus.h"
#include "filter/filter.h"
#include "filter/matcher.h"
#include "net/address.h"
#include "util/clock.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace warder;
using nlohmann::json;

namespace {

// Lines that come out differently, each with the reason. "FILE:LINE" of the sample log.
struct Known {
  const char* filter;
  const char* line;
  const char* reason;
};
constexpr std::array<Known, 0> kKnown{};

// Of the runner that the notes are made for: 2005-08-14 12:00:00 in Zurich.
util::WallTime local_time(int year, int month, int day, int hour, int minute, int second) {
  std::tm fields{};
  fields.tm_year = year - 1900;
  fields.tm_mon = month - 1;
  fields.tm_mday = day;
  fields.tm_hour = hour;
  fields.tm_min = minute;
  fields.tm_sec = second;
  fields.tm_isdst = -1;
  return std::chrono::time_point_cast<util::WallTime::duration>(
      std::chrono::system_clock::from_time_t(std::mktime(&fields)));
}

filter::MatcherOptions options_of_reference() {
  filter::MatcherOptions options;
  options.lines.rules = filter::DateRules::kCompat;
  return options;
}

class Findings : public filter::MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&& finding) override {
    // Without a session <F-NOFAIL> has no effect, but the notes are made for a runner that leaves
    // such matches out.
    const bool is_helper =
        std::any_of(finding.captures.begin(), finding.captures.end(),
                    [](const auto& capture) { return capture.first == "nofail"; });
    if (!is_helper) {
      findings.push_back(std::move(finding));
    }
  }
  void on_notice(std::size_t, const filter::Notice& notice) override {
    notices += fmt::format(" ({}: {})", to_string(notice.kind), util::printable(notice.subject));
  }
  std::vector<model::Finding> findings;
  std::string notices;
};

// A filter with one set of parameters and what it remembers from line to line.
struct Variant {
  std::shared_ptr<const filter::Filter> filter;
  std::unique_ptr<filter::Matcher> matcher;
};

std::string identifier_of(const model::Finding& finding) {
  return finding.identifier.empty() ? finding.address.to_string() : finding.identifier;
}

std::string capture_of(const model::Finding& finding, const std::string& name) {
  const bool is_name = !finding.identifier.empty();
  if (name == "host" || name == "fid") {
    return identifier_of(finding);
  }
  if (name == "dns") {
    return is_name ? finding.identifier : "";
  }
  if (name == "ip4" || name == "ip6") {
    return !is_name && finding.address.address().is_v4() == (name == "ip4")
               ? finding.address.to_string()
               : "";
  }
  if (name == "user") {
    return finding.user;
  }
  for (const auto& [known, value] : finding.captures) {
    if (known == name) {
      return value;
    }
  }
  return {};
}

std::string text_of(const json& value) {
  if (value.is_null()) {
    return {};
  }
  if (value.is_array()) {
    std::set<std::string> items;
    for (const json& item : value) {
      items.insert(text_of(item));
    }
    return fmt::format("{}", fmt::join(items, "\n"));
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Why the findings of a line are not what is noted of it; empty when they are.
std::string compare(const json& annotation, const Findings& found) {
  const bool wanted = annotation.value("match", false);
  if (found.findings.empty()) {
    return wanted ? "no match" + found.notices : "";
  }
  const model::Finding& finding = found.findings[0];
  if (!wanted) {
    return "matches: " + identifier_of(finding);
  }
  if (found.findings.size() != 1) {
    return "several findings";
  }
  for (const auto& [key, value] : annotation.items()) {
    if (key == "match" || key == "desc" || key == "constraint" || key == "time") {
      continue;
    }
    std::string given = capture_of(finding, key);
    if (key == "attempts") {
      given = std::to_string(1 + std::count(finding.text.begin(), finding.text.end(), '\n'));
    } else if (value.is_array()) {
      std::set<std::string> items;
      for (const std::string_view item : util::split(given, '\n')) {
        items.emplace(item);
      }
      given = fmt::format("{}", fmt::join(items, "\n"));
    }
    std::string wanted_text = text_of(value);
    if (const auto address = net::Prefix::parse(wanted_text); address && key != "user") {
      wanted_text = address->to_string();  // 2001:DB8::1 is 2001:db8::1
    }
    if (given != wanted_text) {
      return fmt::format("{}: '{}' instead of '{}'", key, util::printable(given), wanted_text);
    }
  }
  if (annotation.contains("time") && annotation["time"].is_string()) {
    const std::string text = annotation["time"];
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    double second = 0;
    if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%lf", &year, &month, &day, &hour, &minute,
                    &second) != 6) {
      return "the noted time is none: " + text;
    }
    const util::WallTime time =
        local_time(year, month, day, hour, minute, static_cast<int>(second));
    // The reference drops fractions but for seconds since 1970.
    if (std::chrono::floor<std::chrono::seconds>(finding.time) !=
        std::chrono::floor<std::chrono::seconds>(time)) {
      return fmt::format("time: {}{} instead of {} ({})", util::format_rfc3339(finding.time),
                         finding.time_from_line ? "" : " (not the line's)",
                         util::format_rfc3339(time), text);
    }
  }
  return {};
}

class Runner {
 public:
  explicit Runner(std::filesystem::path logs) : logs_(std::move(logs)) {}

  void run(const std::filesystem::path& folder, const std::string& name) {
    const auto lines = testing::read_corpus(logs_, name);
    if (!lines) {
      fail(name, "", lines.error().message());
      return;
    }
    std::map<std::string, Variant> variants;
    std::set<std::string> used;
    std::size_t noted = 0;
    std::size_t reached = 0;
    for (const testing::CorpusLine& line : *lines) {
      for (const json& options : line.options) {
        if (line.annotation.contains("constraint")) {
          const auto holds = testing::evaluate(line.annotation["constraint"], name, options);
          if (!holds) {
            fail(name, line, holds.error().message());
            continue;
          }
          if (!*holds) {
            continue;
          }
        }
        Variant* variant = find(variants, folder, name, options);
        noted += line.annotation.empty() ? 0 : 1;
        const std::string why =
            variant == nullptr ? "the filter does not load" : judge(*variant, line, options, used);
        if (why.empty()) {
          reached += line.annotation.empty() ? 0 : 1;
        } else {
          fail(name, line, fmt::format("{} [{}]: {}", why, options.dump(), line.text));
        }
      }
    }
    noted_ += noted;
    reached_ += reached;
    std::size_t patterns = 0;
    std::set<std::string> unused;
    for (const auto& [key, variant] : variants) {
      if (variant.filter == nullptr) {
        continue;
      }
      for (const filter::Pattern& pattern : variant.filter->patterns()) {
        ++patterns;
        if (!used.contains(pattern.text)) {
          unused.insert(pattern.text);
        }
      }
    }
    fmt::print("{:28} {:8} {:8} {:8} {:8} {:8}\n", name, variants.size(), patterns, noted, reached,
               noted - reached);
    for (const std::string& text : unused) {
      unused_.push_back(fmt::format("{}: {}", name, text));
    }
  }

  int finish() {
    fmt::print("\nnoted lines {}, reached {}\n", noted_, reached_);
    for (const std::string& text : unused_) {
      fmt::print("no sample for failregex of {}\n", text);
    }
    for (const std::string& text : failures_) {
      fmt::print("NOT REACHED {}\n", text);
    }
    return failures_.empty() && noted_ > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }

 private:
  Variant* find(std::map<std::string, Variant>& variants, const std::filesystem::path& folder,
                const std::string& name, const json& options) {
    json parameters = json::object();
    for (const auto& [key, value] : options.items()) {
      if (!key.starts_with("test.")) {
        parameters[key] = value;
      }
    }
    const std::string key = options.value("test.filter-name", parameters.dump());
    const auto [place, is_new] = variants.try_emplace(key);
    if (!is_new) {
      return place->second.filter == nullptr ? nullptr : &place->second;
    }
    filter::FilterRequest request;
    request.name = name;
    request.folders = {folder};
    request.samples = filter::SamplePolicy::kAllowNone;
    request.text.usedns = filter::UseDns::kRaw;
    request.text.ignore = filter::IgnoreScope::kReference;
    for (const auto& [option, value] : parameters.items()) {
      request.parameters[option] = value.get<std::string>();
    }
    auto loaded = filter::load_filter(request);
    if (!loaded) {
      fail(name, "", loaded.error().message());
      return nullptr;
    }
    auto matcher = filter::Matcher::build({*loaded}, options_of_reference());
    if (!matcher) {
      fail(name, "", matcher.error().message());
      return nullptr;
    }
    (*matcher)->set_reading(filter::Reading::kAsWritten);
    place->second = {std::move(loaded).value(), std::move(matcher).value()};
    return &place->second;
  }

  std::string judge(Variant& variant, const testing::CorpusLine& line, const json& options,
                    std::set<std::string>& used) const {
    const std::string text = options.value("test.prefix-line", std::string()) + line.text;
    model::Line input;
    input.text = text;
    if (options.value("logtype", std::string()) == "journal") {
      input.stamp = now_;
    }
    const std::vector<std::uint64_t> before = variant.matcher->counters(0).patterns;
    Findings found;
    variant.matcher->match(input, now_, found);
    const std::vector<std::uint64_t>& after = variant.matcher->counters(0).patterns;
    for (std::size_t pattern = 0; pattern < after.size(); ++pattern) {
      if (after[pattern] != before[pattern]) {
        used.insert(variant.filter->patterns()[pattern].text);
      }
    }
    return compare(line.annotation, found);
  }

  void fail(const std::string& filter, const testing::CorpusLine& line, const std::string& why) {
    fail(filter, fmt::format("{}:{}", line.file, line.number), why);
  }
  void fail(const std::string& filter, const std::string& line, const std::string& why) {
    const auto* known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& entry) {
      return filter == entry.filter && line == entry.line;
    });
    if (known != kKnown.end()) {
      fmt::print("known: {} {}: {}\n", filter, line, known->reason);
      return;
    }
    failures_.push_back(fmt::format("{} {} {}", filter, line, why));
  }

  std::filesystem::path logs_;
  util::WallTime now_ = local_time(2005, 8, 14, 12, 0, 0);
  std::size_t noted_ = 0;
  std::size_t reached_ = 0;
  std::vector<std::string> failures_;
  std::vector<std::string> unused_;
};

}  // namespace

int main() {
  setenv("TZ", "Europe/Zurich", 1);
  tzset();
  const auto places = testing::find_corpus();
  if (!places) {
    fmt::print("{}\n", places.error().message());
    return EXIT_FAILURE;
  }
  fmt::print("{:28} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "filter", "variants", "regexes", "noted",
             "reached", "missed");
  Runner runner(places->logs);
  for (const auto& [folder, only] : places->folders) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().stem().string();
      if (entry.path().extension() == ".conf" && name.starts_with(only) &&
          !name.ends_with("common")) {
        names.push_back(name);
      }
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      runner.run(folder, name);
    }
  }
  return runner.finish();
}
