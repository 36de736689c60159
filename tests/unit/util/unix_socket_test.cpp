#include "util/unix_socket.h"

#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace warder::util {
namespace {

namespace fs = std::filesystem;

struct Place {
  testing::TemporaryFolder folder;
  fs::path path = folder / "control.sock";
  UnixListener listener{.path = path, .backlog = 0, .owner = "agent", .remedy = "stop it"};

  std::string refusal() const {
    const auto listening = listen_unix(listener);
    REQUIRE_FALSE(listening);
    CHECK(listening.error().code() == ErrorCode::kConflict);
    return listening.error().message();
  }
  std::string answered() const { return "another agent answers on " + path.string() + "; stop it"; }
  std::string refused(const std::string& what) const {
    return path.string() + ": " + what +
           " lies where the socket belongs and stays as it is; move it away or configure another "
           "path for the socket";
  }
  // Whether it was taken at once.
  bool connect(const Descriptor& socket) const {
    const UnixAddress address = unix_address(path).value();
    return ::connect(socket.get(), address.generic(), address.size()) == 0;
  }
};

Descriptor caller(int type) {
  return Descriptor(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

mode_t mode_of(const fs::path& path) {
  struct stat found{};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode;
}

TEST_CASE("a socket is its owner's and its group's, whatever the umask") {
  const Place place;
  const mode_t before = ::umask(GENERATE(as<mode_t>(), 0, 0177, 0777));
  const auto listening = listen_unix(place.listener);
  ::umask(before);
  REQUIRE(listening);
  CHECK(mode_of(place.path) == (S_IFSOCK | 0660));
  CHECK(place.connect(caller(SOCK_STREAM)));
}

TEST_CASE("a socket that was left behind is replaced") {
  const Place place;
  REQUIRE(listen_unix(place.listener));  // and is closed at once
  REQUIRE(fs::is_socket(place.path));
  const auto listening = listen_unix(place.listener);
  REQUIRE(listening);
  CHECK(place.connect(caller(SOCK_STREAM)));
}

TEST_CASE("a socket that somebody answers on stays") {
  Place place;
  const auto first = listen_unix(place.listener);
  REQUIRE(first);
  std::vector<Descriptor> waiting;
  SECTION("who has room") {}
  SECTION("who takes no more connections at the moment") {
    do {
      waiting.push_back(caller(SOCK_STREAM));
    } while (place.connect(waiting.back()));
    REQUIRE(errno == EAGAIN);
  }
  SECTION("who speaks another type") { place.listener.type = SOCK_SEQPACKET; }
  CHECK(place.refusal() == place.answered());
  CHECK(fs::is_socket(place.path));
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
    Place other;
    REQUIRE(listen_unix(other.listener));
    fs::create_symlink(other.path, place.path);
    CHECK(place.refusal() == place.refused("a symbolic link"));
    CHECK(fs::is_symlink(place.path));
    CHECK(fs::is_socket(other.path));
  }
  SECTION("a folder") {
    fs::create_directory(place.path);
    CHECK(place.refusal() == place.refused("a folder"));
    CHECK(fs::is_directory(place.path));
  }
}

TEST_CASE("a path that cannot be a socket's is refused with the reason") {
  Place place;
  const std::string longest = place.folder.path() / std::string(sizeof(sockaddr_un::sun_path), 'x');
  place.listener.path = longest;
  auto listening = listen_unix(place.listener);
  REQUIRE_FALSE(listening);
  CHECK(listening.error().code() == ErrorCode::kInvalid);
  CHECK(listening.error().message() ==
        "'" + longest + "' cannot name a socket: 1 to 107 bytes are allowed");
  place.listener.path = place.folder / "no" / "folder";
  listening = listen_unix(place.listener);
  REQUIRE_FALSE(listening);
  CHECK(listening.error().message().starts_with("listening at " + place.listener.path.string() +
                                                " (its folder must be there before)"));
}

}  // namespace
}  // namespace warder::util
