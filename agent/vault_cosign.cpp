#include "agent/cosigning.h"
#include "agent/output.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "store/reader.h"
#include "util/file.h"
#include "vault/keys.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <string>

namespace warder::agent {
namespace {

using util::Error;
using util::ErrorCode;

}  // namespace

ExitStatus cosign_checkpoint(const Globals& globals, const VaultWords& words) {
  const util::SystemClock clock;
  const auto main = read_main(globals);
  if (!main) {
    return complain(main.error());
  }
  auto history = store::Reader::open(database_of(*main));
  if (!history) {
    return complain(history.error());
  }
  const auto newest = history->checkpoint();
  if (!newest) {
    return complain(newest.error());
  }
  const std::optional<std::string>& note = *newest;
  if (!note) {
    return complain(Error(ErrorCode::kNotFound,
                          "the history has no checkpoint yet; the agent makes one when it stops "
                          "and from time to time"));
  }
  const vault::VaultOptions options = vault_options_of(*main);
  if (options.kind != vault::ProviderKind::kServer) {
    return complain(Error(ErrorCode::kConfiguration,
                          "only HashiCorp Vault and OpenBao have transit: set provider = vault in "
                          "[vault]"));
  }
  auto server = vault::open_server_vault(options, vault::Copies::kNone, clock);
  if (!server) {
    return complain(server.error());
  }
  const auto cosigned = cosign(**server, words.transit, *note);
  if (!cosigned) {
    return complain(cosigned.error());
  }
  if (!words.output.empty()) {
    if (const util::Status written =
            util::write_file_atomically(words.output, cosigned->note, 0644);
        !written) {
      return complain(written.error());
    }
  }
  if (globals.json) {
    print(nlohmann::json{{"checkpoint", cosigned->note}, {"verifier_key", cosigned->verifier_key}}
              .dump() +
          '\n');
  } else if (words.output.empty()) {
    print(cosigned->note);
    fmt::print(stderr, "verifier key: {}\n", cosigned->verifier_key);
  } else {
    print(fmt::format("{}\n", cosigned->verifier_key));
  }
  return ExitStatus::kOk;
}

}  // namespace warder::agent
