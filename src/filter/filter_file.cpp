#include "filter/filter_file.h"

#include "config/definition.h"
#include "config/diagnostics.h"
#include "config/load.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace warder::filter {
namespace {

Place to_place(const config::Place& place) { return {place.source, place.line}; }

bool is_name(std::string_view name) {
  return !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

// The folder's path with the filter's name, where there are files of it; empty where not.
std::string find_files(const FilterRequest& request, config::FileReader& files,
                       config::Diagnostics& diagnostics) {
  for (const std::filesystem::path& folder : request.folders) {
    const std::string path = (folder / request.name).string();
    if (!config::files_of_name(files, path, diagnostics).empty()) {
      return path;
    }
  }
  return {};
}

// A parameter that the filter does not know would silently do nothing.
void check_parameters(const FilterRequest& request, const config::Document& document,
                      Problems& problems) {
  constexpr std::array<const char*, 2> kSections{"Definition", "Init"};
  // With what [DEFAULT] gives them.
  std::vector<std::string> known{"logtype"};
  for (const char* section : kSections) {
    for (const config::Option& option : document.section(section).options) {
      known.push_back(option.name);
    }
  }
  for (const auto& parameter : request.parameters) {
    const std::string& name = parameter.first;
    if (std::find(known.begin(), known.end(), name) != known.end() ||
        std::any_of(kSections.begin(), kSections.end(),
                    [&](const char* section) { return document.has_option(section, name); })) {
      continue;
    }
    const std::string hint = config::did_you_mean(name, {known.begin(), known.end()});
    problems.add(request.given_at, fmt::format("filter {} has no parameter '{}'{}{}", request.name,
                                               name, hint.empty() ? "" : "; ", hint));
  }
}

util::Error not_found(const FilterRequest& request, config::FileReader& files) {
  constexpr std::string_view kEnding = ".conf";
  std::vector<std::string> folders;
  std::vector<std::string> known;
  for (const std::filesystem::path& folder : request.folders) {
    folders.push_back(folder.string());
    const auto names = files.list(folder.string());
    for (std::string name : names ? *names : std::vector<std::string>()) {
      if (name.ends_with(kEnding)) {
        name.resize(name.size() - kEnding.size());
        known.push_back(std::move(name));
      }
    }
  }
  const std::string suggestion = config::did_you_mean(request.name, {known.begin(), known.end()});
  return util::Error(util::ErrorCode::kNotFound,
                     fmt::format("there is no filter '{}': no {}.conf in {}{}{}", request.name,
                                 request.name, fmt::join(folders, ", "),
                                 suggestion.empty() ? "" : "; ", util::printable(suggestion)));
}

}  // namespace

util::Result<Definition> read_filter_file(const FilterRequest& request, config::FileReader& files) {
  if (!is_name(request.name)) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("'{}' is no name of a filter; a name has letters, digits, '-', '_' and '.'",
                    util::printable(request.name)));
  }
  config::Diagnostics diagnostics;
  const std::string path = find_files(request, files, diagnostics);
  if (diagnostics.has_errors()) {
    return util::Error(util::ErrorCode::kInvalid, std::string(util::trim(diagnostics.to_text())));
  }
  if (path.empty()) {
    return not_found(request, files);
  }
  const config::Document document =
      config::load_name(files, path, diagnostics,
                        config::Parameters(request.variables.begin(), request.variables.end()));
  if (diagnostics.has_errors()) {
    return util::Error(util::ErrorCode::kInvalid, std::string(util::trim(diagnostics.to_text())));
  }

  Definition result;
  result.name = request.name;
  result.file = path + ".conf";
  Problems problems;
  if (request.unknown_parameters == UnknownParameters::kRefuse) {
    check_parameters(request, document, problems);
  }
  const config::Parameters parameters(request.parameters.begin(), request.parameters.end());
  const config::Definition definition(
      document, parameters, {request.given_at.file, request.given_at.line},
      {{"logtype", request.logtype}}, {request.surroundings.begin(), request.surroundings.end()});
  const auto copy = [&](const config::Section& section, const std::string& name, bool inherit) {
    for (const config::Option& option : section.options) {
      if (!option.own && !inherit) {
        continue;
      }
      const bool replaced = name == "Definition" && request.jail_options.contains(option.name);
      if (!option.problem.empty()) {
        if (!option.variable && !replaced) {
          problems.add(option.problem);
        }
        continue;
      }
      result.sections[name][option.name] = {option.text, to_place(option.place)};
    }
  };
  copy(definition.section(), "Definition", true);
  for (const auto& [name, option] : request.jail_options) {
    result.sections["Definition"][name] = option;
  }
  copy(document.section("Samples"), "Samples", false);
  if (!problems.empty()) {
    return problems.to_error();
  }
  return result;
}

}  // namespace warder::filter
