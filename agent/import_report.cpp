#include "agent/import_report.h"

#include "agent/output.h"
#include "engine/fail2ban_jails.h"
#include "filter/lint.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace warder::agent {
namespace {

using fail2ban::Verdict;
using nlohmann::json;

// Of the verdicts, in their order.
using Counts = std::array<std::size_t, 4>;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

json place_json(const config::Place& place) {
  return {{"source", place.source}, {"line", place.line}};
}

json remark_json(const fail2ban::Remark& remark) {
  json object = place_json(remark.place);
  object["verdict"] = fail2ban::to_string(remark.verdict);
  object["subject"] = util::printable_again(remark.subject);
  object["text"] = util::printable_again(remark.text, 2000);
  if (!remark.remedy.empty()) {
    object["remedy"] = remark.remedy;
  }
  return object;
}

json remarks_json(const std::vector<fail2ban::Remark>& remarks) {
  json list = json::array();
  for (const fail2ban::Remark& remark : remarks) {
    list.push_back(remark_json(remark));
  }
  return list;
}

std::string remark_text(const fail2ban::Remark& remark) {
  return fmt::format("    {}: {}: {}{}{}\n", remark.place.to_string(),
                     util::printable_again(remark.subject), util::printable_again(remark.text, 600),
                     remark.remedy.empty() ? "" : "; ", remark.remedy);
}

std::string action_kind(fail2ban::ActionKind kind) {
  constexpr std::array<const char*, 6> kNames{"kernel", "tells",   "reports",
                                              "remote", "command", "python"};
  return kNames[static_cast<std::size_t>(kind)];
}

// The texts of a configuration are valid UTF-8: its reader refuses everything else.
json jail_json(const ImportReport::Jail& jail) {
  json object = place_json(jail.plan.place);
  object["name"] = util::printable(jail.plan.name);
  object["enabled"] = jail.plan.enabled;
  object["verdict"] = fail2ban::to_string(jail.verdict);
  object["filter"] = jail.plan.filter ? json(util::printable(jail.plan.filter->name)) : json();
  object["reads"] = jail.plan.reads_journal ? "journal" : "files";
  object["remarks"] = remarks_json(jail.plan.remarks);
  object["errors"] = jail.errors;
  json options = json::object();
  for (const config::Option& option : jail.plan.options.options) {
    options[option.name] = option.text;
  }
  object["options"] = std::move(options);
  json as_read = json::object();
  for (const auto& [name, value] : jail.plan.as_read) {
    std::vector<std::string> lines;
    for (const std::string_view line : util::split(value, '\n')) {
      lines.emplace_back(line);
    }
    as_read[name] = lines.size() == 1 ? json(lines.front()) : json(lines);
  }
  object["as_read"] = std::move(as_read);
  object["actions"] = json::array();
  for (const fail2ban::Action& action : jail.plan.actions) {
    json parameters = json::object();
    for (const auto& [name, value] : action.reference.parameters) {
      parameters[name] = value;
    }
    object["actions"].push_back({{"name", util::printable(action.reference.name)},
                                 {"kind", action_kind(action.kind)},
                                 {"parameters", std::move(parameters)}});
  }
  return object;
}

template <typename List, typename VerdictOf>
Counts count(const List& list, const VerdictOf& verdict_of) {
  Counts counts{};
  for (const auto& one : list) {
    ++counts[static_cast<std::size_t>(verdict_of(one))];
  }
  return counts;
}

Counts jail_counts(const ImportReport& report) {
  return count(report.jails, [](const ImportReport::Jail& jail) { return jail.verdict; });
}

Counts filter_counts(const ImportReport& report) {
  return count(report.filters, [](const auto& filter) { return filter.second.verdict; });
}

json counts_json(const Counts& counts) {
  return {
      {"runs", counts[0]}, {"differs", counts[1]}, {"refused", counts[2]}, {"left_out", counts[3]}};
}

// "a", "a and b", "a, b and c"
std::string enumerated(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += i == 0 ? "" : i + 1 == words.size() ? " and " : ", ";
    text += util::printable(words[i]);
  }
  return text;
}

