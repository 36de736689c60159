#include "backup/vault_passphrases.h"

#include "config/secret_reference.h"
#include "log/log.h"
#include "vault/reference.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::backup {
namespace {

using config::SecretReference;
using util::Error;
using util::ErrorCode;

constexpr std::size_t kMostVersions = 50;
// What a data key is wrapped for: nobody makes this host open another's.
constexpr std::string_view kPurpose = "warder backup";

}  // namespace

util::Result<Passphrase> VaultPassphrases::read(const SecretReference& reference,
                                                std::optional<std::uint64_t> version) {
  std::uint64_t found = 0;
  const vault::DocumentSource source = [&](std::string_view name) -> util::Result<vault::Document> {
    if (parts_.trouble) {
      return *parts_.trouble;
    }
    if (parts_.provider == nullptr) {
      return Error(ErrorCode::kUnavailable, "no vault is set up");
    }
    auto document = parts_.provider->get(name, version);
    if (document) {
      found = document->version;
    } else {
      note(document.error());
    }
    return document;
  };
  WARDER_ASSIGN_OR_RETURN(crypto::SecretString text, vault::resolve(reference, source));
  return Passphrase{{reference.to_string(), found, {}}, std::move(text)};
}

void VaultPassphrases::note(const Error& error) {
  if (error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout) {
    parts_.trouble = error;
  }
}

util::Result<Passphrase> VaultPassphrases::current() {
  if (!parts_.data_key.empty()) {
    if (parts_.trouble) {
      return *parts_.trouble;
    }
    if (parts_.transit == nullptr) {
      return Error(ErrorCode::kInvalid,
                   "data_key needs Vault or OpenBao ([vault] provider = vault)");
    }
    WARDER_ASSIGN_OR_RETURN(
        const vault::DataKey key,
        parts_.transit->make_data_key(parts_.data_key, util::as_bytes(kPurpose)));
    // As text, so that gpg can be given it.
    std::string text = util::to_hex(key.key.bytes());
    crypto::SecretString passphrase = crypto::SecretString::take(std::move(text));
    log::register_secret(passphrase.view());
    return Passphrase{
        {std::string(kTransitReference) + parts_.data_key, key.key_version, key.wrapped},
        std::move(passphrase)};
  }
  if (!parts_.reference) {
    return Error(ErrorCode::kInvalid, "the configuration names no passphrase");
  }
  return read(*parts_.reference, {});
}

void VaultPassphrases::add_versions(const SecretReference& reference, const KeyId& id,
                                    std::vector<Passphrase>& all) {
  const auto add = [&](std::optional<std::uint64_t> version) {
    if (auto found = read(reference, version)) {
      all.push_back(std::move(*found));
    }
  };
  if (reference.kind != SecretReference::Kind::kVault) {
    add({});
    return;
  }
  if (parts_.provider == nullptr || parts_.trouble) {
    return;
  }
  if (id.version > 0) {
    add(id.version);
  }
  if (parts_.trouble) {
    return;
  }
  const auto history = parts_.provider->history(reference.document);
  if (!history) {
    add({});
    return;
  }
  std::size_t asked = 0;
  for (const vault::VersionInfo& info : *history) {
    if (info.readable && info.version != id.version && ++asked <= kMostVersions) {
      add(info.version);
    }
  }
}

util::Result<std::vector<Passphrase>> VaultPassphrases::candidates(const KeyId& id) {
  std::vector<Passphrase> all;
  if (!parts_.given.empty()) {
    all.push_back({id, parts_.given.copy()});
  }
  if (id.reference.starts_with(kTransitReference)) {
    if (parts_.transit != nullptr && !parts_.trouble) {
      const std::string name = id.reference.substr(kTransitReference.size());
      const auto key = parts_.transit->open_data_key(name, id.wrapped, util::as_bytes(kPurpose));
      if (!key) {
        note(key.error());
        if (all.empty() && !parts_.trouble) {
          return key.error();
        }
      }
      if (key) {
        std::string text = util::to_hex(key->bytes());
        all.push_back({id, crypto::SecretString::take(std::move(text))});
        log::register_secret(all.back().text.view());
      }
    }
  } else {
    const auto named = config::parse_secret_reference(id.reference);
    if (named) {
      add_versions(*named, id, all);
    }
    if (parts_.reference && (!named || !(*named == *parts_.reference))) {
      add_versions(*parts_.reference, id, all);
    }
  }
  if (all.empty() && parts_.trouble) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("the passphrase {} version {} cannot be had now: {}", id.reference,
                             id.version, parts_.trouble->message()));
  }
  if (all.empty()) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("nothing gives the passphrase {} version {} any more: no version of "
                             "the vault's document has it, and the configuration names no other",
                             id.reference, id.version));
  }
  return all;
}

}  // namespace warder::backup
