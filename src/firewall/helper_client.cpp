#include "firewall/helper_client.h"

#include "firewall/helper_protocol.h"
#include "util/backoff.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <poll.h>
#include <random>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace warder::firewall {
namespace {

util::Error away(std::string_view why) {
  return {util::ErrorCode::kUnavailable, fmt::format("the firewall helper is away: {}", why)};
}

// Many changes go as several requests, so that the helper works one off while the next is written:
// eight datagrams each, eight requests on their way at most.
constexpr std::size_t kPart = 8 * wire::kRecordsADatagram;
constexpr std::size_t kAhead = 8;
// What may arrive while a request is being written: the answers to those before, and notices.
constexpr std::size_t kMostArrived = 128;

util::Error not_ensured() {
  return {util::ErrorCode::kConflict, "the firewall's rules are not there; they are being rebuilt"};
}

}  // namespace

struct HelperClient::State {
  HelperConnector connector;
  const util::Clock& clock;
  HelperClientOptions options;
  util::Backoff backoff;
  util::Descriptor events;
  util::Descriptor retry_timer;
  util::Descriptor socket;
  std::string why_away = "not connected yet";
  bool was_connected = false;
  bool may_connect = true;
  bool ensured = false;
  bool changed = false;
  std::uint64_t request = 0;
  std::deque<wire::Datagram> arrived = {};  // read while a request was written; no notices

  // What one request came back with.
  struct Answer {
    wire::Summary summary;
    std::vector<Refusal> refusals;
  };

  util::Status connect();
  void disconnect(std::string_view why);
  util::Error give_up(util::ErrorCode code, std::string_view why);
  util::Result<wire::Header> read(wire::Datagram& datagram);
  util::Status take_notices();
  void arm_timer(std::chrono::milliseconds after);
  util::Status send(const wire::Datagram& datagram);
  util::Status keep_arrived();
  util::Status receive(wire::Datagram& datagram, wire::Header& header);
  bool take_part(const wire::Datagram& datagram, const wire::Header& header, Answer& answer);
  util::Result<Answer> await(std::uint64_t asked,
                             const std::function<bool(const wire::TimedElement&)>& visit = {});
  util::Result<Answer> ask(wire::Kind kind);
  // Part of an apply() that was sent and not answered yet.
  struct Part {
    std::uint64_t request = 0;
    std::uint32_t first = 0;  // of its changes, in the span of apply()
    std::size_t changes = 0;
  };
  util::Result<Part> send_part(std::span<const Change> changes, std::uint32_t first);
  util::Status take_answer(const Part& part, ApplyReport& report);
};

// --- the connection -----------------------------------------------------------------------------

void HelperClient::State::arm_timer(std::chrono::milliseconds after) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(after);
  itimerspec times{};
  times.it_value.tv_sec = seconds.count();
  times.it_value.tv_nsec = std::chrono::nanoseconds(after - seconds).count();
  ::timerfd_settime(retry_timer.get(), 0, &times, nullptr);
}

util::Status HelperClient::State::connect() {
  if (socket) {
    return {};
  }
  if (!may_connect) {
    return away(why_away);
  }
  auto made = connector();
  if (!made) {
    disconnect(made.error().message());
    return away(why_away);
  }
  socket = std::move(made).value();
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(events.get(), EPOLL_CTL_ADD, socket.get(), &event);
  arm_timer(std::chrono::milliseconds(0));
  ensured = false;
  request = 0;
  // The owner's first connection is no return.
  changed = changed || was_connected;
  was_connected = true;
  return {};
}

// Closes the connection; nothing is tried until the timer says so.
void HelperClient::State::disconnect(std::string_view why) {
  why_away = why;
  // A closed descriptor leaves the epoll set by itself.
  socket.reset();
  arrived.clear();
  ensured = false;
  was_connected = true;
  may_connect = false;
  arm_timer(std::max(backoff.next(), std::chrono::milliseconds(1)));
}

util::Error HelperClient::State::give_up(util::ErrorCode code, std::string_view why) {
  disconnect(why);
  return {code, fmt::format("the firewall helper is away: {}", why)};
}

