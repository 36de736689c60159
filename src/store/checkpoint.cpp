#include "store/checkpoint.h"

#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <vector>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kLongestNote = 16384;
constexpr std::string_view kSignaturePrefix = "\xe2\x80\x94 ";  // em dash, blank
constexpr std::uint8_t kEd25519 = 1;

using KeyId = std::array<std::uint8_t, 4>;

Error malformed(std::string_view why) {
  return Error(ErrorCode::kInvalid, fmt::format("no checkpoint: {}", why));
}

// signed-note: SHA-256(name || 0x0A || 0x01 || public key), first four bytes.
KeyId key_id(std::string_view name, const crypto::Ed25519PublicKey& key) {
  std::string text(name);
  text += '\n';
  text += static_cast<char>(kEd25519);
  text += util::as_text(key.bytes);
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(text));
  KeyId id{};
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

struct Note {
  std::string_view body;  // up to and including the line end before the empty line
  std::vector<std::string_view> signatures;  // lines, without their ends
};

util::Result<Note> split_note(std::string_view text) {
  if (text.size() > kLongestNote) {
    return malformed(fmt::format("it is longer than {} bytes", kLongestNote));
  }
  if (util::to_valid_utf8(text) != text) {
    return malformed("it is not valid UTF-8");
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') {
      return malformed("it holds a control character");
    }
  }
  // The last empty line ends the body (signed-note).
  const std::size_t gap = text.rfind("\n\n");
  if (gap == std::string_view::npos || text.back() != '\n') {
    return malformed("an empty line and signature lines must end it");
  }
  Note note{text.substr(0, gap + 1), {}};
  const std::string_view lines = text.substr(gap + 2);
  for (const std::string_view line : util::split(lines, '\n')) {
    note.signatures.push_back(line);
  }
  note.signatures.pop_back();  // behind the last line end
  if (note.signatures.empty()) {
    return malformed("it has no signature");
  }
  for (const std::string_view line : note.signatures) {
    if (!line.starts_with(kSignaturePrefix)) {
      return malformed("a signature line must begin with an em dash and a blank");
    }
  }
  return note;
}

util::Result<Checkpoint> parse_body(std::string_view body) {
  const std::vector<std::string_view> lines = util::split(body.substr(0, body.size() - 1), '\n');
  if (lines.size() < 3) {
    return malformed("origin, size and root are needed");
  }
  Checkpoint checkpoint;
  if (!is_valid_origin(lines[0])) {
    return malformed("the origin is empty, too long or holds a blank or '+'");
  }
  checkpoint.origin = std::string(lines[0]);
  const std::string_view size = lines[1];
  const auto [end, error] =
      std::from_chars(size.data(), size.data() + size.size(), checkpoint.size);
  // Also refuses a leading zero: the text of a size is unique.
  if (error != std::errc{} || end != size.data() + size.size() ||
      fmt::format("{}", checkpoint.size) != size) {
    return malformed("the size is no decimal number");
  }
  const auto root = util::from_base64(lines[2]);
  if (!root || root->size() != checkpoint.root.size()) {
    return malformed("the root is not the base64 of 32 bytes");
  }
  std::copy(root->begin(), root->end(), checkpoint.root.begin());
  for (std::size_t i = 3; i < lines.size(); ++i) {
    if (lines[i].empty()) {
      return malformed("an extension line is empty");
    }
  }
  return checkpoint;
}

// Whether that key signed it, under that name. An error: a line is malformed, or the signature
// wrong.
util::Result<bool> find_signature(const Note& note, std::string_view name,
                                  const crypto::Ed25519PublicKey& key) {
  const KeyId id = key_id(name, key);
  bool found = false;
  for (const std::string_view line : note.signatures) {
    const std::string_view rest = line.substr(kSignaturePrefix.size());
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) {
      return malformed("a signature line has no signature");
    }
    const auto blob = util::from_base64(rest.substr(blank + 1));
    if (!blob || blob->size() <= id.size()) {
      return malformed("a signature is not base64");
    }
    if (rest.substr(0, blank) != name || !std::equal(id.begin(), id.end(), blob->begin())) {
      continue;  // somebody else's, a witness for instance
    }
    crypto::Ed25519Signature signature{};
    if (blob->size() != id.size() + signature.size()) {
      return malformed("an Ed25519 signature has 64 bytes");
    }
    std::copy(blob->begin() + id.size(), blob->end(), signature.begin());
    if (!key.verify(util::as_bytes(note.body), signature)) {
      return Error(ErrorCode::kDenied, "the signature of the checkpoint is wrong");
    }
    found = true;
  }
  return found;
}

}  // namespace

