#include "engine/diagnosis.h"
#include "filter/calendar.h"
#include "filter/matcher.h"
#include "filter/text_filter.h"
#include "jail/offender_table.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <array>
#include <ctime>
#include <optional>
#include <utility>

namespace warder::engine {
namespace {

using std::chrono::seconds;

constexpr seconds kTolerance{2};

// Forms in which a date of now can be written where a sample has one of long ago.
constexpr std::array<const char*, 8> kForms{
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S",    "%d/%b/%Y:%H:%M:%S",
    "%b %e %H:%M:%S",    "%b %d %H:%M:%S",    "%a %b %d %H:%M:%S %Y", "%d.%m.%Y %H:%M:%S"};

std::string written(util::WallTime time, const char* form, seconds offset) {
  const std::time_t whole = std::chrono::floor<seconds>(time.time_since_epoch() + offset).count();
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 64> buffer{};
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), form, &parts)};
}

// The line with its date replaced by now, when that can be done so that it is read as now.
std::optional<std::string> renewed(const filter::TextFilter& filter, const std::string& line,
                                   util::WallTime now, const filter::TimeZone& zone) {
  const auto date = filter.dates().find(line);
  if (!date) {
    return std::nullopt;
  }
  filter::Calendar calendar(zone);
  const seconds local = zone.period_at(std::chrono::floor<seconds>(now)).offset;
  const std::string old = line.substr(date->begin, date->end - date->begin);
  for (const char* form : kForms) {
    std::tm parts{};
    const char* rest = ::strptime(old.c_str(), form, &parts);
    if (rest == nullptr) {
      continue;
    }
    // A zone that stands there stays; a fraction is left out.
    const std::string_view tail(rest);
    const std::size_t sign = tail.find_first_of("+-Z ");
    const std::string fresh =
        written(now, form, date->fields.utc_offset.value_or(local)) +
        std::string(sign == std::string_view::npos ? std::string_view() : tail.substr(sign));
    std::string made = line.substr(0, date->begin) + fresh + line.substr(date->end);
    const auto again = filter.dates().find(made);
    const auto read = again ? calendar.resolve(again->fields, now) : std::nullopt;
    if (read && std::chrono::abs(*read - now) <= kTolerance) {
      return made;
    }
  }
  return std::nullopt;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// A sample that must match, names an IPv4 address as it stands, and is one line if there is one.
const filter::Sample* choose(const filter::Filter& filter) {
  const filter::Sample* best = nullptr;
  for (const filter::Sample& sample : filter.samples()) {
    if (!sample.must_match || sample.address == "-" ||
        sample.address.find(':') != std::string::npos || sample.lines.empty() ||
        sample.lines.back().find(sample.address) == std::string::npos) {
      continue;
    }
    if (best == nullptr || sample.lines.size() < best->lines.size()) {
      best = &sample;
    }
  }
  return best;
}

struct Heard : filter::MatchHandler {
  std::optional<model::Finding> finding;
  std::string noticed;
  void on_finding(std::size_t, model::Finding&& one) override {
    if (one.identifier.empty()) {
      finding = std::move(one);
    }
  }
  void on_notice(std::size_t, const filter::Notice& notice) override {
    noticed = to_string(notice.kind);
  }
};

}  // namespace

std::vector<Stage> dry_run(const JailFacts& facts, const net::IpAddress& mark) {
  const std::string& name = facts.jail.options.name;
  const filter::Sample* sample = choose(*facts.jail.filter);
  if (sample == nullptr) {
    return {{name, "marked line", Verdict::kSkipped, "no marked line can be made",
             "the filter has no sample with an IPv4 address to put the mark in",
             "add one to [Samples] of the filter"}};
  }
  std::vector<Stage> stages;
  auto matcher = filter::Matcher::build({facts.jail.filter}, facts.matcher);
  if (!matcher) {
    return {{name, "marked line", Verdict::kBroken, "the filter", matcher.error().message(), ""}};
  }
  (*matcher)->set_reading(filter::Reading::kCatchUp);
  Heard heard;
  bool fresh = true;
  std::string last;
  const filter::TimeZone zone = facts.matcher.lines.zone.value_or(filter::TimeZone::system());
  for (const std::string& line : sample->lines) {
    last = replaced(line, sample->address, mark.to_string());
    const auto& text = facts.jail.filter->text();
    const auto now_dated = text ? renewed(*text, last, facts.now, zone) : std::nullopt;
    fresh = fresh && now_dated.has_value();
    last = now_dated.value_or(last);
    model::Line marked;
    marked.text = last;
    marked.received = facts.now;
    (*matcher)->match(marked, facts.now, heard);
  }
  const std::string shown = util::printable(last, 140);
  if (!heard.finding) {
    return {{name, "marked line", Verdict::kBroken, fmt::format("'{}' gives no finding", shown),
             heard.noticed.empty() ? "no pattern matches it" : heard.noticed,
             "`warder check` runs the filter's samples; compare [Samples] with the patterns"}};
  }
  if (heard.finding->address != net::Prefix(mark)) {
    return {{name, "marked line", Verdict::kBroken,
             fmt::format("'{}' blames {}", shown, heard.finding->address.to_string()),
             "the address is taken from another place of the line",
             "let <HOST> stand where only the program writes"}};
  }
  stages.push_back({name, "marked line", Verdict::kGood,
                    fmt::format("'{}' matches pattern {}{}", shown, heard.finding->pattern + 1,
                                fresh ? ", dated now" : ""),
                    "", ""});
  if (facts.jail.options.outcome != jail::Outcome::kBan) {
    stages.push_back({name, "decision", Verdict::kSkipped, "the jail keeps nobody out", "", ""});
    return stages;
  }
  jail::BanTable bans((jail::HashKey()));
  jail::OffenderTable offenders((jail::HashKey()));
  jail::JailContext context;
  context.bans = &bans;
  context.offenders = &offenders;
  auto jail = jail::Jail::create(facts.jail.options, context);
  if (!jail) {
    stages.push_back({name, "decision", Verdict::kBroken, "the jail", jail.error().message(), ""});
    return stages;
  }
  jail->set_host_addresses(facts.hosts);
  jail::Decision decision;
  std::uint32_t times = 0;
  do {
    model::Finding finding = *heard.finding;
    finding.time = facts.now;
    finding.attempts = 1;
    decision = jail->on_finding(finding, facts.now);
    ++times;
  } while (decision.kind == jail::DecisionKind::kCounted && times < facts.jail.options.maxretry);
  if (decision.ban) {
    stages.push_back({name, "decision",
                      decision.kind == jail::DecisionKind::kBan ? Verdict::kGood : Verdict::kNotice,
                      fmt::format("{} such lines {} {}", times,
                                  decision.kind == jail::DecisionKind::kBan ? "ban" : "would ban",
                                  decision.ban->address.to_string()),
                      decision.kind == jail::DecisionKind::kBan ? "" : "observe = yes", ""});
  } else {
    stages.push_back(
        {name, "decision", Verdict::kBroken,
         fmt::format("{} lines of {} do not ban it: {}", times, mark.to_string(),
                     to_string(decision.kind)),
         std::string(to_string(decision.ignored)),
         "if ignoreip or never_ban covers the documentation addresses, it covers too much"});
  }
  return stages;
}

}  // namespace warder::engine
