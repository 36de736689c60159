#include "filter/samples.h"

#include "filter/matcher.h"
#include "filter/near_miss.h"
#include "net/address.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::string_view kSection = "Samples";
constexpr std::string_view kBar = " | ";
// In the place of an address: the finding blames none.
constexpr std::string_view kNoAddress = "-";
// For samples that name no time: late, so that no line is of the future, and in a leap year.
constexpr util::WallTime kLate{std::chrono::sys_days(std::chrono::year(2096) / 12 / 31)};

// One word of a sample's head; `user="a b"` is one word.
std::string_view take_word(std::string_view& head) {
  head = util::trim(head);
  std::size_t end = 0;
  bool quoted = false;
  while (end < head.size() && (quoted || head[end] != ' ')) {
    quoted ^= head[end] == '"';
    ++end;
  }
  const std::string_view word = head.substr(0, end);
  head.remove_prefix(end);
  return word;
}

std::string_view unquoted(std::string_view value) {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"'
             ? value.substr(1, value.size() - 2)
             : value;
}

class Reader {
 public:
  Reader(const Definition& definition, Problems& problems)
      : definition_(definition), problems_(problems) {}

  std::vector<Sample> run() {
    for (const auto& [name, must_match] : {std::pair("match", true), std::pair("reject", false)}) {
      if (const Option* option = definition_.find(kSection, name)) {
        read(*option, must_match);
      }
    }
    const auto section = definition_.sections.find(std::string(kSection));
    if (section != definition_.sections.end()) {
      for (const auto& [name, option] : section->second) {
        if (name != "match" && name != "reject") {
          problems_.add(option.place,
                        fmt::format("'{}' is nothing that [Samples] knows; allowed are match and "
                                    "reject",
                                    name));
        }
      }
    }
    return std::move(samples_);
  }

 private:
  void read(const Option& option, bool must_match) {
    // Whether the sample that the next "+ " line continues applies; empty before the first.
    std::optional<bool> applies;
    for (const ValueLine& line : value_lines(option)) {
      if (line.text.starts_with("+ ")) {
        if (!applies) {
          problems_.add(line.place, "a line with '+' continues a sample, and there is none before");
        } else if (*applies) {
          samples_.back().lines.push_back(line.text.substr(2));
        }
        continue;
      }
      applies = read_first_line(line, must_match);
    }
  }

  // Adds the sample that begins here, unless its conditions say no.
  bool read_first_line(const ValueLine& line, bool must_match) {
    std::string_view text = line.text;
    std::string_view head;
    if (must_match || text.starts_with('@')) {
      const std::size_t bar = text.find(kBar);
      if (bar == std::string_view::npos) {
        problems_.add(line.place, must_match
                                      ? "a sample that must match is written 'ADDRESS | LINE'"
                                      : "conditions of a sample end with ' | '");
        return false;
      }
      head = text.substr(0, bar);
      text.remove_prefix(bar + kBar.size());
    }
    Sample sample;
    sample.must_match = must_match;
    sample.place = line.place;
    sample.lines.emplace_back(text);
    bool applies = true;
    for (std::string_view word = take_word(head); !word.empty(); word = take_word(head)) {
      if (word.starts_with('@')) {
        applies &= is_met(word.substr(1));
      } else if (!must_match || !read_word(word, sample)) {
        problems_.add(line.place,
                      fmt::format("'{}' says nothing about a sample; allowed are ADDRESS, "
                                  "user=NAME, time=RFC3339, rule=NAME and @OPTION=VALUE,VALUE",
                                  word));
      }
    }
    if (must_match && sample.address.empty()) {
      problems_.add(line.place, "a sample that must match names the address that it must give");
    }
    if (applies) {
      samples_.push_back(std::move(sample));
    }
    return applies;
  }

  static bool read_word(std::string_view word, Sample& sample) {
    if (word.starts_with("user=")) {
      sample.user = unquoted(word.substr(5));
      return true;
    }
    if (word.starts_with("time=")) {
      sample.time = util::parse_rfc3339(word.substr(5));
      return sample.time.has_value();
    }
    if (word.starts_with("rule=")) {
      sample.rule = word.substr(5);
      return true;
    }
    if (word == kNoAddress) {
      sample.address = word;
      return true;
    }
    if (const auto prefix = net::Prefix::parse(word)) {
      sample.address = prefix->to_string();
      return true;
    }
    return false;
  }

  // "mode=ddos,aggressive"
  bool is_met(std::string_view condition) const {
    const std::size_t equals = condition.find('=');
    const Option* option = equals == std::string_view::npos
                               ? nullptr
                               : definition_.find("Definition", condition.substr(0, equals));
    if (option == nullptr) {
      return false;
    }
    const auto allowed = util::split(condition.substr(equals + 1), ',');
    return std::find(allowed.begin(), allowed.end(), option->value) != allowed.end();
  }

