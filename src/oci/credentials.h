#pragma once

#include "crypto/rsa.h"
#include "oci/config_file.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace warder::oci {

// Who signs: a key and the name under which the service knows it. The two belong together and are
// handed out together. The name of a token is as secret as the key.
struct Identity {
  std::string key_id;
  std::shared_ptr<const crypto::RsaPrivateKey> key;
};

// Where the identity comes from. Thread safe. Calls may read files or, for the instance's own
// identity (vault/oci_instance.h), ask the network; never on the line path.
class Credentials {
 public:
  virtual ~Credentials() = default;

  // The identity to sign the next request with, renewed when it is about to end.
  virtual util::Result<Identity> current() = 0;
  // A service answered 401: makes the identity anew if that can help. False when there is nothing
  // newer, so that trying again would only repeat the refusal.
  virtual util::Result<bool> renew() = 0;

  // "API key", "security token", "instance principal": for messages.
  virtual std::string_view kind() const = 0;
  // Empty when these credentials do not say.
  virtual std::string tenancy() const = 0;
};

// A private key from a file that nobody else may read. kDenied when the group or others can, with
// the command that mends it; kNotFound, kInvalid.
util::Result<crypto::RsaPrivateKey> load_private_key(const std::filesystem::path& path,
                                                     const crypto::SecretString& passphrase);

// An API key: `tenancy/user/fingerprint`. The key file is read again by renew(), since it may have
// been rotated.
class ApiKey : public Credentials {
 public:
  // Errors of load_private_key().
  static util::Result<std::unique_ptr<ApiKey>> create(Profile profile);

  util::Result<Identity> current() override;
  util::Result<bool> renew() override;
  std::string_view kind() const override { return "API key"; }
  std::string tenancy() const override { return profile_.tenancy; }

 private:
  explicit ApiKey(Profile profile, Identity identity);

  const Profile profile_;
  std::mutex mutex_;
  Identity identity_;  // guarded by mutex_
};

// The identity of another cloud resource (a function, a container instance), version 2.2: what the
// platform puts into the environment. A value that is an absolute path names a file that the
// platform rewrites.
class ResourcePrincipal : public Credentials {
 public:
  struct Variables {
    std::string version = {};     // OCI_RESOURCE_PRINCIPAL_VERSION
    std::string token = {};       // OCI_RESOURCE_PRINCIPAL_RPST
    std::string key = {};         // OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM
    std::string passphrase = {};  // OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE
    std::string region = {};      // OCI_RESOURCE_PRINCIPAL_REGION
  };
  static util::Result<std::unique_ptr<ResourcePrincipal>> create(Variables variables,
                                                                 const util::Clock& clock);

  util::Result<Identity> current() override;
  util::Result<bool> renew() override;
  std::string_view kind() const override { return "resource principal"; }
  std::string tenancy() const override;

 private:
  ResourcePrincipal(Variables variables, const util::Clock& clock)
      : variables_(std::move(variables)), clock_(clock) {}
  util::Status load();  // with mutex_

  const Variables variables_;
  const util::Clock& clock_;
  mutable std::mutex mutex_;
  Identity identity_;      // guarded by mutex_
  std::string tenancy_;    // guarded by mutex_
  util::WallTime ends_{};  // guarded by mutex_
};

// What a token (a JWT, RFC 7519) says of itself; its signature is not checked, since the service
// does that. kInvalid when it is none.
struct TokenClaims {
  util::WallTime issued{};  // the epoch when it does not say
  util::WallTime ends{};
  std::string tenancy = {};  // claim `res_tenant` or `tenant`; empty when it does not say
};
util::Result<TokenClaims> read_token(std::string_view token);

// When a token should be renewed: at half of its life, at the latest five minutes before its end.
util::WallTime renewal_time(const TokenClaims& claims);

}  // namespace warder::oci
