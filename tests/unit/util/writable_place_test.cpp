#include "util/writable_place.h"

#include "support/temporary_folder.h"
#include "util/users.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::util {
namespace {

constexpr uid_t kStranger = 4'000'000;  // owns nothing and is in no group

std::string owner() {
  return fmt::format("owner {}, group {}", user_name(::geteuid()), group_name(::getegid()));
}

void check_refused(const Status& status, ErrorCode code, const std::string& message) {
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == code);
  CHECK(status.error().message() == message);
}

TEST_CASE("a file can be kept where a folder is and nothing else stands") {
  const testing::TemporaryFolder folder;
  CHECK(can_keep_file(folder / "new.db", std::nullopt));
  CHECK(can_keep_file(folder / "new.db", ::geteuid()));
  CHECK(can_keep_file(folder.write("old.db", "x"), ::geteuid()));
  std::filesystem::create_symlink(folder / "old.db", folder / "link.db");
  CHECK(can_keep_file(folder / "link.db", ::geteuid()));
}

TEST_CASE("what lies where the file or a folder should be is named") {
  const testing::TemporaryFolder folder;
  const std::string here = folder.path().string();
  check_refused(can_keep_file("/", std::nullopt), ErrorCode::kInvalid, "it is a folder");
  check_refused(can_keep_file(folder.path(), std::nullopt), ErrorCode::kInvalid, "it is a folder");
  check_refused(can_keep_file(here + "/", std::nullopt), ErrorCode::kInvalid, "it is a folder");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  check_refused(can_keep_file(folder / "pipe", std::nullopt), ErrorCode::kInvalid,
                "it is no regular file");
  folder.write("file", "");
  check_refused(can_keep_file(folder / "file/a/b.db", std::nullopt), ErrorCode::kInvalid,
                here + "/file is no folder");
  check_refused(can_keep_file(folder / "none/deeper/b.db", std::nullopt), ErrorCode::kNotFound,
                "the folder " + here + "/none does not exist");
  check_refused(can_keep_file(here + "/none/", std::nullopt), ErrorCode::kNotFound,
                "the folder " + here + "/none does not exist");
}

TEST_CASE("a user who may not go there, make the file there or write it is told why") {
  const testing::TemporaryFolder folder;
  const std::string here = folder.path().string();
  const auto mode = [](const std::filesystem::path& path, mode_t rights) {
    REQUIRE(::chmod(path.c_str(), rights) == 0);
  };
  check_refused(can_keep_file(folder / "a.db", kStranger), ErrorCode::kDenied,
                fmt::format("the user 4000000 may not enter {} ({}, mode 700)", here, owner()));
  CHECK(can_keep_file(folder / "a.db", 0));
  mode(folder.path(), 0701);
  check_refused(
      can_keep_file(folder / "a.db", kStranger), ErrorCode::kDenied,
      fmt::format("the user 4000000 may not make files in {} ({}, mode 701)", here, owner()));
  mode(folder.path(), 0757);
  CHECK(can_keep_file(folder / "a.db", kStranger));

  folder.write("a.db", "");
  mode(folder / "a.db", 0604);
  check_refused(
      can_keep_file(folder / "a.db", kStranger), ErrorCode::kDenied,
      fmt::format("the user 4000000 may not read and write {}/a.db ({}, mode 604)", here, owner()));
  mode(folder / "a.db", 0606);
  mode(folder.path(), 0701);  // what is there can be changed all the same
  CHECK(can_keep_file(folder / "a.db", kStranger));

  std::filesystem::create_directory(folder / "in");
  mode(folder / "in", 0700);
  check_refused(can_keep_file(folder / "in/a.db", kStranger), ErrorCode::kDenied,
                fmt::format("the user 4000000 may not enter {}/in ({}, mode 700)", here, owner()));
}

TEST_CASE("whether somebody is in the group of a folder is not judged") {
  const testing::TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0770) == 0);
  CHECK(can_keep_file(folder / "a.db", kStranger));
}

}  // namespace
}  // namespace warder::util
