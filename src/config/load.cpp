#include "config/load.h"

#include "config/ini.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

namespace warder::config {
namespace {

constexpr std::string_view kConf = ".conf";
constexpr std::string_view kLocal = ".local";

std::string join(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).lexically_normal().string();
}

// The names in a folder; none when it does not exist.
std::vector<std::string> names_in(FileReader& files, const std::string& folder,
                                  Diagnostics& diagnostics) {
  auto names = files.list(folder);
  if (names) {
    std::sort(names->begin(), names->end());
    return std::move(*names);
  }
  if (names.error().code() != util::ErrorCode::kNotFound) {
    diagnostics.error(Place{folder, 0}, fmt::format("cannot list the folder: {}",
                                                    util::printable(names.error().message())));
  }
  return {};
}

// An atomic write leaves ".name.XXXXXX" behind when it is cut short, so hidden files do not count.
std::vector<std::string> with_suffix(const std::vector<std::string>& names,
                                     const std::string& folder, std::string_view suffix) {
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    if (name.ends_with(suffix) && !name.starts_with('.')) {
      paths.push_back(join(folder, name));
    }
  }
  return paths;
}

void append(std::vector<std::string>& list, std::vector<std::string> more) {
  list.insert(list.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

class Loader {
 public:
  Loader(FileReader& files, Diagnostics& diagnostics, const Parameters& variables)
      : files_(files), diagnostics_(diagnostics), variables_(variables) {
    for (const auto& [name, value] : variables) {
      document_.set_variable(name, value);
    }
  }

  void add(const std::string& path) {
    if (!read(path, Included::kNo)) {
      return;
    }
    add_with_includes(path);
  }

  Document finish() { return std::move(document_); }

 private:
  enum class Included { kNo, kYes };

  struct File {
    Layer layer;
    std::vector<std::string> before;
    std::vector<std::string> after;
  };

  // The parsed file, read once however often it is included. Null when there is nothing to use.
  const File* read(const std::string& path, Included included) {
    const auto [known, is_new] = cache_.try_emplace(path);
    if (is_new) {
      known->second = parse(path, included);
    }
    const std::optional<File>& file = known->second;
    return file ? &*file : nullptr;
  }

  std::optional<File> parse(const std::string& path, Included included) {
    const auto text = files_.read(path, kLargestFile);
    if (!text) {
      if (included == Included::kNo || text.error().code() != util::ErrorCode::kNotFound) {
        diagnostics_.error(Place{path, 0}, fmt::format("cannot read the file: {}",
                                                       util::printable(text.error().message())));
      }
      return std::nullopt;
    }
    if (included == Included::kYes && util::to_valid_utf8(*text) != *text) {
      diagnostics_.warning(Place{path, 0}, "the included file is not valid UTF-8 and is skipped",
                           "save it as UTF-8");
      return std::nullopt;
    }
    File file;
    file.layer = parse_ini(*text, path, diagnostics_);
    // An include list sees the options of its own file only.
    Document alone;
    for (const auto& [name, value] : variables_) {
      alone.set_variable(name, value);
    }
    alone.add(file.layer);
    file.before = included_by(alone, "before", path);
    file.after = included_by(alone, "after", path);
    return file;
  }

  std::vector<std::string> included_by(const Document& alone, std::string_view option,
                                       const std::string& path) {
    if (!alone.has_section(kIncludesSection)) {
      return {};
    }
    const auto value = alone.get(kIncludesSection, option);
    if (!value) {
      diagnostics_.error({}, value.error().message());
      return {};
    }
    std::vector<std::string> paths;
    if (const std::optional<Value>& list = *value) {
      const std::string folder = std::filesystem::path(path).parent_path().string();
      for (const std::string_view entry : util::split_words(list->text, "\n")) {
        if (const std::string_view name = util::trim(entry); !name.empty()) {
          paths.push_back(join(folder, std::string(name)));
        }
      }
    }
    return paths;
  }

  void add_with_includes(const std::string& path) {
    if (++visits_ > kMostFiles) {
      if (visits_ == kMostFiles + 1) {
        diagnostics_.error(Place{path, 0}, fmt::format("more than {} files", kMostFiles));
      }
      return;
    }
    const File* const file = read(path, Included::kYes);
    if (file == nullptr || is_being_read(path)) {
      return;
    }
    if (stack_.size() == kDeepestInclude) {
      diagnostics_.error(Place{path, 0},
                         fmt::format("[INCLUDES] nests deeper than {} files", kDeepestInclude));
      return;
    }
    stack_.push_back(path);
    std::vector<std::string> listed = file->before;
    listed.insert(listed.end(), file->after.begin(), file->after.end());
    add_all(file->before, listed);
    document_.add(file->layer);
    add_all(file->after, listed);
    stack_.pop_back();
  }

  void add_all(const std::vector<std::string>& paths, const std::vector<std::string>& listed) {
    for (const std::string& path : paths) {
      add_with_includes(path);
      if (!path.ends_with(kConf)) {
        continue;
      }
      const std::string local = path.substr(0, path.size() - kConf.size()).append(kLocal);
      if (std::find(listed.begin(), listed.end(), local) == listed.end()) {
        add_with_includes(local);
      }
    }
  }

  bool is_being_read(const std::string& path) const {
    return std::find(stack_.begin(), stack_.end(), path) != stack_.end();
  }

  FileReader& files_;
  Diagnostics& diagnostics_;
  const Parameters& variables_;
  Document document_;
  std::map<std::string, std::optional<File>> cache_;
  std::vector<std::string> stack_;
  // Files asked for, whether they exist or not.
  std::size_t visits_ = 0;
};

}  // namespace

std::vector<std::string> files_of_name(FileReader& files, const std::string& name,
                                       Diagnostics& diagnostics) {
  const std::filesystem::path path(name);
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  const std::vector<std::string> beside = names_in(files, folder, diagnostics);
  const std::string parts = name + ".d";
  const std::vector<std::string> inside = names_in(files, parts, diagnostics);
  std::vector<std::string> paths;
  for (const std::string_view suffix : {kConf, kLocal}) {
    const std::string file = path.filename().string().append(suffix);
    if (std::binary_search(beside.begin(), beside.end(), file)) {
      paths.push_back(join(folder, file));
    }
    append(paths, with_suffix(inside, parts, suffix));
  }
  return paths;
}

std::vector<std::string> files_of_folder(FileReader& files, const std::string& folder,
                                         Diagnostics& diagnostics) {
  const std::vector<std::string> names = names_in(files, folder, diagnostics);
  std::vector<std::string> paths = with_suffix(names, folder, kConf);
  append(paths, with_suffix(names, folder, kLocal));
  return paths;
}

Document load(FileReader& files, const std::vector<std::string>& paths, Diagnostics& diagnostics,
              const Parameters& variables) {
  Loader loader(files, diagnostics, variables);
  for (const std::string& path : paths) {
    loader.add(path);
  }
  return loader.finish();
}

Document load_name(FileReader& files, const std::string& name, Diagnostics& diagnostics,
                   const Parameters& variables) {
  const std::vector<std::string> paths = files_of_name(files, name, diagnostics);
  if (paths.empty()) {
    diagnostics.error(Place{name + ".conf", 0}, "there is no such configuration",
                      fmt::format("create it, or {}.local", util::printable(name)));
  }
  return load(files, paths, diagnostics, variables);
}

}  // namespace warder::config
