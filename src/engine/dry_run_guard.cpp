#include "engine/dry_run_guard.h"

#include "engine/address_words.h"
#include "engine/recent_lines.h"
#include "engine/replay.h"
#include "source/journal_source.h"
#include "util/duration.h"
#include "util/glob.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

namespace warder::engine {
namespace {

constexpr std::size_t kMostLogs = 32;  // of one jail
constexpr util::ByteCount kPump = util::kibibytes(256);
// What IPv6 sources are told apart by, whatever the jails count by.
constexpr unsigned kIpv6Source = 64;

net::Prefix source_of(const net::IpAddress& address) {
  return {address, address.is_v4() ? address.bits() : kIpv6Source};
}

bool is_judged(const CompiledJail& jail, const DryRunOptions& options) {
  return jail.filter && !jail.options.observe && jail.options.outcome == jail::Outcome::kBan &&
         !options.accepted.contains(jail.options.name);
}

// Sources banned, by address or by a prefix around them.
class Banned {
 public:
  void add(const net::Prefix& ban) {
    const unsigned length =
        ban.address().is_v4() ? ban.length() : std::min(ban.length(), kIpv6Source);
    if (bans_.emplace(ban.address(), length).second) {
      lengths_.emplace(ban.family(), length);
    }
  }
  bool covers(const net::Prefix& source) const {
    return std::any_of(lengths_.begin(), lengths_.end(), [&](const auto& length) {
      return length.first == source.family() &&
             bans_.contains(net::Prefix(source.address(), length.second));
    });
  }

 private:
  std::set<net::Prefix> bans_;
  std::set<std::pair<net::Family, unsigned>> lengths_;
};

// Who is named in the lines read.
class Seen {
 public:
  explicit Seen(std::vector<net::Prefix> never) : never_(std::move(never)) {}

  void add(const net::Prefix& address) {
    if (sources_.size() < DryRun::kMostSources) {
      sources_.insert(source_of(address.address()));
    }
  }
  // The peer stands before what it sent; a proxy of ours is passed over.
  void add_first_of(std::string_view line) {
    for_each_address(line, [&](const net::IpAddress& address) {
      const bool may_be_banned = address.is_bannable() &&
                                 std::none_of(never_.begin(), never_.end(),
                                              [&](const auto& of) { return of.contains(address); });
      if (may_be_banned) {
        add(net::Prefix(address));
      }
      return !may_be_banned;
    });
  }
  const std::unordered_set<net::Prefix>& sources() const { return sources_; }

 private:
  std::vector<net::Prefix> never_;
  std::unordered_set<net::Prefix> sources_;
};

class LinesOfJail : public source::LineHandler {
 public:
  LinesOfJail(Replay& replay, Seen* seen) : replay_(replay), seen_(seen) {}
  void on_line(const model::Line& line) override {
    replay_.on_line(line);
    if (seen_ != nullptr) {
      seen_->add_first_of(line.text);
    }
  }
  void on_notice(const source::Notice&) override {}

 private:
  Replay& replay_;
  Seen* seen_;  // null where others counted the log's sources
};

using Judged = std::function<void(const std::string& jail, const ReplayReport& report)>;

std::vector<std::string> files_of(const jail::JailOptions& options) {
  std::vector<std::string> paths;
  for (const std::string& line : options.logpath) {
    const std::string pattern(log_pattern(line, source::StartAt::kTail).pattern);
    if (!pattern.starts_with('/')) {
      continue;
    }
    for (std::string& path : util::paths_matching(pattern)) {
      paths.push_back(std::move(path));
    }
  }
  paths.resize(std::min(paths.size(), kMostLogs));
  return paths;
}

// Judges one configuration.
class Side {
 public:
  Side(const JailSet& set, const DryRunOptions& options, const std::vector<net::Prefix>& own,
       const util::Clock& clock, const std::stop_token& stop)
      : set_(set),
        options_(options),
        clock_(clock),
        stop_(stop),
        now_(clock.now()),
        never_(own),
        left_(options.most_bytes) {
    never_.insert(never_.end(), set.never_ban.begin(), set.never_ban.end());
  }

