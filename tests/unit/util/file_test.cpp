#include "util/file.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace warder;
using util::ErrorCode;

TEST_CASE("a file is replaced as one step and with its mode") {
  const testing::TemporaryFolder folder;
  folder.write("secret", "old");
  REQUIRE(util::write_file_atomically(folder / "secret", "new", 0600));
  CHECK(folder.read("secret") == "new");
  struct stat info{};
  REQUIRE(::stat((folder / "secret").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0600);
  // Nothing is left beside it.
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    ++entries;
  }
  CHECK(entries == 1);
}

TEST_CASE("root can replace a file for its owner") {
  if (::geteuid() != 0) {
    return;
  }
  const testing::TemporaryFolder folder;
  REQUIRE(util::write_file_atomically(folder / "a", "new", 0600, util::FileOwner{65534, 65533}));
  struct stat info{};
  REQUIRE(::stat((folder / "a").c_str(), &info) == 0);
  CHECK(info.st_uid == 65534);
  CHECK(info.st_gid == 65533);
  CHECK((info.st_mode & 07777U) == 0600);
}

TEST_CASE("what cannot be written says so and leaves the old file") {
  const testing::TemporaryFolder folder;
  CHECK(util::write_file_atomically(folder / "no/such/file", "x", 0600).error().code() ==
        ErrorCode::kNotFound);
}

TEST_CASE("reading has a limit and takes regular files only") {
  const testing::TemporaryFolder folder;
  folder.write("a", "12345");
  CHECK(*util::read_file(folder / "a", util::ByteCount{5}) == "12345");
  CHECK(util::read_file(folder / "a", util::ByteCount{4}).error().code() == ErrorCode::kInvalid);
  CHECK(util::read_file(folder / "b", util::ByteCount{4}).error().code() == ErrorCode::kNotFound);
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(util::read_file(folder / "fifo", util::ByteCount{4}).error().code() == ErrorCode::kInvalid);
  CHECK(util::read_file(folder.path(), util::ByteCount{4}).error().code() == ErrorCode::kInvalid);
}
