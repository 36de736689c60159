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
util::Result<PickedFilter> pick_filter(const Globals& globals, const std::string& word,
                                       const std::map<std::string, std::string>& parameters,
                                       const std::map<std::string, std::string>& options);

// "key=value" words into a map; kInvalid for one without '='.
util::Result<std::map<std::string, std::string>> read_settings(
    const std::vector<std::string>& words);

}  // namespace warder::agent
