#pragma once

#include "http/client.h"
#include "oci/credentials.h"
#include "oci/endpoints.h"
#include "storage/storage.h"
#include "storage/transfer.h"
#include "util/bytes.h"
#include "util/clock.h"

#include <map>
#include <memory>
#include <string>

namespace warder::storage {

struct OciBucketOptions {
  std::string bucket;
  std::string prefix;
  std::string object_namespace;  // empty: asked when first needed
  util::ByteCount bandwidth;
  util::ByteCount part_size;
};

// A bucket of Oracle Object Storage. A file larger than a part is sent in parts; parts that a
// broken upload has left there with this file's digests are not sent again. Redirects are not
// followed: a signature is bound to host and path. `clock` must outlive it.
class OciBucket : public Storage {
 public:
  OciBucket(OciBucketOptions options, std::unique_ptr<oci::Credentials> credentials,
            oci::Endpoints endpoints, const http::ClientOptions& http, const util::Clock& clock);

  std::string describe() const override;
  util::Result<std::vector<Object>> list(std::string_view prefix) override;
  util::Status put(const std::filesystem::path& file, std::string_view name,
                   const Progress& progress) override;
  util::Status get(std::string_view name, util::ByteSink& sink) override;
  util::Status remove(std::string_view name) override;
  // By the bucket's retention rules, of which the one that holds most counts.
  util::Result<Protection> protection() override;

 private:
  struct Call {
    std::string method = "GET";
    std::string path = {};  // behind the bucket, encoded: "/o/name"; with '/n' first as it stands
    std::map<std::string, std::string> query = {};
    std::string_view body = {};
    const FilePart* part = nullptr;
    std::string content_md5 = {};
    util::ByteSink* sink = nullptr;
    Progress progress = {};
    std::string what;  // for messages
  };
  util::Result<TransferAnswer> call(const Call& call);
  util::Result<TransferAnswer> attempt(const Call& call, const std::string& target);
  util::Status find_namespace();
  util::Status put_parts(const std::filesystem::path& file, const std::string& key,
                         std::uint64_t size, const Progress& progress);
  util::Result<std::string> upload_id(const std::string& key);
  struct There {
    std::uint64_t bytes = 0;
    std::string etag;
    std::string md5;  // base64
  };
  util::Result<std::map<int, There>> parts_there(const std::string& key, const std::string& id);

  OciBucketOptions options_;
  const std::unique_ptr<oci::Credentials> credentials_;
  const std::string base_;  // scheme, host and port
  const std::string root_;  // a path before '/n', usually none
  std::string host_;
  const util::Clock& clock_;
  Transfer transfer_;
};

}  // namespace warder::storage
