#pragma once

#include "crypto/secret.h"
#include "util/backoff.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/server_client.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

enum class LoginMethod { kToken, kAppRole, kKubernetes, kUserpass, kCertificate, kProxy };

// Reads a secret when it is needed, so that one that was replaced on disk is taken.
using SecretReader = std::function<util::Result<crypto::SecretString>()>;

struct LoginOptions {
  LoginMethod method = LoginMethod::kToken;
  // Where the method is mounted: "approle" for auth/approle.
  std::string mount;
  // kToken: the token. kAppRole: the SecretID, or a token that wraps it. kKubernetes: the JWT.
  // kUserpass: the password.
  SecretReader secret;
  // kAppRole: the RoleID; kKubernetes, kCertificate: the role; kUserpass: the user's name.
  std::string name;
  // kAppRole: `secret` gives a response-wrapping token, good for one use. What was in it is kept,
  // sealed with `keep_key`, in `keep_file` (nowhere when empty), and used again after a restart;
  // `delivered` is called when it was taken (to remove the used token).
  bool wrapped = false;
  // Must be exactly the creation path of the wrapping token; empty: any
  // auth/MOUNT/role/*/secret-id.
  std::string wrapped_path = {};
  std::filesystem::path keep_file = {};
  std::function<void()> delivered = {};
};

// The session at the vault: logs in when first needed, renews the token before it expires (at two
// thirds of its life, by chance somewhat later), logs in anew when it cannot be renewed any further
// or was revoked, and revokes at the end what it got itself. A login that is refused is not
// repeated at once: accounts get locked. It waits from 10 seconds up to 5 minutes.
//
// Thread safe. `client` and `clock` must outlive it.
class ServerLogin {
 public:
  ServerLogin(ServerClient& client, LoginOptions options, crypto::SecretString keep_key,
              const util::Clock& clock, std::uint64_t jitter_seed);
  ~ServerLogin();

  // The token to send, or an empty one where a proxy adds its own.
  util::Result<crypto::SecretString> token();
  // The vault refused this token: unless a newer one is there already, the next token() logs in.
  // False when that is pointless (a token that was given to us).
  bool refused(const crypto::SecretString& token);
  // Whether the vault takes this token: the difference between a bad token and a missing right.
  bool is_good(const crypto::SecretString& token);

  // Renews or logs in where it is time to; call it again after what it gives (at most `longest`).
  std::chrono::milliseconds upkeep(std::chrono::milliseconds longest);
  // Revokes the token if we logged in ourselves, and with it the leases it made; else these alone,
  // as far as a few seconds go. Nothing can be asked afterwards.
  void end(const std::vector<std::string>& leases);

  // How many sessions there have been; another number after each login.
  std::uint64_t sessions() const { return sessions_; }
  // "approle guard (policies default, warder)", for the operator.
  std::string identity() const;
  // When the token ends; empty: never, or not known.
  std::optional<util::WallTime> expires() const;

 private:
  util::Status log_in(bool* own);
  util::Status adopt_given_token();
  void use(const nlohmann::json& auth, crypto::SecretString token, bool own);
  void schedule(std::uint64_t lease_seconds, bool renewable);
  void renew();
  util::Result<Call> login_call();
  util::Result<crypto::SecretString> secret_id();
  util::Result<crypto::SecretString> unwrap(const crypto::SecretString& wrapping);
  util::Status keep(const crypto::SecretString& secret_id) const;
  util::Result<crypto::SecretString> kept() const;
  std::string_view method_name() const;

  ServerClient& client_;
  const LoginOptions options_;
  const crypto::SecretString keep_key_;
  const util::Clock& clock_;
  // Held over the calls of a login or renewal: others want its outcome anyway.
  mutable std::mutex mutex_;
  crypto::SecretString secret_id_;  // guarded by mutex_, as all below
  crypto::SecretString token_;
  bool own_ = false;
  bool ended_ = false;
  std::string policies_;
  std::string name_;
  std::optional<util::MonotonicTime> renew_at_;
  std::optional<util::MonotonicTime> ends_;
  std::chrono::milliseconds too_short_{0};
  std::optional<util::WallTime> ends_wall_;
  bool renewable_ = false;
  std::optional<util::MonotonicTime> hold_until_;
  std::optional<util::Error> hold_error_;
  util::Backoff login_backoff_;
  util::Backoff renew_backoff_;
  std::uint64_t jitter_;
  std::atomic<std::uint64_t> sessions_{0};
};

}  // namespace warder::vault
