#include "engine/configuration.h"

#include "config/ini.h"
#include "config/json_layer.h"
#include "config/load.h"
#include "config/reference.h"
#include "engine/backup_document.h"
#include "engine/fail2ban_jails.h"
#include "engine/jail_compiler.h"
#include "files/options.h"
#include "filter/filter_file.h"
#include "filter/json_filter.h"
#include "jail/keys.h"
#include "monitor/options.h"
#include "source/journal_match.h"
#include "source/listen_address.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace warder::engine {
namespace {

std::string without_conf(const std::string& path) {
  constexpr std::string_view kEnding = ".conf";
  return path.ends_with(kEnding) ? path.substr(0, path.size() - kEnding.size()) : path;
}

// One word of [agent] jails: a folder of configurations, or the name of one.
std::vector<std::string> jail_files(config::FileReader& files, const std::string& word,
                                    config::Diagnostics& diagnostics) {
  if (files.list(word)) {
    return config::files_of_folder(files, word, diagnostics);
  }
  return config::files_of_name(files, without_conf(word), diagnostics);
}

constexpr std::string_view kMonitorPrefix = "monitor ";
constexpr std::string_view kFilesPrefix = "files ";
constexpr std::string_view kBackupPrefix = "backup ";

// Of `settings`: its objects, which are sections. What only a start can change, or says where the
// vault is, stands in files.
void add_settings(const std::string& text, config::Document& document,
                  config::Diagnostics& diagnostics) {
  constexpr std::string_view kLive[] = {"agent", "source"};
  const auto needs_restart = [](const std::string& name) {
    const auto keys = agent_table().keys;
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const config::Key& one) { return one.name == name; });
    return key != keys.end() && key->change == config::Change::kRestart;
  };
  const nlohmann::json settings = nlohmann::json::parse(text, nullptr, false);
  if (!settings.is_object()) {
    document.add(config::parse_json(text, "settings", diagnostics));  // it says why
    return;
  }
  nlohmann::json sections = nlohmann::json::object();
  for (const auto& [name, value] : settings.items()) {
    if (!value.is_object()) {
      continue;
    }
    if (std::find(std::begin(kLive), std::end(kLive), name) == std::end(kLive)) {
      diagnostics.error({fmt::format("vault settings#/{}", util::printable(name, 60)), 0},
                        "this section is read from the files only; from the vault come agent and "
                        "source (destinations stand in the document alerts)");
      continue;
    }
    for (const auto& [key, unused] : value.items()) {
      if (name == "agent" && needs_restart(key)) {
        diagnostics.error({fmt::format("vault settings#/agent/{}", key), 0},
                          "this is read at the start only, so it stands in the files");
      }
    }
    sections[name] = value;
  }
  document.add(config::parse_json(sections.dump(), "settings", diagnostics));
}

source::MemberNames filter_members(const filter::Filter& filter) {
  const std::set<std::string> names = filter.json()->members();
  return {names.begin(), names.end()};
}

CompiledJail manual_jail() {
  CompiledJail jail;
  jail.options.name = kManualJail;
  jail.options.enabled = true;
  jail.options.bantime = std::chrono::hours(1);
  return jail;
}

config::Document jail_document(config::FileReader& files, const MainConfiguration& main,
                               const VaultDocuments& documents,
                               const std::vector<std::string>& more_files,
                               config::Diagnostics& diagnostics) {
  std::vector<std::string> paths;
  for (const std::string& word : main.agent.jails) {
    for (std::string& file : jail_files(files, word, diagnostics)) {
      paths.push_back(std::move(file));
    }
  }
  paths.insert(paths.end(), more_files.begin(), more_files.end());
  config::Document document = config::load(files, paths, diagnostics);
  if (documents.jails) {
    document.add(config::parse_json(*documents.jails, "jails", diagnostics));
  }
  std::vector<std::string> watching;
  for (const std::string& section : document.sections()) {
    if (section.starts_with(kMonitorPrefix) || section.starts_with(kFilesPrefix)) {
      watching.push_back(section);
    }
  }
  document.add(sqlite_layer(documents.sqlite, watching, diagnostics));
  return document;
}

// %(known/failregex)s of a jail and its like are its filter's, below what its own files say. Empty
// when nothing asks for them, or when there is no such filter: that is told elsewhere.
config::Context jail_context(const MainConfiguration& main, const config::Document& document,
                             const std::string& jail) {
  constexpr std::array<std::string_view, 6> kOfFilter{"prefregex", "failregex",   "ignoreregex",
                                                      "maxlines",  "datepattern", "journalmatch"};
  const config::Section section = document.section(jail);
  config::Context context;
  const bool asks = std::any_of(kOfFilter.begin(), kOfFilter.end(), [&](std::string_view name) {
    const config::Option* option = section.find(name);
    return option != nullptr && !option->problem.empty();
  });
  if (!asks) {
    return context;
  }
  const config::Option* word = section.find("filter");
  const auto reference = config::parse_reference(
      word != nullptr && word->problem.empty() && !word->text.empty() ? word->text : jail);
  if (!reference) {
    return context;
  }
  filter::FilterRequest request;
  request.name = reference->name;
  request.parameters = {reference->parameters.begin(), reference->parameters.end()};
  request.folders = main.agent.filters;
  config::DiskFiles disk;  // where filters are loaded from
  const auto definition = filter::read_filter_file(request, disk);
  for (const std::string_view name : kOfFilter) {
    const filter::Option* option = definition ? definition->find("Definition", name) : nullptr;
    if (option != nullptr) {
      context.known.emplace(name, option->value);
    }
  }
  return context;
}

}  // namespace

