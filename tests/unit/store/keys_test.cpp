#include "store/keys.h"

#include "config/check.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>

using namespace warder;
using namespace std::chrono_literals;

namespace {

store::Options options_of(const std::string& text, config::Diagnostics& diagnostics) {
  const config::Section section{.name = "store", .place = {}, .options = {}};
  config::Section filled = section;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    const std::size_t equals = line.find('=');
    filled.options.push_back({.name = line.substr(0, equals),
                              .text = line.substr(equals + 1),
                              .place = {},
                              .problem = {}});
    at = end + 1;
  }
  const config::Values values = config::check(store::store_table(), filled, diagnostics);
  if (diagnostics.has_errors()) {
    return {};
  }
  return store::store_options(values, "/var/lib/warder", "host.example");
}

}  // namespace

TEST_CASE("the table of [store] is sound") {
  CHECK(config::defects(store::store_table()) == std::vector<std::string>{});
}

TEST_CASE("without a word of the operator the options are the defaults") {
  config::Diagnostics diagnostics;
  const store::Options options = options_of("", diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  const store::Options defaults;
  CHECK(options.path == "/var/lib/warder/warder.db");
  CHECK(options.origin == "warder/host.example");
  CHECK(options.commit_interval == defaults.commit_interval);
  CHECK(options.queue_limit == defaults.queue_limit);
  CHECK(options.retention_age == defaults.retention_age);
  CHECK(options.retention_events == defaults.retention_events);
  CHECK(options.size_limit == defaults.size_limit);
  CHECK(options.checkpoint_interval == defaults.checkpoint_interval);
  CHECK(options.checkpoint_events == defaults.checkpoint_events);
  CHECK(options.outbox_limit == defaults.outbox_limit);
  CHECK(options.reserve == defaults.reserve);
  CHECK(options.relaxed_sync == defaults.relaxed_sync);
}

TEST_CASE("what the operator sets arrives") {
  config::Diagnostics diagnostics;
  const store::Options options =
      options_of("path=/srv/w.db\norigin=w/x\nretention=-1\nsynchronous=normal\nsize_limit=64M\n",
                 diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  CHECK(options.path == "/srv/w.db");
  CHECK(options.origin == "w/x");
  CHECK(options.retention_age == 0h);
  CHECK(options.relaxed_sync);
  CHECK(options.size_limit == util::mebibytes(64));
}

TEST_CASE("an origin that no checkpoint can carry is refused") {
  config::Diagnostics diagnostics;
  options_of("origin=two words\n", diagnostics);
  CHECK(diagnostics.has_errors());
}

TEST_CASE("a path that cannot hold the database is told with what to do") {
  const testing::TemporaryFolder folder;
  const std::string here = folder.path().string();
  const std::string state = here + "/state";
  const auto told = [&](const std::string& path, std::optional<uid_t> user) {
    config::Diagnostics diagnostics;
    const config::Section section{
        .name = "store",
        .place = {"warder.conf", 1},
        .options = {{.name = "path", .text = path, .place = {"warder.conf", 2}, .problem = {}}}};
    const config::Values values = config::check(store::store_table(), section, diagnostics);
    store::check_path(values, state, user, diagnostics);
    return diagnostics.to_text();
  };
  CHECK(told("", {}).empty());
  CHECK(told(here + "/warder.db", {}).empty());
  CHECK(told(state + "/warder.db", {}).empty());  // the folder comes with the service
  CHECK(told("/", {}) ==
        "warder.conf:2: [store] path = \"/\": it is a folder; allowed: the name of a file, such as "
        "/var/lib/warder/warder.db; leave the key away and the database lies in [agent] state\n");
  CHECK(told(state + "/deep/warder.db", {}) ==
        "warder.conf:2: [store] path = \"" + state + "/deep/warder.db\": the folder " + state +
            " does not exist; make it and give it to the agent's user, or leave the key away: the "
            "database then lies in [agent] state\n");
  const std::string denied = told(here + "/warder.db", 4'000'000);
  CHECK(denied.find("\": the user 4000000 may not enter " + here + " (owner ") !=
        std::string::npos);
  CHECK(
      denied.ends_with("; give it to the agent's user (chown), or leave the key away: the "
                       "database then lies in " +
                       state + "\n"));
}
