#pragma once

#include "crypto/secret.h"
#include "storage/storage.h"
#include "storage/transfer.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

#include <map>
#include <memory>
#include <string>

namespace warder::storage {

// What requests are signed with.
struct S3Key {
  crypto::SecretString access;
  crypto::SecretString secret;
  crypto::SecretString session_token;  // empty: the key is no temporary one
};

// Where the key comes from. current() is asked before each request, so that a key that ends with a
// lease may be replaced within a long upload.
class S3KeySource {
 public:
  virtual ~S3KeySource() = default;
  virtual util::Result<S3Key> current() = 0;
  // The service refused the key. True: the next current() may give another one.
  virtual bool refused() = 0;
};

struct S3Options {
  std::string url;  // of the service; the bucket is put into the path
  std::string bucket;
  std::string prefix;
  std::string region;
  std::string ca;  // what is in a ca_file, instead of it
  std::filesystem::path ca_file;
  util::ByteCount bandwidth;
  util::ByteCount part_size;
};

// A bucket of a service that speaks Amazon S3, requests signed with Signature Version 4. A file
// larger than a part is sent in parts; parts that a broken upload has left there and that have this
// file's digests are not sent again. `clock` must outlive it.
class S3Bucket : public Storage {
 public:
  S3Bucket(S3Options options, std::unique_ptr<S3KeySource> keys, const util::Clock& clock);

  std::string describe() const override;
  util::Result<std::vector<Object>> list(std::string_view prefix) override;
  util::Status put(const std::filesystem::path& file, std::string_view name,
                   const Progress& progress) override;
  util::Status get(std::string_view name, util::ByteSink& sink) override;
  util::Status remove(std::string_view name) override;
  // By the bucket's object lock: the default retention, locked in the mode COMPLIANCE.
  util::Result<Protection> protection() override;

 private:
  struct Call {
    std::string method = "GET";
    std::string key = {};  // empty: the bucket itself
    std::map<std::string, std::string> query = {};
    std::string_view body = {};
    const FilePart* part = nullptr;
    std::string part_sha256 = {};
    std::string content_md5 = {};
    util::ByteSink* sink = nullptr;
    Progress progress = {};
    std::string what;  // for messages
  };
  util::Result<TransferAnswer> call(const Call& call);
  util::Status put_whole(const std::filesystem::path& file, const std::string& key,
                         std::uint64_t size, const Progress& progress);
  util::Status put_parts(const std::filesystem::path& file, const std::string& key,
                         std::uint64_t size, const Progress& progress);
  util::Result<std::string> upload_id(const std::string& key);
  struct There {
    std::uint64_t bytes = 0;
    std::string etag;
  };
  util::Result<std::map<int, There>> parts_there(const std::string& key, const std::string& id);

  const S3Options options_;
  const std::unique_ptr<S3KeySource> keys_;
  std::string host_;
  std::string base_;  // "https://host"
  std::string root_;  // path before the bucket, no '/' at its end
  const util::Clock& clock_;
  Transfer transfer_;
};

}  // namespace warder::storage