namespace {

bool holds_everybody(const std::vector<net::Prefix>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [](const net::Prefix& prefix) { return prefix.length() == 0; });
}

void check_logpath(const jail::JailOptions& options, const config::Values& values,
                   config::Diagnostics& diagnostics) {
  for (const std::string& line : options.logpath) {
    if (source::is_listen_address(line)) {
      if (const auto address = source::parse_listen_address(line); !address) {
        diagnostics.error(values.place("logpath"), address.error().message());
      }
      continue;
    }
    const std::string path(log_pattern(line, source::StartAt::kTail).pattern);
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      config::Diagnostic told = values.about(
          "logpath", fmt::format("{} is a folder, which is never read", util::printable(path)));
      told.suggestion = fmt::format("name the logs in it, such as {}*.log",
                                    util::printable(path.ends_with('/') ? path : path + '/'));
      diagnostics.add(std::move(told));
    }
    if (path.find("**") != std::string::npos) {
      diagnostics.add(values.about(
          "logpath", "'**' means the same as '*' here: folders of one level, not of any depth",
          config::Severity::kWarning));
    }
  }
}

// What is right by its form and cannot be meant.
void check_addresses(const AgentOptions& options, const config::Values& values,
                     config::Diagnostics& diagnostics) {
  if (holds_everybody(options.trusted_proxies)) {
    diagnostics.add(values.about("trusted_proxies",
                                 "everybody would be believed to speak for somebody else: whoever "
                                 "sends X-Forwarded-For is never banned and has others banned; "
                                 "name your own proxies alone"));
  }
  if (holds_everybody(options.never_ban)) {
    diagnostics.add(values.about(
        "never_ban", "nobody is ever banned; to see who would be, set observe = yes instead",
        config::Severity::kWarning));
  }
}

}  // namespace

MainConfiguration load_main(config::FileReader& files, const std::string& path,
                            const VaultDocuments& documents,
                            std::span<const config::Table* const> tables,
                            config::Diagnostics& diagnostics) {
  config::Document document = config::load_name(files, without_conf(path), diagnostics);
  if (documents.settings) {
    add_settings(*documents.settings, document, diagnostics);
  }
  if (documents.alerts) {
    config::Layer layer = config::parse_json(*documents.alerts, "alerts", diagnostics);
    for (config::RawSection& section : layer.sections) {
      section.name = kDestinationPrefix + section.name;
    }
    document.add(layer);
  }
  std::vector<std::string> backups;
  for (const std::string& section : document.sections()) {
    if (section.starts_with(kBackupPrefix)) {
      backups.push_back(section);
    }
  }
  document.add(backup_layer(documents.backup, backups, diagnostics));
  std::vector<const config::Table*> all(tables.begin(), tables.end());
  all.push_back(&agent_table());
  MainConfiguration main{
      {},
      config::check_document(all, document, diagnostics, {},
                             "a jail, [monitor NAME] and [files NAME] belong into a file of the "
                             "folder that [agent] jails names")};
  if (main.checked.one(agent_table()).complete()) {
    main.agent = agent_options(main.checked.one(agent_table()));
    check_addresses(main.agent, main.checked.one(agent_table()), diagnostics);
  }
  return main;
}

