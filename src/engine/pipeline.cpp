#include "engine/pipeline.h"

#include "crypto/sha256.h"
#include "engine/event_ids.h"
#include "engine/history.h"
#include "engine/host_names.h"
#include "util/duration.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::engine {

namespace {

std::string listed(const std::vector<net::IpAddress>& addresses) {
  std::string text;
  for (const net::IpAddress& address : addresses) {
    text += (text.empty() ? "" : " ") + address.to_string();
  }
  return text;
}

}  // namespace

Pipeline::Pipeline(Jails& jails, BanKeeper& keeper, Recorder& recorder, Notices& notices,
                   SideQuestions& side, const util::Clock& clock)
    : jails_(jails),
      keeper_(keeper),
      recorder_(recorder),
      notices_(notices),
      side_(side),
      clock_(clock) {}

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
  steady_now_ = clock_.monotonic();
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
      program.names.push_back(slot.name);
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
  std::optional<Log>& known = logs[index];
  if (!known) {
    const source::LogInfo& info = source_->log_info(index);
    Log log;
    log.name = info.name;
    log.comes_late = source_->comes_late();
    if (const Program* program = program_for(info.inputs)) {
      log.matcher = program->matcher.get();
      log.jails = &program->jails;
      log.jail_names = &program->names;
      for (const jail::JailIndex index_of_jail : program->jails) {
        const jail::Jail* jail = running_jail(index_of_jail);
        if (jail != nullptr && jail->options().silence.count() > 0) {
          log.awaited_by.push_back(index_of_jail);
        }
      }
    }
    known = std::move(log);
  }
  return *known;
}

void Pipeline::on_line(const model::Line& line) {
  ++lines_;
  const Log& log = log_of(line.log);
  if (log.matcher == nullptr) {
    return;
  }
  line_ = &line;
  log_ = &log;
  for (const jail::JailIndex jail : log.awaited_by) {
    jails_.slots()[jail].last_line = steady_now_;
  }
  if (!mark_.begin(line.generation, line.offset)) {
    pass_over(line, log);
    return;
  }
  if (log.comes_late) {
    log.matcher->set_reading(filter::Reading::kCatchUp);
  }
  log.matcher->match(line, now_, *this);
  if (log.comes_late) {
    log.matcher->set_reading(reading_);  // other logs of the same jails share it
  }
  mark_.end();
}

void Pipeline::pass_over(const model::Line& line, const Log& log) {
  notices_.plain(
      model::EventKind::kSource, model::Severity::kHigh,
      fmt::format(
          "{}: the line at offset {} ({} bytes, SHA-256 {}) ended the agent {} times in a "
          "row while it was judged, and is passed over; look at it (tail -c +{} FILE | head "
          "-n 1) and report it",
          log.name, line.offset, line.length,
          util::to_hex(crypto::sha256(util::as_bytes(line.text))), LineMark::kMostCrashes,
          line.offset + 1));
}

void Pipeline::on_notice(const source::Notice& notice) { notices_.source(notice); }

void Pipeline::on_notice(std::size_t filter, const filter::Notice& notice) {
  notices_.filter({log_->name, line_->offset, line_->length, lines_, *log_->jail_names,
                   jails_.name_of((*log_->jails)[filter])},
                  notice);
}

void Pipeline::on_finding(std::size_t filter, model::Finding&& finding) {
  const jail::JailIndex index = (*log_->jails)[filter];
  Jails::Slot& slot = jails_.slots()[index];
  const LineOrigin origin{log_->name, line_->generation, line_->offset};
  if (!finding.once.empty() && slot.seen.add(finding_id(slot.name, finding, origin))) {
    return;  // another line told it already
  }
  Case one;
  one.jail = index;
  one.log = log_->name;
  one.generation = line_->generation;
  one.offset = line_->offset;
  one.received = line_->received;
  one.may_be_known = recorded_ != nullptr;
  one.finding = std::move(finding);
  const jail::Jail* jail = running_jail(index);
  if (jail == nullptr) {
    return;  // a program is made of running jails alone
  }
  if (jail->options().outcome != jail::Outcome::kBan || one.finding.without_address) {
    decide(one);  // no address is in question
  } else if (one.finding.identifier.empty()) {
    judge(one);
  } else {
    named(std::move(one));
  }
}

jail::Jail* Pipeline::running_jail(jail::JailIndex index) {
  std::optional<jail::Jail>& jail = jails_.slots()[index].jail;
  return jail ? &*jail : nullptr;
}

