#include "api/server.h"

#include "api/client.h"
#include "api/frame.h"
#include "support/temporary_folder.h"
#include "util/descriptor.h"
#include "util/unix_socket.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace warder;
using namespace warder::api;

namespace {

class Echo : public Handler {
 public:
  Response handle(const Request& request) override {
    ++handled;
    if (request.jail == "none") {
      return Response{util::Error(util::ErrorCode::kNotFound, "no jail is named 'none'"), {}};
    }
    return Response{std::nullopt,
                    "{\"command\":\"" + std::string(to_string(request.command)) + "\"}"};
  }
  std::atomic<int> handled{0};
};

util::Descriptor connect_to(const std::filesystem::path& path) {
  util::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = util::unix_address(path).value();
  REQUIRE(::connect(fd.get(), address.generic(), address.size()) == 0);
  return fd;
}

// All that the server sends until it closes.
std::string read_to_end(int fd) {
  std::string all;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;) {
    all.append(buffer, static_cast<std::size_t>(got));
  }
  return all;
}

}  // namespace

TEST_CASE("questions are answered over the control socket") {
  const testing::TemporaryFolder folder;
  Echo echo;
  ServerOptions options;
  options.path = folder / "control.sock";
  const auto server = Server::start(options, &echo);
  REQUIRE(server);
  struct stat info{};
  REQUIRE(::stat(options.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0660);

  Request request;
  CHECK(ask(options.path, request).value() == R"({"command":"status"})");
  request.jail = "none";
  CHECK(ask(options.path, request).error().message() == "no jail is named 'none'");
  // The agent's own user is an admin.
  request = {};
  request.command = Command::kReload;
  CHECK(ask(options.path, request).value() == R"({"command":"reload"})");
}

TEST_CASE("a second agent is told of the first, a stale socket is replaced") {
  const testing::TemporaryFolder folder;
  Echo echo;
  ServerOptions options;
  options.path = folder / "control.sock";
  {
    const auto first = Server::start(options, &echo);
    REQUIRE(first);
    const auto second = Server::start(options, &echo);
    REQUIRE_FALSE(second);
    CHECK(second.error().message() == "another agent answers on " + options.path.string() +
                                          "; stop it first (systemctl stop warder)");
  }
  CHECK_FALSE(std::filesystem::exists(options.path));
  const util::Descriptor stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = util::unix_address(options.path).value();
  REQUIRE(::bind(stale.get(), address.generic(), address.size()) == 0);
  CHECK(Server::start(options, &echo));
}

TEST_CASE("garbage and giant lengths end their own connection only") {
  const testing::TemporaryFolder folder;
  Echo echo;
  ServerOptions options;
  options.path = folder / "control.sock";
  const auto server = Server::start(options, &echo);
  REQUIRE(server);
  const util::Descriptor giant = connect_to(options.path);
  REQUIRE(::send(giant.get(), "\xFF\xFF\xFF\xFFgarbage", 11, MSG_NOSIGNAL) == 11);
  const std::string answer = read_to_end(giant.get());
  CHECK(answer.substr(4) ==
        R"({"error":{"code":"invalid","message":"a message of 4294967295 bytes; at most 65536 are )"
        R"(allowed"}})");
  const util::Descriptor garbage = connect_to(options.path);
  const std::string nonsense = frame("not json");
  REQUIRE(::send(garbage.get(), nonsense.data(), nonsense.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(nonsense.size()));
  CHECK(ask(options.path, Request{}).value() == R"({"command":"status"})");
  CHECK(echo.handled == 1);
}

TEST_CASE("silent and trickling connections are closed, others are served") {
  const testing::TemporaryFolder folder;
  Echo echo;
  ServerOptions options;
  options.path = folder / "control.sock";
  options.idle_limit = std::chrono::milliseconds(50);
  const auto server = Server::start(options, &echo);
  REQUIRE(server);
  const util::Descriptor silent = connect_to(options.path);
  const util::Descriptor trickle = connect_to(options.path);
  REQUIRE(::send(trickle.get(), "\0\0\0", 3, MSG_NOSIGNAL) == 3);
  // Both reads end because the server closes, whenever that is.
  CHECK(read_to_end(silent.get()).empty());
  CHECK(read_to_end(trickle.get()).empty());
  CHECK(ask(options.path, Request{}).value() == R"({"command":"status"})");
}

TEST_CASE("hundreds of idle connections do not lock others out") {
  const testing::TemporaryFolder folder;
  Echo echo;
  ServerOptions options;
  options.path = folder / "control.sock";
  const auto server = Server::start(options, &echo);
  REQUIRE(server);
  std::vector<util::Descriptor> held;
  for (int i = 0; i < 500; ++i) {
    held.push_back(connect_to(options.path));
  }
  CHECK(ask(options.path, Request{}).value() == R"({"command":"status"})");
}

TEST_CASE("without an agent the client says so") {
  const testing::TemporaryFolder folder;
  const auto path = folder / "control.sock";
  CHECK(ask(path, Request{}).error().message() ==
        "no agent answers on " + path.string() + "; is it running? (systemctl status warder)");
}

TEST_CASE("an agent that takes no connections any more is not waited for longer than wanted") {
  const testing::TemporaryFolder folder;
  const auto path = folder / "control.sock";
  const auto hanging =
      util::listen_unix({.path = path, .backlog = 0, .owner = "agent", .remedy = "stop it"});
  REQUIRE(hanging);
  const std::string late = "the agent on " + path.string() + " did not answer within 20 ms";
  // The first finds room in the queue and gets no answer, the last one finds none.
  for (int i = 0; i < 3; ++i) {
    const auto answer = ask(path, Request{}, std::chrono::milliseconds(20));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == util::ErrorCode::kTimeout);
    CHECK(answer.error().message() == late);
  }
}
