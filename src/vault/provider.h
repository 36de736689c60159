#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/patience.h"
#include "vault/provider_notice.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// One version of a document, read in full. Owns its content.
struct Document {
  crypto::SecretString content;
  std::uint64_t version = 0;  // from 1 upwards, never used twice for one name
  util::WallTime time{};      // when this version was written
};

// What may be told about a version: never its content.
struct VersionInfo {
  std::uint64_t version = 0;
  util::WallTime time{};
  std::uint64_t size = 0;
  std::string author;    // who wrote it, as the provider knows it; may be empty
  std::string comment;   // why, as given by the writer; may be empty
  bool readable = true;  // false: the provider keeps the record but not the content
};

struct DocumentInfo {
  std::string name;
  VersionInfo latest;
};

struct PutOptions {
  // Write only if this is the newest version now (0: the document must not exist); otherwise
  // kConflict. Empty: whatever is there.
  std::optional<std::uint64_t> expected_version = {};
  std::string author = {};
  std::string comment = {};
};

struct Health {
  bool ready = false;
  std::string text;  // one sentence for the operator
};

// Where documents and secrets come from. Providers: `file` (file_vault.h), and behind the same
// seam `vault` (HashiCorp Vault, OpenBao) and `oci`.
//
// Errors by code, the same for all providers: kNotFound (no such document or version), kInvalid
// (bad name, content that is damaged or not sealed with our key), kDenied (no permission),
// kConflict (expected_version does not fit, another writer, an older state than seen before),
// kUnavailable and kTimeout (away for now: the cache answers), kIo. Texts never hold content.
// Thread safe. Calls may block for the provider's time limit; never call them on the line path.
class Provider {
 public:
  static constexpr std::size_t kLongestName = 128;
  static constexpr std::size_t kLongestContent = std::size_t{1} << 20U;

  virtual ~Provider() = default;

  // "file", "vault", "oci".
  virtual std::string_view kind() const = 0;

  // Some providers also read what they make for whoever asks, by a path with '/' before it
  // (config/vault_path.h).
  virtual util::Result<Document> get(std::string_view name,
                                     std::optional<std::uint64_t> version = {}) = 0;
  // The new version number.
  virtual util::Result<std::uint64_t> put(std::string_view name,
                                          const crypto::SecretString& content,
                                          const PutOptions& options) = 0;
  // In order of the names.
  virtual util::Result<std::vector<DocumentInfo>> list() = 0;
  // Newest first.
  virtual util::Result<std::vector<VersionInfo>> history(std::string_view name) = 0;
  // All versions, for good. A later put() goes on counting where this document ended.
  virtual util::Status remove(std::string_view name) = 0;
  virtual util::Result<Health> health() = 0;

  // The newest version, as cheaply as the provider can tell it; kNotFound as get().
  virtual util::Result<std::uint64_t> version(std::string_view name);
  // Takes the newest version away so that undelete() brings it back. kInvalid where a provider
  // cannot do that.
  virtual util::Status retract(std::string_view name);
  virtual util::Status undelete(std::string_view name);

  // Somebody was refused with a secret of this document or path: where the provider made it, it
  // looks whether it still stands, and the next get() gives what does.
  virtual void doubt(std::string_view /*name*/) {}

  // Keeps the session with the provider alive (renews a token); call it again after what it gives,
  // at most `longest`.
  virtual std::chrono::milliseconds upkeep(std::chrono::milliseconds longest) { return longest; }
  // Why the last call failed, where the provider knows it better than the error's code tells.
  virtual std::optional<Failure> last_failure() const { return std::nullopt; }
  // What happened to the provider itself since the last call, as far as it can tell. One thread.
  virtual std::vector<ProviderNotice> news() { return {}; }
  // Ends running calls and lets later ones fail, at once. For shutdown.
  virtual void stop() {}

  // A local file whose replacement means that documents may have changed, if there is one: the
  // watcher then need not ask.
  virtual std::optional<std::filesystem::path> watched_file() const { return std::nullopt; }
};

// A document's name: 1 to kLongestName characters of a-z, 0-9, '.', '_', '-' and '/'; each part
// between '/' begins with a letter or digit. kInvalid says which rule is broken.
util::Status check_name(std::string_view name);

}  // namespace warder::vault
