#include "engine/jail_compiler.h"

#include "config/reference.h"
#include "filter/date_recipe.h"
#include "filter/json_filter.h"
#include "firewall/scope.h"
#include "ship/command_words.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::engine {
namespace {

// By jail::UseNames.
constexpr std::array<filter::UseDns, 3> kUseDns{filter::UseDns::kNo, filter::UseDns::kLookUp,
                                                filter::UseDns::kRaw};

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

// The jail's own expressions stand for the filter's, as in fail2ban. The filter's samples say
// nothing of them, but what injected text can do is looked at all the same.
void take_expressions(const config::Values& values, filter::FilterRequest* request) {
  const auto take = [&](const char* key, std::string text) {
    request->jail_options[key] = {std::move(text),
                                  {values.place(key).source, values.place(key).line}};
    request->samples = filter::SamplePolicy::kLintOnly;
  };
  for (const char* key : {"prefregex", "failregex", "ignoreregex"}) {
    if (values.has(key)) {
      std::string text;
      for (const std::string& line : values.list(key)) {
        text += (text.empty() ? "" : "\n") + line;
      }
      take(key, std::move(text));
    }
  }
  if (values.has("maxlines")) {
    take("maxlines", std::to_string(values.integer("maxlines")));
  }
}

// <word>s that have a meaning for a finding, of those a destination's arguments may hold.
util::Status check_ignorecommand(const std::vector<std::string>& argv) {
  WARDER_RETURN_IF_ERROR(ship::check_command_words(argv));
  model::Event finding;
  finding.kind = model::EventKind::kFinding;
  finding.jail = "x";
  finding.address = net::Prefix();
  const auto filled = ship::fill_command_words(argv, finding);
  return filled ? util::Status() : util::Status(filled.error());
}

std::optional<filter::FilterRequest> request_of(const std::string& word,
                                                const config::Values& values,
                                                const MainConfiguration& main,
                                                config::Diagnostics& diagnostics) {
  const auto reference = config::parse_reference(word);
  if (!reference) {
    diagnostics.add(values.about("filter", reference.error().message()));
    return std::nullopt;
  }
  filter::FilterRequest request;
  request.name = reference->name;
  request.parameters = {reference->parameters.begin(), reference->parameters.end()};
  request.folders = main.agent.filters;
  if (values.has("datepattern")) {
    // What the filter's samples say does not hold for another form of the date.
    request.overrides["datepattern"] = datepattern_of(values);
    request.samples = filter::SamplePolicy::kLintOnly;
  }
  take_expressions(values, &request);
  return request;
}

// Null, and told, when there is no such filter or it has errors.
std::shared_ptr<const filter::Filter> load(const filter::FilterRequest& request,
                                           const config::Values& values,
                                           config::Diagnostics& diagnostics) {
  auto filter = filter::load_filter(request);
  if (!filter) {
    for (const std::string_view line : util::split(filter.error().message(), '\n')) {
      diagnostics.add(values.about("filter", std::string(line)));
    }
    return nullptr;
  }
  for (const std::string& warning : (*filter)->warnings()) {
    config::Diagnostic diagnostic = values.about("filter", warning);
    diagnostic.severity = config::Severity::kWarning;
    diagnostics.add(std::move(diagnostic));
  }
  return std::move(*filter);
}

// Ties the names that a jail uses to what its filter has; tells what there is not.
bool bind_names(jail::JailOptions& options, const filter::Filter& filter,
                const config::Values& values, config::Diagnostics& diagnostics) {
  if (options.outcome != jail::Outcome::kAlert) {
    return true;
  }
  bool good = true;
  if (filter.json()) {
    std::vector<std::string> known = filter.json()->fields();
    known.insert(known.end(), {std::string(jail::kKeyAddress), std::string(jail::kKeyUser),
                               std::string(jail::kKeyHour)});
    const auto check = [&](std::string_view key, const std::string& name) {
      if (!name.empty() && std::find(known.begin(), known.end(), name) == known.end()) {
        const std::string hint = config::did_you_mean(name, {known.begin(), known.end()});
        diagnostics.add(values.about(
            key, fmt::format("the filter {} has no field '{}'{}{}; it has {}", filter.name(),
                             util::printable(name, 60), hint.empty() ? "" : "; ", hint,
                             fmt::format("{}", fmt::join(known, ", ")))));
        good = false;
      }
    };
    for (const std::string& name : options.key) {
      check("key", name);
    }
    check("distinct", options.distinct);
    if (options.outside == jail::Outside::kPaths) {
      check("outside", "path");
    }
  }
  if (!options.trigger.empty()) {
    const std::vector<filter::Pattern>& patterns = filter.patterns();
    const auto rule =
        std::find_if(patterns.begin(), patterns.end(), [&](const filter::Pattern& pattern) {
          return pattern.text.starts_with(options.trigger + ':');
        });
    if (rule == patterns.end()) {
      diagnostics.add(
          values.about("trigger", fmt::format("the filter {} has no rule '{}'", filter.name(),
                                              util::printable(options.trigger, 60))));
      return false;
    }
    options.trigger_pattern = static_cast<std::uint32_t>(rule - patterns.begin());
  }
  return good;
}

}  // namespace

std::optional<filter::FilterRequest> filter_request(const jail::JailOptions& options,
                                                    const config::Values& values,
                                                    const MainConfiguration& main,
                                                    config::Diagnostics& diagnostics) {
  return request_of(options.filter, values, main, diagnostics);
}

void judge_filter_alone(const config::Values& values, const MainConfiguration& main,
                        config::Diagnostics& diagnostics) {
  if (!values.has("enabled") || !values.boolean("enabled")) {
    return;
  }
  if (!values.has("filter") && !values.is_default("filter")) {
    return;
  }
  const std::string& word = values.has("filter") ? values.string("filter") : values.section();
  if (const auto request = request_of(word, values, main, diagnostics)) {
    (void)load(*request, values, diagnostics);
  }
}

std::optional<CompiledJail> compile_jail(jail::JailOptions options, const config::Values& values,
                                         const filter::FilterRequest& request,
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
  if (const util::Status command = check_ignorecommand(options.ignorecommand); !command) {
    diagnostics.add(values.about("ignorecommand", command.error().message()));
    good = false;
  }
  filter::FilterRequest whole = request;
  whole.text.usedns = kUseDns.at(static_cast<std::size_t>(options.names));
  compiled.filter = load(whole, values, diagnostics);
  if (!compiled.filter) {
    return std::nullopt;
  }
  if (options.logpath.empty() && !reads_journal(options)) {
    diagnostics.add(values.about(
        "logpath", "the jail reads nothing: set logpath, or backend = systemd and journalmatch"));
    good = false;
  }
  good = bind_names(options, *compiled.filter, values, diagnostics) && good;
  options.observe = options.observe || main.agent.observe;
  compiled.options = std::move(options);
  return good ? std::optional(std::move(compiled)) : std::nullopt;
}

}  // namespace warder::engine
