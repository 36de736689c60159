#pragma once

#include "support/temporary_folder.h"
#include "util/result.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace warder::testing {

// Where an installation of fail2ban keeps what its own tests use.
struct CorpusPlaces {
  // Folders of filters with the logs that are named like them.
  struct Folder {
    std::filesystem::path filters;
    // Only filters whose names begin so.
    std::string only;
  };
  std::vector<Folder> folders;
  std::filesystem::path logs;
  std::unique_ptr<TemporaryFolder> tree;  // of links, where the package's own is not enough
};

// That of the Debian package, or of a source tree of fail2ban where WARDER_FAIL2BAN_SOURCE names
// one.
util::Result<CorpusPlaces> find_corpus();

// One line of a sample log with what is said of it (reference/fail2ban-compat.md 22).
struct CorpusLine {
  std::string file;
  std::size_t number = 0;
  std::string text;
  nlohmann::json annotation;  // of failJSON; an empty object where there is none
  // The parameters of the filters it is for, each with the keys that are for the runner
  // ("test.prefix-line").
  std::vector<nlohmann::json> options;
};

// All lines for a filter, those of the files that its file names (addFILE) too.
util::Result<std::vector<CorpusLine>> read_corpus(const std::filesystem::path& logs,
                                                  const std::string& filter);

// "name == 'sshd'" or "opts.get('mode') != 'x'", the only conditions there are.
util::Result<bool> evaluate(const std::string& condition, const std::string& filter,
                            const nlohmann::json& options);

}  // namespace warder::testing