util::Status HelperClient::State::send(const wire::Datagram& datagram) {
  for (;;) {
    if (::send(socket.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
      return {};
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN) {
      return give_up(util::ErrorCode::kUnavailable, "it closed the connection");
    }
    // It may be waiting for us to take an answer before it reads on.
    pollfd wait{socket.get(), POLLOUT | POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(options.answer_limit.count())) == 0) {
      return give_up(util::ErrorCode::kTimeout, "it does not read its requests");
    }
    if ((wait.revents & POLLIN) != 0) {
      WARDER_RETURN_IF_ERROR(keep_arrived());
    }
  }
}

// One datagram that is there. kConflict when there is none.
util::Result<wire::Header> HelperClient::State::read(wire::Datagram& datagram) {
  std::array<std::uint8_t, wire::kDatagram + 1> buffer;
  const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
    return util::Error(util::ErrorCode::kConflict, "nothing is there");
  }
  if (got <= 0) {
    return give_up(util::ErrorCode::kUnavailable, "it closed the connection");
  }
  std::uint16_t version = wire::kVersion;
  const auto header =
      wire::read_header(util::ByteView(buffer).first(static_cast<std::size_t>(got)), version);
  if (!header) {
    return give_up(util::ErrorCode::kUnavailable,
                   version != wire::kVersion
                       ? fmt::format("it speaks version {} of the messages, the agent version {}; "
                                     "restart both after an upgrade",
                                     version, wire::kVersion)
                       : std::string("its answer is none"));
  }
  std::copy_n(buffer.begin(), datagram.size(), datagram.begin());
  return *header;
}

util::Status HelperClient::State::keep_arrived() {
  wire::Datagram datagram;
  const auto header = read(datagram);
  if (!header) {
    return header.error().code() == util::ErrorCode::kConflict ? util::Status() : header.error();
  }
  if (header->kind == wire::Kind::kChanged) {
    changed = true;
    return {};
  }
  if (arrived.size() == kMostArrived) {
    return give_up(util::ErrorCode::kUnavailable, "its answer is none");
  }
  arrived.push_back(datagram);
  return {};
}

util::Status HelperClient::State::receive(wire::Datagram& datagram, wire::Header& header) {
  if (!arrived.empty()) {
    datagram = arrived.front();
    arrived.pop_front();
    std::uint16_t version = wire::kVersion;
    header = wire::read_header(datagram, version).value_or(wire::Header{});
    return {};
  }
  for (;;) {
    pollfd wait{socket.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(options.answer_limit.count()));
    if (ready == 0) {
      return give_up(util::ErrorCode::kTimeout,
                     fmt::format("no answer within {} ms", options.answer_limit.count()));
    }
    const auto got = read(datagram);
    if (!got && got.error().code() != util::ErrorCode::kConflict) {
      return got.error();
    }
    if (!got) {
      continue;
    }
    if (got->kind == wire::Kind::kChanged) {
      changed = true;
      continue;
    }
    header = *got;
    return {};
  }
}

// Between requests nothing but notices may come.
util::Status HelperClient::State::take_notices() {
  wire::Datagram datagram;
  while (socket) {
    const auto header = read(datagram);
    if (!header) {
      return header.error().code() == util::ErrorCode::kConflict ? util::Status() : header.error();
    }
    if (header->kind != wire::Kind::kChanged) {
      return give_up(util::ErrorCode::kUnavailable, "its answer is none");
    }
    changed = true;
  }
  return {};
}

// --- requests and answers -----------------------------------------------------------------------

// False when it is no part of an answer.
bool HelperClient::State::take_part(const wire::Datagram& datagram, const wire::Header& header,
                                    Answer& answer) {
  if (header.kind != wire::Kind::kAnswer || header.first != answer.refusals.size()) {
    return false;
  }
  auto summary = wire::read_summary(datagram);
  if (!summary) {
    return false;
  }
  answer.summary = std::move(*summary);
  for (std::size_t i = 0; i < header.count; ++i) {
    const auto refusal = wire::read_refusal(datagram, i);
    if (!refusal) {
      return false;
    }
    answer.refusals.push_back(*refusal);
  }
  return true;
}

