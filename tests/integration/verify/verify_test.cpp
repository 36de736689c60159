// The store against a verifier that shares no code with it (verify_store.py).
#include "store/checkpoint.h"
#include "store_support.h"

#include <sqlite3.h>

#include <array>
#include <cstdio>

using namespace warder;
using testing::kLongEnough;

namespace {

struct Fixture : testing::StoreFixture {
  Fixture() {
    hooks.checkpoint = [this](const std::string& note) { newest = note; };
    options.retention_events = 20;
    open();
    store::Batch batch;
    for (std::uint32_t i = 0; i < 50; ++i) {
      batch.events.push_back(testing::finding(i));
    }
    batch.events[45].address = *net::Prefix::parse("2001:db8::/64");
    batch.events[46].address = *net::Prefix::parse("2001:db8::7");
    batch.events[47].address = *net::Prefix::parse("192.0.2.0/24");
    batch.events[48].address = std::nullopt;
    batch.events[48].jail.clear();
    batch.events[49].message = "gr\xc3\xbc\xc3\x9f";
    batch.events[49].detail = R"({"user":"root"})";
    batch.events[47].line = {.log = "/var/log/gr\xc3\xbc\xc3\x9f.log",
                             .at = std::uint64_t{1} << 40U,
                             .pattern = 3,
                             .attempts = 6,
                             .user = "j\xc3\xbcrgen"};
    batch.events[44].line = {.log = "/var/log/auth.log", .user = {}};
    put(std::move(batch));
    REQUIRE(store->wait(store->make_checkpoint(), kLongEnough));
    put_findings(50, 17);
    REQUIRE(store->wait(store->make_checkpoint(), kLongEnough));
    REQUIRE(store->wait(store->maintain(), kLongEnough));
    close();
    origin = reader().figures().value().origin;
  }
  void edit(const char* sql) const {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(options.path.c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
  }
  std::string check(std::uint8_t key = 7) const {
    folder.write("note", newest);
    const std::string command =
        "python3 " WARDER_SOURCE_DIR "/tests/integration/verify/verify_store.py " +
        options.path.string() + " --against " + (folder / "note").string() + " --key '" +
        store::format_verifier_key(origin, testing::secret_key(key).public_key()) + "' 2>&1";
    FILE* const pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string output;
    std::array<char, 4096> buffer{};
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.append(buffer.data(), got);
    }
    ::pclose(pipe);
    return output;
  }

  std::string newest;
  std::string origin;
};

}  // namespace

TEST_CASE("an independent verifier accepts an honest, partly pruned history") {
  const Fixture fixture;
  CHECK(fixture.check() == "as it was written\n");
}

TEST_CASE("an independent verifier finds an edited event") {
  const Fixture fixture;
  fixture.edit("UPDATE event SET message = 'x' WHERE sequence = 60");
  CHECK(fixture.check() ==
        "event 60 was changed\nthe root at 67 differs from the checkpoint\n"
        "the root at 68 differs from the checkpoint\nthe root at 68 differs from the checkpoint\n"
        "the stored tree differs from the events\nNOT as it was written\n");
}

TEST_CASE("an independent verifier refuses another key") {
  const Fixture fixture;
  const std::string said = fixture.check(8);
  CHECK(said.find("checkpoint at 50: the signature is wrong\n") != std::string::npos);
  CHECK(said.ends_with("NOT as it was written\n"));
}
