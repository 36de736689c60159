#pragma once

#include "util/descriptor.h"
#include "util/strings.h"

#include <arpa/inet.h>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace warder::testing {

// The two ends of a connection that a server sees: plain here, TLS in test_tls.h.
class Stream {
 public:
  virtual ~Stream() = default;
  // Like read(2) and write(2).
  virtual ssize_t read(char* buffer, std::size_t size) = 0;
  virtual ssize_t write(const char* data, std::size_t size) = 0;
};

class PlainStream : public Stream {
 public:
  explicit PlainStream(int fd) : fd_(fd) {}
  ssize_t read(char* buffer, std::size_t size) override { return ::recv(fd_, buffer, size, 0); }
  ssize_t write(const char* data, std::size_t size) override {
    return ::send(fd_, data, size, MSG_NOSIGNAL);
  }

 private:
  int fd_;
};

struct TestRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct TestReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  enum class Fault {
    kNone,
    kClose,    // ends the connection without an answer
    kReset,    // the same with a TCP reset
    kHang,     // never answers, until the client or the server goes
    kMidBody,  // promises the whole body, sends half of it and resets
    kRaw,      // sends `body` as it stands, as the whole answer, and closes
  };
  Fault fault = Fault::kNone;
};

// A real HTTP/1.1 server on 127.0.0.1 and an ephemeral port, a thread a connection. The handler is
// called on those threads, one call at a time.
class TestServer {
 public:
  using Handler = std::function<TestReply(const TestRequest&)>;
  // Makes the stream of an accepted socket; null when the handshake fails.
  using Wrap = std::function<std::unique_ptr<Stream>(int fd)>;

  explicit TestServer(Handler handler, Wrap wrap = {})
      : handler_(std::move(handler)),
        wrap_(std::move(wrap)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), generic, length) != 0 || ::listen(listener_.get(), 64) != 0 ||
        ::getsockname(listener_.get(), generic, &length) != 0) {
      throw std::runtime_error("no test server");
    }
    port_ = ntohs(address.sin_port);
    accepter_ = std::thread([this] { accept_all(); });
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    accepter_.join();
    for (std::thread& connection : connections_) {
      connection.join();
    }
  }

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path, std::string_view scheme = "http",
                  std::string_view host = "127.0.0.1") const {
    return std::string(scheme) + "://" + std::string(host) + ":" + std::to_string(port_) +
           std::string(path);
  }
  std::vector<TestRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Blocks until so many requests have come (before they are answered); false after a minute.
  bool wait_for_requests(std::size_t count) const {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::minutes(1), [&] { return requests_.size() >= count; });
  }

 private:
  // False when the server stops.
  bool wait_readable(int fd) const {
    pollfd polled[2] = {{fd, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    ::poll(polled, 2, -1);
    return (polled[1].revents & POLLIN) == 0;
  }

  void accept_all() {
    while (wait_readable(listener_.get())) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) {
        connections_.emplace_back([this, fd] { serve(util::Descriptor(fd)); });
      }
    }
  }

  void serve(util::Descriptor socket) {
    // A peer that does not go on must not hold up the end of a test.
    const timeval limit{30, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const std::unique_ptr<Stream> stream =
        wrap_ ? wrap_(socket.get()) : std::make_unique<PlainStream>(socket.get());
    if (!stream) {
      return;
    }
    std::string buffer;
    while (true) {
      TestRequest request;
      if (!read_request(socket.get(), stream.get(), &buffer, &request)) {
        return;
      }
      TestReply reply;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        came_.notify_all();
      }
      {
        const std::lock_guard lock(handler_mutex_);
        reply = handler_(request);
      }
      if (!answer(socket.get(), stream.get(), reply)) {
        return;
      }
    }
  }

  bool read_more(int fd, Stream* stream, std::string* buffer) const {
    char chunk[16384];
    if (!wait_readable(fd)) {
      return false;
    }
    const ssize_t got = stream->read(chunk, sizeof chunk);
    if (got <= 0) {
      return false;
    }
    buffer->append(chunk, static_cast<std::size_t>(got));
    return true;
  }

  bool read_request(int fd, Stream* stream, std::string* buffer, TestRequest* request) const {
    std::size_t end = 0;
    while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
      if (!read_more(fd, stream, buffer)) {
        return false;
      }
    }
    const std::string head = buffer->substr(0, end);
    buffer->erase(0, end + 4);
    std::size_t line_end = head.find("\r\n");
    const auto words = util::split_words(std::string_view(head).substr(0, line_end));
    request->method = words.at(0);
    request->path = words.at(1);
    while (line_end != std::string::npos) {
      const std::size_t start = line_end + 2;
      line_end = head.find("\r\n", start);
      const std::string_view line = std::string_view(head).substr(
          start, line_end == std::string::npos ? line_end : line_end - start);
      const std::size_t colon = line.find(':');
      request->headers[util::to_lower(line.substr(0, colon))] = util::trim(line.substr(colon + 1));
    }
    std::size_t length = 0;
    if (const auto found = request->headers.find("content-length");
        found != request->headers.end()) {
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), length);
    }
    while (buffer->size() < length) {
      if (!read_more(fd, stream, buffer)) {
        return false;
      }
    }
    request->body = buffer->substr(0, length);
    buffer->erase(0, length);
    return true;
  }

  static void reset(int fd) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  // Whether the connection goes on.
  bool answer(int fd, Stream* stream, const TestReply& reply) const {
    using Fault = TestReply::Fault;
    switch (reply.fault) {
      case Fault::kClose:
        return false;
      case Fault::kReset:
        reset(fd);
        return false;
      case Fault::kHang: {
        std::string ignored;
        while (read_more(fd, stream, &ignored)) {
        }
        return false;
      }
      case Fault::kRaw:
        write_all(stream, reply.body);
        return false;
      case Fault::kNone:
      case Fault::kMidBody:
        break;
    }
    std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " Test\r\n";
    for (const auto& [name, value] : reply.headers) {
      text += name + ": " + value + "\r\n";
    }
    if (reply.status != 204) {
      text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    }
    text += "\r\n";
    if (reply.fault == Fault::kMidBody) {
      write_all(stream, text + reply.body.substr(0, reply.body.size() / 2));
      reset(fd);
      return false;
    }
    return write_all(stream, text + reply.body);
  }

  static bool write_all(Stream* stream, std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = stream->write(text.data(), text.size());
      if (written <= 0) {
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  const Handler handler_;
  const Wrap wrap_;
  const util::Descriptor stop_;
  const util::Descriptor listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable came_;
  std::vector<TestRequest> requests_;  // guarded by mutex_
  std::mutex handler_mutex_;
  std::vector<std::thread> connections_;  // used by the accepting thread, then by the destructor
  std::thread accepter_;
};

}  // namespace warder::testing
