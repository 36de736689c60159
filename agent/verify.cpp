#include "store/verify.h"

#include "agent/command.h"
#include "agent/cosigning.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "agent/witnesses.h"
#include "store/checkpoint.h"
#include "store/reader.h"
#include "util/file.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace warder::agent {
namespace {

using Outside = store::VerifyOptions::Outside;

struct Words {
  WitnessWords witness;
  std::string key;
  std::string database;
  std::string cosigner;
};

// What the agent had cosigned and keeps here is looked at in any case, as far as it is of this
// history: one begun anew is told by copies elsewhere, which show more anyway.
util::Status add_cosigned(const Globals& globals, std::vector<Outside>* against) {
  const auto main = read_main(globals);
  if (!main) {
    return {};
  }
  const std::filesystem::path file = cosigned_file(main->agent.state);
  std::error_code none;
  if (!std::filesystem::exists(file, none)) {
    return {};
  }
  WitnessWords words;
  words.against = file.string();
  WARDER_ASSIGN_OR_RETURN(std::vector<Outside> kept, gather_witnesses(globals, words));
  const auto newest = store::newest_checkpoint(database_of(*main));
  for (Outside& one : kept) {
    const auto checkpoint = store::parse_checkpoint(one.note);
    if (!newest || !checkpoint || checkpoint->origin == newest->origin) {
      against->push_back({"the cosigned checkpoint", std::move(one.note)});
    }
  }
  return {};
}

// Whether every checkpoint carries the signature of `witness` (a verifier key).
util::Status check_all_cosigned(const std::vector<Outside>& notes, const std::string& witness) {
  WARDER_ASSIGN_OR_RETURN(const store::VerifierKey key, store::parse_verifier_key(witness));
  for (const Outside& outside : notes) {
    WARDER_RETURN_IF_ERROR(check_cosigned(outside.note, key).with_context(outside.whose));
  }
  if (notes.empty()) {
    return util::Error(util::ErrorCode::kNotFound,
                       "there is no cosigned checkpoint; name a file of them by --against, or set "
                       "cosign in [vault]");
  }
  return {};
}

util::Result<store::VerifyOptions> options_of(const Globals& globals, const Words& words) {
  store::VerifyOptions options;
  const std::string& where = words.witness.against;
  if (!where.empty()) {
    WARDER_ASSIGN_OR_RETURN(options.against, gather_witnesses(globals, words.witness));
  }
  // What destinations keep was signed by this host alone; nobody here can take it away there.
  const bool is_file = !where.empty() && where != "vault" && where != "oci";
  std::vector<Outside> kept;
  if (!is_file && words.database.empty()) {
    WARDER_RETURN_IF_ERROR(add_cosigned(globals, &kept));
  }
  if (!words.cosigner.empty()) {
    WARDER_RETURN_IF_ERROR(check_all_cosigned(is_file ? options.against : kept, words.cosigner));
  }
  for (Outside& one : kept) {
    options.against.push_back(std::move(one));
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
  app.add_option("--cosigner", words->cosigner,
                 "the verifier key of a transit key (warder vault cosign prints it): every "
                 "checkpoint of a file in --against, else of what the agent keeps, must have its "
                 "signature");
  app.add_option("--database", words->database, "the database (default: the configured one)");
  return [words](const Globals& globals) {
    std::filesystem::path database = words->database;
    if (database.empty()) {
      auto configured = database_path(globals);
      if (!configured) {
        return complain(configured.error());
      }
      database = *configured;
    }
    const auto options = options_of(globals, *words);
    if (!options) {
      const ExitStatus status = complain(options.error());
      return !words->cosigner.empty() && options.error().code() == util::ErrorCode::kDenied
                 ? ExitStatus::kFaultFound
                 : status;
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
