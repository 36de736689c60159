#include "config/vault_path.h"
#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/oci_bucket.h"
#include "storage/s3_bucket.h"
#include "storage/sftp.h"

namespace warder::storage {
namespace {

using Where = std::optional<config::SecretReference>;

util::Result<crypto::SecretString> secret(const StorageParts& parts, const Where& where) {
  return where ? parts.resolve(*where) : util::Result<crypto::SecretString>(crypto::SecretString());
}

bool is_leased(const Where& where) { return where && config::is_vault_path(where->document); }

class FixedS3Key : public S3KeySource {
 public:
  explicit FixedS3Key(S3Key key) : key_(std::move(key)) {}
  util::Result<S3Key> current() override {
    return S3Key{key_.access.copy(), key_.secret.copy(), key_.session_token.copy()};
  }
  bool refused() override { return false; }

 private:
  const S3Key key_;
};

// Of keys that end with a lease; asked of memory, as long as the lease stands.
class LeasedS3Key : public S3KeySource {
 public:
  LeasedS3Key(const StorageOptions& options, const StorageParts& parts)
      : parts_(parts),
        access_(options.access_key),
        secret_(options.secret_key),
        session_token_(options.session_token) {}

  util::Result<S3Key> current() override {
    // Between two questions the lease may have been replaced: the parts of two keys fit nowhere.
    for (int attempt = 1;; ++attempt) {
      S3Key key;
      WARDER_ASSIGN_OR_RETURN(key.access, secret(parts_, access_));
      WARDER_ASSIGN_OR_RETURN(key.secret, secret(parts_, secret_));
      WARDER_ASSIGN_OR_RETURN(key.session_token, secret(parts_, session_token_));
      WARDER_ASSIGN_OR_RETURN(const crypto::SecretString after, secret(parts_, access_));
      if (after == key.access || attempt == kMostReadings) {
        return key;
      }
    }
  }
  bool refused() override {
    const auto doubt = [this](const Where& where) {
      if (where && config::is_vault_path(where->document)) {
        parts_.doubt(*where);  // all of one path: the second question costs nothing
      }
    };
    doubt(access_);
    doubt(secret_);
    doubt(session_token_);
    return true;
  }

 private:
  static constexpr int kMostReadings = 3;

  const StorageParts parts_;
  const Where access_;
  const Where secret_;
  const Where session_token_;
};

util::Result<std::unique_ptr<S3KeySource>> s3_keys(const StorageOptions& options,
                                                   const StorageParts& parts) {
  if (is_leased(options.access_key) || is_leased(options.secret_key) ||
      is_leased(options.session_token)) {
    return std::unique_ptr<S3KeySource>(std::make_unique<LeasedS3Key>(options, parts));
  }
  S3Key key;
  WARDER_ASSIGN_OR_RETURN(key.access, secret(parts, options.access_key));
  WARDER_ASSIGN_OR_RETURN(key.secret, secret(parts, options.secret_key));
  WARDER_ASSIGN_OR_RETURN(key.session_token, secret(parts, options.session_token));
  return std::unique_ptr<S3KeySource>(std::make_unique<FixedS3Key>(std::move(key)));
}

}  // namespace

util::Result<std::unique_ptr<Storage>> open_storage(const StorageOptions& options,
                                                    const StorageParts& parts,
                                                    const util::Clock& clock) {
  // What a kind needs was checked with the keys.
  switch (options.kind) {
    case Kind::kDirectory:
      return std::unique_ptr<Storage>(std::make_unique<Directory>(options.path, options.bandwidth));
    case Kind::kSftp: {
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString password, secret(parts, options.password));
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString key, secret(parts, options.key));
      return std::unique_ptr<Storage>(
          std::make_unique<Sftp>(SftpOptions{options.url,
                                             {std::move(password), std::move(key), options.key_file,
                                              options.host_key, options.known_hosts},
                                             options.bandwidth}));
    }
    case Kind::kS3: {
      WARDER_ASSIGN_OR_RETURN(std::unique_ptr<S3KeySource> keys, s3_keys(options, parts));
      return std::unique_ptr<Storage>(std::make_unique<S3Bucket>(
          S3Options{options.url, options.bucket, options.prefix, options.region, options.ca,
                    options.ca_file, options.bandwidth, options.part_size},
          std::move(keys), clock));
    }
    case Kind::kOci: {
      WARDER_ASSIGN_OR_RETURN(StorageParts::OciAccount account, parts.oci_account());
      return std::unique_ptr<Storage>(std::make_unique<OciBucket>(
          OciBucketOptions{options.bucket, options.prefix, options.object_namespace,
                           options.bandwidth, options.part_size},
          std::move(account.credentials), std::move(account.endpoints), account.http, clock));
    }
  }
  return util::Error(util::ErrorCode::kInternal, "unknown kind of storage");
}

}  // namespace warder::storage
