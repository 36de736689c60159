#include "engine/fail2ban_jails.h"

#include "config/check.h"
#include "config/reference.h"
#include "engine/jail_compiler.h"
#include "engine/own_name.h"
#include "filter/lint.h"
#include "filter/wrong_filter.h"
#include "jail/keys.h"
#include "util/clock.h"
#include "util/glob.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace warder::engine {
namespace {

// For all names of a configuration together: a name server that is away must not keep the agent
// from starting. One look-up may take longer than its rest; there is no way to stop it.
constexpr std::chrono::seconds kResolveLimit{10};
constexpr std::size_t kMostNames = 200;

// Options of a jail that stand for those of its filter.
const std::set<std::string, std::less<>> kOfTheFilter{"prefregex", "failregex", "ignoreregex",
                                                      "datepattern", "maxlines"};

bool has_file(const std::string& pattern) { return !util::paths_matching(pattern).empty(); }

// Asks for each name once, and for none when all of them took too long.
fail2ban::Resolve bounded(const fail2ban::Resolve& resolve) {
  struct State {
    util::SystemClock clock;
    std::optional<util::MonotonicTime> until;
    std::map<std::string, util::Result<std::vector<net::IpAddress>>> answers;
  };
  return [resolve, state = std::make_shared<State>()](const std::string& name) {
    if (const auto known = state->answers.find(name); known != state->answers.end()) {
      return known->second;
    }
    const util::MonotonicTime now = state->clock.monotonic();
    if (!state->until) {
      state->until = now + kResolveLimit;
    }
    util::Result<std::vector<net::IpAddress>> answer =
        state->answers.size() >= kMostNames
            ? util::Error(util::ErrorCode::kInvalid, fmt::format("more than {} names", kMostNames))
        : now > *state->until ? util::Error(util::ErrorCode::kTimeout,
                                            "not looked up, the names before took too long")
                              : resolve(name);
    state->answers.emplace(name, answer);
    return answer;
  };
}

config::Diagnostic diagnostic(const fail2ban::Remark& remark, std::string_view jail) {
  config::Diagnostic result;
  result.severity = remark.verdict == fail2ban::Verdict::kRefused ? config::Severity::kError
                                                                  : config::Severity::kWarning;
  result.place = remark.place;
  result.section = jail;
  result.key = remark.subject;
  result.problem = remark.text;
  result.suggestion = remark.remedy;
  return result;
}

filter::Place place_of(const config::Place& place) { return {place.source, place.line}; }

filter::FilterRequest request_of(const fail2ban::JailPlan& plan, const config::Reference& named,
                                 const std::string& directory) {
  filter::FilterRequest request;
  request.name = named.name;
  request.parameters = {named.parameters.begin(), named.parameters.end()};
  request.given_at = place_of(plan.filter_place);
  request.folders = {directory + "/filter.d"};
  request.logtype = plan.reads_journal ? "journal" : "file";
  request.samples = filter::SamplePolicy::kAllowNone;
  for (const auto& [name, value] : plan.filter_overrides) {
    request.jail_options[name] = {value.text, place_of(value.place)};
  }
  request.surroundings = {plan.surroundings.begin(), plan.surroundings.end()};
  request.variables = {{"fail2ban_version", fail2ban::kUnderstoodVersion},
                       {"fail2ban_confpath", directory}};
  request.text.ignore = filter::IgnoreScope::kReference;
  request.text.unknown_tags = filter::UnknownTags::kText;
  request.unknown_parameters = filter::UnknownParameters::kIgnore;
  return request;
}

config::Section section_of(const fail2ban::ActionDestination& destination) {
  config::Section section{
      .name = "destination " + destination.name, .place = destination.place, .options = {}};
  std::string jails;
  for (const std::string& jail : destination.jails) {
    jails += jail + ' ';
  }
  const auto add = [&](const std::string& name, const std::string& text) {
    section.options.push_back({name, text, destination.place, {}, true, false});
  };
  for (const auto& [name, text] : destination.keys) {
    add(name, text);
  }
  add("jails", jails);
  return section;
}

// What a stock filter is warned of would drown the rest of a check and of the log.
void add_with_unproven_counted(const config::Diagnostics& told, config::Diagnostics& diagnostics) {
  std::vector<std::string> warnings;
  config::Diagnostic one_of_them;  // all have one place
  for (const config::Diagnostic& one : told.list()) {
    if (one.severity == config::Severity::kWarning && one.key == "filter") {
      warnings.push_back(one.problem);
      one_of_them = one;
    } else {
      diagnostics.add(one);
    }
  }
  for (std::string& warning : filter::with_unproven_counted(warnings)) {
    one_of_them.problem = std::move(warning);
    diagnostics.add(one_of_them);
  }
}

// Empty, and told in errors, when something is wrong.
std::optional<CompiledJail> compile(const fail2ban::JailPlan& plan, const std::string& directory,
                                    const MainConfiguration& main,
                                    config::Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.errors();
  for (const fail2ban::Remark& remark : plan.remarks) {
    diagnostics.add(diagnostic(remark, plan.name));
  }
  const config::Values values = config::check(jail::jail_table(), plan.options, diagnostics);
  auto options = jail::jail_options(values, diagnostics);
  std::optional<CompiledJail> compiled;
  if (options && plan.filter) {
    compiled = compile_jail(std::move(*options), values, request_of(plan, *plan.filter, directory),
                            main, diagnostics);
  }
  return diagnostics.errors() == errors ? std::move(compiled) : std::nullopt;
}

}  // namespace

