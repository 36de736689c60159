// What retention costs those who use the history meanwhile: a tenth of EVENTS rows goes while
// findings with bans are recorded and an address is asked for. Prints and judges nothing.
//   bench_retention FOLDER [EVENTS] [ADDRESSES]
// The database stays in FOLDER; one that is there is used as it is, so that filling takes its time
// once.
#include "crypto/sha256.h"
#include "store/reader.h"
#include "store/store.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace warder;
using namespace std::chrono_literals;

namespace {

using Steady = std::chrono::steady_clock;

// Rounds of retention are ten minutes apart: nobody waits for them here.
class HurriedClock : public util::Clock {
 public:
  util::WallTime now() const override { return clock_.now(); }
  util::MonotonicTime monotonic() const override { return clock_.monotonic() + ahead_.load(); }
  void hurry() { ahead_ = 11min; }

 private:
  util::SystemClock clock_;
  std::atomic<std::chrono::minutes> ahead_{0min};
};

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

long memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) {
      return std::atol(line.c_str() + field.size()) / 1024;
    }
  }
  return 0;
}

[[noreturn]] void give_up(const util::Error& error) {
  fmt::print(stderr, "{}\n", error.message());
  std::exit(1);
}

template <typename T>
T must(util::Result<T> result) {
  if (!result) {
    give_up(result.error());
  }
  return std::move(result).value();
}

void must(const util::Status& status) {
  if (!status) {
    give_up(status.error());
  }
}

net::Prefix address_of(std::uint64_t number, std::uint64_t addresses) {
  return net::Prefix(net::IpAddress::v4(
      0x20000000U | ((static_cast<std::uint32_t>(number % addresses) * 2654435761U) >> 3U)));
}

model::Event finding(std::uint64_t number, std::uint64_t addresses, util::WallTime time) {
  model::Event event;
  const auto digest = crypto::sha256({reinterpret_cast<const std::uint8_t*>(&number), 8});
  std::copy_n(digest.begin(), event.id.bytes.size(), event.id.bytes.begin());
  event.kind = model::EventKind::kFinding;
  event.time = time;
  event.jail = number % 3 == 0 ? "sshd" : "vaultwarden-sqlite-auth";
  event.address = address_of(number, addresses);
  event.message = fmt::format("Failed password for root from {} port {}",
                              event.address->to_string(), 1024 + number % 60000);
  return event;
}

store::Options options_in(const std::filesystem::path& folder) {
  store::Options options;
  options.path = folder / "warder.db";
  options.origin = "warder/bench";
  options.retention_age = 0h;
  options.size_limit = {};
  return options;
}

void fill(const std::filesystem::path& folder, std::uint64_t events, std::uint64_t addresses) {
  const util::SystemClock clock;
  store::Options options = options_in(folder);
  options.relaxed_sync = true;
  const auto history = must(store::Store::open(options, clock, std::nullopt, {}));
  const auto start = Steady::now();
  const util::WallTime first = clock.now() - std::chrono::hours(24 * 80);
  for (std::uint64_t i = 0; i < events;) {
    store::Batch batch;
    for (int k = 0; k < 1000 && i < events; ++k, ++i) {
      batch.events.push_back(finding(i, addresses, first + std::chrono::milliseconds(i)));
    }
    must(history->submit(std::move(batch)));
  }
  must(history->close(10min));
  fmt::print("{:<58} {:>12.0f}\n", "filled, events/s",
             static_cast<double>(events) / seconds_since(start));
}

// Times of one kind of work, in milliseconds.
class Times {
 public:
  void add(double milliseconds) { all_.push_back(milliseconds); }
  std::string text() {
    std::sort(all_.begin(), all_.end());
    const auto at = [&](double share) {
      return all_.empty()
                 ? 0
                 : all_[static_cast<std::size_t>(share * static_cast<double>(all_.size() - 1))];
    };
    return fmt::format("p50 {:.2f}, p99 {:.2f}, longest {:.2f} ms (of {})", at(0.5), at(0.99),
                       at(1), all_.size());
  }

 private:
  std::vector<double> all_;
};

struct Beside {
  Times bans;     // from submit() until it is on disk
  Times address;  // what `warder explain` asks of the history
  Times newest;   // `warder events --jail`
};

