// Fills a database with running bans, as an agent that has seen an attack leaves it behind.
//   bench_fill_store DATABASE JAIL BANS
#include "store/store.h"

#include <fmt/core.h>

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace warder;

namespace {

util::Status fill(const std::string& path, const std::string& jail, std::uint32_t bans) {
  const util::SystemClock clock;
  store::Options options;
  options.path = path;
  options.origin = "warder/bench";
  WARDER_ASSIGN_OR_RETURN(auto history, store::Store::open(options, clock, std::nullopt, {}));
  const util::WallTime now = clock.now();
  for (std::uint32_t i = 0; i < bans;) {
    store::Batch batch;
    for (std::uint32_t k = 0; k < 1000 && i < bans; ++k, ++i) {
      // Scattered, as the addresses of attackers are, within 32.0.0.0/3: none is an own address.
      const std::uint32_t address = 0x20000000U | ((i * 2654435761U) >> 3U);
      batch.bans.push_back({.ban = {.jail = jail,
                                    .address = net::Prefix(net::IpAddress::v4(address)),
                                    .start = now,
                                    .end = now + std::chrono::hours(24),
                                    .count = 1,
                                    .reason = "5 findings in 10m"}});
    }
    WARDER_RETURN_IF_ERROR(history->submit(std::move(batch)));
  }
  return history->close(std::chrono::minutes(10));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: bench_fill_store DATABASE JAIL BANS\n");
    return 2;
  }
  const util::Status filled =
      fill(argv[1], argv[2], static_cast<std::uint32_t>(std::atol(argv[3])));
  if (!filled) {
    fmt::print(stderr, "{}\n", filled.error().message());
    return 1;
  }
  return 0;
}