void Pipeline::named(Case one) {
  using Aside = Notices::Aside;
  const std::string_view jail = jails_.name_of(one.jail);
  const std::string name = util::to_lower(one.finding.identifier);
  const std::string shown = util::printable(name, 128);
  const jail::Jail* running = running_jail(one.jail);
  if (running == nullptr || running->options().names != jail::UseNames::kLookUp) {
    notices_.aside(jail, Aside::kRaw, model::Severity::kWarning,
                   fmt::format("a line names '{}', which is no address: nobody is banned for it "
                               "(usedns = raw)",
                               shown));
    return;
  }
  if (!is_host_name(name)) {
    notices_.aside(jail, Aside::kNotFound, model::Severity::kNotice,
                   fmt::format("'{}' at the place of the address is no host's name", shown));
    return;
  }
  const OpenCases::Ticket ticket = open_cases_.open();
  const auto decide_all = [this, one = std::move(one), shown](const SideQuestions::Names& found) {
    if (running_jail(one.jail) == nullptr) {
      return;  // the jail is gone
    }
    const std::string_view here = jails_.name_of(one.jail);
    if (!found) {
      notices_.aside(here, Aside::kNotFound, model::Severity::kNotice,
                     fmt::format("the log names the host '{}' instead of its address, which cannot "
                                 "be found: {}",
                                 shown, found.error().message()));
      return;
    }
    notices_.aside(
        here, Aside::kLookedUp, model::Severity::kNotice,
        fmt::format("the log names the host '{}' instead of its address; what it has now "
                    "counts (usedns): {}",
                    shown, listed(*found)));
    now_ = clock_.now();
    for (const net::IpAddress& address : *found) {
      Case part = one;
      part.finding.identifier.clear();
      part.finding.address = net::Prefix(address, address.bits());
      part.of_name = true;
      judge(part);
    }
  };
  const bool asked = side_.look_up(name, [this, ticket, decide_all](const auto& found) {
    answered(ticket, [&] { decide_all(found); });
  });
  if (!asked) {
    open_cases_.close(ticket);
    notices_.aside(jail, Aside::kTooMany, model::Severity::kWarning,
                   fmt::format("more names wait to be looked up than are kept: '{}' and others are "
                               "not counted",
                               shown));
  }
}

template <typename Then>
void Pipeline::answered(const OpenCases::Ticket& ticket, const Then& then) {
  if (!open_cases_.stands(ticket)) {
    return;
  }
  then();  // may ask further
  open_cases_.close(ticket);
  recorder_.position_moved();
}

void Pipeline::judge(const Case& one) {
  const jail::Jail* running = running_jail(one.jail);
  if (running == nullptr) {
    return;
  }
  const jail::JailOptions& options = running->options();
  if (options.ignorecommand.empty() || jails_.bans().find(one.jail, one.finding.address)) {
    decide(one);
    return;
  }
  const std::string jail = options.name;
  const net::Prefix address = one.finding.address;
  const OpenCases::Ticket ticket = open_cases_.open();
  const auto settle = [this, one](const SideQuestions::Ignore& answer) {
    if (running_jail(one.jail) == nullptr) {
      return;  // the jail is gone
    }
    if (!answer.trouble.empty()) {
      notices_.aside(jails_.name_of(one.jail), Notices::Aside::kCommand, model::Severity::kWarning,
                     fmt::format("ignorecommand: {}; the address counts", answer.trouble));
    }
    if (answer.ignore) {
      ++ignored_by_command_;
      return;
    }
    now_ = clock_.now();
    decide(one);
  };
  const bool asked = side_.ask_command(options, address,
                                       [this, ticket, settle](const SideQuestions::Ignore& answer) {
                                         answered(ticket, [&] { settle(answer); });
                                       });
  if (!asked) {
    open_cases_.close(ticket);
    notices_.aside(jail, Notices::Aside::kTooMany, model::Severity::kWarning,
                   fmt::format("more addresses wait for ignorecommand than are kept: {} and others "
                               "count without it",
                               address.to_string()));
    decide(one);
  }
}

