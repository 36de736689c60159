// How long after a line was written the kernel drops the packets of whom it names.
//
//   bench_drop_latency SENDER_NAMESPACE RECEIVER_ADDRESS LOG BANS LINES_A_SECOND PATIENCE_MS
//
// Runs in the host's network namespace. For each ban an address of its own (10.9.N.66) sends
// numbered UDP packets all the time; the line that bans it is appended to LOG; the time from just
// before write(2) to the sending of the first packet that did not arrive is printed in
// microseconds. LINES_A_SECOND harmless lines go into the same log meanwhile. A ban has come when
// nothing arrived for PATIENCE_MS; one that does not come within thirty seconds is printed as -1.
#include "util/descriptor.h"

#include <fmt/core.h>

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace warder;

namespace {

constexpr std::chrono::microseconds kEvery{20};
constexpr std::size_t kMostPackets = 4'000'000;
constexpr std::uint16_t kPort = 5555;
constexpr std::chrono::seconds kHopeless{30};

using Moment = std::chrono::steady_clock::time_point;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void require(bool holds, const std::string& what) {
  if (!holds) {
    fail(what);
  }
}

sockaddr_in address_of(const std::string& text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  require(::inet_pton(AF_INET, text.c_str(), &address.sin_addr) == 1, text);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

struct Packet {
  std::uint32_t ban = 0;
  std::uint32_t number = 0;
};

// What the threads share about the ban being measured.
struct Shared {
  std::atomic<std::uint32_t> ban{0};
  std::atomic<std::uint32_t> sent{0};      // packets, by number from 1
  std::atomic<std::uint32_t> received{0};  // the last number that arrived
  std::atomic<bool> sending{false};
  std::atomic<bool> idle{true};
  std::atomic<bool> over{false};
  std::vector<Moment> times = std::vector<Moment>(kMostPackets);
};

std::string attacker(std::uint32_t ban) { return fmt::format("10.9.{}.66", ban); }

// Threads have a network namespace of their own, so only this one sends from over there.
void send_all(Shared& shared, const std::string& network, const sockaddr_in& receiver) {
  const util::Descriptor handle(::open(network.c_str(), O_RDONLY | O_CLOEXEC));
  require(handle && ::setns(handle.get(), CLONE_NEWNET) == 0, network);
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  while (!shared.over) {
    if (!shared.sending) {
      shared.idle = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    shared.idle = false;
    const std::uint32_t ban = shared.ban;
    const util::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in own = address_of(attacker(ban), 0);
    require(::bind(socket.get(), generic(own), sizeof own) == 0, attacker(ban));
    require(::connect(socket.get(), generic(receiver), sizeof receiver) == 0, "connect");
    for (std::uint32_t number = 1; shared.sending && number < kMostPackets; ++number) {
      const Packet packet{ban, number};
      shared.times[number] = std::chrono::steady_clock::now();
      [[maybe_unused]] const ssize_t sent = ::send(socket.get(), &packet, sizeof packet, 0);
      shared.sent = number;
      std::this_thread::sleep_for(kEvery);
    }
  }
}

void receive_all(Shared& shared, int socket) {
  Packet packet;
  while (!shared.over) {
    if (::recv(socket, &packet, sizeof packet, 0) == sizeof packet && packet.ban == shared.ban) {
      shared.received = packet.number;
    }
  }
}

std::string stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%b %e %H:%M:%S", &parts);
  return text;
}

void write_beside(Shared& shared, int log, long lines_a_second) {
  constexpr long kPortions = 200;  // a second
  Moment due = std::chrono::steady_clock::now();
  while (lines_a_second > 0 && !shared.over) {
    std::string lines;
    for (long i = 0; i < lines_a_second / kPortions; ++i) {
      lines += stamp() + fmt::format(
                             " host sshd[{}]: Accepted publickey for deploy from 192.0.2.{} "
                             "port 40022 ssh2: ED25519 SHA256:abc\n",
                             1000 + i, i % 200);
    }
    require(::write(log, lines.data(), lines.size()) > 0, "writing beside");
    due += std::chrono::milliseconds(1000 / kPortions);
    std::this_thread::sleep_until(due);
  }
}

// Microseconds, or -1 when the ban did not come.
long measure(Shared& shared, int log, std::uint32_t ban, std::chrono::milliseconds patience) {
  shared.ban = ban;
  shared.received = 0;
  shared.sent = 0;
  shared.sending = true;
  while (shared.received < 20) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const std::string line =
      stamp() + fmt::format(" host sshd[{}]: Failed password for root from {} port 4 ssh2\n",
                            20000 + ban, attacker(ban));
  const Moment start = std::chrono::steady_clock::now();
  require(::write(log, line.data(), line.size()) > 0, "writing the line");
  std::uint32_t last = shared.received;
  Moment last_change = start;
  bool came = false;
  while (!came && std::chrono::steady_clock::now() - start < kHopeless) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::uint32_t received = shared.received;
    if (received != last) {
      last = received;
      last_change = std::chrono::steady_clock::now();
    }
    came = std::chrono::steady_clock::now() - last_change > patience && shared.sent > last + 10;
  }
  shared.sending = false;
  while (!shared.idle) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (!came) {
    return -1;
  }
  return std::chrono::duration_cast<std::chrono::microseconds>(shared.times[last + 1] - start)
      .count();
}

void run(char** words) {
  const sockaddr_in receiver = address_of(words[2], kPort);
  const util::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval limit{0, 100'000};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  require(::bind(socket.get(), generic(receiver), sizeof receiver) == 0, "bind");
  const util::Descriptor log(::open(words[3], O_WRONLY | O_APPEND | O_CLOEXEC));
  require(static_cast<bool>(log), words[3]);
  Shared shared;
  std::thread sender([&] { send_all(shared, words[1], receiver); });
  std::thread taker([&] { receive_all(shared, socket.get()); });
  std::thread beside([&] { write_beside(shared, log.get(), std::atol(words[5])); });
  const auto bans = static_cast<std::uint32_t>(std::atol(words[4]));
  for (std::uint32_t ban = 0; ban < bans; ++ban) {
    fmt::print("{}\n",
               measure(shared, log.get(), ban, std::chrono::milliseconds(std::atol(words[6]))));
  }
  shared.over = true;
  sender.join();
  taker.join();
  beside.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    fmt::print(stderr,
               "usage: bench_drop_latency SENDER_NAMESPACE RECEIVER_ADDRESS LOG BANS "
               "LINES_A_SECOND PATIENCE_MS\n");
    return 2;
  }
  try {
    run(argv);
  } catch (const std::system_error& error) {
    fmt::print(stderr, "bench_drop_latency: {}\n", error.what());
    return 1;
  }
  return 0;
}
