#pragma once

#include "crypto/ed25519.h"
#include "files/baseline.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace warder::files {

// A seal with a real key, in a form of its own: "name size root signature". `number` names the key.
inline Seal testing_seal(std::uint8_t number = 1) {
  const auto key = std::make_shared<const crypto::Ed25519SecretKey>(
      crypto::Ed25519SecretKey::from_bytes(util::Bytes(32, number)).value());
  const auto body = [](std::string_view name, std::uint64_t entries,
                       const crypto::merkle::Hash& root) {
    return fmt::format("{} {} {}", name, entries, util::to_hex(root));
  };
  Seal seal;
  seal.sign = [key, body](std::string_view name, std::uint64_t entries,
                          const crypto::merkle::Hash& root) -> util::Result<std::string> {
    const std::string text = body(name, entries, root);
    WARDER_ASSIGN_OR_RETURN(const crypto::Ed25519Signature signature,
                            key->sign(util::as_bytes(text)));
    return fmt::format("{} {}\n", text, util::to_hex(signature));
  };
  seal.open = [key](std::string_view name, std::string_view note) -> util::Result<Seal::Signed> {
    const auto refused = [](const char* why) { return util::Error(util::ErrorCode::kDenied, why); };
    const std::size_t blank = note.rfind(' ');
    const std::vector<std::string_view> words =
        note.empty() ? std::vector<std::string_view>() : util::split_words(note);
    if (blank == std::string_view::npos || words.size() != 4) {
      return refused("it is no note");
    }
    const auto bytes = util::from_hex(words[3]);
    crypto::Ed25519Signature signature{};
    if (!bytes || bytes->size() != signature.size()) {
      return refused("it is no note");
    }
    std::copy(bytes->begin(), bytes->end(), signature.begin());
    if (!key->public_key().verify(util::as_bytes(note.substr(0, blank)), signature)) {
      return refused("it is signed by another key");
    }
    if (words[0] != name) {
      return refused("it is signed for something else");
    }
    Seal::Signed sealed;
    sealed.entries = std::stoull(std::string(words[1]));
    const auto root = util::from_hex(words[2]);
    std::copy(root->begin(), root->end(), sealed.root.begin());
    return sealed;
  };
  return seal;
}

}  // namespace warder::files
