#pragma once

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"
#include "crypto/secret.h"
#include "http/client.h"
#include "oci/credentials.h"
#include "oci/endpoints.h"
#include "storage/storage.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace warder::storage {

enum class Kind : std::uint8_t { kDirectory, kSftp, kS3, kOci };

// [storage NAME]: a place outside this host.
struct StorageOptions {
  std::string name;
  Kind kind = Kind::kDirectory;
  std::filesystem::path path;    // kDirectory
  std::string url;               // kSftp: sftp://user@host[:port]/folder; kS3: https://host[:port]
  std::string bucket;            // kS3, kOci
  std::string prefix;            // of the names in the bucket
  std::string region;            // kS3
  std::string object_namespace;  // kOci; empty: asked
  std::optional<config::SecretReference> access_key;     // kS3
  std::optional<config::SecretReference> secret_key;     // kS3
  std::optional<config::SecretReference> session_token;  // kS3, of temporary keys
  std::optional<config::SecretReference> password;       // kSftp, or of its key file
  std::optional<config::SecretReference> key;            // kSftp: the private key itself
  std::filesystem::path key_file;                        // kSftp
  std::string host_key;                                  // kSftp: lines of a known_hosts
  std::filesystem::path known_hosts;                     // kSftp
  std::string ca;                                        // kS3: certificates in PEM
  std::filesystem::path ca_file;                         // kS3
  util::ByteCount bandwidth;                             // a second; 0: no limit
  util::ByteCount part_size;                             // of multipart uploads
};

const config::Table& storage_table();
StorageOptions storage_options(const config::Values& values, config::Diagnostics& diagnostics);

// What a storage needs from other parts.
struct StorageParts {
  // Of what ends with a lease (vault:/PATH/KEY) it is asked again for each use.
  std::function<util::Result<crypto::SecretString>(const config::SecretReference&)> resolve;
  // The service refused what `resolve` gave, which ends with a lease. The next call may give what
  // still stands.
  std::function<void(const config::SecretReference&)> doubt;
  // Asked for kOci only.
  struct OciAccount {
    std::unique_ptr<oci::Credentials> credentials;
    oci::Endpoints endpoints;
    http::ClientOptions http;
  };
  std::function<util::Result<OciAccount>()> oci_account;
};

// Opens it; a place in the network is not asked yet. `clock` must outlive it.
util::Result<std::unique_ptr<Storage>> open_storage(const StorageOptions& options,
                                                    const StorageParts& parts,
                                                    const util::Clock& clock);

}  // namespace warder::storage
