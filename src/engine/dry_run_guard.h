#pragma once

#include "config/values.h"
#include "engine/jail_set.h"
#include "net/address.h"
#include "util/clock.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

// Whether new jails would ban far too many of those who come here: a configuration that is valid in
// every other way. README.md, "The dry-run guard", says how it is judged and why so.
namespace warder::engine {

struct DryRunOptions {
  // Percent of the sources seen; this many banned, and not by what runs, is too much. 0: no guard.
  std::uint32_t share = 50;
  // With fewer sources seen nothing is too much.
  std::size_t sources = 10;
  // Jails that may ban whom they like.
  std::set<std::string, std::less<>> accepted;
  // Only what happened so recently is judged.
  std::chrono::seconds span = std::chrono::hours(1);
  // The bound of the work: bytes of lines judged for each of the two configurations, and of one
  // log for one jail. Jails beyond are not judged.
  std::uint64_t most_bytes = std::uint64_t{64} << 20U;
  std::uint64_t most_of_log = std::uint64_t{4} << 20U;
  // In place of the host's journal, as JournalOptions::path.
  std::filesystem::path journal;
};

// From the section [agent].
DryRunOptions dry_run_options(const config::Values& agent);

struct DryRun {
  static constexpr std::size_t kMostSources = 50'000;
  static constexpr std::size_t kMostNamed = 5;

  // Different addresses (IPv6: /64) in the lines, each line's first that may be banned at all, and
  // those that a jail found.
  std::size_t sources = 0;
  std::size_t banned = 0;  // of these: by the new jails, and not by those that run
  struct Jail {
    std::string name;
    std::size_t banned = 0;
    std::vector<net::Prefix> first;  // at most kMostNamed
  };
  std::vector<Jail> jails;            // those that would ban anybody so, the most banning first
  std::vector<std::string> unjudged;  // jails for which there was no room, or nothing to read
  bool too_much = false;
};

// Judges the enforcing jails of `after` on the newest lines of their logs (files and the journal),
// and where that is too much those of `before` on theirs. `own` are this host's addresses. Both
// sets are only read; any thread, one or two seconds of work at most, ended early by `stop` (then
// nothing is too much).
DryRun dry_run_of_jails(const JailSet& before, const JailSet& after, const DryRunOptions& options,
                        const std::vector<net::Prefix>& own, const util::Clock& clock,
                        const std::stop_token& stop = {});

// What is too much about it, for people: "it would ban 12 of the 20 sources seen ...: jail ...".
std::string to_text(const DryRun& run, const DryRunOptions& options);

}  // namespace warder::engine