fail2ban::ReadOptions fail2ban_read_options(const MainConfiguration& main,
                                            const fail2ban::Resolve& resolve) {
  fail2ban::ReadOptions options;
  options.skip_actions = main.agent.fail2ban_skip_actions;
  options.resolve = bounded(resolve);
  options.exists = has_file;
  options.mail_server = main.agent.fail2ban_mail_server;
  options.host = main.agent.name.empty() ? own_name() : main.agent.name;
  return options;
}

Fail2banJail compile_fail2ban_jail(const fail2ban::JailPlan& plan, const std::string& directory,
                                   const MainConfiguration& main,
                                   config::Diagnostics& diagnostics) {
  if (plan.verdict() == fail2ban::Verdict::kLeftOut) {
    for (const fail2ban::Remark& remark : plan.remarks) {
      if (remark.verdict == fail2ban::Verdict::kLeftOut) {
        diagnostics.add(diagnostic(remark, plan.name));
      }
    }
    return {std::nullopt, true};
  }
  config::Diagnostics told;
  Fail2banJail jail{compile(plan, directory, main, told), false};
  jail.left_out = told.has_errors() && plan.filter &&
                  filter::is_wrong_filter(request_of(plan, *plan.filter, directory));
  for (config::Diagnostic one : told.list()) {
    if (jail.left_out) {
      if (one.severity != config::Severity::kError || one.key != "filter") {
        continue;
      }
      one.severity = config::Severity::kWarning;
      one.suggestion = fail2ban::remedy_of(fail2ban::LeftOut::kNoStart);
    }
    diagnostics.add(std::move(one));
  }
  return jail;
}

util::Result<CompiledJail> load_fail2ban_jail(config::FileReader& files,
                                              const MainConfiguration& main,
                                              const std::string& name,
                                              const std::vector<config::Option>& changes,
                                              const fail2ban::Resolve& resolve) {
  const auto refused = [](const config::Diagnostics& told) {
    return util::Error(util::ErrorCode::kInvalid, std::string(util::trim(told.to_text())));
  };
  const std::string& directory = main.agent.fail2ban_configuration;
  config::Diagnostics reading;
  fail2ban::ReadOptions options = fail2ban_read_options(main, resolve);
  options.all = true;
  fail2ban::Configuration configuration =
      fail2ban::read_configuration(files, directory, options, reading);
  if (reading.has_errors()) {
    return refused(reading);
  }
  const auto plan = std::find_if(configuration.jails.begin(), configuration.jails.end(),
                                 [&](const fail2ban::JailPlan& one) { return one.name == name; });
  if (plan == configuration.jails.end()) {
    return util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("no jail of {} is named '{}'", directory, util::printable(name, 64)));
  }
  config::Diagnostics told;
  if (plan->verdict() == fail2ban::Verdict::kLeftOut) {
    for (const fail2ban::Remark& remark : plan->remarks) {
      told.add(diagnostic(remark, name));
    }
    return refused(told);
  }
  plan->remarks.clear();
  for (const config::Option& change : changes) {
    if (change.name == "filter") {
      WARDER_ASSIGN_OR_RETURN(plan->filter, config::parse_reference(change.text));
      plan->filter_place = change.place;
    }
    if (kOfTheFilter.contains(change.name)) {
      plan->filter_overrides[change.name] = {change.text, change.place};
      continue;
    }
    std::erase_if(plan->options.options,
                  [&](const config::Option& one) { return one.name == change.name; });
    plan->options.options.push_back(change);
  }
  auto compiled = compile(*plan, directory, main, told);
  if (!compiled) {
    return refused(told);
  }
  return std::move(*compiled);
}

void add_fail2ban_jails(config::FileReader& files, const MainConfiguration& main,
                        const fail2ban::Resolve& resolve, JailSet& set,
                        config::Diagnostics& diagnostics) {
  const std::string& directory = main.agent.fail2ban_configuration;
  config::Diagnostics reading;
  const fail2ban::Configuration configuration =
      fail2ban::read_configuration(files, directory, fail2ban_read_options(main, resolve), reading);
  for (const config::Diagnostic& one : reading.list()) {
    diagnostics.add(one);
  }
  for (const fail2ban::ActionDestination& one : configuration.destinations) {
    // What an observing agent decides is told by nobody's actions.
    if (one.in_use && !main.agent.observe) {
      set.action_destinations.push_back(section_of(one));
    }
  }
  for (const fail2ban::JailPlan& plan : configuration.jails) {
    if (std::any_of(set.jails.begin(), set.jails.end(),
                    [&](const CompiledJail& other) { return other.options.name == plan.name; })) {
      diagnostics.error(plan.place,
                        fmt::format("the jail {} is enabled here and among the agent's own jails",
                                    util::printable(plan.name, 80)),
                        "disable one of them");
      continue;
    }
    config::Diagnostics told;
    if (Fail2banJail jail = compile_fail2ban_jail(plan, directory, main, told); jail.compiled) {
      set.ignored_names.insert(plan.ignored_names.begin(), plan.ignored_names.end());
      set.ignored_files.insert(plan.ignored_files.begin(), plan.ignored_files.end());
      set.jails.push_back(std::move(*jail.compiled));
    } else if (jail.left_out) {
      const config::Diagnostic& why = told.list().front();
      set.left_out.push_back(
          {plan.name, fmt::format("{}: {}", why.place.to_string(), why.problem)});
    }
    add_with_unproven_counted(told, diagnostics);
  }
}

}  // namespace warder::engine
