#include "engine/configuration.h"

#include "config/ini.h"
#include "config/json_layer.h"
#include "config/load.h"
#include "config/reference.h"
#include "filter/date_recipe.h"
#include "firewall/scope.h"
#include "jail/keys.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
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

CompiledJail manual_jail() {
  CompiledJail jail;
  jail.options.name = kManualJail;
  jail.options.enabled = true;
  jail.options.bantime = std::chrono::hours(1);
  return jail;
}

// A joined list as the firewall reads it.
std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text;
}

std::string datepattern_of(const config::Values& values) {
  std::string text;
  for (const std::string& line : values.list("datepattern")) {
    text += line + '\n';
  }
  return text;
}

// How the jail's lines are read; tells what is wrong.
std::optional<filter::LineOptions> line_options(const jail::JailOptions& options,
                                                const config::Values& values,
                                                config::Diagnostics& diagnostics) {
  filter::LineOptions lines;
  bool good = true;
  const auto wrong = [&](std::string_view key, const std::string& text) {
    diagnostics.add(values.about(key, text));
    good = false;
  };
  lines.rules = options.counting == jail::Counting::kCompat ? filter::DateRules::kCompat
                                                            : filter::DateRules::kOwn;
  if (!options.logtimezone.empty()) {
    auto zone = filter::TimeZone::parse(options.logtimezone);
    if (zone) {
      lines.zone = *zone;
    } else {
      wrong("logtimezone", zone.error().message());
    }
  }
  auto encoding = filter::Encoding::parse(options.logencoding);
  if (encoding) {
    lines.encoding = *encoding;
  } else {
    wrong("logencoding", encoding.error().message());
  }
  if (values.has("datepattern")) {
    const util::Status datepattern = filter::check_datepattern(datepattern_of(values));
    if (!datepattern) {
      wrong("datepattern", datepattern.error().message());
    }
  }
  return good ? std::optional(lines) : std::nullopt;
}

// Null, and told, when there is no such filter or it has errors.
std::shared_ptr<const filter::Filter> load_filter(const std::string& word,
                                                  const config::Values& values,
                                                  const MainConfiguration& main,
                                                  config::Diagnostics& diagnostics) {
  const auto reference = config::parse_reference(word);
  if (!reference) {
    diagnostics.add(values.about("filter", reference.error().message()));
    return nullptr;
  }
  filter::FilterRequest request;
  request.name = reference->name;
  request.parameters = {reference->parameters.begin(), reference->parameters.end()};
  request.folders = main.agent.filters;
  if (values.has("datepattern")) {
    // What the filter's samples say does not hold for another form of the date.
    request.overrides["datepattern"] = datepattern_of(values);
    request.samples = filter::SamplePolicy::kIgnore;
  }
  auto filter = filter::load_filter(request);
  if (!filter) {
    for (const std::string_view line : util::split(filter.error().message(), '\n')) {
      diagnostics.add(values.about("filter", std::string(line)));
    }
    return nullptr;
  }
  return std::move(*filter);
}

// A jail with a wrong value does not run, but what is wrong with its filter is told along with it.
void judge_filter_alone(const config::Values& values, const MainConfiguration& main,
                        config::Diagnostics& diagnostics) {
  if (!values.has("enabled") || !values.boolean("enabled")) {
    return;
  }
  if (values.has("filter")) {
    (void)load_filter(values.string("filter"), values, main, diagnostics);
  } else if (values.is_default("filter")) {
    (void)load_filter(values.section(), values, main, diagnostics);
  }
}

std::optional<CompiledJail> compile(jail::JailOptions options, const config::Values& values,
                                    const MainConfiguration& main,
                                    config::Diagnostics& diagnostics) {
  CompiledJail compiled;
  bool good = true;
  auto scope = firewall::Scope::parse(options.protocol, joined(options.port));
  if (!scope) {
    diagnostics.add(values.about("port", scope.error().message()));
    good = false;
  } else {
    compiled.scope = *scope;
  }
  const auto lines = line_options(options, values, diagnostics);
  if (!lines) {
    return std::nullopt;
  }
  compiled.lines = *lines;
  compiled.filter = load_filter(options.filter, values, main, diagnostics);
  if (!compiled.filter) {
    return std::nullopt;
  }
  if (options.logpath.empty() && !reads_journal(options)) {
    diagnostics.add(values.about(
        "logpath", "the jail reads nothing: set logpath, or backend = systemd and journalmatch"));
    good = false;
  }
  options.observe = options.observe || main.agent.observe;
  compiled.options = std::move(options);
  return good ? std::optional(std::move(compiled)) : std::nullopt;
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
  return document;
}

}  // namespace

MainConfiguration load_main(config::FileReader& files, const std::string& path,
                            const VaultDocuments& documents,
                            std::span<const config::Table* const> tables,
                            config::Diagnostics& diagnostics) {
  config::Document document = config::load_name(files, without_conf(path), diagnostics);
  if (documents.alerts) {
    config::Layer layer = config::parse_json(*documents.alerts, "alerts", diagnostics);
    for (config::RawSection& section : layer.sections) {
      section.name = kDestinationPrefix + section.name;
    }
    document.add(layer);
  }
  std::vector<const config::Table*> all(tables.begin(), tables.end());
  all.push_back(&agent_table());
  MainConfiguration main{{}, config::check_document(all, document, diagnostics)};
  if (main.checked.one(agent_table()).complete()) {
    main.agent = agent_options(main.checked.one(agent_table()));
  }
  return main;
}

std::shared_ptr<const JailSet> load_jails(config::FileReader& files, const MainConfiguration& main,
                                          const VaultDocuments& documents,
                                          const source::FileOptions& sources,
                                          config::Diagnostics& diagnostics) {
  const config::Document document = jail_document(files, main, documents, {}, diagnostics);
  const config::Table* const tables[] = {&jail::jail_table()};
  const config::Checked checked = config::check_document(tables, document, diagnostics);
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
    if (auto compiled = compile(std::move(*options), *values, main, diagnostics)) {
      set->jails.push_back(std::move(*compiled));
    }
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
  const config::Table* const tables[] = {&jail::jail_table()};
  const config::Checked checked = config::check_document(tables, document, all);
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
    auto compiled = compile(std::move(*options), *values, main, diagnostics);
    if (!compiled) {
      return refused(diagnostics);
    }
    return std::move(*compiled);
  }
  return refused(all);
}

}  // namespace warder::engine
