#include "api/client.h"

#include "api/frame.h"
#include "util/descriptor.h"
#include "util/unix_socket.h"

#include <fmt/core.h>

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace warder::api {
namespace {

using util::Error;
using util::ErrorCode;

Error connect_error(const std::filesystem::path& socket, int reason) {
  if (reason == ENOENT || reason == ECONNREFUSED) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("no agent answers on {}; is it running? (systemctl status warder)",
                             socket.string()));
  }
  if (reason == EACCES) {
    return Error(ErrorCode::kDenied,
                 fmt::format("this user may not use {}; run with sudo, or join the socket's group",
                             socket.string()));
  }
  return util::errno_error(socket.string(), reason);
}

}  // namespace

util::Result<std::string> ask(const std::filesystem::path& socket, const Request& request,
                              std::chrono::milliseconds limit) {
  WARDER_ASSIGN_OR_RETURN(const util::UnixAddress address, util::unix_address(socket));
  const util::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    return util::errno_error("socket", errno);
  }
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const Error late(ErrorCode::kTimeout, fmt::format("the agent on {} did not answer within {} ms",
                                                    socket.string(), limit.count()));
  // Of an agent that hangs the queue of connections fills up, and with it connect(2) waits, too.
  const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
  const timeval patience{seconds.count(), std::chrono::microseconds(limit - seconds).count()};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) {
    return util::errno_error("socket", errno);
  }
  if (::connect(fd.get(), address.generic(), address.size()) != 0) {
    return errno == EAGAIN ? late : connect_error(socket, errno);
  }
  const std::string question = frame(encode(request));
  if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(question.size())) {
    return errno == EAGAIN ? late : util::errno_error("asking the agent", errno);
  }
  FrameReader reader(kLargestResponse);
  while (true) {
    if (auto payload = reader.next()) {
      WARDER_ASSIGN_OR_RETURN(Response response, decode_response(*payload));
      if (response.error) {
        return *response.error;
      }
      return std::move(response.body);
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{fd.get(), POLLIN, 0};
    const int polled = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
    if (polled < 0 && errno == EINTR) {
      continue;
    }
    if (polled <= 0) {
      return late;
    }
    char buffer[65536];
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return util::errno_error("reading the agent's answer", errno);
    }
    if (got == 0) {
      return Error(ErrorCode::kUnavailable, "the agent closed the connection without an answer");
    }
    WARDER_RETURN_IF_ERROR(reader.feed({buffer, static_cast<std::size_t>(got)}));
  }
}

}  // namespace warder::api
