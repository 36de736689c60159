#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/result.h"
#include "vault/provider.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

namespace warder::vault {

struct FileVaultOptions {
  // Versions kept of each document; older ones are dropped when a new one is written.
  std::size_t versions = 10;
  // How long a writer waits for another one.
  std::chrono::milliseconds lock_wait{5000};
  // Remembers the highest generation of the vault file that was ever seen, so that an older copy
  // put in its place is noticed (kConflict). Keep it in another folder than the vault, one that
  // the writer of the vault file cannot write. Empty: noticed only while this process lives.
  std::filesystem::path mark = {};
};

// The embedded provider: all documents with their versions in one file, sealed with AES-256-GCM
// (README.md has the layout). Every call reads the file, so several processes can use one vault
// and no document stays in memory; every write replaces it in one step under a lock file
// (`<vault>.lock`). Kept as it was on any failure. Owner and mode of the file are kept, so that
// root can write to a vault that belongs to the agent's user.
//
// A changed, cut or spliced file is refused as a whole. An older copy of the file is refused when
// its generation is below the highest one seen (options.mark). Not noticed: an attacker who puts
// back vault and mark together, or who replaces the vault before this host saw the newer one.
//
// Thread safe: calls of one object are serialised.
class FileVault : public Provider {
 public:
  // A new empty vault file, mode 0600; made by root it belongs to the owner of its folder.
  // kConflict when it exists.
  static util::Result<std::unique_ptr<FileVault>> create(const std::filesystem::path& path,
                                                         crypto::SecretString key,
                                                         FileVaultOptions options,
                                                         const util::Clock& clock);
  // Checks that the file opens with this key. `clock` must outlive the vault.
  static util::Result<std::unique_ptr<FileVault>> open(const std::filesystem::path& path,
                                                       crypto::SecretString key,
                                                       FileVaultOptions options,
                                                       const util::Clock& clock);

  std::string_view kind() const override { return "file"; }
  util::Result<Document> get(std::string_view name,
                             std::optional<std::uint64_t> version = {}) override;
  util::Result<std::uint64_t> put(std::string_view name, const crypto::SecretString& content,
                                  const PutOptions& options) override;
  util::Result<std::vector<DocumentInfo>> list() override;
  util::Result<std::vector<VersionInfo>> history(std::string_view name) override;
  util::Status remove(std::string_view name) override;
  util::Result<Health> health() override;
  std::optional<std::filesystem::path> watched_file() const override { return path_; }

  // Seals the same documents with another key. Store the new key first: after this call the old
  // one opens nothing.
  util::Status rekey(crypto::SecretString new_key);

 private:
  struct Loaded;

  FileVault(std::filesystem::path path, crypto::SecretString key, FileVaultOptions options,
            const util::Clock& clock);
  util::Result<Loaded> read();
  util::Status write(Loaded* loaded);
  util::Status note_generation(std::uint64_t generation, std::optional<util::FileOwner> owner);

  const std::filesystem::path path_;
  const FileVaultOptions options_;
  const util::Clock& clock_;
  std::mutex mutex_;
  crypto::SecretString key_;        // guarded by mutex_
  std::uint64_t highest_seen_ = 0;  // guarded by mutex_
};

}  // namespace warder::vault
