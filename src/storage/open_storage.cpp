#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/oci_bucket.h"
#include "storage/s3_bucket.h"
#include "storage/sftp.h"

namespace warder::storage {

util::Result<std::unique_ptr<Storage>> open_storage(const StorageOptions& options,
                                                    const StorageParts& parts,
                                                    const util::Clock& clock) {
  // Empty where none is configured; what a kind needs was checked with the keys.
  const auto secret = [&](const std::optional<config::SecretReference>& where) {
    return where ? parts.resolve(*where)
                 : util::Result<crypto::SecretString>(crypto::SecretString());
  };
  switch (options.kind) {
    case Kind::kDirectory:
      return std::unique_ptr<Storage>(std::make_unique<Directory>(options.path, options.bandwidth));
    case Kind::kSftp: {
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString password, secret(options.password));
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString key, secret(options.key));
      return std::unique_ptr<Storage>(
          std::make_unique<Sftp>(SftpOptions{options.url,
                                             {std::move(password), std::move(key), options.key_file,
                                              options.host_key, options.known_hosts},
                                             options.bandwidth}));
    }
    case Kind::kS3: {
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString access, secret(options.access_key));
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString key, secret(options.secret_key));
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString token, secret(options.session_token));
      return std::unique_ptr<Storage>(std::make_unique<S3Bucket>(
          S3Options{options.url, options.bucket, options.prefix, options.region, std::move(access),
                    std::move(key), std::move(token), options.ca, options.ca_file,
                    options.bandwidth, options.part_size},
          clock));
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
