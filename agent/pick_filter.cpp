#include "agent/pick_filter.h"

#include "agent/wiring.h"
#include "config/file_reader.h"
#include "config/reference.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <utility>

namespace warder::agent {
namespace {

// A file system in which there is a main configuration, with nothing in it but what must be there.
class WithDefaults : public config::FileReader {
 public:
  explicit WithDefaults(const std::filesystem::path& path) : path_(path) {}
  util::Result<std::string> read(const std::string& path, util::ByteCount limit) override {
    return path == path_ ? util::Result<std::string>(std::string("[agent]\nname = trial\n"))
                         : disk_.read(path, limit);
  }
  util::Result<std::vector<std::string>> list(const std::string& folder) override {
    auto names = disk_.list(folder);
    if (folder != path_.parent_path()) {
      return names;
    }
    std::vector<std::string> all = names ? std::move(*names) : std::vector<std::string>();
    all.push_back(path_.filename().string());
    return all;
  }

 private:
  std::filesystem::path path_;
  config::DiskFiles disk_;
};

// A name of a filter or jail never has one of these.
bool looks_like_regex(std::string_view word) {
  const std::size_t bracket = word.find('[');
  return bracket == 0 || word.find_first_of("<^$*+?\\(| ") < bracket;
}

util::Result<std::shared_ptr<const filter::Filter>> load(filter::FilterRequest request,
                                                         const config::Reference& reference) {
  for (const auto& [name, value] : reference.parameters) {
    request.parameters.try_emplace(name, value);
  }
  return filter::load_filter(request);
}

}  // namespace

util::Result<engine::MainConfiguration> read_main_for_trial(const Globals& globals,
                                                            const TrialFolders& folders) {
  auto main = read_main(globals);
  std::error_code failed;
  if (!main && globals.config == Globals().config &&
      !std::filesystem::exists(globals.config, failed)) {
    WithDefaults files(globals.config);
    config::Diagnostics diagnostics;
    main = engine::load_main(files, globals.config.string(), {}, main_tables(), diagnostics);
    if (diagnostics.has_errors()) {
      return util::Error(util::ErrorCode::kInvalid, std::string(util::trim(diagnostics.to_text())));
    }
    fmt::print(stderr, "warder: there is no {}; the defaults are used\n", globals.config.string());
  }
  if (!main) {
    return main.error();
  }
  if (!folders.filters.empty()) {
    main->agent.filters.insert(main->agent.filters.begin(), folders.filters);
  }
  if (!folders.jails.empty()) {
    main->agent.jails = {folders.jails};
  }
  return main;
}

util::Result<PickedFilter> pick_filter(const Globals& globals, const TrialFolders& folders,
                                       const std::string& word,
                                       const std::map<std::string, std::string>& parameters,
                                       const std::map<std::string, std::string>& options) {
  PickedFilter picked;
  filter::FilterRequest request;
  request.parameters = parameters;
  request.overrides = options;
  // A filter that is being written may have no samples yet.
  request.samples =
      options.empty() ? filter::SamplePolicy::kAllowNone : filter::SamplePolicy::kIgnore;
  std::error_code failed;
  // What is named by itself needs no configuration; what there is says who the proxies are.
  if (const auto configured = read_main(globals)) {
    picked.matcher.trusted_proxies = configured->agent.trusted_proxies;
  }
  if (looks_like_regex(word) && !std::filesystem::exists(word, failed)) {
    std::map<std::string, std::string> definition = options;
    definition["failregex"] = word;
    WARDER_ASSIGN_OR_RETURN(picked.filter, filter::make_filter(definition));
    picked.described = "the failregex of the command line";
    return picked;
  }
  WARDER_ASSIGN_OR_RETURN(const config::Reference reference, config::parse_reference(word));
  const std::filesystem::path path(reference.name);
  if (path.has_parent_path()) {
    request.name = path.stem().string();
    request.folders = {path.parent_path()};
    WARDER_ASSIGN_OR_RETURN(picked.filter, load(request, reference));
    picked.described = fmt::format("filter {}", path.string());
    return picked;
  }
  const auto main = read_main_for_trial(globals, folders);
  if (!main) {
    return main.error();
  }
  if (reference.parameters.empty()) {
    config::DiskFiles files;
    auto jail = engine::load_jail(files, *main, {}, {reference.name, {}, {}});
    if (jail && parameters.empty() && options.empty()) {
      picked.filter = jail->filter;
      picked.matcher.lines = jail->lines;
      picked.described = fmt::format("filter {} of jail {}", jail->options.filter, reference.name);
      picked.jail = std::move(*jail);
      return picked;
    }
    if (jail) {
      // The jail's filter with what the command line changes.
      picked.matcher.lines = jail->lines;
      WARDER_ASSIGN_OR_RETURN(const config::Reference named,
                              config::parse_reference(jail->options.filter));
      request.name = named.name;
      request.folders = main->agent.filters;
      WARDER_ASSIGN_OR_RETURN(picked.filter, load(request, named));
      picked.described =
          fmt::format("filter {} of jail {}, changed", jail->options.filter, reference.name);
      picked.jail = std::move(*jail);
      return picked;
    }
  }
  request.name = reference.name;
  request.folders = main->agent.filters;
  WARDER_ASSIGN_OR_RETURN(picked.filter, load(request, reference));
  picked.described = fmt::format("filter {}", word);
  return picked;
}

util::Result<std::map<std::string, std::string>> read_settings(
    const std::vector<std::string>& words) {
  std::map<std::string, std::string> settings;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("'{}' is no setting; write KEY=VALUE, e.g. maxretry=3",
                                     util::printable(word)));
    }
    settings[std::string(util::trim(word.substr(0, equals)))] =
        std::string(util::trim(word.substr(equals + 1)));
  }
  return settings;
}

}  // namespace warder::agent
