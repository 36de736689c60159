#include "integration/caddy_log/caddy.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace warder::testing {
namespace {

sockaddr_in at(const std::string& address, std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &made.sin_addr) != 1) {
    throw std::runtime_error("no address: " + address);
  }
  return made;
}

util::Descriptor bound_socket(const std::string& address) {
  util::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in local = at(address, 0);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    throw std::runtime_error("cannot bind to " + address);
  }
  return socket;
}

// Caddy cannot choose a port by itself. Between this and its start somebody else may take the port;
// the constructor then tries another.
std::uint16_t free_port() {
  const util::Descriptor socket = bound_socket("127.0.0.1");
  sockaddr_in local{};
  socklen_t size = sizeof local;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local), &size);
  return ntohs(local.sin_port);
}

// 351 bytes is what Vaultwarden answers to a wrong password, 185 when it asks for a TOTP code.
std::string caddyfile(std::uint16_t port, const std::string& log) {
  return fmt::format(R"({{
	admin off
	auto_https off
}}
http://:{} {{
	bind 127.0.0.1
	log {{
		output file {}
		format json
	}}
	@asked {{
		path /identity/connect/token
		query second=factor
	}}
	@sign_in {{
		path /identity/connect/token /vault/identity/connect/token
		method POST
	}}
	@admin {{
		path /admin /admin/
		method POST
	}}
	@home path /
	route {{
		respond @asked {} 400
		respond @sign_in {} 400
		respond @admin 401
		respond @home "hello" 200
		respond 404
	}}
}}
)",
                     port, log, std::string(185, 'q'), std::string(351, 'w'));
}

// Starts it with its messages in a pipe, whose reading end it gives, and waits until it serves. -1
// when its port was taken meanwhile.
pid_t start(const TemporaryFolder& folder, util::Descriptor& from_caddy) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe failed");
  }
  from_caddy.reset(ends[0]);
  util::Descriptor to_us(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to_us.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, to_us.get(), STDOUT_FILENO);
  std::string config = folder / "Caddyfile";
  std::string home = "HOME=" + folder.path().string();
  std::string path = "PATH=/usr/bin:/bin";
  std::array<std::string, 6> words = {"caddy", "run", "--config", config, "--adapter", "caddyfile"};
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  std::array<char*, 3> environment = {home.data(), path.data(), nullptr};
  pid_t process = -1;
  const int error =
      ::posix_spawnp(&process, "caddy", &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::runtime_error("caddy cannot be started; install the package caddy");
  }
  to_us.reset();
  std::string said;
  std::array<char, 4096> buffer{};
  while (said.find("serving initial configuration") == std::string::npos) {
    const ssize_t count = ::read(from_caddy.get(), buffer.data(), buffer.size());
    if (count <= 0) {
      ::waitpid(process, nullptr, 0);
      if (said.find("address already in use") == std::string::npos) {
        throw std::runtime_error("caddy does not come up: " + said);
      }
      return -1;
    }
    said.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return process;
}

}  // namespace

Caddy::Caddy() {
  for (int attempt = 0; attempt < 5 && process_ < 0; ++attempt) {
    port_ = free_port();
    folder_.write("Caddyfile", caddyfile(port_, folder_ / "access.log"));
    process_ = start(folder_, messages_);
  }
  if (process_ < 0) {
    throw std::runtime_error("caddy finds no free port");
  }
}

Caddy::~Caddy() { stop(); }

void Caddy::stop() {
  if (process_ > 0) {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
}

int Caddy::send(const std::string& from, std::string_view request) const {
  const util::Descriptor socket = bound_socket(from);
  const sockaddr_in server = at("127.0.0.1", port_);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
    throw std::runtime_error("caddy takes no connection");
  }
  while (!request.empty()) {
    const ssize_t count = ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (count < 0) {
      throw std::runtime_error("send failed");
    }
    request.remove_prefix(static_cast<std::size_t>(count));
  }
  std::string answer;
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = ::recv(socket.get(), buffer.data(), buffer.size(), 0)) > 0) {
    answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}

std::vector<std::string> Caddy::stop_and_read_log() {
  stop();
  std::istringstream in(folder_.read("access.log"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

}  // namespace warder::testing
