#include "migrate/import.h"

#include "source/position_record.h"
#include "store/store.h"
#include "support/temporary_folder.h"
#include "util/clock.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>

using namespace warder;
using std::chrono::seconds;
using testing::TemporaryFolder;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;
const util::WallTime kNowWall{seconds(kNow)};
// printf 'first line\n' | md5sum
constexpr const char* kFirstLine = "e1735158246b267bdc0ec11b0b4c1ecc";

fail2ban::StoredBan ban(const char* address, std::int64_t start, std::int64_t bantime,
                        std::uint32_t count = 1, const char* jail = "sshd") {
  fail2ban::StoredBan stored;
  stored.jail = jail;
  stored.address = address;
  stored.start = start;
  stored.bantime = bantime;
  stored.count = count;
  stored.failures = 5;
  stored.matches = {"a line"};
  return stored;
}

fail2ban::Stored sample(const std::string& log) {
  fail2ban::Stored stored;
  stored.current = {ban("192.0.2.1", kNow - 100, 600, 3), ban("192.0.2.2", kNow - 1000, 600, 2),
                    ban("192.0.2.3", kNow - 5000, -1), ban("alice", kNow - 10, 600),
                    ban("192.0.2.4", kNow - 10, 600, 1, "gone")};
  stored.history = {ban("192.0.2.1", kNow - 9000, 600), ban("192.0.2.1", kNow - 100, 600, 3)};
  stored.logs = {{"sshd", log, kFirstLine, 22}};
  return stored;
}

std::string write_log(const TemporaryFolder& folder) {
  const std::string log = folder.path() / "auth.log";
  std::ofstream(log) << "first line\nsecond one\nthird\n";
  return log;
}

void apply(const std::filesystem::path& database, std::vector<store::Batch> batches) {
  static const util::SystemClock clock;
  store::Options options;
  options.path = database;
  options.origin = "test";
  auto store = store::Store::open(options, clock, std::nullopt, {});
  REQUIRE(store);
  for (store::Batch& batch : batches) {
    REQUIRE((*store)->submit(std::move(batch)));
  }
  REQUIRE((*store)->flush(seconds(10)));
  REQUIRE((*store)->close(seconds(10)));
}

migrate::Import plan(const fail2ban::Stored& stored, store::Reader* reader = nullptr) {
  auto import = migrate::plan_import(stored, {"sshd"}, reader, kNowWall);
  REQUIRE(import);
  return std::move(*import);
}

}  // namespace

TEST_CASE("bans, counts, history and positions are taken over, once") {
  const TemporaryFolder folder;
  const std::filesystem::path database = folder.path() / "warder.db";
  fail2ban::Stored stored = sample(write_log(folder));
  stored.logs[0].first_line_digest = "f7fa65a9a8fa9e4b7bd7e1b7b5c2c34d";
  migrate::Import wrong = plan(stored);
  REQUIRE(wrong.positions.size() == 1);
  CHECK(wrong.positions[0].why ==
        "it begins with another line now: rotated since fail2ban read it");

  stored.logs[0].first_line_digest = kFirstLine;
  migrate::Import first = plan(stored);
  CHECK(first.counts.running_bans == 2);
  CHECK(first.counts.ended_bans == 1);
  CHECK(first.counts.history == 2);
  CHECK(first.counts.no_address == 1);
  CHECK(first.counts.other_jails == 1);
  CHECK(first.unknown_jails == std::set<std::string>{"gone"});
  REQUIRE(first.positions.size() == 1);
  CHECK(first.positions[0].offset == 22);
  apply(database, std::move(first.batches));

  auto reader = store::Reader::open(database);
  REQUIRE(reader);
  std::map<std::string, model::Ban> active;
  REQUIRE(reader->active_bans(kNowWall, [&](const model::Ban& one) {
    active.emplace(one.address.to_string(), one);
    return true;
  }));
  REQUIRE(active.size() == 2);
  CHECK(active.at("192.0.2.1").end == util::WallTime(seconds(kNow + 500)));
  CHECK(active.at("192.0.2.1").count == 3);
  CHECK_FALSE(active.at("192.0.2.3").end);
  std::map<std::string, std::uint32_t> counts;
  REQUIRE(reader->offenders(util::WallTime{}, [&](const store::Offender& offender) {
    counts[offender.address.to_string()] = offender.count;
    return true;
  }));
  CHECK(counts ==
        std::map<std::string, std::uint32_t>{{"192.0.2.1", 3}, {"192.0.2.2", 2}, {"192.0.2.3", 1}});
  const auto position = reader->position("file", stored.logs[0].path);
  REQUIRE((position && *position));
  const auto record = source::decode_position((*position)->record);
  REQUIRE(record);
  REQUIRE(record->generations.size() == 1);
  CHECK(record->generations[0].offset == 22);

  migrate::Import second = plan(stored, &*reader);
  CHECK(second.counts.running_bans == 0);
  CHECK(second.counts.ended_bans == 0);
  CHECK(second.counts.history == 0);
  CHECK(second.counts.already_here == 3);
  CHECK(second.counts.history_here == 2);
  CHECK(second.positions[0].why == "the agent has read it already");
  CHECK(second.batches.empty());
}

TEST_CASE("a ban that was lifted here since does not come back") {
  const TemporaryFolder folder;
  const std::filesystem::path database = folder.path() / "warder.db";
  const fail2ban::Stored stored = sample(write_log(folder));
  apply(database, plan(stored).batches);
  store::Batch lift;
  store::BanChange end;
  end.action = store::BanChange::Action::kEnd;
  end.ban.jail = "sshd";
  end.ban.address = *net::Prefix::parse("192.0.2.1");
  end.how = store::BanEnd::kLifted;
  end.ended = kNowWall;
  lift.bans.push_back(std::move(end));
  std::vector<store::Batch> batches;
  batches.push_back(std::move(lift));
  apply(database, std::move(batches));
  auto reader = store::Reader::open(database);
  REQUIRE(reader);
  CHECK(plan(stored, &*reader).counts.running_bans == 0);
}

TEST_CASE("a log is known by its SHA-1 as well, which fail2ban writes under Python 3") {
  const TemporaryFolder folder;
  fail2ban::Stored stored;
  // printf 'first line\n' | sha1sum
  stored.logs = {{"sshd", write_log(folder), "e32c72173d6151f438f6ff3a85c56a46ed99ca81", 22}};
  CHECK(plan(stored).positions.at(0).offset == 22);
}

TEST_CASE("positions that cannot be used are named") {
  const TemporaryFolder folder;
  fail2ban::Stored stored;
  const std::string log = write_log(folder);
  const auto why = [&](std::string path, std::int64_t place) {
    stored.logs = {{"sshd", std::move(path), kFirstLine, place}};
    const migrate::Import import = plan(stored);
    CHECK_FALSE(import.positions.at(0).offset);
    return import.positions.at(0).why;
  };
  CHECK(why(log, 23) == log + ": no line begins at 23");
  CHECK(why(log, 1000) == log + ": has 28 bytes, 1000 were read: it is another file by now");
  CHECK(why(log, -1) == "fail2ban's place in it is negative");
  CHECK(why("systemd-journal", 5) ==
        "the journal is read from its end: fail2ban keeps a time, not a place");
  CHECK(why(folder.path() / "none", 5).find("No such file") != std::string::npos);
}
