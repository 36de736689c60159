#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/audit_devices.h"
#include "vault/leases.h"
#include "vault/provider.h"
#include "vault/server_client.h"
#include "vault/server_login.h"
#include "vault/server_state.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace warder::vault {

struct ServerVaultOptions {
  ServerConnection connection;
  LoginOptions login;
  // Where documents lie: MOUNT/PREFIX/NAME. Which part is the mount and whether it is KV version 1
  // or 2 is asked (sys/internal/ui/mounts); an identity that may not ask gets what stands here.
  std::string mount = "secret";
  std::string prefix = "warder";
  std::optional<int> kv_version = {};
  // Of a wrapped SecretID that is kept (LoginOptions::keep_file).
  crypto::SecretString keep_key = {};
  // Its `vault` is set here.
  AuditDeviceOptions audit_devices = {};
};

// Documents in HashiCorp Vault or OpenBao: each is one secret of a KV mount, its content the JSON
// object of that secret, so that the vault's own tools read and write it as well. The content comes
// back as the vault keeps it: the same values, members in order of their names.
//
// KV v2: versions are the vault's. Who wrote one and why stands in the secret's custom metadata
// ("by.3": "alice: why"), where the identity may write that. remove() destroys all versions and
// keeps the metadata, so that counting goes on. KV v1 has no versions: the version is a number made
// of the content, history() knows the present one only, expected_version is kInvalid.
//
// A name that begins with '/' is a path of the vault's own, whose answer is made for us and ends
// with its lease (leases.h); these can only be read.
//
// A login or quota that is refused is not asked again before its time; everything else is left to
// the cache and the watcher. Nothing is asked before the first call. Thread safe. `clock` must
// outlive it.
class ServerVault : public Provider {
 public:
  ServerVault(ServerVaultOptions options, const util::Clock& clock, std::uint64_t jitter_seed);
  // Revokes the session, if it was ours and with it all leases, else these alone, within a few
  // seconds.
  ~ServerVault() override;

  std::string_view kind() const override { return "vault"; }
  util::Result<Document> get(std::string_view name,
                             std::optional<std::uint64_t> version = {}) override;
  util::Result<std::uint64_t> put(std::string_view name, const crypto::SecretString& content,
                                  const PutOptions& options) override;
  util::Result<std::vector<DocumentInfo>> list() override;
  util::Result<std::vector<VersionInfo>> history(std::string_view name) override;
  util::Status remove(std::string_view name) override;
  util::Result<Health> health() override;
  util::Result<std::uint64_t> version(std::string_view name) override;
  util::Status retract(std::string_view name) override;
  util::Status undelete(std::string_view name) override;
  void doubt(std::string_view name) override;
  std::chrono::milliseconds upkeep(std::chrono::milliseconds longest) override;
  std::vector<ProviderNotice> news() override;
  std::optional<Failure> last_failure() const override { return client_.last_failure(); }
  void stop() override;

  // Where documents lie, as found out.
  struct Place {
    std::string mount;   // "secret"
    std::string prefix;  // "warder"; may be empty
    int kv_version = 2;
  };
  util::Result<Place> place();

  // Any other call with the session's token: logs in first; a 403 with a token that is no longer
  // good is tried once more with a new one. The token of `call` is set here.
  Answer ask(Call call);
  // The session's token, for a transfer that is too large for an Answer. Logs in first.
  util::Result<crypto::SecretString> session_token() { return login_.token(); }
  // "approle guard (policies ...)".
  std::string identity() const { return login_.identity(); }
  std::optional<util::WallTime> session_expires() const { return login_.expires(); }
  // How far the server's clock is ahead of ours, of the last health().
  std::optional<std::chrono::seconds> clock_difference() const;
  // How many credentials with a lease are held.
  std::size_t leases() const { return leases_.held().size(); }
  const ServerConnection& connection() const { return client_.options(); }

 private:
  util::Result<std::string> path(std::string_view kind, std::string_view name);
  util::Result<SecretJson> metadata(std::string_view name);
  util::Status on_versions(std::string_view verb, std::string_view name, bool all);
  void sign(std::string_view name, std::uint64_t version, const PutOptions& options);
  util::Status collect(const std::string& folder, unsigned depth, std::vector<std::string>* names);

  const ServerVaultOptions options_;
  const util::Clock& clock_;
  ServerClient client_;
  ServerLogin login_;
  Leases leases_;
  ServerState state_;  // of the thread that calls news()
  mutable std::mutex mutex_;
  std::optional<Place> place_;                              // guarded by mutex_
  std::optional<util::MonotonicTime> quiet_until_;          // guarded by mutex_: a quota is used up
  std::string quiet_text_;                                  // guarded by mutex_
  std::optional<std::chrono::seconds> clock_difference_{};  // guarded by mutex_
};

}  // namespace warder::vault
