// bench_firewall [ELEMENTS]: latency of one ban, directly and through the helper; time and memory
// of putting back ELEMENTS (default 100,000) bans through the helper; time of a list of
// at most 100,000. In a network namespace of its own; needs root. Prints figures, judges nothing.
#include "firewall/guarded_firewall.h"
#include "firewall/helper_client.h"
#include "firewall/helper_server.h"
#include "network.h"

#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace warder;
using firewall::Change;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// "VmRSS", "VmHWM" in MiB.
double memory(pid_t process, const std::string& what) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) {
      return std::stod(line.substr(what.size() + 1)) / 1024;
    }
  }
  return 0;
}

// User and system time of a process so far, in seconds.
double processor(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) {
    fields >> skipped;
  }
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Change numbered(std::uint32_t i, util::WallTime end) {
  return {Change::Kind::kAdd, 0, net::Prefix(net::IpAddress::v4(0x14000000 + i)), end};
}

template <typename T>
T checked(util::Result<T> result) {
  if (!result) {
    fmt::print(stderr, "bench_firewall: {}\n", result.error().message());
    std::exit(1);
  }
  return std::move(result).value();
}

void check(const util::Status& status) {
  if (!status) {
    fmt::print(stderr, "bench_firewall: {}\n", status.error().message());
    std::exit(1);
  }
}

void measure_latency(const char* name, firewall::Firewall& wall, util::WallTime end,
                     std::uint32_t first) {
  std::vector<double> times;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const auto start = Clock::now();
    checked(wall.apply(std::vector{numbered(first + i, end)}));
    times.push_back(seconds_since(start) * 1e6);
  }
  std::sort(times.begin(), times.end());
  fmt::print("one ban, {:<28} p50 {:7.1f} us   p99 {:7.1f} us   most {:9.1f} us\n", name,
             times[times.size() / 2], times[times.size() * 99 / 100], times.back());
}

pid_t start_helper(const testing::Network& network, util::Descriptor& socket, std::uint32_t count) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    std::exit(1);
  }
  socket.reset(ends[0]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    socket.reset();
    network.in([&] {
      firewall::HelperOptions options;
      options.inherited_fd = ends[1];
      options.netlink.max_elements = 2'000'000;
      // As [firewall] packet_counters = auto has it.
      options.netlink.counters = count <= 524'288;
      check(firewall::serve(options));
      // The way back out of the namespace is closed: the helper gave up the capability for it.
      ::_exit(0);
    });
  }
  ::close(ends[1]);
  return child;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint32_t count = argc > 1 ? static_cast<std::uint32_t>(std::stoul(argv[1])) : 100'000;
  const testing::Network network;
  const util::SystemClock clock;
  const util::WallTime end = clock.now() + std::chrono::hours(24);
  const std::vector<firewall::Scope> scopes{firewall::Scope()};
  network.in([&] {
    auto direct = checked(firewall::NetlinkFirewall::open(clock));
    check(direct->ensure(scopes));
    measure_latency("directly", *direct, end, 0);
    auto protection = checked(firewall::Protection::open({}));
    firewall::GuardedFirewall guarded(*direct, *protection);
    measure_latency("with the never-ban list", guarded, end, 100'000);
    check(direct->remove_all());
  });

  util::Descriptor socket;
  const pid_t helper = start_helper(network, socket, count);
  firewall::HelperClient client(
      [&]() -> util::Result<util::Descriptor> { return std::move(socket); }, clock,
      {.answer_limit = std::chrono::minutes(1)});
  check(client.ensure(scopes));
  measure_latency("through the helper", client, end, 0);
  check(client.remove_all());

  const auto put_back = [&](const char* name) {
    check(client.ensure(scopes));
    const auto start = Clock::now();
    firewall::ApplyReport sum;
    for (std::uint32_t next = 0; next < count;) {
      std::vector<Change> changes;
      for (; next < count && changes.size() < 8000; ++next) {
        changes.push_back(numbered(next, end));
      }
      const auto report = checked(client.apply(changes));
      sum.added += report.added;
      sum.unchanged += report.unchanged;
    }
    const double taken = seconds_since(start);
    fmt::print(
        "{} bans {:<15} {:7.2f} s ({:.2f} us each): added {}, kept {}; processor caller {:.2f} s, "
        "helper {:.2f} s; RSS caller {:.1f} MiB, helper {:.1f} MiB (most {:.1f})\n",
        count, name, taken, taken / count * 1e6, sum.added, sum.unchanged, processor(::getpid()),
        processor(helper), memory(::getpid(), "VmRSS"), memory(helper, "VmRSS"),
        memory(helper, "VmHWM"));
  };
  put_back("put back");
  put_back("found in place");
  measure_latency("with those in the set", client, end, 0x01000000);
  if (count <= 100'000) {
    const auto start = Clock::now();
    std::size_t seen = 0;
    check(client.list([&](const firewall::Element&) {
      ++seen;
      return true;
    }));
    fmt::print("list of {} through the helper {:.2f} s\n", seen, seconds_since(start));
  }
  ::kill(helper, SIGTERM);
  ::waitpid(helper, nullptr, 0);
}
