// The checks around a database: real files, real locks of another process.
#include "monitor/host_check.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <sqlite3.h>

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace warder;
using namespace std::chrono_literals;
using monitor::Check;
using monitor::Outcome;
using State = Outcome::State;

namespace {

// Another process that runs SQL on the database and then stays until it is let go.
class Other {
 public:
  Other(const std::string& path, const std::string& sql) {
    int up[2];
    int down[2];
    REQUIRE(::pipe(up) == 0);
    REQUIRE(::pipe(down) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      sqlite3* handle = nullptr;
      sqlite3_open(path.c_str(), &handle);
      char byte =
          sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? 'y' : 'n';
      [[maybe_unused]] ssize_t done = ::write(up[1], &byte, 1);
      ::close(down[1]);
      done = ::read(down[0], &byte, 1);
      sqlite3_close_v2(handle);
      ::_exit(0);
    }
    ::close(up[1]);
    ::close(down[0]);
    go_ = down[1];
    char byte = 0;
    REQUIRE(::read(up[0], &byte, 1) == 1);
    CHECK(byte == 'y');
    ::close(up[0]);
  }
  ~Other() { end(); }
  void end() {
    if (pid_ > 0) {
      ::close(go_);
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
    }
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  int go_ = -1;
};

struct Fixture {
  Fixture() {
    options.name = "vault";
    options.database = folder / "db.sqlite3";
    sqlite(fmt::format("PRAGMA journal_mode=wal;CREATE TABLE t(x)"));
    ::chmod(options.database.c_str(), 0640);
  }
  void sqlite(const std::string& sql) {
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(options.database.c_str(), &handle) == SQLITE_OK);
    REQUIRE(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
  }
  monitor::HostChecks checks() {
    return {options, folder.path(), [this] { return backups; }, clock, proc};
  }

  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  monitor::MonitorOptions options;
  util::Result<monitor::BackupRecord> backups{monitor::BackupRecord()};
  std::filesystem::path proc = "/proc";
};

}  // namespace

TEST_CASE("a write lock that another process keeps is told with its name, its end too") {
  const char* const mode = GENERATE("wal", "delete");
  Fixture fixture;
  fixture.sqlite(fmt::format("PRAGMA journal_mode={}", mode));
  auto checks = fixture.checks();
  CHECK(checks.make(Check::kLock).state == State::kGood);
  Other other(fixture.options.database, "BEGIN IMMEDIATE;INSERT INTO t VALUES(1)");
  CHECK(checks.make(Check::kLock).state == State::kGood);
  fixture.clock.advance(299s);
  CHECK(checks.make(Check::kLock).state == State::kGood);
  fixture.clock.advance(1s);
  const Outcome held = checks.make(Check::kLock);
  CHECK(held.state == State::kBad);
  CHECK(held.text.find(fmt::format("(pid {}, user ", other.pid())) != std::string::npos);
  CHECK(held.text.ends_with("has locked the database for 5m"));
  CHECK(held.next == fmt::format("ps -fp {}; end it if it should not be there", other.pid()));
  other.end();
  CHECK(checks.make(Check::kLock).text == "no lock is held for long");
}

TEST_CASE("a log that a reader keeps long is told with the reader") {
  Fixture fixture;
  fixture.options.max_wal_size = util::kibibytes(64);
  const Other reader(fixture.options.database, "BEGIN;SELECT * FROM t");
  auto checks = fixture.checks();
  CHECK(checks.make(Check::kWalSize).state == State::kGood);
  Other writer(fixture.options.database,
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99) "
               "INSERT INTO t SELECT zeroblob(2000) FROM n");
  const Outcome outcome = checks.make(Check::kWalSize);
  CHECK(outcome.state == State::kBad);
  CHECK(outcome.text.find(fmt::format("; read by unit_monitor (pid {}, user ", reader.pid())) !=
        std::string::npos);
  CHECK(outcome.cause == "a reader that does not end keeps it from being moved into the database");
}

