#include "util/socket_path.h"

#include "support/temporary_folder.h"
#include "util/descriptor.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

namespace warder::util {
namespace {

namespace fs = std::filesystem;

struct Place {
  testing::TemporaryFolder folder;
  fs::path path = folder / "control.sock";

  std::string refusal() const {
    const Status status = clear_socket_path(path);
    REQUIRE_FALSE(status);
    CHECK(status.error().code() == ErrorCode::kConflict);
    return status.error().message();
  }
  std::string refused(const std::string& what) const {
    return path.string() + ": " + what +
           " lies where the socket belongs and stays as it is; move it away or configure another "
           "path for the socket";
  }
};

void bind_at(const fs::path& path) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.string().size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.string().size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

TEST_CASE("a socket that was left behind is taken away") {
  const Place place;
  CHECK(clear_socket_path(place.path));  // nothing there
  bind_at(place.path);
  REQUIRE(fs::is_socket(place.path));
  CHECK(clear_socket_path(place.path));
  CHECK_FALSE(fs::exists(fs::symlink_status(place.path)));
}

TEST_CASE("what is no socket stays where it is") {
  const Place place;
  SECTION("a file") {
    std::ofstream(place.path) << "precious";
    CHECK(place.refusal() == place.refused("a file"));
    std::string content;
    std::ifstream(place.path) >> content;
    CHECK(content == "precious");
  }
  SECTION("a link, also one that leads to a socket") {
    const fs::path other = place.folder / "other.sock";
    bind_at(other);
    fs::create_symlink(other, place.path);
    CHECK(place.refusal() == place.refused("a symbolic link"));
    CHECK(fs::is_symlink(place.path));
    CHECK(fs::is_socket(other));
  }
  SECTION("a folder") {
    fs::create_directory(place.path);
    CHECK(place.refusal() == place.refused("a folder"));
    CHECK(fs::is_directory(place.path));
  }
}

}  // namespace
}  // namespace warder::util
