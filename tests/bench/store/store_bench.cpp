// Figures of the store: events a second, stored bytes an event, bans streamed, verification. Prints
// and judges nothing.   bench_store [EVENTS] [BANS]
#include "crypto/sha256.h"
#include "store/reader.h"
#include "store/store.h"
#include "store/verify.h"
#include "support/temporary_folder.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

using namespace warder;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A field of /proc/self/status in KiB.
long memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) {
      return std::atol(line.c_str() + field.size());
    }
  }
  return 0;
}

model::Event event_of(std::uint32_t number, util::WallTime now) {
  model::Event event;
  const auto digest = crypto::sha256({reinterpret_cast<const std::uint8_t*>(&number), 4});
  std::copy_n(digest.begin(), event.id.bytes.size(), event.id.bytes.begin());
  event.kind = model::EventKind::kFinding;
  event.time = now + std::chrono::milliseconds(number);
  event.jail = number % 3 == 0 ? "sshd" : "vaultwarden-sqlite-auth";
  event.address = net::Prefix(net::IpAddress::v4(0x0A000000U + number % 200'000 * 7));
  event.message = fmt::format("Failed password for root from {} port {}",
                              event.address->to_string(), 1024 + number % 60000);
  return event;
}

void run(std::uint32_t events, std::uint32_t bans) {
  const testing::TemporaryFolder folder;
  const util::SystemClock clock;
  store::Options options;
  options.path = folder / "warder.db";
  options.origin = "warder/bench";
  auto opened =
      store::Store::open(options, clock, crypto::Ed25519SecretKey::generate().value(), {});
  store::Store& history = *opened.value();
  const util::WallTime now = clock.now();

  auto start = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < events;) {
    store::Batch batch;
    for (std::uint32_t k = 0; k < 100 && i < events; ++k, ++i) {
      batch.events.push_back(event_of(i, now));
    }
    batch.positions.push_back({"file", "/var/log/auth.log", "0123456789abcdef0123456789abcdef"});
    (void)history.submit(std::move(batch));
  }
  (void)history.flush(std::chrono::minutes(10));
  fmt::print("{:<34} {:>12.0f}\n", "events/s, group commit, synced", events / seconds_since(start));
  (void)history.close(std::chrono::minutes(1));
  fmt::print("{:<34} {:>12.1f}\n", "stored bytes an event",
             static_cast<double>(std::filesystem::file_size(options.path)) / events);

  start = std::chrono::steady_clock::now();
  const auto report = store::verify(options.path, {.key = std::nullopt, .against = {}, .vfs = {}});
  fmt::print("{:<34} {:>12.0f}\n", "events verified/s", events / seconds_since(start));
  fmt::print("{:<34} {:>12}\n", "verified", report.value().good() ? "good" : "NOT good");

  options.path = folder / "bans.db";
  opened = store::Store::open(options, clock, std::nullopt, {});
  start = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < bans;) {
    store::Batch batch;
    for (std::uint32_t k = 0; k < 1000 && i < bans; ++k, ++i) {
      // Scattered, as addresses of attackers are.
      batch.bans.push_back({.ban = {.jail = "sshd",
                                    .address = net::Prefix(net::IpAddress::v4(i * 2654435761U)),
                                    .start = now,
                                    .end = now + std::chrono::hours(24),
                                    .count = 1,
                                    .reason = "5 findings in 10m"}});
    }
    (void)opened.value()->submit(std::move(batch));
  }
  (void)opened.value()->close(std::chrono::minutes(10));
  fmt::print("{:<34} {:>12.0f}\n", "bans stored/s", bans / seconds_since(start));
  fmt::print("{:<34} {:>12.1f}\n", "stored bytes a ban",
             static_cast<double>(std::filesystem::file_size(options.path)) / bans);

  const long before = memory("VmRSS:");
  std::uint32_t streamed = 0;
  start = std::chrono::steady_clock::now();
  auto reader = store::Reader::open(options.path);
  (void)reader.value().active_bans(now, [&](const model::Ban&) { return ++streamed > 0; });
  fmt::print("{:<34} {:>12.3f}\n", fmt::format("s to stream {} bans", streamed),
             seconds_since(start));
  fmt::print("{:<34} {:>12}\n", "KiB that streaming adds", memory("VmRSS:") - before);
  fmt::print("{:<34} {:>12}\n", "KiB of memory at most", memory("VmHWM:"));
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int index, std::uint32_t fallback) {
    return argc > index ? static_cast<std::uint32_t>(std::atol(argv[index])) : fallback;
  };
  run(number(1, 200'000), number(2, 1'000'000));
  return 0;
}
