#pragma once

#include "agent/command.h"
#include "engine/configuration.h"
#include "filter/filter.h"
#include "util/result.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace warder::agent {

// Where trials look besides the configuration.
struct TrialFolders {
  std::string filters;  // before the configured ones; may be empty
  std::string jails;    // in place of the configured ones; may be empty
};

// The main configuration; where there is none at its usual place, its defaults, and standard error
// says so: a filter or a jail can be tried before anything is set up.
util::Result<engine::MainConfiguration> read_main_for_trial(const Globals& globals,
                                                            const TrialFolders& folders);

// The filter that the words of a command line name.
struct PickedFilter {
  std::shared_ptr<const filter::Filter> filter;
  // "filter sshd of jail sshd", "failregex from the command line".
  std::string described;
  filter::MatcherOptions matcher;
  std::optional<engine::CompiledJail> jail;  // when a jail was named
};

// `word` is, tried in this order: a path of a filter file, a jail of the configuration (enabled or
// not), a filter's name with [parameters], a regular expression. `options` are options of
// [Definition] in place of what the filter says (datepattern, maxlines). kInvalid and kNotFound as
// load_filter().
util::Result<PickedFilter> pick_filter(const Globals& globals, const TrialFolders& folders,
                                       const std::string& word,
                                       const std::map<std::string, std::string>& parameters,
                                       const std::map<std::string, std::string>& options);

// "key=value" words into a map; kInvalid for one without '='.
util::Result<std::map<std::string, std::string>> read_settings(
    const std::vector<std::string>& words);

}  // namespace warder::agent