util::Result<HelperClient::State::Answer> HelperClient::State::await(
    std::uint64_t asked, const std::function<bool(const wire::TimedElement&)>& visit) {
  Answer answer;
  for (;;) {
    wire::Datagram datagram;
    wire::Header header;
    WARDER_RETURN_IF_ERROR(receive(datagram, header));
    // An answer to nothing (request 0) tells of a request that was none; it is ours.
    if (header.request != asked && header.request != 0) {
      return give_up(util::ErrorCode::kUnavailable, "its answer belongs to another request");
    }
    if (header.kind == wire::Kind::kElements && visit) {
      for (std::size_t i = 0; i < header.count; ++i) {
        const auto element = wire::read_element(datagram, i);
        if (!element) {
          return give_up(util::ErrorCode::kUnavailable, "its answer is none");
        }
        if (!visit(*element)) {
          return answer;
        }
      }
      continue;
    }
    if (!take_part(datagram, header, answer)) {
      return give_up(util::ErrorCode::kUnavailable, "its answer is none");
    }
    if (answer.refusals.size() >= header.total) {
      backoff.reset();
      if (answer.summary.error) {
        return util::Error(*answer.summary.error, answer.summary.text);
      }
      return answer;
    }
  }
}

util::Result<HelperClient::State::Answer> HelperClient::State::ask(wire::Kind kind) {
  WARDER_RETURN_IF_ERROR(connect());
  WARDER_RETURN_IF_ERROR(send(wire::datagram_of({kind, ++request, 0, 0, 0})));
  return await(request);
}

util::Result<HelperClient::State::Part> HelperClient::State::send_part(
    std::span<const Change> changes, std::uint32_t first) {
  ++request;
  for (std::size_t at = 0; at < changes.size(); at += wire::kRecordsADatagram) {
    const auto part = changes.subspan(at, std::min(changes.size() - at, wire::kRecordsADatagram));
    wire::Datagram datagram = wire::datagram_of(
        {wire::Kind::kApply, request, static_cast<std::uint32_t>(changes.size()),
         static_cast<std::uint32_t>(at), static_cast<std::uint16_t>(part.size())});
    const util::WallTime now = clock.now();
    for (std::size_t i = 0; i < part.size(); ++i) {
      wire::TimedChange timed{part[i], std::nullopt};
      if (part[i].end) {
        timed.left = std::max(std::chrono::ceil<std::chrono::milliseconds>(*part[i].end - now),
                              std::chrono::milliseconds(0));
      }
      wire::put_change(datagram, i, timed);
    }
    WARDER_RETURN_IF_ERROR(send(datagram));
  }
  return Part{request, first, changes.size()};
}

util::Status HelperClient::State::take_answer(const Part& part, ApplyReport& report) {
  auto answer = await(part.request);
  if (!answer) {
    ensured = ensured && answer.error().code() != util::ErrorCode::kConflict;
    return answer.error();
  }
  report.added += answer->summary.report.added;
  report.extended += answer->summary.report.extended;
  report.unchanged += answer->summary.report.unchanged;
  report.removed += answer->summary.report.removed;
  report.outlasting += answer->summary.report.outlasting;
  for (Refusal& refusal : answer->refusals) {
    if (refusal.change >= part.changes) {
      return give_up(util::ErrorCode::kUnavailable, "its answer is none");
    }
    refusal.change += part.first;
    report.refusals.push_back(refusal);
  }
  return {};
}

// --- the interface ------------------------------------------------------------------------------

HelperClient::HelperClient(HelperConnector connector, const util::Clock& clock,
                           const HelperClientOptions& options)
    : state_(new State{
          std::move(connector),
          clock,
          options,
          util::Backoff(options.first_retry, options.longest_retry, std::random_device{}()),
          util::Descriptor(::epoll_create1(EPOLL_CLOEXEC)),
          util::Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
          {}}) {
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(state_->events.get(), EPOLL_CTL_ADD, state_->retry_timer.get(), &event);
}

HelperClient::~HelperClient() = default;

bool HelperClient::connected() const { return static_cast<bool>(state_->socket); }

