// What dpkg's database says of a change.
#include "files/packages.h"

#include "unit/files/world.h"
#include "util/users.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <sys/stat.h>

using namespace warder;
using files::World;
using Lines = std::vector<std::string>;

namespace {

std::string md5(std::string_view text) {
  std::array<std::uint8_t, 16> sum{};
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), sum.data(), &length, EVP_md5(), nullptr);
  return util::to_hex(sum);
}

// A root with a database of two packages, one file of each in place.
struct Installed : World {
  Installed() {
    options.expects_packages = true;
    cover({folder / "root/usr", folder / "root/etc"});
    status("1.0");
    std::filesystem::create_directory_symlink("usr/bin", folder / "root/bin");
    install("usr/bin/tool", "tool 1.0");
    install("usr/lib/libx.so.1.0", "library 1.0");
    std::filesystem::create_symlink("libx.so.1.0", root("usr/lib/libx.so.1"));
    install("etc/tool.conf", "as it came");
    // The file is known to dpkg by its name before /usr was merged.
    info("tool.md5sums", fmt::format("{}  bin/tool\n", md5("tool 1.0")));
    info("tool.list", "/.\n/bin\n/bin/tool\n/etc\n/etc/tool.conf\n");
    info("libx1:amd64.md5sums", fmt::format("{}  usr/lib/libx.so.1.0\n", md5("library 1.0")));
    info("libx1:amd64.list", "/.\n/usr\n/usr/lib\n/usr/lib/libx.so.1\n/usr/lib/libx.so.1.0\n");
    start();
    REQUIRE(guard->scan({}));
  }
  std::string root(std::string_view name) const { return (folder / "root" / name).string(); }
  void install(std::string_view name, std::string_view content) const {
    folder.write(fmt::format("root/{}", name), content);
    REQUIRE(::chmod(root(name).c_str(), 0644) == 0);
  }
  void info(std::string_view name, std::string_view content) const {
    folder.write(fmt::format("root/var/lib/dpkg/info/{}", name), content);
  }
  void status(std::string_view version) const {
    folder.write("root/var/lib/dpkg/status",
                 fmt::format("Package: tool\nStatus: install ok installed\nVersion: {0}\n"
                             "Architecture: all\nConffiles:\n /etc/tool.conf {1}\n"
                             "Description: x\n more\n\n"
                             "Package: libx1\nStatus: install ok installed\nArchitecture: amd64\n"
                             "Multi-Arch: same\nVersion: {0}\n\n"
                             "Package: gone\nStatus: deinstall ok config-files\nVersion: 9\n"
                             "Conffiles:\n /etc/gone.conf {1}\n",
                             version, md5("as it came")));
  }
  std::vector<std::string> shortened() const {
    std::vector<std::string> lines;
    const std::string base = (folder / "root").string();
    for (std::string line : news()) {
      for (std::size_t at = line.find(base); at != std::string::npos; at = line.find(base)) {
        line.erase(at, base.size());
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }
};

std::string sum(std::string_view content) {
  return files::short_digest(crypto::sha256(util::as_bytes(content)));
}

}  // namespace

TEST_CASE("an upgrade is told as expected with package and version, and becomes the baseline") {
  Installed world;
  world.install("usr/bin/tool", "tool 2.0");
  world.install("usr/lib/libx.so.1.1", "library 1.1");
  std::filesystem::remove(world.root("usr/lib/libx.so.1.0"));
  std::filesystem::remove(world.root("usr/lib/libx.so.1"));
  std::filesystem::create_symlink("libx.so.1.1", world.root("usr/lib/libx.so.1"));
  world.info("tool.md5sums", fmt::format("{}  bin/tool\n", md5("tool 2.0")));
  world.info("libx1:amd64.md5sums", fmt::format("{}  usr/lib/libx.so.1.1\n", md5("library 1.1")));
  world.info("libx1:amd64.list", "/usr/lib\n/usr/lib/libx.so.1\n/usr/lib/libx.so.1.1\n");
  world.status("2.0");
  const std::string before = world.newest_root;
  REQUIRE(world.full());
  CHECK(world.newest_root != before);
  const std::string me = util::user_name(::geteuid()) + ":" + util::group_name(::getegid());
  CHECK(world.shortened() ==
        Lines{fmt::format("notice expected: changed /usr/bin/tool: sha256 {} -> {}; tool 2.0",
                          sum("tool 1.0"), sum("tool 2.0")),
              "notice expected: changed /usr/lib/libx.so.1: leads to libx.so.1.0 -> libx.so.1.1; "
              "libx1:amd64 2.0",
              fmt::format("notice expected: missing /usr/lib/libx.so.1.0: was file, 0644 {}, 11 "
                          "bytes, sha256 {}; its package does not have it any more",
                          me, sum("library 1.0")),
              fmt::format("notice expected: new /usr/lib/libx.so.1.1: file, 0644 {}, 11 bytes, "
                          "sha256 {}; libx1:amd64 2.0",
                          me, sum("library 1.1")),
              fmt::format("info the baseline takes 4 expected changes, root {}",
                          world.newest_root.substr(0, 16))});
  REQUIRE(world.full());
  CHECK(world.shortened() == Lines{});
}

TEST_CASE("what a package does not explain stays a change") {
  Installed world;
  SECTION("other content, whatever the database says of the package") {
    world.install("usr/bin/tool", "evil");
    world.status("2.0");
    REQUIRE(world.full());
    CHECK(world.shortened() ==
          Lines{fmt::format("high changed /usr/bin/tool: size 8 -> 4 bytes, sha256 {} -> {}",
                            sum("tool 1.0"), sum("evil"))});
  }
  SECTION("the right content with other rights") {
    world.install("usr/bin/tool", "tool 2.0");
    world.info("tool.md5sums", fmt::format("{}  bin/tool\n", md5("tool 2.0")));
    REQUIRE(::chmod(world.root("usr/bin/tool").c_str(), 04755) == 0);
    REQUIRE(world.full());
    CHECK(world.shortened() ==
          Lines{fmt::format("high changed /usr/bin/tool: mode 0644 -> 4755, sha256 {} -> {}",
                            sum("tool 1.0"), sum("tool 2.0"))});
  }
  SECTION("a new file that gives rights") {
    world.install("usr/bin/su2", "x");
    world.info("tool.md5sums",
               fmt::format("{}  bin/tool\n{}  bin/su2\n", md5("tool 1.0"), md5("x")));
    REQUIRE(::chmod(world.root("usr/bin/su2").c_str(), 04755) == 0);
    REQUIRE(world.full());
    REQUIRE(world.shortened().size() == 1);
    CHECK(world.shortened()[0].starts_with("high new /usr/bin/su2: file, 4755 "));
  }
  SECTION("a link to where its package has nothing") {
    std::filesystem::remove(world.root("usr/lib/libx.so.1"));
    std::filesystem::create_symlink("/tmp/libx.so.1", world.root("usr/lib/libx.so.1"));
    REQUIRE(world.full());
    CHECK(world.shortened() ==
          Lines{"high changed /usr/lib/libx.so.1: leads to libx.so.1.0 -> /tmp/libx.so.1"});
  }
  SECTION("a file removed that its package still has") {
    std::filesystem::remove(world.root("usr/bin/tool"));
    REQUIRE(world.full());
    REQUIRE(world.shortened().size() == 1);
    CHECK(world.shortened()[0].starts_with("high missing /usr/bin/tool: was "));
  }
  SECTION("a configuration file as the administrator changed it") {
    world.install("etc/tool.conf", "as I want it");
    REQUIRE(world.full());
    CHECK(world.shortened() ==
          Lines{fmt::format("high changed /etc/tool.conf: size 10 -> 12 bytes, sha256 {} -> {}",
                            sum("as it came"), sum("as I want it"))});
  }
  SECTION("sums of a package that is not installed") {
    world.install("etc/gone.conf", "as it came");
    REQUIRE(world.full());
    REQUIRE(world.shortened().size() == 1);
    CHECK(world.shortened()[0].starts_with("warning new /etc/gone.conf: "));
  }
  SECTION("without a database nothing is expected") {
    std::filesystem::remove_all(world.root("var"));
    world.install("usr/bin/tool", "tool 2.0");
    REQUIRE(world.full());
    CHECK(world.shortened().size() == 1);
  }
}

TEST_CASE("a configuration file as its package brought it is expected") {
  Installed world;
  world.install("etc/tool.conf", "mine");
  REQUIRE(world.full());
  REQUIRE(world.guard->accept(files::stored_differences(world.hooks, "system").value()));
  world.install("etc/tool.conf", "as it came");
  REQUIRE(world.full());
  CHECK(world.shortened().at(0) ==
        fmt::format("notice expected: changed /etc/tool.conf: size 4 -> 10 bytes, sha256 {} -> {}; "
                    "tool 1.0",
                    sum("mine"), sum("as it came")));
}

TEST_CASE("lines of sums") {
  const auto line = files::parse_sum_line("900150983cd24fb0d6963f7d28e17f72  usr/bin/a b");
  REQUIRE(line);
  CHECK(line->path == "usr/bin/a b");
  CHECK(util::to_hex(line->sum) == "900150983cd24fb0d6963f7d28e17f72");
  for (const char* const bad :
       {"", "900150983cd24fb0d6963f7d28e17f72", "900150983cd24fb0d6963f7d28e17f72  ",
        "900150983cd24fb0d6963f7d28e17f72 x y", "90015098zcd24fb0d6963f7d28e17f72  usr"}) {
    CHECK_FALSE(files::parse_sum_line(bad));
  }
}
