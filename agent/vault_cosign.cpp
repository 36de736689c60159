#include "agent/output.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "crypto/sha256.h"
#include "store/checkpoint.h"
#include "store/reader.h"
#include "util/encoding.h"
#include "util/file.h"
#include "vault/transit.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <string>

namespace warder::agent {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::string_view kDash = "\u2014 ";
constexpr std::uint8_t kEd25519 = 1;  // the algorithm's number in C2SP signed-note

// What ends at the empty line before the signatures: what is signed.
std::string_view signed_part(std::string_view note) {
  const auto end = note.rfind("\n\n");
  return end == std::string_view::npos ? note : note.substr(0, end + 1);
}

struct Cosigned {
  std::string note;
  std::string verifier_key;
};

util::Result<Cosigned> cosign(vault::ServerVault& server, std::string_view key,
                              std::string_view note) {
  WARDER_ASSIGN_OR_RETURN(const store::Checkpoint checkpoint, store::parse_checkpoint(note));
  vault::Transit transit(server);
  WARDER_ASSIGN_OR_RETURN(const vault::TransitSignature signature,
                          transit.sign_ed25519(key, util::as_bytes(signed_part(note))));
  const std::string name = fmt::format("{}/transit/{}", checkpoint.origin, key);
  util::Bytes algorithm_and_key{kEd25519};
  algorithm_and_key.insert(algorithm_and_key.end(), signature.public_key.begin(),
                           signature.public_key.end());
  std::string hashed = name + '\n';
  hashed += util::as_text(algorithm_and_key);
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(hashed));
  const util::ByteView id = util::ByteView(digest).first(4);
  util::Bytes blob(id.begin(), id.end());
  blob.insert(blob.end(), signature.signature.begin(), signature.signature.end());
  return Cosigned{
      fmt::format("{}{}{} {}\n", note, kDash, name, util::to_base64(blob)),
      fmt::format("{}+{}+{}", name, util::to_hex(id), util::to_base64(algorithm_and_key))};
}

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
  const auto note = history->checkpoint();
  if (!note) {
    return complain(note.error());
  }
  if (!*note) {
    return complain(Error(ErrorCode::kNotFound,
                          "the history has no checkpoint yet; the agent makes one when it stops "
                          "and from time to time"));
  }
  const vault::VaultOptions options = vault_options_of(*main);
  if (options.kind != vault::ProviderKind::kServer) {
    return complain(Error(ErrorCode::kInvalid,
                          "only HashiCorp Vault and OpenBao have transit: set provider = vault in "
                          "[vault]"));
  }
  auto server = vault::open_server_vault(options, vault::Copies::kNone, clock);
  if (!server) {
    return complain(server.error());
  }
  const auto cosigned = cosign(**server, words.transit, **note);
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