// As it can be written into the agent's configuration: without jails that it would not find there.
std::string destination_text(const ImportReport::Destination& one) {
  const fail2ban::ActionDestination& destination = one.destination;
  const std::string waiting = enumerated(one.jails_that_do_not_run);
  const char* runs = one.jails_that_do_not_run.size() == 1 ? "runs" : "run";
  std::string text = fmt::format("  a destination {} for {}",
                                 destination.in_use ? "that runs" : "to write into warder.conf",
                                 enumerated(destination.actions));
  if (destination.jails.empty()) {
    text += fmt::format(", once {} {}", waiting, runs);
  } else if (!waiting.empty()) {
    text += fmt::format("; {} {}, too, once {} {}", waiting,
                        one.jails_that_do_not_run.size() == 1 ? "belongs" : "belong",
                        one.jails_that_do_not_run.size() == 1 ? "it" : "they", runs);
  }
  text += ":\n";
  fail2ban::ActionDestination shown = destination;
  if (shown.jails.empty()) {
    shown.jails = one.jails_that_do_not_run;
  }
  const std::string block = shown.to_ini();  // outlives the lines
  for (const std::string_view line : util::split(util::trim(block), '\n')) {
    text += fmt::format("    {}\n", util::printable(line, 1000));
  }
  return text;
}

// Remarks that so many jails have are written once, behind them; mostly they come from [DEFAULT].
constexpr std::size_t kManyJails = 3;

std::vector<std::pair<std::string, std::vector<std::string>>> remarks_of_many(
    const std::vector<ImportReport::Jail>& jails) {
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  for (const ImportReport::Jail& jail : jails) {
    for (const fail2ban::Remark& remark : jail.plan.remarks) {
      const std::string text = remark_text(remark);
      auto known =
          std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == text; });
      if (known == all.end()) {
        known = all.insert(all.end(), {text, {}});
      }
      if (known->second.empty() || known->second.back() != jail.plan.name) {
        known->second.push_back(jail.plan.name);
      }
    }
  }
  std::erase_if(all, [](const auto& one) { return one.second.size() < kManyJails; });
  return all;
}

std::string counts_text(const Counts& counts) {
  return fmt::format("{} as they are, {} different, {} refused{}", counts[0], counts[1], counts[2],
                     counts[3] == 0 ? "" : fmt::format(", {} left out", counts[3]));
}

}  // namespace

ImportReport report_fail2ban(config::FileReader& files, const std::string& directory,
                             const engine::MainConfiguration& main, bool all) {
  ImportReport report;
  report.directory = directory;
  fail2ban::ReadOptions options = engine::fail2ban_read_options(main, engine::look_up_host);
  options.all = all;
  config::Diagnostics reading;
  report.configuration = fail2ban::read_configuration(files, directory, options, reading);
  for (const config::Diagnostic& one : reading.list()) {
    report.errors.push_back(one.to_text());
  }
  for (fail2ban::JailPlan& plan : report.configuration.jails) {
    ImportReport::Jail jail;
    jail.verdict = plan.verdict();
    // The remarks of the plan are in the plan; what compiling adds is told beside them.
    fail2ban::JailPlan bare = plan;
    bare.remarks.clear();
    config::Diagnostics diagnostics;
    const engine::Fail2banJail tried =
        engine::compile_fail2ban_jail(bare, directory, main, diagnostics);
    std::vector<std::string> filter_errors;
    std::vector<std::string> filter_warnings;
    for (const config::Diagnostic& one : diagnostics.list()) {
      if (one.severity == config::Severity::kError || tried.left_out) {
        jail.errors.push_back(first_line(one.to_text()));
        if (one.key == "filter") {
          filter_errors.push_back(one.problem);
        }
      } else if (one.key == "filter") {
        filter_warnings.push_back(one.problem);
      }
    }
    if (!tried.compiled && jail.verdict != Verdict::kLeftOut) {
      jail.verdict = tried.left_out ? Verdict::kLeftOut : Verdict::kRefused;
    }
    if (plan.filter) {
      ImportReport::Filter& filter = report.filters[plan.filter->name];
      filter.jails.insert(plan.name);
      if (!filter_errors.empty()) {
        filter.verdict = tried.left_out ? Verdict::kLeftOut : Verdict::kRefused;
        filter.errors = std::move(filter_errors);
      }
      for (std::string& warning : filter_warnings) {
        if (std::find(filter.warnings.begin(), filter.warnings.end(), warning) ==
            filter.warnings.end()) {
          filter.warnings.push_back(std::move(warning));
        }
      }
    }
    jail.plan = std::move(plan);
    report.jails.push_back(std::move(jail));
  }
  report.configuration.jails.clear();
  const std::set<std::string> running = report.running();
  for (fail2ban::ActionDestination& one : std::exchange(report.configuration.destinations, {})) {
    ImportReport::Destination destination;
    for (std::string& jail : std::exchange(one.jails, {})) {
      (running.contains(jail) ? one.jails : destination.jails_that_do_not_run)
          .push_back(std::move(jail));
    }
    destination.destination = std::move(one);
    report.destinations.push_back(std::move(destination));
  }
  return report;
}

