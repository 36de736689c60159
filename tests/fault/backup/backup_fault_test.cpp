// A process that ends at each boundary of making, bringing outside and encrypting anew; writes that
// fail or are cut short.
#include "backup/keeper.h"
#include "storage/directory.h"
#include "unit/backup/sample.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// The n-th write or flush of a regular file fails (-1: none does); every write is cut to `most`.
std::atomic<long> fail_after{-1};
std::atomic<std::size_t> most{0};

bool is_file(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

bool fails(int fd) {
  if (fail_after.load() < 0 || !is_file(fd)) {
    return false;
  }
  if (fail_after.fetch_sub(1) == 0) {
    errno = ENOSPC;
    return true;
  }
  return false;
}

}  // namespace

extern "C" {
// The linker's names for what was there before.
ssize_t __real_write(int fd, const void* bytes, size_t size);  // NOLINT
int __real_fsync(int fd);                                      // NOLINT

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {  // NOLINT
  if (fails(fd)) {
    return -1;
  }
  const std::size_t limit = most.load();
  return __real_write(fd, bytes, limit > 0 && is_file(fd) && size > limit ? limit : size);
}

int __wrap_fsync(int fd) {  // NOLINT
  return fails(fd) ? -1 : __real_fsync(fd);
}
}

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using sample::Fixed;
using sample::Journal;
using sample::Place;

constexpr const char* kFirst = "correct horse battery staple";

// Old and new passphrase, as a vault that keeps versions.
class Rotated : public Passphrases {
 public:
  util::Result<Passphrase> current() override {
    return Passphrase{{"vault:backup/passphrase", 2, ""},
                      crypto::SecretString(std::string_view("the second one"))};
  }
  util::Result<std::vector<Passphrase>> candidates(const KeyId& id) override {
    std::vector<Passphrase> all;
    all.push_back(
        {id, crypto::SecretString(std::string_view(id.version == 2 ? "the second one" : kFirst))});
    return all;
  }
};

struct Fixture {
  Place place{Journal::kWal, 20};
  fs::path outside = place.temporary.path() / "outside";
  storage::Directory directory{outside, util::ByteCount{0}};
  Rotated rotated;

  Fixture() {
    fs::create_directory(outside);
    place.set.formats = {Format::kSqlDump, Format::kBinary};
  }

  Keeper keeper(Passphrases& passphrases, std::function<void(std::string_view)> at_boundary = {}) {
    return Keeper({.set = place.set,
                   .passphrases = &passphrases,
                   .storage = &directory,
                   .clock = place.clock,
                   .host = "host",
                   .tool = "warder test",
                   .at_boundary = std::move(at_boundary)});
  }

  // Runs `work` in a process that kills itself at the n-th boundary. False when it came to its end.
  bool killed_at(int n, const std::function<void(std::function<void(std::string_view)>)>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      int left = n;
      work([&left](std::string_view) {
        if (left-- == 0) {
          ::kill(::getpid(), SIGKILL);
        }
      });
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
    return WIFSIGNALED(status);
  }

  std::vector<Listed> list(Passphrases& passphrases) {
    auto all = keeper(passphrases).list();
    REQUIRE(all);
    REQUIRE_FALSE(all->outside);
    return all->backups;
  }

  std::size_t unfinished() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(place.backups)) {
      count += entry.path().filename().string().starts_with(".making") ? 1 : 0;
    }
    return count;
  }
};

std::string text(const Report& report) { return report.summary + ": " + report.cause; }

TEST_CASE("killed at each boundary of a backup, whatever counts can be restored") {
  Fixture f;
  REQUIRE(f.keeper(f.place.passphrases).now().good);
  const Stamp first = f.list(f.place.passphrases).front().stamp;
  int boundaries = 0;
  for (; f.killed_at(boundaries,
                     [&](auto at_boundary) {
                       static_cast<void>(f.keeper(f.place.passphrases, at_boundary).now());
                     });
       ++boundaries) {
    INFO(boundaries);
    for (const Listed& row : f.list(f.place.passphrases)) {
      // Seen before the next run, it is whole or has a fault; it never counts by half.
      CHECK((row.fault.empty() || !row.proven));
    }
    const Report verified = f.keeper(f.place.passphrases).verify({}, Proven::kAll);
    INFO(text(verified));
    CHECK(verified.good);
    CHECK(f.unfinished() == 0);
    CHECK(f.list(f.place.passphrases).front().stamp == first);
  }
  CHECK(boundaries >= 8);
  // The run after it brings outside what was not brought.
  REQUIRE(f.keeper(f.place.passphrases).now().good);
  for (const Listed& row : f.list(f.place.passphrases)) {
    CHECK(row.in_storage);
    CHECK(row.fault.empty());
  }
}

TEST_CASE(
    "killed at each boundary of a rotation, each backup opens with one passphrase or the other") {
  Fixture f;
  REQUIRE(f.keeper(f.place.passphrases).now().good);
  int boundaries = 0;
  while (f.killed_at(boundaries, [&](auto at_boundary) {
    static_cast<void>(f.keeper(f.rotated, at_boundary).re_encrypt());
  })) {
    ++boundaries;
    const Report verified = f.keeper(f.rotated).verify({}, Proven::kAll);
    INFO(boundaries << ' ' << text(verified));
    CHECK(verified.good);
    CHECK(f.list(f.rotated).size() == 1);
  }
  CHECK(boundaries >= 4);
  const Report last = f.keeper(f.rotated).re_encrypt();
  INFO(text(last));
  CHECK(last.good);
  const std::vector<Listed> rows = f.list(f.rotated);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].key->version == 2);
  CHECK(rows[0].proven);
  CHECK(rows[0].in_storage);
  CHECK(rows[0].stamp.revision == 1);
  // Two files and the manifest, here (beside lock and state) and outside: nothing of the old ones.
  CHECK(std::distance(fs::directory_iterator(f.outside), {}) == 3);
  CHECK(std::distance(fs::directory_iterator(f.place.backups), {}) == 5);
}

TEST_CASE("a write or flush that fails anywhere is told, and older backups stay") {
  Fixture f;
  REQUIRE(f.keeper(f.place.passphrases).now().good);
  const Stamp first = f.list(f.place.passphrases).front().stamp;
  int failures = 0;
  f.place.set.formats = {Format::kBinary};
  // Each of the first, then ever fewer: each costs a whole backup.
  for (long n = 0;; n += 1 + n / 6) {
    fail_after = n;
    const Report report = f.keeper(f.place.passphrases).now();
    const bool reached = fail_after.load() < 0;
    fail_after = -1;
    INFO(n << ' ' << text(report));
    if (!reached) {
      CHECK(report.good);
      break;
    }
    ++failures;
    CHECK_FALSE(report.good);
    CHECK(report.cause.find("No space left") != std::string::npos);
    const Report verified = f.keeper(f.place.passphrases).verify(first, Proven::kNewest);
    CHECK(verified.good);
  }
  CHECK(failures > 8);
  CHECK(f.keeper(f.place.passphrases).verify({}, Proven::kAll).good);
}

TEST_CASE("short writes change nothing") {
  Fixture f;
  most = 1000;
  const Report report = f.keeper(f.place.passphrases).now();
  most = 0;
  INFO(text(report));
  CHECK(report.good);
  CHECK(f.keeper(f.place.passphrases).verify({}, Proven::kAll).good);
}

}  // namespace
}  // namespace warder::backup
