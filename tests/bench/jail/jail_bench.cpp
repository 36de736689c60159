// What a decision costs in time and memory. Prints figures, judges nothing.
//     build/release/tests/bench/jail/bench_jail
#include "jail/jail.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace warder;
using namespace std::chrono_literals;

// Processor time of this process: others on the machine do not count.
struct Stopwatch {
  using time_point = std::clock_t;
  static time_point now() { return std::clock(); }
};

constexpr util::WallTime kStart{std::chrono::seconds(1793620800)};
constexpr std::uint32_t kSources = 200'000;
constexpr std::uint32_t kBans = 1'000'000;

double seconds_since(Stopwatch::time_point start) {
  return static_cast<double>(Stopwatch::now() - start) / CLOCKS_PER_SEC;
}

// Resident memory of this process in bytes.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t pages = 0;
  file >> total >> pages;
  return pages * 4096;
}

jail::HashKey key() {
  jail::HashKey result;
  result.bytes = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
  return result;
}

// Distinct addresses that share no /24.
net::Prefix scattered(std::uint32_t number) {
  return net::Prefix(net::IpAddress::v4(0x0B000000 + (number * 2654435761U) % 0xC0000000U));
}

net::Prefix ipv6(std::uint32_t number) {
  const std::uint32_t mixed = number * 2654435761U;
  return net::Prefix(net::IpAddress::v6(
      {0x2A, 0, static_cast<std::uint8_t>(mixed >> 24U), static_cast<std::uint8_t>(mixed >> 16U),
       static_cast<std::uint8_t>(mixed >> 8U), static_cast<std::uint8_t>(mixed), 0, 1, 0, 0, 0, 0,
       0, 0, 0, 1}));
}

struct World {
  jail::BanTable bans{key()};
  jail::OffenderTable offenders{key()};

  jail::Jail make(jail::JailOptions options) {
    jail::JailContext context;
    context.index = 1;
    context.key = key();
    context.bans = &bans;
    context.offenders = &offenders;
    options.name = "bench";
    auto made = jail::Jail::create(std::move(options), context);
    if (!made) {
      fmt::print(stderr, "{}\n", made.error().message());
      std::exit(1);
    }
    return std::move(*made);
  }
};

template <typename Address>
void findings(const char* what, jail::Jail& jail, std::uint32_t count, Address address,
              util::WallTime start = kStart) {
  model::Finding finding;
  const auto begin = Stopwatch::now();
  for (std::uint32_t i = 0; i < count; ++i) {
    finding.address = address(i);
    finding.time = start + std::chrono::microseconds(i);
    jail.on_finding(finding, finding.time);
  }
  const double time = seconds_since(begin);
  fmt::print("{:<54} {:>9.0f} ns  {:>6.2f} M/s\n", what, time / count * 1e9, count / time / 1e6);
}

void decisions() {
  fmt::print("\ndecisions\n");
  for (const jail::Counting counting : {jail::Counting::kWindow, jail::Counting::kCompat}) {
    const bool window = counting == jail::Counting::kWindow;
    World world;
    jail::JailOptions options;
    options.counting = counting;
    options.bantime.reset();
    jail::Jail jail = world.make(options);
    findings(window ? "window: first finding of 200,000 IPv4 sources"
                    : "compat: first finding of 200,000 IPv4 sources",
             jail, kSources, scattered);
    findings("  second to fourth", jail, 3 * kSources,
             [](std::uint32_t i) { return scattered(i % kSources); });
    findings("  fifth: a ban each", jail, kSources, scattered);
    findings("  sixth: already banned", jail, kSources, scattered);
  }
  World world;
  jail::JailOptions options;
  options.ignoreip = {*net::Prefix::parse("192.0.2.0/24")};
  jail::Jail jail = world.make(options);
  findings("first finding of 200,000 IPv6 /64", jail, kSources, ipv6);
  findings("one never-ban address", jail, 1'000'000,
           [](std::uint32_t) { return net::Prefix(net::IpAddress::v4(0xC0000201)); });
}

void source_memory() {
  fmt::print("\nmemory of sources (findings of distinct sources, 3 each)\n");
  for (const std::uint32_t maxretry : {2U, 5U, 10U, 33U, 1000U}) {
    for (const std::uint32_t sources : {1'000U, 200'000U}) {
      World world;
      jail::JailOptions options;
      options.maxretry = maxretry;
      options.observe = true;
      jail::Jail jail = world.make(options);
      const std::size_t idle = jail.counters().memory;
      model::Finding finding;
      finding.time = kStart;
      for (std::uint32_t i = 0; i < (maxretry > 3 ? 3 : 1) * sources; ++i) {
        finding.address = scattered(i % sources);
        jail.on_finding(finding, kStart);
      }
      const jail::JailCounters counters = jail.counters();
      fmt::print(
          "  maxretry {:>4}: idle {:>6} bytes, {:>7} sources {:>9} bytes, {:.1f} a source\n",
          maxretry, idle, counters.sources, counters.memory,
          static_cast<double>(counters.memory - idle) / static_cast<double>(counters.sources));
    }
  }
}

