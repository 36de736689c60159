#pragma once

#include "crypto/ed25519.h"
#include "crypto/merkle.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace warder::store {

// How far the history goes and what its root is, as signed and taken outside. The text form is
// C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint), a signed note
// (https://c2sp.org/signed-note) with one Ed25519 signature whose key name is the origin:
//
//   warder/host.example
//   1234
//   qRzsaFZ1...=                       base64 of the 32 bytes of the root
//                                      (empty line)
//   — warder/host.example Az3grl...=   base64 of key id (4 bytes) and signature (64 bytes)
struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  crypto::merkle::Hash root{};

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Not empty, valid UTF-8, no blank, control character or '+', at most 255 bytes.
bool is_valid_origin(std::string_view origin);

util::Result<std::string> sign_checkpoint(const Checkpoint& checkpoint,
                                          const crypto::Ed25519SecretKey& key);

// Reads and verifies a note. Signatures of other keys (witnesses) are passed over; one by `key`
// under the origin's name must be there and be right. kDenied when it is missing or wrong,
// kInvalid when the note is malformed. Extension lines are allowed and covered by the signature.
util::Result<Checkpoint> open_checkpoint(std::string_view note,
                                         const crypto::Ed25519PublicKey& key);
// Reads a note without trusting it.
util::Result<Checkpoint> parse_checkpoint(std::string_view note);

// What the signatures of a note are made over: all before the empty line in front of them.
std::string_view signed_part(std::string_view note);
// The line that a signature by that key adds to a note, its end included.
std::string signature_line(std::string_view name, const crypto::Ed25519PublicKey& key,
                           const crypto::Ed25519Signature& signature);

// The public key as a C2SP verifier key: "name+hex(key id)+base64(0x01 || key)".
std::string format_verifier_key(std::string_view name, const crypto::Ed25519PublicKey& key);
struct VerifierKey {
  std::string name;
  crypto::Ed25519PublicKey key;
};
util::Result<VerifierKey> parse_verifier_key(std::string_view text);
// Whether the note has a right signature by that key, and no wrong one.
bool is_signed_by(std::string_view note, const VerifierKey& key);

}  // namespace warder::store
