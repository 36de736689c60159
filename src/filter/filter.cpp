#include "filter/filter.h"

#include "config/file_reader.h"
#include "config/load.h"
#include "filter/filter_file.h"
#include "filter/json_filter.h"
#include "filter/lint.h"
#include "filter/lint_rules.h"
#include "filter/samples.h"
#include "filter/text_filter.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::string_view kSection = "Definition";
constexpr const char* kCommandLine = "command line";

std::optional<Format> read_format(const Definition& definition, Problems& problems) {
  const Option* option = definition.find(kSection, "format");
  if (option == nullptr || option->value == "text") {
    return Format::kText;
  }
  if (option->value == "json") {
    return Format::kJson;
  }
  problems.add(option->place, fmt::format("format = '{}': allowed are text and json",
                                          util::printable(option->value)));
  return std::nullopt;
}

std::shared_ptr<const Filter> compile(const Definition& definition, const TextOptions& options,
                                      Problems& problems) {
  const std::optional<Format> format = read_format(definition, problems);
  if (!format) {
    return nullptr;
  }
  Filter::Parts parts;
  parts.name = definition.name;
  parts.samples = read_samples(definition, problems);
  if (const Option* journalmatch = definition.find(kSection, "journalmatch")) {
    for (ValueLine& line : value_lines(*journalmatch)) {
      parts.journalmatch.push_back(std::move(line.text));
    }
  }
  if (*format == Format::kText) {
    auto text = TextFilter::compile(definition, options, problems);
    return text == nullptr ? nullptr
                           : std::make_shared<const Filter>(std::move(parts), std::move(text));
  }
  auto json = compile_json_filter(definition, problems);
  return json == nullptr ? nullptr
                         : std::make_shared<const Filter>(std::move(parts), std::move(json));
}

// The files that the options come from, for what their values no longer show.
std::vector<std::string> cut_expressions(const Definition& definition, config::FileReader& files) {
  std::set<std::string> names;
  for (const auto& [section, options] : definition.sections) {
    for (const auto& [name, option] : options) {
      names.insert(option.place.file);
    }
  }
  std::vector<std::string> found;
  for (const std::string& name : names) {
    // Parameters come from places that are no files of a filter.
    const auto text = name.ends_with(".conf") || name.ends_with(".local")
                          ? files.read(name, config::kLargestFile)
                          : util::Result<std::string>(std::string());
    if (text) {
      const std::vector<std::string> cut = find_cut_expressions(*text, name);
      found.insert(found.end(), cut.begin(), cut.end());
    }
  }
  return found;
}

// The filter with what the lint has to say; errors go to `problems` if the filter is our own.
std::shared_ptr<const Filter> judge(const std::shared_ptr<const Filter>& filter,
                                    const Definition& definition, SamplePolicy policy,
                                    config::FileReader& files, Problems& problems) {
  const bool own = policy == SamplePolicy::kRequire;
  // A jail's own expressions on an own filter: as hard to prove as the filter was.
  const bool extended = policy == SamplePolicy::kLintOnly;
  // Samples are what those of fail2ban do not have.
  const bool ours = own || extended || !filter->samples().empty();
  LintReport report = lint_filter(filter, definition, ours ? Origin::kOwn : Origin::kFail2ban);
  Filter::Parts parts{filter->name(), filter->samples(), filter->journalmatch(),
                      std::move(report.warnings)};
  for (std::size_t i = 0; filter->text() != nullptr && i < filter->patterns().size(); ++i) {
    if (filter->text()->fail()[i].has_trials()) {
      const Place& place = filter->patterns()[i].place;
      parts.warnings.push_back(
          fmt::format("{}:{}: its back-reference is tried at {} places of a line at most; a line "
                      "that needs more "
                      "is given up and counted ('given up' in warder status)",
                      place.file, place.line, RegexProgram::kMostTries));
    }
  }
  const std::vector<std::string> cut = cut_expressions(definition, files);
  parts.warnings.insert(parts.warnings.end(), cut.begin(), cut.end());
  for (std::string& error : report.errors) {
    if (own) {
      problems.add(std::move(error));
    } else {
      parts.warnings.push_back(std::move(error));
    }
  }
  // What is written into the log by others is so whatever a jail's own expressions are.
  for (std::string& refusal : report.refusals) {
    if (own || extended) {
      problems.add(std::move(refusal));
    } else {
      parts.warnings.push_back(std::move(refusal));
    }
  }
  return filter->text() != nullptr
             ? std::make_shared<const Filter>(std::move(parts), filter->text())
             : std::make_shared<const Filter>(std::move(parts), filter->json());
}

}  // namespace

Filter::Filter(Parts parts, std::shared_ptr<const TextFilter> text)
    : parts_(std::move(parts)), text_(std::move(text)) {}

Filter::Filter(Parts parts, std::shared_ptr<const JsonFilter> json)
    : parts_(std::move(parts)), json_(std::move(json)) {}

Filter::~Filter() = default;

const std::vector<Pattern>& Filter::patterns() const {
  return text_ != nullptr ? text_->patterns() : json_->patterns();
}

util::Result<std::shared_ptr<const Filter>> load_filter(const FilterRequest& request,
                                                        config::FileReader& files) {
  WARDER_ASSIGN_OR_RETURN(Definition definition, read_filter_file(request, files));
  for (const auto& [name, value] : request.overrides) {
    definition.sections[std::string(kSection)][name] = {value, {kCommandLine, 0}};
  }
  Problems problems;
  std::shared_ptr<const Filter> filter = compile(definition, request.text, problems);
  if (filter != nullptr && problems.empty() && request.samples != SamplePolicy::kIgnore) {
    if (request.samples != SamplePolicy::kLintOnly) {
      check_samples(filter, definition, request.samples, problems);
    }
    filter = judge(filter, definition, request.samples, files, problems);
  }
  if (!problems.empty()) {
    return problems.to_error();
  }
  return filter;
}

util::Result<std::shared_ptr<const Filter>> load_filter(const FilterRequest& request) {
  config::DiskFiles files;
  return load_filter(request, files);
}

util::Result<std::shared_ptr<const Filter>> make_filter(
    const std::map<std::string, std::string>& options) {
  Definition definition;
  definition.name = kCommandLine;
  definition.file = kCommandLine;
  for (const auto& [name, value] : options) {
    definition.sections[std::string(kSection)][name] = {value, {kCommandLine, 0}};
  }
  Problems problems;
  std::shared_ptr<const Filter> filter = compile(definition, {}, problems);
  if (!problems.empty()) {
    return problems.to_error();
  }
  return filter;
}

}  // namespace warder::filter
