#pragma once

#include "storage/storage.h"
#include "storage/transfer.h"
#include "util/bytes.h"

#include <string>

namespace warder::storage {

struct SftpOptions {
  std::string url;  // sftp://user@host[:port]/folder
  SshLogin login;
  util::ByteCount bandwidth;
};

// A folder on a server with SSH. A file that is being sent is called ".part-NAME"; what of it has
// arrived is gone on with, and what came out is judged by reading it back.
class Sftp : public Storage {
 public:
  explicit Sftp(SftpOptions options);

  std::string describe() const override;
  util::Result<std::vector<Object>> list(std::string_view prefix) override;
  util::Status put(const std::filesystem::path& file, std::string_view name,
                   const Progress& progress) override;
  util::Status get(std::string_view name, util::ByteSink& sink) override;
  util::Status remove(std::string_view name) override;

 private:
  util::Result<std::vector<Object>> list_all();

  SftpOptions options_;
  std::string url_;     // with one '/' at its end
  std::string folder_;  // its path, for commands
  Transfer transfer_;
};

// Reads a long listing as SFTP servers send it (draft-ietf-secsh-filexfer-02 section 7: like
// `ls -l`, name last, size fifth). Lines that are no regular file, and names that no storage has,
// are passed over.
std::vector<Object> read_listing(std::string_view text);

}  // namespace warder::storage
