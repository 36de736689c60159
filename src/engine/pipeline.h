#pragma once

#include "engine/ban_keeper.h"
#include "engine/jails.h"
#include "engine/line_mark.h"
#include "engine/notices.h"
#include "engine/open_cases.h"
#include "engine/recorder.h"
#include "engine/side_questions.h"
#include "filter/matcher.h"
#include "jail/clock_watch.h"
#include "source/source.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::engine {

// The way of a line: matcher, jail, decision. Pipeline thread only; what it is given must outlive
// it.
class Pipeline : public source::LineHandler, public filter::MatchHandler {
 public:
  Pipeline(Jails& jails, BanKeeper& keeper, Recorder& recorder, Notices& notices,
           SideQuestions& side, const util::Clock& clock);

  // Puts a jail set to work; jails that are gone lose their bans. kInvalid leaves everything as it
  // was. The firewall follows with its bring_up() or follow_scopes().
  util::Status use(std::shared_ptr<const JailSet> set);

  // What a finding of a jail with outcome = reread is passed on to; must not wait.
  void on_reread(std::function<void()> reread) { reread_ = std::move(reread); }
  // Whether the logs of jails that tell of silence should have lines now; they should unless set.
  void expect_lines(std::function<bool()> expected) { lines_expected_ = std::move(expected); }

  // The source whose pump() is about to run; `index` names it from then on.
  void begin(std::size_t index, const source::Source& source);
  // Lines were written before (after a start): their dates count, not the clock.
  void set_reading(filter::Reading reading);
  void on_line(const model::Line& line) override;
  void on_notice(const source::Notice& notice) override;
  void on_finding(std::size_t filter, model::Finding&& finding) override;
  void on_notice(std::size_t filter, const filter::Notice& notice) override;
  // Sources are made anew: logs are numbered afresh.
  void forget_logs() { logs_.clear(); }
  // Passes over lines that ended the process again and again.
  void use_mark(LineMark mark) { mark_ = std::move(mark); }
  // Findings that are not decided yet.
  OpenCases& open_cases() { return open_cases_; }
  // While lines come again whose findings may be in the history already: `recorded` says whether
  // one is, and it is passed over. Empty: no more.
  using Recorded = std::function<bool(const model::EventId&)>;
  void skip_recorded(Recorded recorded) { recorded_ = std::move(recorded); }

  // Notices that the wall clock was set. Before anything is counted or banned after a pause: what
  // is decided by the new clock must not move with the step.
  void watch_clock();
  // Bans that ended, notices. Wants to be called again after tick_interval() while
  // that is not zero.
  void tick();
  std::chrono::milliseconds tick_interval() const;
  // At shutdown: what is still being summed up.
  void finish();

  // What the filter of a jail has done over all its logs since the configuration was read.
  filter::Counters filter_counters(jail::JailIndex jail) const;
  std::uint64_t lines() const { return lines_; }
  // Lines with bytes that are no text in their log's encoding, since the configuration was read.
  std::uint64_t undecodable() const;
  // Findings that an ignorecommand discarded.
  std::uint64_t ignored_by_command() const { return ignored_by_command_; }

 private:
  struct Log {
    std::string name;
    filter::Matcher* matcher = nullptr;                   // none: no jail reads this log
    const std::vector<jail::JailIndex>* jails = nullptr;  // by filter index
    const std::vector<std::string>* jail_names = nullptr;
    std::vector<jail::JailIndex> awaited_by;  // of these, those that tell of silence
    bool comes_late = false;                  // Source::comes_late()
  };
  struct Program {
    std::unique_ptr<filter::Matcher> matcher;
    std::vector<jail::JailIndex> jails;
    std::vector<std::string> names;  // of the jails
  };

  // A finding with where it came from, for when its line is gone.
  struct Case {
    jail::JailIndex jail = 0;
    model::Finding finding;
    std::string log;
    model::GenerationId generation;
    std::uint64_t offset = 0;
    util::WallTime received{};
    bool of_name = false;       // its address is one of those that a name has
    bool may_be_known = false;  // its line may have been judged before a start
  };

  // Null when the jail is gone.
  jail::Jail* running_jail(jail::JailIndex index);
  // A finding that names no address.
  void named(Case one);
  void judge(const Case& one);
  // What becomes of an answer: nothing when its line is read again, else `then`, and the case is
  // closed.
  template <typename Then>
  void answered(const OpenCases::Ticket& ticket, const Then& then);
  // Counts it, and bans.
  void decide(const Case& one);

  Log& log_of(std::uint32_t index);
  void pass_over(const model::Line& line, const Log& log);
  void tell_silence();
  Program* program_for(const std::vector<std::uint32_t>& inputs);

  Jails& jails_;
  BanKeeper& keeper_;
  Recorder& recorder_;
  Notices& notices_;
  SideQuestions& side_;
  const util::Clock& clock_;
  jail::ClockWatch clock_watch_;

  // By the inputs (jails) that read the same logs.
  std::map<std::vector<std::uint32_t>, Program> programs_;
  std::vector<std::vector<std::optional<Log>>> logs_;  // by source and log
  filter::Reading reading_ = filter::Reading::kCatchUp;

  // During a pump.
  std::size_t source_index_ = 0;
  const source::Source* source_ = nullptr;
  const model::Line* line_ = nullptr;
  const Log* log_ = nullptr;
  util::WallTime now_{};
  util::MonotonicTime steady_now_{};
  std::uint64_t lines_ = 0;
  std::uint64_t ignored_by_command_ = 0;
  LineMark mark_;
  OpenCases open_cases_;
  Recorded recorded_;

  std::function<void()> reread_;
  std::function<bool()> lines_expected_;
};

}  // namespace warder::engine