void Pipeline::decide(const Case& one) {
  jail::Jail* const running = running_jail(one.jail);
  if (running == nullptr) {
    return;
  }
  jail::Jail& jail = *running;
  const LineOrigin origin{one.log, one.generation, one.offset};
  model::EventId id = finding_id(jail.options().name, one.finding, origin);
  if (one.of_name) {  // the line gives several events
    id = event_id_after(id, model::EventKind::kFinding, one.finding.address.to_string());
  }
  if (one.may_be_known && recorded_ && recorded_(id)) {
    return;
  }
  const jail::Decision decision = jail.on_finding(one.finding, now_);
  using jail::DecisionKind;
  if (decision.kind == DecisionKind::kReread) {
    if (reread_) {
      reread_();
    }
    return;
  }
  if (decision.kind == DecisionKind::kIgnored || decision.kind == DecisionKind::kAlreadyBanned) {
    // Counted by the jail, and told summed up: an address that may not be banned, or whose packets
    // were on the way when it was, must not fill the history.
    return;
  }
  model::Event event = finding_event(jail.options().name, one.finding, decision, origin);
  event.id = id;
  const model::EventId& cause = id;
  recorder_.event(std::move(event), Recorder::WhenFull::kDrop);
  if (decision.kind == DecisionKind::kBan) {
    keeper_.decided(one.jail, *decision.ban,
                    {.event = cause, .received = one.received, .findings = decision.count});
  } else if (decision.kind == DecisionKind::kWouldBan) {
    keeper_.would_ban(*decision.ban, {cause, one.received});
  } else if (decision.kind == DecisionKind::kAlert) {
    recorder_.event(alert_event(jail.options(), one.finding, decision, origin),
                    Recorder::WhenFull::kDrop);
  }
}

void Pipeline::watch_clock() {
  if (const auto step = clock_watch_.observe(clock_.now(), clock_.monotonic())) {
    notices_.clock_set(
        *step, fmt::format("the clock was set by {}; counts and bans go on as if it had not been",
                           util::format_duration(*step)));
    jails_.clock_stepped(*step);
  }
}

void Pipeline::tick() {
  const util::WallTime now = clock_.now();
  keeper_.expire(now);
  tell_silence();
  for (Jails::Slot& slot : jails_.slots()) {
    if (slot.jail) {
      slot.jail->tick(now);
      for (const jail::Notice& notice : slot.jail->take_notices(now)) {
        notices_.jail(slot.name, notice);
      }
    }
  }
}

// A log that must have lines and has none: whoever switched the auditing off wants it quiet.
void Pipeline::tell_silence() {
  const util::MonotonicTime now = clock_.monotonic();
  const bool expected =
      reading_ == filter::Reading::kLive && (!lines_expected_ || lines_expected_());
  for (Jails::Slot& slot : jails_.slots()) {
    if (!slot.jail || slot.jail->options().silence.count() == 0) {
      continue;
    }
    const jail::JailOptions& options = slot.jail->options();
    if (!expected || slot.last_line == util::MonotonicTime{}) {
      slot.last_line = now;  // nothing to wait for yet
      continue;
    }
    const bool silent = now - slot.last_line > options.silence;
    if (silent && !slot.silence_told) {
      model::Event event;
      event.id = random_event_id();
      event.kind = model::EventKind::kAlert;
      event.severity = options.severity;
      event.time = clock_.now();
      event.jail = slot.name;
      event.message = fmt::format(
          "no line came for {} although what the log tells of is at work: it was switched off, "
          "removed or moved, or cannot be read; look at the audit devices and at warder status",
          util::format_duration(options.silence));
      recorder_.event(std::move(event), Recorder::WhenFull::kHold);
    }
    slot.silence_told = silent;
  }
}

std::chrono::milliseconds Pipeline::tick_interval() const {
  // Nothing counted and nothing banned: nothing to do, so no wake-up.
  constexpr std::chrono::milliseconds kSecond = std::chrono::seconds(1);
  std::chrono::milliseconds interval{0};
  for (const jail::Jail* jail : jails_.running()) {
    if (jail->counters().sources > 0) {
      return kSecond;
    }
    if (const auto silence = jail->options().silence; silence.count() > 0) {
      const auto part = std::chrono::ceil<std::chrono::milliseconds>(silence / 4);
      interval = std::max(kSecond, interval.count() > 0 ? std::min(interval, part) : part);
    }
  }
  return jails_.bans().size() > 0 ? kSecond : interval;
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

std::uint64_t Pipeline::undecodable() const {
  std::uint64_t sum = 0;
  for (const auto& [inputs, program] : programs_) {
    sum += program.matcher->undecodable();
  }
  return sum;
}

}  // namespace warder::engine
