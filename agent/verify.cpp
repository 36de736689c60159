#include "store/verify.h"

#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "store/checkpoint.h"
#include "util/file.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace warder::agent {
namespace {

struct Words {
  std::string against;
  std::string key;
  std::string database;
};

util::Result<store::VerifyOptions> options_of(const Globals& globals, const Words& words) {
  store::VerifyOptions options;
  if (!words.against.empty()) {
    WARDER_ASSIGN_OR_RETURN(options.against, util::read_file(words.against, util::kibibytes(64)));
  }
  std::string key_text = words.key;
  if (key_text.empty()) {
    // The agent writes its public key beside the database.
    WARDER_ASSIGN_OR_RETURN(const std::filesystem::path file, verifier_key_path(globals));
    auto stored = util::read_file(file, util::kibibytes(4));
    if (!stored) {
      return options;
    }
    key_text = *stored;
  }
  WARDER_ASSIGN_OR_RETURN(const store::VerifierKey key,
                          store::parse_verifier_key(util::trim(key_text)));
  options.key = key.key;
  return options;
}

}  // namespace

Run declare_verify(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--against", words->against,
                 "a checkpoint kept outside this host: only it shows a cut tail or an old copy");
  app.add_option("--key", words->key, "the verifier key (default: the one the agent wrote)");
  app.add_option("--database", words->database, "the database (default: the configured one)");
  return [words](const Globals& globals) {
    std::filesystem::path database = words->database;
    if (database.empty()) {
      auto configured = database_path(globals);
      if (!configured) {
        complain(configured.error());
        return ExitStatus::kConfiguration;
      }
      database = *configured;
    }
    const auto options = options_of(globals, *words);
    if (!options) {
      return complain(options.error());
    }
    const auto report = store::verify(database, *options);
    if (!report) {
      return complain(report.error());
    }
    print(globals.json ? report->to_json() + '\n' : report->to_text());
    return report->good() ? ExitStatus::kOk : ExitStatus::kFaultFound;
  };
}

}  // namespace warder::agent
