#pragma once

#include "backup/keys.h"
#include "config/check.h"
#include "config/layer.h"
#include "crypto/secret.h"
#include "util/result.h"
#include "vault/provider.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

// What a restore on an empty machine needs beside the vault's identity: where the backups lie and
// what opens them, kept in the vault itself, in the document `recovery`:
//
//   {"web-1": {"backup vaultwarden": {"storage": "offsite",
//                                     "passphrase": "vault:settings/backup_passphrase", ...},
//              "storage offsite": {"kind": "s3", "url": "https://s3.example.org", ...}},
//    "web-2": {...}}
//
// A member a host; in it the sections of its configuration, as any document has them. It holds
// references to secrets, never one.
namespace warder::backup {

inline constexpr std::string_view kRecoveryDocument = "recovery";

// What one host has to say there.
struct RecoveryEntry {
  nlohmann::json sections = nlohmann::json::object();
  // What would lack on an empty machine all the same, each with its remedy: a secret in a file of
  // this host, a set without a storage.
  std::vector<std::string> lacking;
};

// Of the sections [backup NAME] in `sets` and the sections [storage NAME] they ask for. Files that
// hold no secret (known_hosts, ca_file) become part of it, so they are read here.
RecoveryEntry recovery_entry(const config::Checked& checked, const std::vector<SetOptions>& sets);

// The part of an entry that one set needs.
nlohmann::json recovery_part(const nlohmann::json& sections, const SetOptions& set);

// What the vault holds of `host`; a JSON null when that is nothing. kInvalid: the document is none
// of this form.
util::Result<nlohmann::json> published_entry(vault::Provider& vault, std::string_view host);

// Puts it there, beside what other hosts have there. The version of the document, 0 when it held
// exactly that already. kConflict when somebody else wrote at the same time.
util::Result<std::uint64_t> publish_entry(vault::Provider& vault, std::string_view host,
                                          const RecoveryEntry& entry, std::string_view author);

// One host's sections, out of the document.
struct Recovery {
  std::string host;
  config::Layer layer;
};
// Of `wanted`, or when that is empty: of `own`, this machine's name, else of the only host there.
// kNotFound says which hosts there are; kInvalid all that is wrong.
util::Result<Recovery> read_recovery(std::string_view document, std::string_view wanted,
                                     std::string_view own);
// Those of all hosts.
util::Result<std::vector<Recovery>> read_recoveries(std::string_view document);

}  // namespace warder::backup
