#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/oci_bucket.h"
#include "storage/s3_bucket.h"
#include "storage/sftp.h"

namespace warder::storage {

util::Result<std::unique_ptr<Storage>> open_storage(const StorageOptions& options,
                                                    const StorageParts& parts,
                                                    const util::Clock& clock) {
  switch (options.kind) {
    case Kind::kDirectory:
      return std::unique_ptr<Storage>(std::make_unique<Directory>(options.path, options.bandwidth));
    case Kind::kSftp: {
      crypto::SecretString password;
      if (options.password) {
        WARDER_ASSIGN_OR_RETURN(password, parts.resolve(*options.password));
      }
      crypto::SecretString key;
      if (options.key) {
        WARDER_ASSIGN_OR_RETURN(key, parts.resolve(*options.key));
      }
      return std::unique_ptr<Storage>(
          std::make_unique<Sftp>(SftpOptions{options.url,
                                             {std::move(password), std::move(key), options.key_file,
                                              options.host_key, options.known_hosts},
                                             options.bandwidth}));
    }
    case Kind::kS3: {
      if (!options.access_key || !options.secret_key) {
        return util::Error(util::ErrorCode::kInvalid, "kind = s3 needs access_key and secret_key");
      }
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString access, parts.resolve(*options.access_key));
      WARDER_ASSIGN_OR_RETURN(crypto::SecretString key, parts.resolve(*options.secret_key));
      crypto::SecretString token;
      if (options.session_token) {
        WARDER_ASSIGN_OR_RETURN(token, parts.resolve(*options.session_token));
      }
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
