#include "agent/no_configuration.h"

#include "agent/wiring.h"
#include "config/file_reader.h"
#include "config/load.h"
#include "util/strings.h"

#include <string>
#include <vector>

namespace warder::agent {
namespace {

// One file, and that is empty.
class EmptyFile : public config::FileReader {
 public:
  util::Result<std::string> read(const std::string&, util::ByteCount) override {
    return std::string();
  }
  util::Result<std::vector<std::string>> list(const std::string& folder) override {
    if (folder.ends_with(".d")) {
      return util::Error(util::ErrorCode::kNotFound, folder);
    }
    return std::vector<std::string>{"none.conf"};
  }
};

}  // namespace

bool has_configuration(const Globals& globals) {
  config::DiskFiles files;
  config::Diagnostics diagnostics;
  std::string name = globals.config.string();
  if (name.ends_with(".conf")) {
    name.resize(name.size() - std::string_view(".conf").size());
  }
  // A folder that cannot be read is one that is there.
  return !config::files_of_name(files, name, diagnostics).empty() || diagnostics.has_errors();
}

util::Result<engine::MainConfiguration> main_without_files() {
  EmptyFile files;
  config::Diagnostics diagnostics;
  engine::MainConfiguration main =
      engine::load_main(files, "none.conf", {}, main_tables(), diagnostics);
  if (diagnostics.has_errors()) {
    return util::Error(util::ErrorCode::kInternal, std::string(util::trim(diagnostics.to_text())));
  }
  return main;
}

}  // namespace warder::agent