  const Definition& definition_;
  Problems& problems_;
  std::vector<Sample> samples_;
};

// What came of the lines of a sample.
class Outcome : public MatchHandler {
 public:
  explicit Outcome(const std::vector<Pattern>& patterns) : patterns_(patterns) {}

  void on_finding(std::size_t, model::Finding&& finding) override {
    if (finding.identifier.empty()) {  // a name blames nobody yet
      findings_.push_back(std::move(finding));
    }
  }
  void on_notice(std::size_t, const Notice& notice) override {
    notices_ += fmt::format("{}{}: '{}'", notices_.empty() ? " (" : ", ", to_string(notice.kind),
                            util::printable(notice.subject));
  }

  bool empty() const { return findings_.empty(); }
  // Why the sample fails; empty when it holds.
  std::string verdict(const Sample& sample) const {
    const std::string given =
        findings_.empty() ? "none" + (notices_.empty() ? "" : notices_ + ")") : describe();
    if (!sample.must_match) {
      return findings_.empty() ? "" : fmt::format("must give no finding, gives {}", given);
    }
    if (findings_.size() != 1) {
      return fmt::format("must give one finding of {}, gives {}", sample.address, given);
    }
    const model::Finding& finding = findings_[0];
    if (address_of(finding) != sample.address) {
      return fmt::format("must give {}, gives {}", sample.address, given);
    }
    if (sample.rule) {
      const std::string_view rule = patterns_[finding.pattern].text;
      if (rule.substr(0, rule.find(':')) != *sample.rule) {
        return fmt::format("must meet the rule '{}', meets '{}'", *sample.rule,
                           util::printable(rule));
      }
    }
    if (sample.user && finding.user != *sample.user) {
      return fmt::format("must give user '{}', gives '{}'", *sample.user,
                         util::printable(finding.user));
    }
    if (sample.time && (!finding.time_from_line || finding.time != *sample.time)) {
      return fmt::format("must give time {}, gives {}", util::format_rfc3339(*sample.time),
                         finding.time_from_line ? util::format_rfc3339(finding.time)
                                                : "no time of the line's own");
    }
    return {};
  }

 private:
  std::string describe() const {
    std::vector<std::string> addresses;
    for (const model::Finding& finding : findings_) {
      addresses.push_back(address_of(finding));
    }
    return fmt::format("{}", fmt::join(addresses, " and "));
  }
  static std::string address_of(const model::Finding& finding) {
    return finding.without_address ? std::string(kNoAddress) : finding.address.to_string();
  }

  const std::vector<Pattern>& patterns_;
  std::vector<model::Finding> findings_;
  std::string notices_;
};

}  // namespace

std::vector<Sample> read_samples(const Definition& definition, Problems& problems) {
  return Reader(definition, problems).run();
}

void check_samples(const std::shared_ptr<const Filter>& filter, const Definition& definition,
                   SamplePolicy policy, Problems& problems) {
  const std::vector<Sample>& samples = filter->samples();
  if (policy == SamplePolicy::kRequire) {
    for (const bool must_match : {true, false}) {
      // Those with conditions may all be of other values: of a parameter that can be any text, a
      // sample can tell of few.
      const Option* written = definition.find(kSection, must_match ? "match" : "reject");
      if (written == nullptr || util::trim(written->value).empty()) {
        problems.add(
            {definition.file, 0},
            fmt::format("the filter has no sample line that {} match; write one under "
                        "[Samples] as '{} = ...'",
                        must_match ? "must" : "must not", must_match ? "match" : "reject"));
      }
    }
  }
  if (samples.empty()) {
    return;
  }
  MatcherOptions options;
  options.lines.zone = TimeZone();
  auto matcher = Matcher::build({filter}, options);
  if (!matcher) {
    problems.add({definition.file, 0}, matcher.error().message());
    return;
  }
  (*matcher)->set_reading(Reading::kCatchUp);
  for (const Sample& sample : samples) {
    Outcome outcome(filter->patterns());
    (*matcher)->forget_sessions();
    for (const std::string& text : sample.lines) {
      model::Line line;
      line.text = text;
      (*matcher)->match(line, sample.time.value_or(kLate), outcome);
    }
    std::string why = outcome.verdict(sample);
    if (why.empty()) {
      continue;
    }
    why = fmt::format("sample {}: {}", why, util::printable(sample.lines.back()));
    if (sample.must_match && outcome.empty()) {
      const auto miss = MissExplainer(filter).explain(sample.lines.back());
      if (const std::string place = miss ? in_words(*miss) : ""; !place.empty()) {
        why += fmt::format(" ({})", place);
      }
    }
    problems.add(sample.place, std::move(why));
  }
}

}  // namespace warder::filter
