#include "engine/pipeline.h"

#include "engine/history.h"
#include "util/duration.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::engine {

Pipeline::Pipeline(Jails& jails, BanKeeper& keeper, Recorder& recorder, Notices& notices,
                   const util::Clock& clock)
    : jails_(jails), keeper_(keeper), recorder_(recorder), notices_(notices), clock_(clock) {}

util::Status Pipeline::use(std::shared_ptr<const JailSet> set) {
  WARDER_RETURN_IF_ERROR(jails_.use(std::move(set)));
  programs_.clear();
  logs_.clear();
  for (std::size_t i = 0; i < jails_.slots().size(); ++i) {
    const auto index = static_cast<jail::JailIndex>(i);
    if (!jails_.slots()[i].jail && jails_.bans().size(index) > 0) {
      keeper_.lift_all(index);
    }
  }
  keeper_.use_scopes();
  return {};
}

void Pipeline::begin(std::size_t index, const source::Source& source) {
  source_index_ = index;
  source_ = &source;
  now_ = clock_.now();
  if (logs_.size() <= index) {
    logs_.resize(index + 1);
  }
}

void Pipeline::set_reading(filter::Reading reading) {
  reading_ = reading;
  for (auto& [inputs, program] : programs_) {
    program.matcher->set_reading(reading);
  }
}

Pipeline::Program* Pipeline::program_for(const std::vector<std::uint32_t>& inputs) {
  if (const auto known = programs_.find(inputs); known != programs_.end()) {
    return &known->second;
  }
  Program program;
  std::vector<std::shared_ptr<const filter::Filter>> filters;
  filter::MatcherOptions options = jails_.set().matcher;
  for (const std::uint32_t input : inputs) {
    const Jails::Slot& slot = jails_.slots()[input];
    if (slot.jail && slot.filter) {
      filters.push_back(slot.filter);
      options.lines_by_filter.push_back(slot.lines);
      program.jails.push_back(static_cast<jail::JailIndex>(input));
    }
  }
  if (filters.empty()) {
    return nullptr;
  }
  auto matcher = filter::Matcher::build(std::move(filters), std::move(options));
  if (!matcher) {
    // Each filter compiled alone; together they exceed what one search may use.
    notices_.plain(model::EventKind::kConfig, model::Severity::kCritical,
                   fmt::format("a log is not judged: {}", matcher.error().message()));
    return nullptr;
  }
  program.matcher = std::move(*matcher);
  program.matcher->set_reading(reading_);
  return &programs_.emplace(inputs, std::move(program)).first->second;
}

Pipeline::Log& Pipeline::log_of(std::uint32_t index) {
  auto& logs = logs_[source_index_];
  if (logs.size() <= index) {
    logs.resize(index + 1);
  }
  if (!logs[index]) {
    const source::LogInfo& info = source_->log_info(index);
    Log log;
    log.name = info.name;
    if (const Program* program = program_for(info.inputs)) {
      log.matcher = program->matcher.get();
      log.jails = &program->jails;
    }
    logs[index] = std::move(log);
  }
  return *logs[index];
}

void Pipeline::on_line(const model::Line& line) {
  ++lines_;
  const Log& log = log_of(line.log);
  if (log.matcher == nullptr) {
    return;
  }
  line_ = &line;
  log_ = &log;
  log.matcher->match(line, now_, *this);
}

void Pipeline::on_notice(const source::Notice& notice) { notices_.source(notice); }

void Pipeline::on_notice(std::size_t filter, const filter::Notice& notice) {
  notices_.filter(jails_.name_of((*log_->jails)[filter]), notice);
}

void Pipeline::on_finding(std::size_t filter, model::Finding&& finding) {
  const jail::JailIndex index = (*log_->jails)[filter];
  jail::Jail& jail = *jails_.slots()[index].jail;
  const jail::Decision decision = jail.on_finding(finding, now_);
  using jail::DecisionKind;
  if (decision.kind == DecisionKind::kIgnored || decision.kind == DecisionKind::kAlreadyBanned) {
    // Counted by the jail, and told summed up: an address that may not be banned, or whose packets
    // were on the way when it was, must not fill the history.
    return;
  }
  model::Event event = finding_event(jail.options().name, finding, decision,
                                     {log_->name, line_->generation, line_->offset});
  const model::EventId cause = event.id;
  recorder_.event(std::move(event), Recorder::WhenFull::kDrop);
  if (decision.kind == DecisionKind::kBan) {
    keeper_.decided(index, *decision.ban, {cause, line_->received});
  } else if (decision.kind == DecisionKind::kWouldBan) {
    keeper_.would_ban(*decision.ban, {cause, line_->received});
  }
}

void Pipeline::tick() {
  const util::WallTime now = clock_.now();
  if (const auto step = clock_watch_.observe(now, clock_.monotonic())) {
    notices_.plain(
        model::EventKind::kAgent, model::Severity::kWarning,
        fmt::format("the clock was set by {}; counts and bans go on as if it had not been",
                    util::format_duration(*step)));
    jails_.clock_stepped(*step);
  }
  keeper_.expire(now);
  for (Jails::Slot& slot : jails_.slots()) {
    if (slot.jail) {
      slot.jail->tick(now);
      for (const jail::Notice& notice : slot.jail->take_notices(now)) {
        notices_.jail(slot.name, notice);
      }
    }
  }
}

std::chrono::milliseconds Pipeline::tick_interval() const {
  // Nothing counted and nothing banned: nothing to do, so no wake-up.
  for (const jail::Jail* jail : jails_.running()) {
    if (jail->counters().sources > 0) {
      return std::chrono::seconds(1);
    }
  }
  return jails_.bans().size() > 0 ? std::chrono::seconds(1) : std::chrono::seconds(0);
}

void Pipeline::finish() {
  const util::WallTime now = clock_.now();
  for (Jails::Slot& slot : jails_.slots()) {
    if (slot.jail) {
      for (const jail::Notice& notice : slot.jail->take_last_notices(now)) {
        notices_.jail(slot.name, notice);
      }
    }
  }
}

filter::Counters Pipeline::filter_counters(jail::JailIndex jail) const {
  filter::Counters sum;
  for (const auto& [inputs, program] : programs_) {
    for (std::size_t i = 0; i < program.jails.size(); ++i) {
      if (program.jails[i] != jail) {
        continue;
      }
      const filter::Counters& one = program.matcher->counters(i);
      sum.findings += one.findings;
      sum.ignored += one.ignored;
      sum.helpers += one.helpers;
      for (std::size_t kind = 0; kind < filter::kNoticeKinds; ++kind) {
        sum.notices[kind] += one.notices[kind];
      }
      sum.patterns.resize(std::max(sum.patterns.size(), one.patterns.size()));
      for (std::size_t pattern = 0; pattern < one.patterns.size(); ++pattern) {
        sum.patterns[pattern] += one.patterns[pattern];
      }
    }
  }
  return sum;
}

}  // namespace warder::engine