bool is_valid_origin(std::string_view origin) {
  return !origin.empty() && origin.size() <= 255 && util::to_valid_utf8(origin) == origin &&
         std::none_of(origin.begin(), origin.end(), [](char c) {
           return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '+';
         });
}

util::Result<std::string> sign_checkpoint(const Checkpoint& checkpoint,
                                          const crypto::Ed25519SecretKey& key) {
  if (!is_valid_origin(checkpoint.origin)) {
    return malformed("the origin is empty, too long or holds a blank or '+'");
  }
  std::string note = fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.size,
                                 util::to_base64(checkpoint.root));
  WARDER_ASSIGN_OR_RETURN(const crypto::Ed25519Signature signature, key.sign(util::as_bytes(note)));
  return note + '\n' + signature_line(checkpoint.origin, key.public_key(), signature);
}

std::string_view signed_part(std::string_view note) {
  const std::size_t gap = note.rfind("\n\n");
  return gap == std::string_view::npos ? note : note.substr(0, gap + 1);
}

std::string signature_line(std::string_view name, const crypto::Ed25519PublicKey& key,
                           const crypto::Ed25519Signature& signature) {
  const KeyId id = key_id(name, key);
  util::Bytes blob(id.begin(), id.end());
  blob.insert(blob.end(), signature.begin(), signature.end());
  return fmt::format("{}{} {}\n", kSignaturePrefix, name, util::to_base64(blob));
}

util::Result<Checkpoint> parse_checkpoint(std::string_view note) {
  WARDER_ASSIGN_OR_RETURN(const Note parts, split_note(note));
  return parse_body(parts.body);
}

util::Result<Checkpoint> open_checkpoint(std::string_view note,
                                         const crypto::Ed25519PublicKey& key) {
  WARDER_ASSIGN_OR_RETURN(const Note parts, split_note(note));
  WARDER_ASSIGN_OR_RETURN(Checkpoint checkpoint, parse_body(parts.body));
  WARDER_ASSIGN_OR_RETURN(const bool found, find_signature(parts, checkpoint.origin, key));
  if (!found) {
    return Error(ErrorCode::kDenied, "the checkpoint is not signed by this key");
  }
  return checkpoint;
}

std::string format_verifier_key(std::string_view name, const crypto::Ed25519PublicKey& key) {
  util::Bytes blob{kEd25519};
  blob.insert(blob.end(), key.bytes.begin(), key.bytes.end());
  return fmt::format("{}+{}+{}", name, util::to_hex(key_id(name, key)), util::to_base64(blob));
}

util::Result<VerifierKey> parse_verifier_key(std::string_view text) {
  const Error refused(ErrorCode::kInvalid,
                      "no verifier key; expected NAME+ID+KEY as the agent prints it");
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) {
    return refused;
  }
  VerifierKey result{std::string(text.substr(0, first)), {}};
  const auto blob = util::from_base64(text.substr(second + 1));
  if (!is_valid_origin(result.name) || !blob || blob->size() != result.key.bytes.size() + 1 ||
      blob->front() != kEd25519) {
    return refused;
  }
  std::copy(blob->begin() + 1, blob->end(), result.key.bytes.begin());
  if (util::to_hex(key_id(result.name, result.key)) != text.substr(first + 1, second - first - 1)) {
    return refused;
  }
  return result;
}

bool is_signed_by(std::string_view note, const VerifierKey& key) {
  const auto parts = split_note(note);
  const auto found =
      parts ? find_signature(*parts, key.name, key.key) : util::Result<bool>(parts.error());
  return found && *found;
}

}  // namespace warder::store
