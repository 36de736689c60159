#pragma once

#include "crypto/secret.h"
#include "storage/storage.h"
#include "util/byte_stream.h"
#include "util/bytes.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace warder::storage {

// A piece of a file on disk.
struct FilePart {
  std::filesystem::path path;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct TransferRequest {
  std::string method = "GET";  // GET, HEAD, PUT, POST, DELETE
  std::string url;
  std::vector<std::string> headers;  // "name: value"
  std::string_view body;             // of a PUT or POST, unless there is a part
  const FilePart* part = nullptr;    // what is uploaded instead
  util::ByteSink* sink = nullptr;    // takes the body of a 2xx answer; others stay in memory
  Progress progress = {};
};

struct TransferAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most 8 MiB
};

// The key and the host's key each in one of two ways: themselves, or the file that holds them.
struct SshLogin {
  crypto::SecretString password;  // of the user, or of the key
  crypto::SecretString key;
  std::filesystem::path key_file;
  std::string host_key;  // lines of a known_hosts
  std::filesystem::path known_hosts;
};

struct TransferOptions {
  std::filesystem::path ca_file;
  bool verify = true;
  util::ByteCount bandwidth;  // a second; 0: no limit
  std::string ca = {};        // what is in a ca_file, instead of it
  // As in http::ClientOptions.
  std::filesystem::path ca_folder = {};
  std::filesystem::path client_certificate = {};
  std::filesystem::path client_key = {};
  std::filesystem::path unix_socket = {};
};

// Moves files of any size over HTTP and SFTP with libcurl, in bounded memory: http::Client holds
// whole bodies. Connections are kept. One thread at a time. A transfer that moves nothing for a
// minute is given up.
class Transfer {
 public:
  explicit Transfer(TransferOptions options);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // HTTP; any status is an answer.
  util::Result<TransferAnswer> http(const TransferRequest& request);

  // SFTP. Of an upload, `part.offset` bytes are there already.
  util::Status sftp_upload(const std::string& url, const SshLogin& login, const FilePart& part,
                           const std::vector<std::string>& commands_after,
                           const Progress& progress);
  // The file at the URL, or with `listing` the folder's long listing.
  util::Status sftp_download(const std::string& url, const SshLogin& login, util::ByteSink& sink);
  util::Status sftp_commands(const std::string& url, const SshLogin& login,
                             const std::vector<std::string>& commands);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::storage