std::shared_ptr<const JailSet> load_jails(config::FileReader& files, const MainConfiguration& main,
                                          const VaultDocuments& documents,
                                          const source::FileOptions& sources,
                                          config::Diagnostics& diagnostics,
                                          const fail2ban::Resolve& resolve) {
  const config::Document document = jail_document(files, main, documents, {}, diagnostics);
  const config::Table* const tables[] = {&jail::jail_table(), &monitor::monitor_table(),
                                         &files::files_table()};
  const config::Checked checked = config::check_document(
      tables, document, diagnostics,
      [&](const std::string& jail) { return jail_context(main, document, jail); });
  auto set = std::make_shared<JailSet>();
  set->jails.push_back(manual_jail());
  set->matcher.trusted_proxies = main.agent.trusted_proxies;
  set->never_ban = main.agent.never_ban;
  set->files = sources;
  // A jail with a wrong value is not compiled, but the others are, so that all is told in one go.
  for (const config::Values* values : checked.all(jail::jail_table())) {
    auto options = jail::jail_options(*values, diagnostics);
    if (!options) {
      judge_filter_alone(*values, main, diagnostics);
      continue;
    }
    if (!options->enabled) {
      continue;
    }
    if (options->name == kManualJail) {
      diagnostics.error(values->section_place(),
                        "the jail 'manual' holds what is banned by hand and cannot be configured");
      continue;
    }
    check_logpath(*options, *values, diagnostics);
    const auto request = filter_request(*options, *values, main, diagnostics);
    if (!request) {
      continue;
    }
    // Whoever says which entries are meant knows that the logpath of a jail that ships is not read.
    const bool meant = values->place("journalmatch").source == values->place("backend").source &&
                       values->place("logpath").source != values->place("backend").source;
    if (reads_journal(*options) && !options->logpath.empty() && !meant) {
      config::Diagnostic unread =
          values->about("logpath", "is not read: backend = systemd has the jail read the journal",
                        config::Severity::kWarning);
      unread.suggestion = "to read the files set backend = auto";
      diagnostics.add(std::move(unread));
    }
    if (auto compiled = compile_jail(std::move(*options), *values, *request, main, diagnostics)) {
      if (const auto match = source::parse_journal_match(journal_match(compiled->options));
          reads_journal(compiled->options) && !match) {
        diagnostics.add(values->about("journalmatch", match.error().message()));
      }
      add_effective(*values, set->effective);
      if (compiled->filter->json()) {
        set->files.kept_members.merge(filter_members(*compiled->filter));
      }
      set->jails.push_back(std::move(*compiled));
    }
  }
  for (const config::Values* values : checked.all(monitor::monitor_table())) {
    if (!values->complete()) {
      continue;
    }
    monitor::MonitorOptions options = monitor::monitor_options(*values, diagnostics);
    add_effective(*values, set->effective);
    if (options.enabled) {
      set->monitors.push_back(std::move(options));
    }
  }
  for (const config::Values* values : checked.all(files::files_table())) {
    if (!values->complete()) {
      continue;
    }
    files::FilesOptions options = files::files_options(*values, diagnostics);
    add_effective(*values, set->effective);
    if (options.enabled) {
      set->guarded_files.push_back(std::move(options));
    }
  }
  if (!main.agent.fail2ban_configuration.empty()) {
    add_fail2ban_jails(files, main, resolve, *set, diagnostics);
  }
  return diagnostics.has_errors() ? nullptr : set;
}

util::Result<CompiledJail> load_jail(config::FileReader& files, const MainConfiguration& main,
                                     const VaultDocuments& documents, const JailTrial& trial) {
  config::Diagnostics reading;
  config::Document document = jail_document(files, main, documents, trial.files, reading);
  const auto refused = [](const config::Diagnostics& told) {
    return util::Error(util::ErrorCode::kInvalid, std::string(util::trim(told.to_text())));
  };
  if (reading.has_errors()) {
    return refused(reading);
  }
  if (!main.agent.fail2ban_configuration.empty() &&
      !jail_document(files, main, documents, {}, reading).has_section(trial.name)) {
    std::vector<config::Option> changes;
    for (const config::Option& option : document.section(trial.name).options) {
      if (std::find(trial.files.begin(), trial.files.end(), option.place.source) !=
          trial.files.end()) {
        changes.push_back(option);
      }
    }
    for (const auto& [key, value] : trial.keys) {
      changes.push_back({key, value, {"command line", 0}, {}, true, false});
    }
    auto jail = load_fail2ban_jail(files, main, trial.name, changes, look_up_host);
    if (jail || jail.error().code() != util::ErrorCode::kNotFound) {
      return jail;
    }
  }
  if (!document.has_section(trial.name)) {
    const std::vector<std::string>& known = document.sections();
    const std::string hint = config::did_you_mean(trial.name, {known.begin(), known.end()});
    return util::Error(util::ErrorCode::kNotFound,
                       fmt::format("no jail is named '{}'{}{}", util::printable(trial.name, 64),
                                   hint.empty() ? "" : "; ", hint));
  }
  std::string keys = fmt::format("[{}]\n", trial.name);
  for (const auto& [key, value] : trial.keys) {
    keys += fmt::format("{} = {}\n", key, value);
  }
  document.add(config::parse_ini(keys, "command line", reading));
  if (reading.has_errors()) {
    return refused(reading);
  }
  // What is wrong with other jails does not concern this one.
  config::Diagnostics all;
  const config::Table* const tables[] = {&jail::jail_table(), &monitor::monitor_table(),
                                         &files::files_table()};
  const config::Checked checked = config::check_document(
      tables, document, all,
      [&](const std::string& jail) { return jail_context(main, document, jail); });
  for (const config::Values* values : checked.all(jail::jail_table())) {
    if (values->section() != trial.name) {
      continue;
    }
    config::Diagnostics diagnostics;
    auto options = jail::jail_options(*values, diagnostics);
    if (!options || !values->complete()) {
      return refused(all.has_errors() ? all : diagnostics);
    }
    if (options->logpath.empty() && !reads_journal(*options)) {
      options->logpath = {"-"};  // whoever tries it names the logs
    }
    const auto request = filter_request(*options, *values, main, diagnostics);
    if (!request) {
      return refused(diagnostics);
    }
    auto compiled = compile_jail(std::move(*options), *values, *request, main, diagnostics);
    if (!compiled) {
      return refused(diagnostics);
    }
    return std::move(*compiled);
  }
  return refused(all);
}

}  // namespace warder::engine