TEST_CASE("sizes, disk and memory against their limits") {
  Fixture fixture;
  fixture.options.max_database_size = util::ByteCount{4096};
  fixture.options.min_free_disk = util::mebibytes(1ULL << 40U);
  fixture.proc = fixture.folder / "proc";
  std::filesystem::create_directory(fixture.proc);
  std::ofstream(fixture.proc / "meminfo") << "MemTotal: 100000 kB\nMemAvailable: 19000 kB\n";
  auto checks = fixture.checks();
  CHECK(checks.make(Check::kDatabaseSize).text == "the database has 8 KiB (limit 4 KiB)");
  CHECK(checks.make(Check::kDatabaseSize).state == State::kBad);
  CHECK(checks.make(Check::kDisk).state == State::kBad);
  CHECK(checks.make(Check::kMemory).state == State::kBad);
  std::ofstream(fixture.proc / "meminfo") << "MemTotal: 100000 kB\nMemAvailable: 20100 kB\n";
  CHECK(checks.make(Check::kMemory).state == State::kGood);
  std::filesystem::remove(fixture.proc / "meminfo");
  CHECK(checks.make(Check::kMemory).state == State::kUnknown);
  CHECK(checks.make(Check::kLock).state == State::kUnknown);
  std::filesystem::remove(fixture.options.database);
  CHECK(checks.make(Check::kDatabaseSize).state == State::kUnknown);
}

TEST_CASE("backups by the history: their age, and failures in a row") {
  Fixture fixture;
  auto checks = fixture.checks();
  CHECK(checks.make(Check::kBackupAge).text == "there is no backup");
  monitor::BackupRecord record;
  record.newest_good = fixture.clock.now() - 26h;
  record.failures = 2;
  record.last_failure = "no room";
  fixture.backups = record;
  CHECK(checks.make(Check::kBackupAge).state == State::kGood);
  CHECK(checks.make(Check::kBackupFailures).state == State::kGood);
  record.newest_good = fixture.clock.now() - 26h - 1s;
  record.failures = 3;
  fixture.backups = record;
  CHECK(checks.make(Check::kBackupAge).state == State::kBad);
  const Outcome failed = checks.make(Check::kBackupFailures);
  CHECK(failed.state == State::kBad);
  CHECK(failed.text == "3 backups failed in a row: no room");
}