// Until `done`: a finding and a ban each ten milliseconds on the one side, questions on the other.
Beside work_beside(store::Store& history, const std::filesystem::path& database,
                   std::uint64_t addresses, std::uint64_t number, const std::atomic<bool>& done) {
  const util::SystemClock clock;
  Beside beside;
  std::thread asking([&] {
    store::Reader reader = must(store::Reader::open(database));
    for (std::uint64_t asked = 7; !done; asked += 1'000'003) {
      auto start = Steady::now();
      must(reader.address(address_of(asked, addresses).address(), 50));
      beside.address.add(seconds_since(start) * 1000);
      start = Steady::now();
      store::EventFilter filter;
      filter.jail = "sshd";
      filter.limit = 100;
      must(reader.events(filter, [](const store::StoredEvent&) { return true; }));
      beside.newest.add(seconds_since(start) * 1000);
      std::this_thread::sleep_for(10ms);
    }
  });
  while (!done) {
    store::Batch batch;
    const util::WallTime now = clock.now();
    batch.events.push_back(finding(number, addresses, now));
    batch.bans.push_back({.ban = {.jail = "sshd",
                                  .address = address_of(number, addresses),
                                  .start = now,
                                  .end = now + 1h,
                                  .count = 1,
                                  .reason = "5 findings in 10m"}});
    ++number;
    const auto start = Steady::now();
    const store::Ticket ticket = must(history.submit(std::move(batch)));
    must(history.wait(ticket, 60s));
    beside.bans.add(seconds_since(start) * 1000);
    std::this_thread::sleep_for(10ms);
  }
  asking.join();
  return beside;
}

void print(std::string_view what, Beside& beside) {
  fmt::print("{:<58} {}\n", fmt::format("{}: a ban on disk", what), beside.bans.text());
  fmt::print("{:<58} {}\n", fmt::format("{}: all of an address", what), beside.address.text());
  fmt::print("{:<58} {}\n", fmt::format("{}: a jail's newest 100", what), beside.newest.text());
}

double megabytes(const std::filesystem::path& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  return none ? 0 : static_cast<double>(size) / 1048576;
}

void run(const std::filesystem::path& folder, std::uint64_t events, std::uint64_t addresses) {
  HurriedClock clock;
  store::Options options = options_in(folder);
  if (!std::filesystem::exists(options.path)) {
    fill(folder, events, addresses);
  }
  store::Reader reader = must(store::Reader::open(options.path));
  const store::Figures before = must(reader.figures());
  const double size = megabytes(options.path);
  fmt::print("{:<58} {:>12}\n", "events", before.tree_size - before.first_kept);
  fmt::print("{:<58} {:>12.1f}\n", "database, MB", size);

  std::atomic<bool> done = false;
  {
    const auto history = must(store::Store::open(options, clock, std::nullopt, {}));
    std::thread timer([&] {
      std::this_thread::sleep_for(10s);
      done = true;
    });
    Beside beside = work_beside(*history, options.path, addresses, before.tree_size, done);
    timer.join();
    print("no retention", beside);
    must(history->close(1min));
  }

  done = false;
  const std::uint64_t size_now = must(reader.figures()).tree_size;
  const std::uint64_t kept = (size_now - before.first_kept) / 10 * 9;
  options.retention_events = kept;
  const auto history = must(store::Store::open(options, clock, std::nullopt, {}));
  const double processor = processor_seconds();
  const auto start = Steady::now();
  clock.hurry();
  double journal = 0;
  double removed_after = 0;
  double smallest = size;
  std::thread watching([&] {
    store::Reader own = must(store::Reader::open(options.path));
    auto quiet_since = Steady::now();
    // Until nothing has become smaller for ten seconds: then the free pages are given back.
    while (seconds_since(quiet_since) < 10) {
      std::this_thread::sleep_for(100ms);
      journal = std::max(journal, megabytes(options.path.string() + "-wal"));
      const store::Figures now = must(own.figures(store::Reader::CountBans::kNo));
      if (removed_after == 0) {
        quiet_since = Steady::now();
        if (now.first_kept >= size_now - kept) {
          removed_after = seconds_since(start);
        }
      } else if (const double left = megabytes(options.path); left < smallest) {
        smallest = left;
        quiet_since = Steady::now();
      }
    }
    done = true;
  });
  Beside beside = work_beside(*history, options.path, addresses, size_now, done);
  watching.join();
  print("retention", beside);
  const double took = processor_seconds() - processor;
  must(history->close(1min));
  const store::Figures after = must(reader.figures());
  fmt::print("{:<58} {:>12}\n", "events removed", after.first_kept - before.first_kept);
  fmt::print("{:<58} {:>12.1f}\n", "s until they were", removed_after);
  fmt::print("{:<58} {:>12.1f}\n", "s of processor, all of this process", took);
  fmt::print("{:<58} {:>12.1f}\n", "journal at most, MB", journal);
  fmt::print("{:<58} {:>12.1f}\n", "database then, MB", megabytes(options.path));
  fmt::print("{:<58} {:>12}\n", "memory of the process at most, MB", memory("VmHWM:"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_retention FOLDER [EVENTS] [ADDRESSES]\n");
    return 2;
  }
  const auto number = [&](int index, std::uint64_t fallback) {
    return argc > index ? static_cast<std::uint64_t>(std::atoll(argv[index])) : fallback;
  };
  run(argv[1], number(2, 10'000'000), std::max<std::uint64_t>(number(3, 200'000), 1));
  return 0;
}
