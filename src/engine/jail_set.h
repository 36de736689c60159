#pragma once

#include "filter/filter.h"
#include "filter/matcher_options.h"
#include "firewall/scope.h"
#include "jail/options.h"
#include "source/file_source.h"

#include <memory>
#include <string>
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

// Everything the pipeline runs by: made and checked beside the running one, then swapped in as a
// whole. Immutable once made.
struct JailSet {
  std::vector<CompiledJail> jails;  // kManualJail first
  filter::MatcherOptions matcher;
  std::vector<net::Prefix> never_ban;
  source::FileOptions files;
};

}  // namespace warder::engine