TEST_CASE("backups in a folder: the newest file that is no smaller than a backup") {
  Fixture fixture;
  fixture.options.backups = fixture.folder / "backups";
  CHECK(fixture.checks().make(Check::kBackupAge).state == State::kUnknown);
  std::filesystem::create_directory(fixture.options.backups);
  const auto write = [&](const char* name, std::size_t bytes, std::chrono::hours at) {
    const auto file = fixture.options.backups / name;
    std::ofstream(file) << std::string(bytes, 'x');
    const timespec time{1'793'620'800 + std::chrono::seconds(at).count(), 0};
    const timespec times[2] = {time, time};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
  };
  const auto age_at = [&](std::chrono::minutes at) {
    fixture.clock.set_wall(util::WallTime(std::chrono::seconds(1'793'620'800)) + at);
    return fixture.checks().make(Check::kBackupAge);
  };
  write("db-01.gz", 511, 0h);
  write("lock", 0, 0h);
  CHECK(age_at(1h).text == "there is no backup");
  write("db-02.gz", 20'480, 24h);
  CHECK(age_at(24h).text == "the newest backup is 0s old (limit 1d2h)");
  CHECK(age_at(25h).state == State::kGood);
  // What is being written is not judged yet; then it is told, and does not count.
  write("db-03.gz", 10'239, 48h);
  CHECK(age_at(48h + 14min).text == "the newest backup is 1d14m old (limit 1d2h)");
  CHECK(age_at(48h + 14min).state == State::kGood);
  const Outcome small = age_at(48h + 15min);
  CHECK(small.state == State::kBad);
  CHECK(small.mark == "small");
  CHECK(small.text == "the newest backup db-03.gz has 9 KiB, the one before it 20 KiB");
  CHECK(age_at(51h).mark == "old");
  // Other files of the job are of another kind, and small ones without one that counts are none.
  write("db-03.gz.sha256", 90, 48h);
  write("attachments-03.tar.gz", 600, 48h);
  CHECK(age_at(51h).mark == "small");
  write("db-04.gz", 10'240, 52h);
  CHECK(age_at(53h).state == State::kGood);
  write("db-05.gz", 0, 53h);
  CHECK(age_at(54h).mark == "small");
  fixture.options.min_backup_size = util::ByteCount{0};
  fixture.options.min_backup_share = 0;
  CHECK(age_at(54h).state == State::kGood);
}

TEST_CASE("who may not have the database open is named; rights for everybody are told") {
  Fixture fixture;
  const Other other(fixture.options.database, "BEGIN;SELECT * FROM t");
  CHECK(fixture.checks().make(Check::kAccess).state == State::kGood);
  fixture.options.access_programs = {"/usr/bin/vaultwarden"};
  const Outcome named = fixture.checks().make(Check::kAccess);
  CHECK(named.state == State::kBad);
  CHECK(named.text.starts_with(fmt::format("unit_monitor (pid {}, user ", other.pid())));
  fixture.options.access_programs = {std::filesystem::read_symlink("/proc/self/exe").string()};
  CHECK(fixture.checks().make(Check::kAccess).state == State::kGood);
  REQUIRE(::chmod(fixture.options.database.c_str(), 0644) == 0);
  const Outcome open = fixture.checks().make(Check::kAccess);
  CHECK(open.state == State::kBad);
  CHECK(open.text == "db.sqlite3 may be read by every user");
  CHECK(open.next.starts_with("chmod o-rwx "));
}

TEST_CASE("who opens the database for an instant is named, or it is said why it cannot be seen") {
  Fixture fixture;
  fixture.options.access_watch = true;
  fixture.options.access_programs = {"/usr/bin/vaultwarden"};
  std::atomic<int> told = 0;
  monitor::HostChecks checks(
      fixture.options, fixture.folder.path(), [] { return monitor::BackupRecord(); }, fixture.clock,
      "/proc",
      [&told] {
        ++told;
        told.notify_all();
      });
  const Outcome before = checks.make(Check::kAccess);
  if (before.state == State::kUnknown) {
    CHECK(before.text == "openings are not seen: fanotify needs CAP_SYS_ADMIN (systemd/README.md)");
    CHECK(::geteuid() != 0);
    return;
  }
  CHECK(before.state == State::kGood);
  CHECK(before.text.find("nobody opened it within the last hour") != std::string::npos);
  const auto open_shortly = [&] {
    // A copy of this process that stays until it was looked at, as a program does for a while.
    int hold[2];
    REQUIRE(::pipe(hold) == 0);
    const int seen = told;
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(hold[1]);
      const int file = ::open(fixture.options.database.c_str(), O_RDONLY);
      ::close(file);
      char byte = 0;
      [[maybe_unused]] const ssize_t got = ::read(hold[0], &byte, 1);
      ::_exit(0);
    }
    told.wait(seen);
    ::close(hold[0]);
    ::close(hold[1]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return child;
  };
  const pid_t first = open_shortly();
  const Outcome named = checks.make(Check::kAccess);
  CHECK(named.state == State::kBad);
  CHECK(named.text.starts_with(fmt::format("unit_monitor (pid {}, user ", first)));
  CHECK(named.text.find(" opened it at ") != std::string::npos);
  // Again is the same trouble, though it is another process.
  const pid_t second = open_shortly();
  const Outcome again = checks.make(Check::kAccess);
  CHECK(again.text.starts_with(fmt::format("unit_monitor (pid {}, user ", second)));
  CHECK(again.text.find(" opened it 2 times, last at ") != std::string::npos);
  CHECK(again.mark == named.mark);
  fixture.clock.advance(1h + 1s);
  CHECK(checks.make(Check::kAccess).state == State::kGood);
}
