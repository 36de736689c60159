#include "filter/filter.h"

#include "config/file_reader.h"
#include "filter/filter_file.h"
#include "filter/json_filter.h"
#include "filter/samples.h"
#include "filter/text_filter.h"
#include "util/strings.h"

#include <fmt/format.h>

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
    check_samples(filter, definition, request.samples, problems);
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
