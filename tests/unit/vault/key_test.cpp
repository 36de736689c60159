#include "vault/key.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

using namespace warder;
using util::ErrorCode;

namespace {

const std::string kHex = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

std::filesystem::path key_file(const testing::TemporaryFolder& folder, std::string_view content,
                               mode_t mode) {
  const auto path = folder.write("key", content);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  return path;
}

}  // namespace

TEST_CASE("a made key file is private and opens") {
  const testing::TemporaryFolder folder;
  REQUIRE(vault::create_key_file(folder / "key"));
  struct stat info{};
  REQUIRE(::stat((folder / "key").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0600);
  CHECK(folder.read("key").size() == 65);
  const auto key = vault::load_key_file(folder / "key");
  REQUIRE(key);
  CHECK(key->size() == 32);
  CHECK(util::to_hex(key->bytes()) + "\n" == folder.read("key"));
  CHECK(vault::create_key_file(folder / "key").error().message() ==
        (folder / "key").string() +
            ": exists already; a key that is overwritten takes everything sealed with it along, "
            "so move it away yourself if you mean it");
}

TEST_CASE("a key is 64 digits or 32 bytes and is never repeated in an error") {
  const testing::TemporaryFolder folder;
  const auto hex = vault::load_key_file(key_file(folder, kHex + "\r\n", 0400));
  REQUIRE(hex);
  CHECK(util::to_hex(hex->bytes()) ==
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  REQUIRE(::chmod((folder / "key").c_str(), 0600) == 0);
  CHECK(vault::load_key_file(key_file(folder, std::string(32, '\xFF'), 0600))->view() ==
        std::string(32, '\xFF'));
  const std::string refused =
      (folder / "key").string() +
      ": is no vault key: a key is 64 hexadecimal digits (or 32 raw bytes), as `openssl rand -hex "
      "32` prints";
  CHECK(vault::load_key_file(key_file(folder, kHex.substr(1), 0600)).error().message() == refused);
  CHECK(vault::load_key_file(key_file(folder, "g" + kHex.substr(1), 0600)).error().message() ==
        refused);
  CHECK(vault::load_key_file(key_file(folder, "", 0600)).error().message() == refused);
}

TEST_CASE("a key that others can read is refused with the remedy") {
  const testing::TemporaryFolder folder;
  const auto path = key_file(folder, kHex, 0640);
  CHECK(vault::load_key_file(path).error().message() ==
        path.string() +
            ": the vault key has mode 0640, so other users can read it; run: chmod "
            "0600 " +
            path.string());
  REQUIRE(::chmod(path.c_str(), 0604) == 0);
  CHECK(vault::load_key_file(path).error().code() == ErrorCode::kDenied);
}

TEST_CASE("a key of another user is refused unless allowed") {
  if (::geteuid() != 0) {
    return;
  }
  const testing::TemporaryFolder folder;
  const auto path = key_file(folder, kHex, 0600);
  REQUIRE(::chown(path.c_str(), 12345, 12345) == 0);
  CHECK(vault::load_key_file(path).error().message() ==
        fmt::format("{0}: the vault key belongs to user id 12345, not to user id 0 or root, so "
                    "others may have read or changed it; make sure that it is genuine, then run: "
                    "chown 0 {0}",
                    path.string()));
  CHECK(vault::load_key_file(path, 12345));
}

TEST_CASE("links, folders and FIFOs are no key") {
  const testing::TemporaryFolder folder;
  key_file(folder, kHex, 0600);
  std::filesystem::create_symlink(folder / "key", folder / "link");
  CHECK(vault::load_key_file(folder / "link").error().message() ==
        (folder / "link").string() +
            ": the vault key is a symbolic link, which is not followed; name the file itself");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(vault::load_key_file(folder / "fifo").error().message() ==
        (folder / "fifo").string() + ": the vault key must be a regular file");
  CHECK(vault::load_key_file(folder / "none").error().code() == ErrorCode::kNotFound);
}

TEST_CASE("a credential comes from systemd's folder") {
  const testing::TemporaryFolder folder;
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(vault::load_key_credential("warder-key").error().message() ==
        "credential warder-key: CREDENTIALS_DIRECTORY is not set, so systemd gave this process no "
        "credentials; start it as a unit with LoadCredential=warder-key:/path, or name a file "
        "instead");
  ::setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
  CHECK(vault::load_key_credential("warder-key").error().message() ==
        "credential warder-key: is not among the credentials of this unit; add "
        "LoadCredential=warder-key:/path to it");
  folder.write("warder-key", kHex);
  CHECK(vault::load_key_credential("warder-key")->size() == 32);
  folder.write("warder-key", "short");
  CHECK(vault::load_key_credential("warder-key").error().message() ==
        "credential warder-key: is no vault key: a key is 64 hexadecimal digits (or 32 raw "
        "bytes), as `openssl rand -hex 32` prints");
  // What stands in where there is no file is no secret, for whoever reads the credential.
  folder.write("warder-key", "none\n");
  for (const auto& error : {vault::load_key_credential("warder-key").error(),
                            vault::read_credential("warder-key").error()}) {
    CHECK(error.code() == ErrorCode::kNotFound);
    CHECK(error.message() ==
          "credential warder-key: there was no file for LoadCredential=warder-key: when the unit "
          "was started; restart it when there is");
  }
  CHECK(vault::load_key_credential("../key").error().code() == ErrorCode::kInvalid);
  ::unsetenv("CREDENTIALS_DIRECTORY");
}
