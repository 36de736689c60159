#include "corpus.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <regex>
#include <utility>

namespace warder::testing {
namespace {

util::Error error(std::string text) { return {util::ErrorCode::kInvalid, std::move(text)}; }

// What the package manager says that the package has.
std::vector<std::string> package_files() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
      popen("dpkg -L fail2ban 2>/dev/null", "r"), pclose);
  std::vector<std::string> files;
  std::string line;
  for (int c = pipe == nullptr ? EOF : std::fgetc(pipe.get()); c != EOF;
       c = std::fgetc(pipe.get())) {
    if (c == '\n') {
      files.push_back(std::exchange(line, {}));
    } else {
      line += static_cast<char>(c);
    }
  }
  return files;
}

// As a log file's reader would: without the line end.
bool read_line(std::istream& stream, std::string& line) {
  if (!std::getline(stream, line)) {
    return false;
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
    line.pop_back();
  }
  return true;
}

// The filters made for its own tests include those of its source tree by a path up from theirs. As
// packaged they stand elsewhere, so that the tree is made anew of links.
void add_test_filters(const std::filesystem::path& filters, const std::filesystem::path& config,
                      CorpusPlaces& places) {
  places.tree = std::make_unique<TemporaryFolder>();
  const std::filesystem::path& root = places.tree->path();
  const auto packages = root / "lib" / "python3" / "packages";
  const auto folder = packages / "fail2ban" / "tests" / "config" / "filter.d";
  std::filesystem::create_directories(folder);
  // As far up as the path goes in the source, and in the package.
  std::filesystem::create_directory_symlink(config, packages / "config");
  std::filesystem::create_directory_symlink(config, root / "config");
  for (const auto& entry : std::filesystem::directory_iterator(filters)) {
    std::filesystem::create_symlink(entry.path(), folder / entry.path().filename());
  }
  places.folders.push_back({folder, "zzz-"});
}

}  // namespace

util::Result<CorpusPlaces> find_corpus() {
  CorpusPlaces places;
  if (const char* source = std::getenv("WARDER_FAIL2BAN_SOURCE")) {
    const std::filesystem::path root(source);
    places.folders.push_back({root / "config" / "filter.d", ""});
    places.folders.push_back({root / "fail2ban" / "tests" / "config" / "filter.d", "zzz-"});
    places.logs = root / "fail2ban" / "tests" / "files" / "logs";
    return places;
  }
  places.folders.push_back({"/etc/fail2ban/filter.d", ""});
  for (const std::string& file : package_files()) {
    if (file.ends_with("/tests/files/logs")) {
      places.logs = file;
    } else if (file.ends_with("/tests/config/filter.d")) {
      add_test_filters(file, "/etc/fail2ban", places);
    }
  }
  if (places.logs.empty()) {
    return error("the package fail2ban is not installed; tests/packages names it");
  }
  return places;
}

util::Result<bool> evaluate(const std::string& condition, const std::string& filter,
                            const nlohmann::json& options) {
  static const std::regex form(R"(^(name|opts\.get\('(\w+)'\))\s*(==|!=)\s*'([^']*)'$)");
  std::smatch match;
  if (!std::regex_match(condition, match, form)) {
    return error("unknown condition: " + condition);
  }
  const std::string value =
      match[1] == "name" ? filter : options.value(match[2].str(), std::string());
  return (value == match[4].str()) == (match[3] == "==");
}

util::Result<std::vector<CorpusLine>> read_corpus(const std::filesystem::path& logs,
                                                  const std::string& filter) {
  static const std::regex directive("^#+ ?(failJSON|(?:file|filter)Options|addFILE):(.+)$");
  std::vector<CorpusLine> lines;
  std::vector<nlohmann::json> options{nlohmann::json::object()};
  nlohmann::json common = nlohmann::json::object();
  std::vector<std::string> files{filter};
  for (std::size_t file = 0; file < files.size(); ++file) {
    std::ifstream stream(logs / files[file]);
    if (!stream) {
      return error("there is no sample log " + (logs / files[file]).string());
    }
    bool skip = false;
    std::string line;
    for (std::size_t number = 1; read_line(stream, line); ++number) {
      nlohmann::json annotation = nlohmann::json::object();
      std::smatch match;
      if (std::regex_match(line, match, directive)) {
        nlohmann::json value = nlohmann::json::parse(match[2].str(), nullptr, false);
        if (value.is_discarded()) {
          return error(files[file] + ":" + std::to_string(number) + ": no JSON");
        }
        if (match[1] == "fileOptions") {
          common = value;
          continue;
        }
        if (match[1] == "addFILE") {
          files.push_back(value.get<std::string>());
          continue;
        }
        if (match[1] == "filterOptions") {
          options.clear();
          skip = false;
          for (const nlohmann::json& one :
               value.is_array() ? value : nlohmann::json::array({value})) {
            nlohmann::json merged = common;
            merged.update(one);
            if (merged.contains("test.condition")) {
              const std::string condition = merged["test.condition"];
              WARDER_ASSIGN_OR_RETURN(const bool holds, evaluate(condition, filter, merged));
              skip = !holds;
            }
            if (!skip) {
              options.push_back(merged);
            }
          }
          continue;
        }
        annotation = std::move(value);
        if (!read_line(stream, line)) {
          break;
        }
        ++number;
      } else if (line.starts_with('#') || line.find_first_not_of(" \t") == std::string::npos) {
        continue;
      }
      if (!skip) {
        lines.push_back({files[file], number, line, std::move(annotation), options});
      }
    }
  }
  return lines;
}

}  // namespace warder::testing