std::set<std::string> ImportReport::running() const {
  std::set<std::string> names;
  for (const Jail& jail : jails) {
    if (jail.plan.enabled && jail.verdict < Verdict::kRefused) {
      names.insert(jail.plan.name);
    }
  }
  return names;
}

std::string ImportReport::to_text() const {
  std::string text = fmt::format("{}\n", util::printable(directory));
  for (const std::string& error : errors) {
    text += fmt::format("  {}\n", error);
  }
  const auto of_many = remarks_of_many(jails);
  for (const Jail& jail : jails) {
    text +=
        fmt::format("  jail {}{}: {}\n", util::printable(jail.plan.name),
                    jail.plan.enabled ? "" : " (not enabled)", fail2ban::to_string(jail.verdict));
    for (const fail2ban::Remark& remark : jail.plan.remarks) {
      const std::string one = remark_text(remark);
      if (std::none_of(of_many.begin(), of_many.end(),
                       [&](const auto& shared) { return shared.first == one; })) {
        text += one;
      }
    }
    for (const std::string& error : jail.errors) {
      text += fmt::format("    {}\n", error);
    }
  }
  const std::vector<std::string>* named = nullptr;
  for (const auto& [remark, names] : of_many) {
    if (named == nullptr || *named != names) {
      text += names.size() == jails.size() ? std::string("  all jails:\n")
                                           : fmt::format("  jails {}:\n", enumerated(names));
      named = &names;
    }
    text += remark;
  }
  for (const auto& [name, filter] : filters) {
    text += fmt::format("  filter {}: {}\n", util::printable(name),
                        fail2ban::to_string(filter.verdict));
    // The JSON form has them all.
    for (const std::string& warning : filter::with_unproven_counted(filter.warnings)) {
      text += fmt::format("    {}\n", util::printable_again(warning, 1000));
    }
  }
  if (!configuration.remarks.empty() || !configuration.globals.remarks.empty()) {
    text += "  for all:\n";
  }
  for (const auto* remarks : {&configuration.remarks, &configuration.globals.remarks}) {
    for (const fail2ban::Remark& remark : *remarks) {
      text += remark_text(remark);
    }
  }
  for (const Destination& one : destinations) {
    text += destination_text(one);
  }
  text += fmt::format("jails: {}; filters: {}\n", counts_text(jail_counts(*this)),
                      counts_text(filter_counts(*this)));
  if (std::any_of(jails.begin(), jails.end(), [](const Jail& jail) {
        return jail.plan.enabled && jail.verdict == Verdict::kRefused;
      })) {
    text +=
        "as long as an enabled jail is refused, so is the whole configuration: mend it, or set "
        "enabled = false for it\n";
  }
  return text;
}

json ImportReport::to_json() const {
  json object{{"directory", util::printable(directory)}, {"errors", errors}};
  object["jails"] = json::array();
  for (const Jail& jail : jails) {
    object["jails"].push_back(jail_json(jail));
  }
  object["filters"] = json::array();
  for (const auto& [name, filter] : filters) {
    object["filters"].push_back({{"name", util::printable(name)},
                                 {"verdict", fail2ban::to_string(filter.verdict)},
                                 {"jails", filter.jails},
                                 {"errors", filter.errors},
                                 {"warnings", filter.warnings}});
  }
  object["destinations"] = json::array();
  for (const Destination& one : destinations) {
    json keys = json::object();
    for (const auto& [key, value] : one.destination.keys) {
      keys[key] = value;
    }
    object["destinations"].push_back({{"name", one.destination.name},
                                      {"in_use", one.destination.in_use},
                                      {"actions", one.destination.actions},
                                      {"jails", one.destination.jails},
                                      {"jails_that_do_not_run", one.jails_that_do_not_run},
                                      {"keys", std::move(keys)}});
  }
  std::vector<fail2ban::Remark> general = configuration.remarks;
  general.insert(general.end(), configuration.globals.remarks.begin(),
                 configuration.globals.remarks.end());
  object["remarks"] = remarks_json(general);
  object["summary"] = {{"jails", counts_json(jail_counts(*this))},
                       {"filters", counts_json(filter_counts(*this))}};
  return object;
}

}  // namespace warder::agent
