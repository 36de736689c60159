#pragma once

#include "filter/calendar.h"
#include "filter/date_finder.h"
#include "filter/line_decoder.h"
#include "filter/line_window.h"
#include "filter/matcher_options.h"
#include "filter/notice.h"
#include "filter/sessions.h"
#include "filter/sieve.h"
#include "filter/text_filter.h"
#include "filter/time_judge.h"
#include "model/line.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// One text filter of a log with its place in the list of all filters of that log.
struct TextPart {
  std::shared_ptr<const TextFilter> filter;
  std::size_t index = 0;  // for MatchHandler and Counters
};

// All text filters of one log. A line that concerns none of them costs finding its date and one
// pass of an automaton; only the patterns that this pass names are run for their captures. One
// thread at a time.
class TextMatcher {
 public:
  // kInvalid when the patterns together are too large.
  static util::Result<std::unique_ptr<TextMatcher>> build(std::vector<TextPart> parts,
                                                          MatcherOptions options);

  // Reports through `handler` and counts in `counters`, both by TextPart::index.
  void match(const model::Line& line, util::WallTime now, Reading reading,
             std::span<Counters> counters, MatchHandler& handler);
  std::uint64_t undecodable() const;

  void forget_sessions();

 private:
  struct Slot {
    TextPart part;
    Calendar calendar;
    Sessions sessions;
    // Of filters with several lines: the window, and whether it may match without its newest line.
    LineWindow window;
    bool open = true;
  };
  struct Candidate {
    std::size_t slot;
    std::size_t pattern;
    friend auto operator<=>(const Candidate&, const Candidate&) = default;
  };
  // The filters that read lines and find dates in the same way, and so see the same message.
  struct Group {
    const DateRecipe* dates;
    DateRules rules;
    std::optional<Encoding> encoding;
    std::unique_ptr<LineDecoder> decoder;  // with `encoding`
    DateFinder finder;
    LastDate last;
    Sieve sieve;
    std::vector<std::vector<Candidate>> candidates;  // by number of the expression in the sieve
    // Filters with several lines. Each line joins their windows.
    std::vector<std::size_t> slots_with_window;
  };
  // One line on its way through one group.
  struct Job {
    const model::Line& line;
    util::WallTime now;
    Reading reading;
    std::span<Counters> counters;
    MatchHandler& handler;
    Group& group;
    std::optional<FoundDate> date;
    bool expects_date;
    Subject message;  // the line without its date
  };
  // A match on its way to a finding.
  struct Hit {
    std::size_t pattern;
    Captures captures;
    std::string_view text;  // of the line, or the lines
  };

  explicit TextMatcher(MatcherOptions options) : options_(std::move(options)) {}
  void match_group(Group& group, Job job);
  void judge(Slot& slot, std::span<const Candidate> candidates, const Job& job);
  // The line joins the window of the slot, which is searched when the sieve names it or what is in
  // it already may match.
  void see_window(Slot& slot, bool named, const Job& job);
  // Gives whether it matched.
  bool judge_window(Slot& slot, const Job& job);
  // What the failregex captures stands before what the prefix does. The alternatives of each stand
  // in for what it lacks itself, as in the reference: fill_alternatives().
  void add_captures(Captures& of_prefix, Captures own);
  bool is_ignored(const TextFilter& filter, const Subject& message, const Subject& content) const;
  void take(Slot& slot, Hit hit, const Job& job);
  void report(Slot& slot, const Hit& hit, const Job& job);
  // Empty when the event has no time and does not count.
  std::optional<JudgedTime> time_of(Slot& slot, const Job& job);

  MatcherOptions options_;
  std::vector<Slot> slots_;
  std::vector<Group> groups_;
  // Reused from line to line.
  std::string message_;
  std::string folded_;
  std::string content_;
  std::list<std::string> kept_;  // texts made of captures of the current line
  std::vector<std::size_t> numbers_;
  std::vector<Candidate> candidates_;
};

}  // namespace warder::filter
