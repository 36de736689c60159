#include "engine/pending_restart.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

namespace warder::engine {
namespace {

using config::Change;
using Names = std::vector<std::string>;

constexpr config::Key kKeys[] = {
    {.name = "path", .change = Change::kRestart},
    {.name = "limit", .change = Change::kReload},
    {.name = "sync", .change = Change::kRestart},
};
constexpr config::Table kStore{.section = "store", .keys = kKeys};
// A section may be described by several tables that know a key both.
constexpr config::Table kStoreAgain{.section = "store", .keys = kKeys};
constexpr std::array<const config::Table*, 2> kTables{&kStore, &kStoreAgain};

TEST_CASE("what waits for a restart is named, as long as it differs from the start") {
  const Effective started{{"store", {{"path", "/a"}, {"limit", "1"}}}};
  const auto waiting = [&](const Effective& now) {
    return changed_until_restart(kTables, started, now);
  };
  CHECK(waiting(started) == Names{});
  CHECK(waiting({{"store", {{"path", "/a"}, {"limit", "2"}}}, {"sshd", {{"path", "x"}}}}) ==
        Names{});
  CHECK(waiting({{"store", {{"path", "/b"}, {"sync", "off"}}}}) ==
        Names{"[store] path", "[store] sync"});
  // Back to their defaults.
  CHECK(waiting({}) == Names{"[store] path"});
}

}  // namespace
}  // namespace warder::engine
