#include "firewall/helper_client.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace warder::firewall {
namespace {

// The descriptor under which the helper finds its socket.
constexpr int kHelperSocket = 3;

// Ends and reaps the process that it was given last.
class Child {
 public:
  Child() = default;
  ~Child() { replace(-1); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void replace(pid_t next) {
    if (process_ > 0) {
      // It has lost its socket and ends by itself, unless it hangs.
      ::kill(process_, SIGKILL);
      while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    process_ = next;
  }

 private:
  pid_t process_ = -1;
};

// Between fork and exec: descriptors above the helper's socket are closed, since another library of
// the agent may have opened one without O_CLOEXEC.
[[noreturn]] void become(int socket, const char* program, char* const* arguments) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  if (socket == kHelperSocket) {
    ::fcntl(socket, F_SETFD, 0);
  } else {
    ::dup2(socket, kHelperSocket);
  }
  ::close_range(kHelperSocket + 1, ~0U, 0);
  const std::array<char*, 1> no_environment{nullptr};
  ::execve(program, arguments, no_environment.data());
  ::_exit(127);
}

}  // namespace

HelperConnector connect_to(std::filesystem::path path) {
  return [path = path.string()]() -> util::Result<util::Descriptor> {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("the socket path '{}' is too long", path));
    }
    std::memcpy(address.sun_path, path.c_str(), path.size());
    util::Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
      return util::errno_error("making a socket", errno);
    }
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      const util::Error error = util::errno_error(path, errno);
      return util::Error(util::ErrorCode::kUnavailable,
                         error.message() + "; is warder-firewall.service running?");
    }
    return socket;
  };
}

HelperConnector spawn_helper(std::filesystem::path program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program.string());
  arguments.insert(arguments.end(), {"--fd", std::to_string(kHelperSocket)});
  auto child = std::make_shared<Child>();
  return
      [program = program.string(), arguments, child]() mutable -> util::Result<util::Descriptor> {
        child->replace(-1);
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
          return util::errno_error("making a pair of sockets", errno);
        }
        util::Descriptor ours(ends[0]);
        const util::Descriptor theirs(ends[1]);
        std::vector<char*> words;
        words.reserve(arguments.size() + 1);
        for (std::string& argument : arguments) {
          words.push_back(argument.data());
        }
        words.push_back(nullptr);
        const pid_t process = ::fork();
        if (process < 0) {
          return util::errno_error("starting the firewall helper", errno);
        }
        if (process == 0) {
          become(theirs.get(), program.c_str(), words.data());
        }
        child->replace(process);
        return ours;
      };
}

}  // namespace warder::firewall