  // With `seen`, who is named in the lines too.
  void run(Seen* seen, const Judged& judged) {
    for (const CompiledJail& jail : set_.jails) {
      if (!is_judged(jail, options_)) {
        continue;
      }
      const bool read = reads_journal(jail.options) ? judge_journal(jail, seen, judged)
                                                    : judge_files(jail, seen, judged);
      if (!read) {
        unjudged_.push_back(jail.options.name);
      }
    }
  }
  const std::vector<std::string>& unjudged() const { return unjudged_; }
  const std::vector<net::Prefix>& never() const { return never_; }

 private:
  bool has_room() const { return left_ > 0 && !stop_.stop_requested(); }
  void took(std::uint64_t bytes) { left_ -= std::min(bytes, left_); }
  util::Result<std::unique_ptr<Replay>> replay_of(const CompiledJail& jail) const {
    return Replay::create(jail, set_.matcher, never_, now_);
  }

  // Each log has a replay of its own: its lines come in the order of their times, those of several
  // logs one after the other do not. False when there was nothing to read.
  bool judge_files(const CompiledJail& jail, Seen* seen, const Judged& judged) {
    LineDates dates(jail.filter, jail.lines, now_);
    bool any = false;
    for (const std::string& path : files_of(jail.options)) {
      auto replay = replay_of(jail);
      if (!has_room() || !replay) {
        break;
      }
      LinesOfJail lines(**replay, logs_.insert(path).second ? seen : nullptr);
      const auto got =
          read_recent_lines(path, {now_ - options_.span, std::min(options_.most_of_log, left_)},
                            dates, clock_, lines);
      took(got.value_or(0));
      any = any || got.has_value();
      judged(jail.options.name, (*replay)->report());
    }
    return any;
  }

  bool judge_journal(const CompiledJail& jail, Seen* seen, const Judged& judged) {
    source::JournalOptions journal;
    journal.path = options_.journal;
    journal.look_back = options_.span;
    journal.longest_line = set_.files.longest_line;
    journal.match = journal_match(jail.options);
    auto replay = replay_of(jail);
    auto opened =
        source::JournalSource::open(journal, [](std::string_view) { return std::nullopt; }, clock_);
    if (!has_room() || !replay || !opened) {
      return false;
    }
    LinesOfJail lines(**replay, logs_.insert("journal: " + journal.match).second ? seen : nullptr);
    source::Pumped pumped;
    pumped.more = true;
    for (std::uint64_t got = 0; pumped.more && got < options_.most_of_log && has_room();) {
      pumped = (*opened)->pump(lines, kPump);
      got += pumped.read.value;
      took(pumped.read.value);
    }
    judged(jail.options.name, (*replay)->report());
    return true;
  }

