#pragma once

#include "filter/filter.h"
#include "filter/matcher.h"
#include "filter/near_miss.h"
#include "model/finding.h"
#include "source/source.h"
#include "util/clock.h"
#include "util/result.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace warder::engine {

// What became of one line in a trial.
enum class LineFate : std::uint8_t {
  kFinding,   // somebody is to blame
  kHelper,    // a line of a session that is no failure by itself
  kIgnored,   // matched, and excepted by ignoreregex (JSON: ignore)
  kUnusable,  // matched, but names nobody: a bad address, a host name, a proxy
  kMissed,    // nothing matched
};
std::string_view to_string(LineFate fate);

struct TriedLine {
  LineFate fate = LineFate::kMissed;
  std::string_view text;                    // valid during the call
  std::uint64_t number = 0;                 // from 1, over all logs of the trial
  const model::Finding* finding = nullptr;  // for kFinding
};

// What a filter made of a log: the answer of `warder test`. All texts are as in the log, possibly
// hostile.
struct TrialReport {
  std::uint64_t lines = 0;    // judged
  std::uint64_t skipped = 0;  // empty, or a comment (#)
  std::uint64_t oversized = 0;
  std::array<std::uint64_t, 5> fates{};  // by LineFate
  std::uint64_t operator[](LineFate fate) const { return fates[static_cast<std::size_t>(fate)]; }
  std::array<std::uint64_t, filter::kNoticeKinds> notices{};

  struct PatternUse {
    std::uint64_t hits = 0;
    // Processor time of one search, over a sample of the log's lines; text filters only.
    std::optional<double> nanoseconds;
    // Another pattern took every line of the sample that this one would have matched: which, and
    // how many.
    std::optional<std::size_t> shadowed_by;
    std::uint64_t shadowed = 0;
  };
  std::vector<PatternUse> patterns;

  struct DateForm {
    std::uint64_t lines = 0;
    std::string example;
  };
  std::vector<DateForm> dates;  // the most frequent first; text filters only
  std::uint64_t undated = 0;
  std::string undated_example;
  // A datepattern for the undated lines, when their form is a known one.
  std::string suggested_datepattern;
  std::optional<util::WallTime> first;
  std::optional<util::WallTime> last;
  std::uint64_t future = 0;  // findings dated later than now by over a minute

  struct Blamed {
    net::Prefix address;
    std::uint64_t findings = 0;
    util::WallTime first{};
    util::WallTime last{};
  };
  std::vector<Blamed> addresses;         // the most blamed first
  std::uint64_t findings_of_others = 0;  // of addresses beyond Trial::kMostAddresses

  struct BadValue {
    filter::NoticeKind kind = filter::NoticeKind::kBadAddress;
    std::string value;
    std::uint64_t lines = 0;
  };
  std::vector<BadValue> bad_values;  // what stands where an address should

  // Lines missed in the same way.
  struct Missed {
    std::uint64_t lines = 0;
    std::uint64_t first_number = 0;
    std::string example;
    std::optional<filter::NearMiss> nearest;
  };
  std::vector<Missed> missed;          // those nearest to a pattern first
  std::uint64_t missed_otherwise = 0;  // of more kinds than were told apart

  // What to do about it, a sentence each, the most useful first.
  std::vector<std::string> suggestions;
};

// Runs whole logs through one filter and keeps what the report needs, in constant memory however
// long they are. One thread.
class Trial : public source::LineHandler, public filter::MatchHandler {
 public:
  static constexpr std::size_t kMostAddresses = 100'000;
  static constexpr std::size_t kMostForms = 64;
  static constexpr std::size_t kMostBadValues = 100;
  static constexpr std::size_t kMostShapes = 4096;
  static constexpr std::size_t kMostMissed = 256;
  static constexpr std::size_t kSample = 512;

  // `told` hears of every line; may be empty. `clock` must outlive the trial.
  static util::Result<std::unique_ptr<Trial>> create(std::shared_ptr<const filter::Filter> filter,
                                                     filter::MatcherOptions options,
                                                     const util::Clock& clock,
                                                     std::function<void(const TriedLine&)> told);

  void on_line(const model::Line& line) override;
  void on_notice(const source::Notice& notice) override;
  void on_finding(std::size_t filter, model::Finding&& finding) override;
  void on_notice(std::size_t filter, const filter::Notice& notice) override;

  // Once, at the end: measures the patterns and draws the conclusions.
  TrialReport finish();

 private:
  // A part of a stream that stands for all of it: every n-th, n doubling when it is full.
  struct Sample {
    struct Item {
      std::size_t pattern = 0;
      std::string line;
    };
    std::vector<Item> items;
    std::uint64_t every = 1;
    std::uint64_t seen = 0;
    void offer(std::size_t pattern, std::string_view line);
  };

  Trial(std::shared_ptr<const filter::Filter> filter, std::unique_ptr<filter::Matcher> matcher,
        const util::Clock& clock, std::function<void(const TriedLine&)> told)
      : filter_(std::move(filter)),
        matcher_(std::move(matcher)),
        clock_(clock),
        told_(std::move(told)),
        explainer_(filter_) {}
  void note_date(std::string_view line);
  void note_missed(std::string_view line);
  void measure();
  void find_shadows();
  void suggest();

  std::shared_ptr<const filter::Filter> filter_;
  std::unique_ptr<filter::Matcher> matcher_;
  const util::Clock& clock_;
  std::function<void(const TriedLine&)> told_;
  filter::MissExplainer explainer_;
  TrialReport report_;
  std::optional<model::Finding> finding_;  // of the line that is judged
  bool unusable_ = false;
  std::map<std::string, TrialReport::DateForm> forms_;
  std::unordered_map<std::uint64_t, std::size_t> shapes_;  // hash of the shape to place in missed
  std::map<net::Prefix, TrialReport::Blamed> blamed_;
  Sample lines_;    // any line
  Sample matched_;  // lines with a finding, with their pattern
  std::uint64_t json_lines_ = 0;
};

}  // namespace warder::engine
