// Runs the jails of a fail2ban configuration over lines whose time it sets: `fail2ban_day
// DIRECTORY`, on standard input "SECONDS TAB LINE" each, the clock being at SECONDS when the line
// is written. Prints "JAIL ADDRESS SECONDS" for each ban.
#include "engine/configuration.h"
#include "filter/matcher.h"
#include "jail/ban_table.h"
#include "jail/jail.h"
#include "jail/offender_table.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

using namespace warder;

namespace {

class Day : public filter::MatchHandler {
 public:
  Day(const engine::JailSet& set, filter::MatcherOptions options)
      : bans_(jail::HashKey{}), offenders_(jail::HashKey{}) {
    std::vector<std::shared_ptr<const filter::Filter>> filters;
    for (const engine::CompiledJail& compiled : set.jails) {
      if (!compiled.filter) {
        continue;
      }
      jail::JailContext context;
      context.index = static_cast<jail::JailIndex>(jails_.size());
      context.bans = &bans_;
      context.offenders = &offenders_;
      jails_.push_back(jail::Jail::create(compiled.options, context).value());
      filters.push_back(compiled.filter);
    }
    matcher_ = filter::Matcher::build(std::move(filters), std::move(options)).value();
  }

  void judge(std::int64_t seconds, std::string_view text) {
    now_ = util::WallTime(std::chrono::seconds(seconds));
    model::Line line;
    line.text = text;
    line.received = now_;
    line.offset = next_++;
    matcher_->match(line, now_, *this);
    for (jail::Jail& one : jails_) {
      one.tick(now_);
    }
  }

  void on_finding(std::size_t filter, model::Finding&& finding) override {
    if (!finding.identifier.empty()) {
      return;  // a name, which nobody looks up here
    }
    const jail::Decision decision = jails_[filter].on_finding(finding, now_);
    if (decision.kind == jail::DecisionKind::kWouldBan) {
      fmt::print("{} {} {}\n", jails_[filter].options().name, decision.ban->address.to_string(),
                 std::chrono::duration_cast<std::chrono::seconds>(finding.time.time_since_epoch())
                     .count());
    }
  }
  void on_notice(std::size_t, const filter::Notice&) override {}

 private:
  jail::BanTable bans_;
  jail::OffenderTable offenders_;
  std::vector<jail::Jail> jails_;
  std::unique_ptr<filter::Matcher> matcher_;
  util::WallTime now_{};
  std::uint64_t next_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: fail2ban_day DIRECTORY\n");
    return 2;
  }
  config::DiskFiles files;
  config::Diagnostics diagnostics;
  engine::MainConfiguration main;
  main.agent.fail2ban_configuration = argv[1];
  const auto set = engine::load_jails(files, main, {}, {}, diagnostics);
  if (!set) {
    fmt::print(stderr, "{}", diagnostics.to_text());
    return 3;
  }
  Day day(*set, set->matcher);
  std::string text;
  while (std::getline(std::cin, text)) {
    const std::size_t tab = text.find('\t');
    day.judge(std::atoll(text.c_str()), std::string_view(text).substr(tab + 1));
  }
  return 0;
}