util::Status HelperClient::ensure(std::span<const Scope> scopes) {
  WARDER_RETURN_IF_ERROR(state_->connect());
  state_->ensured = false;
  std::uint32_t total = 0;
  for (const Scope& scope : scopes) {
    total += static_cast<std::uint32_t>(wire::scope_records(scope));
  }
  if (total > wire::kMostRecords) {
    return util::Error(util::ErrorCode::kInvalid, "too many scopes");
  }
  wire::Header header{wire::Kind::kEnsure, ++state_->request, total, 0, 0};
  header.count = static_cast<std::uint16_t>(std::min<std::size_t>(total, wire::kRecordsADatagram));
  wire::Datagram datagram = wire::datagram_of(header);
  std::size_t place = 0;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    for (std::size_t part = 0; part < wire::scope_records(scopes[i]); ++part) {
      if (place == header.count) {
        WARDER_RETURN_IF_ERROR(state_->send(datagram));
        header.first += header.count;
        header.count = static_cast<std::uint16_t>(
            std::min<std::size_t>(total - header.first, wire::kRecordsADatagram));
        datagram = wire::datagram_of(header);
        place = 0;
      }
      wire::put_scope_part(datagram, place++, static_cast<ScopeIndex>(i), scopes[i], part);
    }
  }
  WARDER_RETURN_IF_ERROR(state_->send(datagram));
  WARDER_RETURN_IF_ERROR(state_->await(header.request));
  state_->ensured = true;
  return {};
}

util::Result<ApplyReport> HelperClient::apply(std::span<const Change> changes) {
  WARDER_RETURN_IF_ERROR(state_->connect());
  if (!state_->ensured) {
    return not_ensured();
  }
  ApplyReport report;
  util::Status status;
  std::deque<State::Part> sent;
  for (std::size_t at = 0; status && at < changes.size(); at += kPart) {
    if (sent.size() == kAhead) {
      status = state_->take_answer(sent.front(), report);
      sent.pop_front();
    }
    if (status) {
      const auto part = state_->send_part(changes.subspan(at, std::min(changes.size() - at, kPart)),
                                          static_cast<std::uint32_t>(at));
      if (!part) {
        return part.error();  // the connection is gone
      }
      sent.push_back(*part);
    }
  }
  // Answers that are on their way are taken also after an error, or the next request would meet
  // them.
  for (; !sent.empty() && state_->socket; sent.pop_front()) {
    const util::Status taken = state_->take_answer(sent.front(), report);
    status = status ? taken : status;
  }
  if (!status) {
    return status.error();
  }
  return report;
}

util::Status HelperClient::list(const Visit& visit) {
  WARDER_RETURN_IF_ERROR(state_->connect());
  if (!state_->ensured) {
    return not_ensured();
  }
  bool stopped = false;
  WARDER_RETURN_IF_ERROR(
      state_->send(wire::datagram_of({wire::Kind::kList, ++state_->request, 0, 0, 0})));
  WARDER_RETURN_IF_ERROR(state_->await(state_->request, [&](const wire::TimedElement& timed) {
    if (!stopped) {
      Element element = timed.element;
      if (timed.left) {
        element.end = state_->clock.now() + *timed.left;
      }
      stopped = !visit(element);
    }
    // The rest of the answer is read and thrown away: the connection goes on.
    return true;
  }));
  return {};
}

util::Result<Traffic> HelperClient::traffic(const net::Prefix& prefix) {
  WARDER_RETURN_IF_ERROR(state_->connect());
  if (!state_->ensured) {
    return not_ensured();
  }
  wire::Datagram datagram = wire::datagram_of({wire::Kind::kTraffic, ++state_->request, 1, 0, 1});
  wire::put_change(datagram, 0, {{Change::Kind::kAdd, 0, prefix, std::nullopt}, std::nullopt});
  WARDER_RETURN_IF_ERROR(state_->send(datagram));
  WARDER_ASSIGN_OR_RETURN(const auto answer, state_->await(state_->request));
  return answer.summary.traffic;
}

util::Status HelperClient::remove_all() {
  state_->ensured = false;
  WARDER_RETURN_IF_ERROR(state_->ask(wire::Kind::kRemoveAll));
  return {};
}

int HelperClient::watch_descriptor() const { return state_->events.get(); }

util::Result<bool> HelperClient::take_outside_change() {
  std::uint64_t ticks = 0;
  if (::read(state_->retry_timer.get(), &ticks, sizeof ticks) == sizeof ticks) {
    state_->may_connect = true;
    WARDER_RETURN_IF_ERROR(state_->connect());
  }
  WARDER_RETURN_IF_ERROR(state_->take_notices());
  return std::exchange(state_->changed, false);
}

}  // namespace warder::firewall
