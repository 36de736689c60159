#include "vault/key.h"

#include "crypto/aead.h"
#include "crypto/random.h"
#include "util/encoding.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/private_file.h"

#include <fmt/core.h>

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr util::ByteCount kLargestKeyFile{4096};

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// By hand instead of util::from_hex, whose result would not be wiped.
util::Result<crypto::SecretString> parse_key(const crypto::SecretString& content,
                                             std::string_view where) {
  if (content.size() == crypto::kAeadKeySize) {
    return content.copy();
  }
  const std::string_view text = util::trim(content.view());
  const Error refused(
      ErrorCode::kInvalid,
      fmt::format("{}: is no vault key: a key is 64 hexadecimal digits (or 32 raw bytes), as "
                  "`openssl rand -hex 32` prints",
                  where));
  if (text.size() != 2 * crypto::kAeadKeySize) {
    return refused;
  }
  crypto::SecretString key = crypto::SecretString::of_size(crypto::kAeadKeySize);
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return refused;
    }
    key.mutable_bytes()[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return key;
}

}  // namespace

util::Result<crypto::SecretString> read_credential(std::string_view name) {
  if (name.empty() || name.find('/') != std::string_view::npos || name == "." || name == "..") {
    return Error(ErrorCode::kInvalid, fmt::format("credential '{}': a credential is named without "
                                                  "'/', as in LoadCredential=NAME:/path",
                                                  util::printable(name, 64)));
  }
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') {
    return Error(ErrorCode::kNotFound,
                 fmt::format("credential {}: CREDENTIALS_DIRECTORY is not set, so systemd gave "
                             "this process no credentials; start it as a unit with "
                             "LoadCredential={}:/path, or name a file instead",
                             name, name));
  }
  // systemd made the folder for this service alone; its modes are its own (an ACL may make a
  // credential look group readable), so they are not judged.
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  auto file = read_private_file(path, "the credential", 0, kLargestKeyFile);
  if (!file) {
    if (file.error().code() == ErrorCode::kNotFound) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("credential {}: is not among the credentials of this unit; add "
                               "LoadCredential={}:/path to it",
                               name, name));
    }
    return file.error();
  }
  if (util::trim(file->content.view()) == "none") {
    return Error(ErrorCode::kNotFound,
                 fmt::format("credential {}: there was no file for LoadCredential={}: when the "
                             "unit was started; restart it when there is",
                             name, name));
  }
  return std::move(file->content);
}

util::Result<crypto::SecretString> load_key_credential(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const crypto::SecretString content, read_credential(name));
  return parse_key(content, fmt::format("credential {}", name));
}

util::Result<crypto::SecretString> load_key_file(const std::filesystem::path& path,
                                                 std::optional<uid_t> allowed_owner) {
  const auto file =
      read_private_file(path, "the vault key", kNobodyElseReads, kLargestKeyFile, allowed_owner);
  if (!file) {
    return file.error().code() != ErrorCode::kNotFound
               ? file.error()
               : Error(
                     ErrorCode::kNotFound,
                     fmt::format("{}: the vault key is not there; put back the copy of it that is "
                                 "kept outside this host",
                                 path.string()));
  }
  return parse_key(file->content, path.string());
}

util::Result<crypto::SecretString> make_key() {
  crypto::SecretString key = crypto::SecretString::of_size(crypto::kAeadKeySize);
  WARDER_RETURN_IF_ERROR(crypto::random_bytes(key.mutable_bytes()));
  return key;
}

util::Status create_key_file(const std::filesystem::path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    return Error(ErrorCode::kConflict,
                 fmt::format("{}: exists already; a key that is overwritten takes everything "
                             "sealed with it along, so move it away yourself if you mean it",
                             path.string()));
  }
  WARDER_ASSIGN_OR_RETURN(const crypto::SecretString key, make_key());
  std::string text = util::to_hex(key.bytes());
  text += '\n';
  util::Status written = util::write_file_atomically(path, text, 0600);
  crypto::wipe(&text);
  return written;
}

}  // namespace warder::vault
