#include "store/verify.h"

#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "agent/witnesses.h"
#include "store/checkpoint.h"
#include "util/file.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace warder::agent {
namespace {

struct Words {
  WitnessWords witness;
  std::string key;
  std::string database;
};

util::Result<store::VerifyOptions> options_of(const Globals& globals, const Words& words) {
  store::VerifyOptions options;
  if (!words.witness.against.empty()) {
    WARDER_ASSIGN_OR_RETURN(options.against, gather_witnesses(globals, words.witness));
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
  app.add_option("--against", words->witness.against,
                 "checkpoints kept outside this host, which alone show a cut tail or an old copy: "
                 "vault, oci, or a file with notes or JSON lines of a destination");
  app.add_option("--trail", words->witness.trail,
                 "with vault: the mount (default: of the destination of form vault-trail)");
  app.add_option("--log", words->witness.log,
                 "with oci: the log's OCID (default: of the destination of form oci-logging)");
  app.add_option("--host", words->witness.host, "whose checkpoints (default: this host's)");
  app.add_option("--days", words->witness.days, "with oci: how far back (30)")
      ->check(CLI::Range(1, 365));
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