  const JailSet& set_;
  const DryRunOptions& options_;
  const util::Clock& clock_;
  const std::stop_token& stop_;
  const util::WallTime now_;
  std::vector<net::Prefix> never_;
  std::uint64_t left_;
  std::set<std::string> logs_;
  std::vector<std::string> unjudged_;
};

bool is_too_much(std::size_t banned, std::size_t sources, const DryRunOptions& options) {
  return sources >= std::max<std::size_t>(options.sources, 1) && banned > 0 &&
         banned * 100 >= std::size_t{options.share} * sources;
}

}  // namespace

DryRunOptions dry_run_options(const config::Values& agent) {
  DryRunOptions options;
  options.share = static_cast<std::uint32_t>(agent.integer("dry_run_guard"));
  options.sources = static_cast<std::size_t>(agent.integer("dry_run_sources"));
  for (const std::string& jail : agent.list("dry_run_accept")) {
    options.accepted.insert(jail);
  }
  return options;
}

DryRun dry_run_of_jails(const JailSet& before, const JailSet& after, const DryRunOptions& options,
                        const std::vector<net::Prefix>& own, const util::Clock& clock,
                        const std::stop_token& stop) {
  DryRun run;
  if (options.share == 0) {
    return run;
  }
  Side wanted(after, options, own, clock, stop);
  std::vector<net::Prefix> never = wanted.never();
  never.insert(never.end(), after.matcher.trusted_proxies.begin(),
               after.matcher.trusted_proxies.end());
  Seen seen(std::move(never));
  std::map<std::string, Banned> bans;
  wanted.run(&seen, [&](const std::string& name, const ReplayReport& report) {
    for (const auto& [address, counts] : report.addresses) {
      if (counts.findings > 0) {
        seen.add(address);
      }
    }
    for (const ReplayedBan& ban : report.bans) {
      bans[name].add(ban.address);
    }
  });
  run.sources = seen.sources().size();
  run.unjudged = wanted.unjudged();
  const auto count = [&](const Banned& already) {
    run.jails.clear();
    run.banned = 0;
    std::map<std::string, DryRun::Jail> jails;
    for (const net::Prefix& source : seen.sources()) {
      bool counted = false;
      for (const auto& [name, banned] : bans) {
        if (!banned.covers(source) || already.covers(source)) {
          continue;
        }
        run.banned += counted ? 0 : 1;
        counted = true;
        DryRun::Jail& jail = jails[name];
        jail.name = name;
        ++jail.banned;
        // The lowest ones, so that the same lines give the same text.
        jail.first.insert(std::upper_bound(jail.first.begin(), jail.first.end(), source), source);
        jail.first.resize(std::min(jail.first.size(), DryRun::kMostNamed));
      }
    }
    for (auto& [name, jail] : jails) {
      run.jails.push_back(std::move(jail));
    }
    std::stable_sort(run.jails.begin(), run.jails.end(),
                     [](const auto& a, const auto& b) { return a.banned > b.banned; });
    run.too_much = is_too_much(run.banned, run.sources, options);
  };
  count({});
  if (run.too_much) {
    // What runs bans as it does, whatever was accepted of it.
    DryRunOptions of_running = options;
    of_running.accepted.clear();
    Banned already;
    Side running(before, of_running, own, clock, stop);
    running.run(nullptr, [&](const std::string&, const ReplayReport& report) {
      for (const ReplayedBan& ban : report.bans) {
        already.add(ban.address);
      }
    });
    count(already);
  }
  run.too_much = run.too_much && !stop.stop_requested();
  return run;
}

std::string to_text(const DryRun& run, const DryRunOptions& options) {
  std::string jails;
  std::string names;
  for (const DryRun::Jail& jail : run.jails) {
    std::string first;
    for (const net::Prefix& source : jail.first) {
      first += (first.empty() ? "" : ", ") + source.to_string();
    }
    jails += fmt::format("{}jail {} {} ({}{})", jails.empty() ? "" : ", ", jail.name, jail.banned,
                         first, jail.banned > jail.first.size() ? ", ..." : "");
    names += (names.empty() ? "" : " ") + jail.name;
  }
  return fmt::format(
      "the dry run bans {} of the {} sources that the logs name in the last {} ({} %), whom what "
      "runs does not ban: {}. From {} % on that is taken for a mistake ([agent] dry_run_guard). "
      "Compare filter, maxretry, findtime and ignoreip of {} with what runs (`warder config "
      "diff`); "
      "if it is meant so, `warder reload --accept '{}'`, or dry_run_accept = {} in [agent]",
      run.banned, run.sources, util::format_duration(options.span), run.banned * 100 / run.sources,
      jails, options.share, run.jails.size() == 1 ? "it" : "them", names, names);
}

}  // namespace warder::engine
