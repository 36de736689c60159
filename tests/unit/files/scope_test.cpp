// Which paths are looked at, and in which order.
#include "files/scope.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

using namespace warder;
using files::Scope;

TEST_CASE("paths have the order of a walk") {
  const std::vector<std::string> walked{"/",    "/a",   "/a/b", "/a/b/c", "/a/c",
                                        "/a b", "/a-b", "/a.b", "/aa"};
  std::vector<std::string> sorted = walked;
  std::reverse(sorted.begin(), sorted.end());
  std::sort(sorted.begin(), sorted.end(), files::PathLess());
  CHECK(sorted == walked);
  CHECK(files::compare_paths("/a/b", "/a/b") == 0);
  CHECK(files::compare_paths("/a\xff", "/a/b") > 0);
}

TEST_CASE("what is within a folder") {
  CHECK(files::is_within("/etc/passwd", "/etc"));
  CHECK(files::is_within("/etc", "/etc"));
  CHECK(files::is_within("/etc", "/"));
  CHECK_FALSE(files::is_within("/etcetera", "/etc"));
  CHECK_FALSE(files::is_within("/", "/etc"));
}

TEST_CASE("patterns cover what they name and everything below, but for exclusions") {
  const auto scope = Scope::parse({"/etc/", "/home/*/.ssh", "/opt/x:", "/srv/??"},
                                  {"/etc/**/*.swp", "/etc/cache", "/home/bob/.ssh/known_hosts*"});
  REQUIRE(scope);
  CHECK(scope->paths() == std::vector<std::string>{"/etc", "/home/*/.ssh", "/opt/x:", "/srv/??"});
  for (const char* const path : {"/etc", "/etc/passwd", "/etc/a/b", "/home/alice/.ssh/id",
                                 "/opt/x:", "/srv/ab/c", "/etc/a\nb", "/etc/\xff"}) {
    INFO(path);
    CHECK(scope->covers(path));
  }
  for (const char* const path :
       {"/", "/etcetera", "/etc/a/.x.swp", "/etc/a/b/x.swp", "/etc/cache", "/etc/cache/deep/x",
        "/home/a/b/.ssh", "/home/bob/.ssh/known_hosts.old", "/srv/abc", "/srv/a", "/opt/x"}) {
    INFO(path);
    CHECK_FALSE(scope->covers(path));
  }
  CHECK(scope->is_excluded("/etc/cache/x"));
  CHECK(Scope::parse({"/"}, {})->covers("/anything"));
  CHECK_FALSE(Scope().covers("/anything"));
}

TEST_CASE("a pattern that cannot be one is refused") {
  CHECK(Scope::parse({"etc"}, {}).error().message() == "'etc' is no absolute path");
  CHECK(Scope::parse({"/etc/../root"}, {}).error().message() ==
        "'/etc/../root' must not have . or .. as a name");
  CHECK(Scope::parse({"/etc/**"}, {}).error().message() ==
        "'/etc/**' must not have **: a folder stands for everything below");
  CHECK(Scope::parse({"/etc"}, {std::string(2000, '/')}).error().message().find("is too long") !=
        std::string::npos);
}

TEST_CASE("roots are what exists, without what lies within another") {
  const testing::TemporaryFolder folder;
  folder.write("home/alice/.ssh/id", "k");
  folder.write("home/bob/.ssh/id", "k");
  folder.write("home/carol/x", "k");
  const std::string base = folder.path().string();
  const auto scope =
      Scope::parse({base + "/home/*/.ssh", base + "/home/alice", base + "/home/alice/.ssh/id",
                    base + "/none", base + "/home/carol/x"},
                   {base + "/home/bob"});
  REQUIRE(scope);
  CHECK(scope->roots().value() ==
        std::vector<std::string>{base + "/home/alice", base + "/home/carol/x"});
}

TEST_CASE("a pattern made to be slow takes time in proportion to what is matched") {
  const std::string stars = "/" + std::string(300, 'a') + "*a*a*a*a*a*a*a*a*a*a*a*a*b";
  const auto scope = Scope::parse({"/"}, {stars});
  REQUIRE(scope);
  CHECK_FALSE(scope->is_excluded("/" + std::string(4000, 'a')));
}
