#include "source/line_listener.h"

#include "util/thread_name.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace warder::source {
namespace {

constexpr std::size_t kRead = 64UL * 1024;

}  // namespace

struct LineListener::Connection {
  Connection(util::Descriptor socket, ListenAddress::Kind kind,
             const HttpRequestReader::Limits& limits, const LineAssembler::Sink& sink)
      : fd(std::move(socket)) {
    if (kind == ListenAddress::Kind::kHttp) {
      requests.emplace(limits, sink);
    } else {
      stream.emplace(limits.longest_line, sink);
    }
  }

  util::Descriptor fd;
  std::optional<HttpRequestReader> requests;  // one of
  std::optional<LineAssembler> stream;        // the two
  std::string answers;                        // not sent yet
  bool closing = false;
  std::uint64_t heard = 0;  // the round in which it spoke last

  std::uint64_t pending() const {
    return requests ? requests->pending() : stream ? stream->pending() : 0;
  }
  // False when it is over.
  bool send_answers() {
    while (!answers.empty()) {
      const ssize_t sent = ::send(fd.get(), answers.data(), answers.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      answers.erase(0, static_cast<std::size_t>(sent));
    }
    return !closing;
  }
  bool read(std::vector<char>& buffer) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
      return false;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (stream) {
      stream->feed(bytes);
    } else if (requests) {
      closing = !requests->feed(bytes, answers);
    }
    return send_answers();
  }
};

util::Result<std::shared_ptr<LineListener>> LineListener::open(const Options& options) {
  WARDER_ASSIGN_OR_RETURN(ListenAddress address, parse_listen_address(options.address));
  WARDER_ASSIGN_OR_RETURN(util::Descriptor listener, listen_at(address));
  return std::shared_ptr<LineListener>(
      new LineListener(options, std::move(address), std::move(listener)));
}

LineListener::LineListener(Options options, ListenAddress address, util::Descriptor listener)
    : options_(std::move(options)),
      address_(std::move(address)),
      limits_{address_.path, static_cast<std::size_t>(options_.longest_line.value), kLongestBody},
      listener_(std::move(listener)),
      ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sink_.line = [this](std::string_view line) { put({std::string(line), false, line.size(), {}}); };
  sink_.oversized = [this](const LineAssembler::Oversized& line) {
    put({std::string(line.gist), true, line.length, line.digest});
  };
  sink_.wanted = [this] {
    const std::lock_guard lock(mutex_);
    return wanted_;
  };
  thread_ = std::thread([this] { run(); });
}

LineListener::~LineListener() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
  if (address_.kind == ListenAddress::Kind::kUnix) {
    ::unlink(address_.path.c_str());
  }
}

void LineListener::keep(MemberNames members) {
  auto wanted = std::make_shared<const MemberNames>(std::move(members));
  const std::lock_guard lock(mutex_);
  wanted_ = std::move(wanted);
}

void LineListener::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(ready_.get(), &one, sizeof one);
}

void LineListener::put(Item item) {
  const std::size_t cost = item.text.size() + kCost;
  const std::uint64_t length = item.length;
  bool fits = false;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    fits = queued_ + cost <= options_.queue.value;
    if (fits) {
      first = queue_.empty();
      queued_ += cost;
      queue_.push_back(std::move(item));
    }
  }
  if (!fits) {
    lose(&Lost::overflow, length);
  } else if (first) {
    wake();
  }
}

void LineListener::lose(std::uint64_t Lost::* what, std::uint64_t bytes) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = lost_.overflow + lost_.cut == 0;
    ++(lost_.*what);
    lost_.bytes += bytes;
  }
  if (first) {
    wake();
  }
}

bool LineListener::take(Item& item) {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    std::uint64_t drained = 0;
    [[maybe_unused]] const ssize_t got = ::read(ready_.get(), &drained, sizeof drained);
    return false;
  }
  item = std::move(queue_.front());
  queue_.pop_front();
  queued_ -= item.text.size() + kCost;
  return true;
}

LineListener::Lost LineListener::take_lost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, {});
}

std::uint64_t LineListener::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  return queued_ - queue_.size() * kCost;
}

void LineListener::accept(std::vector<std::unique_ptr<Connection>>& connections,
                          std::uint64_t now) {
  util::Descriptor accepted(
      ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  const bool no_room = !accepted && (errno == EMFILE || errno == ENFILE);
  if ((no_room && !connections.empty()) || (accepted && connections.size() == kConnections)) {
    const auto silent = std::ranges::min_element(
        connections, {}, [](const std::unique_ptr<Connection>& known) { return known->heard; });
    if (const std::uint64_t cut = (*silent)->pending(); cut > 0) {
      lose(&Lost::cut, cut);
    }
    connections.erase(silent);
  }
  if (accepted) {
    connections.push_back(
        std::make_unique<Connection>(std::move(accepted), address_.kind, limits_, sink_));
    connections.back()->heard = now;
  }
}

void LineListener::run() {
  util::name_thread("listener");
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<char> buffer(kRead);
  for (std::uint64_t round = 1;; ++round) {
    std::vector<pollfd> waiting{{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& connection : connections) {
      const bool unsent = !connection->answers.empty();
      waiting.push_back({connection->fd.get(), static_cast<short>(unsent ? POLLOUT : POLLIN), 0});
    }
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (waiting[0].revents != 0) {
      return;
    }
    for (std::size_t i = 0; i < connections.size(); ++i) {
      const short happened = waiting[i + 2].revents;
      if (happened == 0) {
        continue;
      }
      connections[i]->heard = round;
      const bool goes_on =
          (happened & POLLOUT) != 0 ? connections[i]->send_answers() : connections[i]->read(buffer);
      if (!goes_on) {
        if (const std::uint64_t cut = connections[i]->pending(); cut > 0) {
          lose(&Lost::cut, cut);
        }
        connections[i].reset();
      }
    }
    std::erase(connections, nullptr);
    if (waiting[1].revents != 0) {
      accept(connections, round);
    }
  }
}

}  // namespace warder::source
