#pragma once

#include "backup/stamp.h"
#include "backup/streams.h"
#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::backup {

// Which passphrase encrypts a backup; never the passphrase.
struct KeyId {
  std::string reference;      // "vault:backup/passphrase", "transit:backups"
  std::uint64_t version = 0;  // of the document or transit key; 0 where there are none
  std::string wrapped;        // of a data key: what the vault opens
  friend bool operator==(const KeyId&, const KeyId&) = default;
};

// What was in the database when it was copied.
struct DatabaseFacts {
  std::string path;                 // where it lay
  std::uint64_t bytes = 0;          // of the copy
  std::int64_t schema_version = 0;  // PRAGMA schema_version
  std::int64_t user_version = 0;
  std::string schema_sha256;                  // of all CREATE statements, in order of type and name
  std::uint64_t broken_references = 0;        // rows that PRAGMA foreign_key_check names
  std::map<std::string, std::uint64_t> rows;  // by table
  friend bool operator==(const DatabaseFacts&, const DatabaseFacts&) = default;
};

struct BackupFile {
  Format format = Format::kBinary;
  std::string name;
  Encryption encryption = Encryption::kOpenPgp;
  Digest plain;   // unpacked: the SQL text, the database file, the tar archive
  Digest stored;  // the file as it lies on disk
  friend bool operator==(const BackupFile&, const BackupFile&) = default;
};

// The agent's history when the backup was made: a restored one must not be older than this.
struct HistoryMark {
  std::string origin;
  std::uint64_t size = 0;
  std::string root;  // base64, as in the checkpoint
  friend bool operator==(const HistoryMark&, const HistoryMark&) = default;
};

struct Proof {
  util::WallTime time{};
  double seconds = 0;  // what restoring took
  friend bool operator==(const Proof&, const Proof&) = default;
};

// Everything known of one backup, written beside its files. README.md of this folder has the bytes.
struct Manifest {
  std::string name;
  std::string host;
  Stamp stamp;
  std::string tool;  // "warder 0.4.0"
  std::optional<DatabaseFacts> database;
  std::vector<std::string> paths;  // that a full backup was asked for
  std::vector<BackupFile> files;
  std::optional<KeyId> key;  // empty when nothing is encrypted
  std::optional<HistoryMark> history;
  std::optional<Proof> proof;  // each file was restored and compared before it got its name
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// The text of the file. With a passphrase it is sealed: an HMAC-SHA256 under a key derived from the
// passphrase (PBKDF2, 600,000 rounds, so that the seal is no quicker to guess at than the backup
// itself) covers everything else in it.
util::Result<std::string> write_manifest(const Manifest& manifest,
                                         const crypto::SecretString* passphrase);

inline constexpr std::size_t kLongestManifest = std::size_t{4} << 20U;

// A manifest as read: not to be believed before its seal was checked, if it has one.
struct ReadManifest {
  Manifest manifest;
  // Null when nothing is encrypted.
  const KeyId* key() const { return manifest.key ? &*manifest.key : nullptr; }
  std::string sha256;  // of the whole text, in hex
  bool sealed = false;
  std::string sealed_text;  // what the seal covers
  std::string salt;         // raw
  std::uint32_t iterations = 0;
  std::string mac;  // raw

  // kDenied: made with another passphrase, or changed since.
  util::Status check_seal(const crypto::SecretString& passphrase) const;
};

// kInvalid says what is wrong with it. File names are checked to be those that write_manifest()
// gives, so that none leads out of the folder.
util::Result<ReadManifest> read_manifest(std::string_view text);

}  // namespace warder::backup
