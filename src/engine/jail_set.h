#pragma once

#include "config/section.h"
#include "engine/effective.h"
#include "files/options.h"
#include "filter/filter.h"
#include "filter/matcher_options.h"
#include "firewall/scope.h"
#include "jail/options.h"
#include "monitor/options.h"
#include "source/file_source.h"

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::engine {

// The jail that holds what an operator bans by hand. Always there; reads no log.
inline constexpr const char* kManualJail = "manual";

// One enabled jail, compiled.
struct CompiledJail {
  jail::JailOptions options;
  std::shared_ptr<const filter::Filter> filter;  // none for kManualJail
  filter::LineOptions lines;
  firewall::Scope scope;
};

// Does the jail read the systemd journal (fail2ban-compat 9.2)? Otherwise its logpath.
inline bool reads_journal(const jail::JailOptions& options) {
  return options.backend.starts_with("systemd") ||
         (options.backend == "auto" && options.logpath.empty() && !options.journalmatch.empty());
}

// Its journalmatch, the lines joined, as source::JournalOptions::match takes it.
inline std::string journal_match(const jail::JailOptions& options) {
  std::string match;
  for (const std::string& line : options.journalmatch) {
    match += (match.empty() ? "" : "\n") + line;
  }
  return match;
}

// A line of `logpath`: a pattern, and where fail2ban's words " head" and " tail" behind it have
// reading begin.
struct LogPattern {
  std::string_view pattern;
  source::StartAt start_at;
};
inline LogPattern log_pattern(std::string_view line, source::StartAt usual) {
  for (const auto& [word, start] :
       {std::pair<std::string_view, source::StartAt>(" head", source::StartAt::kHead),
        {" tail", source::StartAt::kTail}}) {
    if (line.ends_with(word)) {
      return {line.substr(0, line.find_last_not_of(' ', line.size() - word.size()) + 1), start};
    }
  }
  return {line, usual};
}

// An enabled jail of the fail2ban configuration that does not run, there as here.
struct LeftOutJail {
  std::string name;
  std::string why;  // what is wrong, with its place
};

// Everything the pipeline runs by: made and checked beside the running one, then swapped in as a
// whole. Immutable once made.
struct JailSet {
  std::vector<CompiledJail> jails;  // kManualJail first
  filter::MatcherOptions matcher;
  std::vector<net::Prefix> never_ban;
  source::FileOptions files;
  Effective effective;  // what is configured of the jails above
  // The enabled ones, which stand among the jails.
  std::vector<monitor::MonitorOptions> monitors;
  std::vector<files::FilesOptions> guarded_files;
  // Names and files that stand for addresses in `ignoreip` of a fail2ban configuration: when what
  // they mean changes, the set is to be made anew.
  std::set<std::string> ignored_names;
  std::set<std::string> ignored_files;
  // Sections [destination NAME] that stand for actions of that configuration; one of the same name
  // in the agent's own configuration takes its place.
  std::vector<config::Section> action_destinations;
  std::vector<LeftOutJail> left_out;
};

}  // namespace warder::engine
