#pragma once

#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/result.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace warder::vault {

// Which permission bits a file with secrets must not have.
constexpr mode_t kNobodyElseReads = 0077;
constexpr mode_t kNobodyElseWrites = 0022;

struct PrivateFile {
  crypto::SecretString content;
  uid_t user = 0;
  gid_t group = 0;
  mode_t mode = 0;
};

// Reads a regular file after checking the open descriptor: no symbolic link, owned by root, by the
// user of this process or by `allowed_owner`, none of the bits of `forbidden`. kDenied says what is
// wrong and the command that sets it right; `what` names the file's purpose ("the vault key").
util::Result<PrivateFile> read_private_file(const std::filesystem::path& path,
                                            std::string_view what, mode_t forbidden,
                                            util::ByteCount limit,
                                            std::optional<uid_t> allowed_owner = {});

}  // namespace warder::vault