// A17 beyond the cap.
void flood() {
  fmt::print("\nfour findings each of 1,000,000 sources into a table for 200,000\n");
  World world;
  jail::Jail jail = world.make({});
  for (int round = 1; round <= 4; ++round) {
    findings(fmt::format("  round {}", round).c_str(), jail, 1'000'000, scattered,
             kStart + round * 1s);
  }
  const jail::JailCounters counters = jail.counters();
  fmt::print("  sources {}, evicted {}, bans {}, {} bytes\n", counters.sources,
             counters.sources_evicted, counters.bans, counters.memory);
}

void bans_and_expiry() {
  fmt::print("\n1,000,000 bans over one day and 200,000 sources\n");
  const std::size_t before = resident();
  World world;
  jail::Jail jail = world.make({});
  auto begin = Stopwatch::now();
  double slowest = 0;
  for (std::uint32_t i = 0; i < kBans; ++i) {
    const auto one = Stopwatch::now();
    world.bans.add({1, scattered(i), kStart + std::chrono::seconds(1 + i % 86'400), false, false});
    slowest = std::max(slowest, seconds_since(one));
  }
  fmt::print("  add {:.0f} ns each, the slowest {:.0f} us\n", seconds_since(begin) / kBans * 1e9,
             slowest * 1e6);
  fmt::print("  table {:.1f} bytes a ban; resident {:.1f} MB\n",
             static_cast<double>(world.bans.memory()) / kBans,
             static_cast<double>(resident() - before) / 1e6);

  findings("  first finding of 200,000 sources", jail, kSources,
           [](std::uint32_t i) { return scattered(i + kBans); });
  findings("  three more", jail, 3 * kSources,
           [](std::uint32_t i) { return scattered(i % kSources + kBans); });
  fmt::print("  resident with the sources {:.1f} MB\n",
             static_cast<double>(resident() - before) / 1e6);
  findings("  fifth: a ban each", jail, kSources,
           [](std::uint32_t i) { return scattered(i + kBans); });

  begin = Stopwatch::now();
  slowest = 0;
  std::size_t ended = 0;
  constexpr int kSeconds = 3600;
  for (int second = 1; second <= kSeconds; ++second) {
    const auto one = Stopwatch::now();
    ended += world.bans.expire(kStart + std::chrono::seconds(second), 10'000,
                               [](const jail::ActiveBan&) {});
    slowest = std::max(slowest, seconds_since(one));
  }
  fmt::print(
      "  an hour of one expire() a second: {} ended, {:.0f} us a call, the slowest {:.0f} us\n",
      ended, seconds_since(begin) / kSeconds * 1e6, slowest * 1e6);
  begin = Stopwatch::now();
  for (int second = 0; second < kSeconds; ++second) {
    world.bans.expire(kStart + kSeconds * 1s, 10'000, [](const jail::ActiveBan&) {});
  }
  fmt::print("  with nothing to end {:.2f} us a call\n", seconds_since(begin) / kSeconds * 1e6);
  begin = Stopwatch::now();
  std::size_t calls = 0;
  slowest = 0;
  ended = 0;
  while (world.bans.size() > 0) {
    const auto one = Stopwatch::now();
    ended += world.bans.expire(kStart + 48h, 10'000, [](const jail::ActiveBan&) {});
    slowest = std::max(slowest, seconds_since(one));
    ++calls;
  }
  fmt::print("  the rest at once: {} ended in {} calls, {:.0f} ns each, slowest call {:.1f} ms\n",
             ended, calls, seconds_since(begin) / static_cast<double>(ended) * 1e9, slowest * 1e3);
  fmt::print("  resident afterwards {:.1f} MB\n", static_cast<double>(resident() - before) / 1e6);
}

void ticks() {
  World world;
  jail::Jail jail = world.make({});
  findings("\n200,000 sources", jail, kSources, scattered);
  double slowest = 0;
  for (int i = 0; i < 64; ++i) {
    const auto one = Stopwatch::now();
    jail.tick(kStart + 1s);
    slowest = std::max(slowest, seconds_since(one));
  }
  fmt::print("tick() with nothing to forget: the slowest {:.0f} us\n", slowest * 1e6);
}

}  // namespace

int main() {
  // First, while the heap is untouched.
  bans_and_expiry();
  source_memory();
  decisions();
  flood();
  ticks();
  return 0;
}
