// The file vault and the cache's sealed copies killed, or refused by the disk, at each step of each
// write: afterwards there is the old state or the new one, whole, and the next write works.
#include "crypto/secret.h"
#include "support/fake_provider.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "vault/cache.h"
#include "vault/file_vault.h"

#include <catch2/catch.hpp>

#include <cerrno>
#include <functional>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace warder;
using crypto::SecretString;
using vault::FileVault;

namespace {

enum class Fault { kNone, kKillBefore, kKillAfter, kHalfThenKill, kError, kHalfThenError };

// What happens at which step; counted only while armed.
struct Plan {
  bool armed = false;
  Fault fault = Fault::kNone;
  int at = -1;
  int error = ENOSPC;
  int steps = 0;
};
Plan plan;

constexpr int kKilled = 99;

// Runs one step of the disk under the plan. `half` does a part of it, where there is such a thing.
long step(const std::function<long()>& whole, const std::function<long()>& half = {}) {
  if (!plan.armed || plan.steps++ != plan.at) {
    return whole();
  }
  switch (plan.fault) {
    case Fault::kNone:
      return whole();
    case Fault::kKillBefore:
      ::_exit(kKilled);
    case Fault::kKillAfter:
      whole();
      ::_exit(kKilled);
    case Fault::kHalfThenKill:
      (half ? half : whole)();
      ::_exit(kKilled);
    case Fault::kHalfThenError:
      if (half) {
        // A short write, as a disk that fills up gives; the next one fails.
        ++plan.at;
        plan.fault = Fault::kError;
        return half();
      }
      [[fallthrough]];
    case Fault::kError:
      errno = plan.error;
      return -1;
  }
  return whole();
}

}  // namespace

extern "C" {
int __real_mkostemp(char* name, int flags);
int __real_fchmod(int fd, mode_t mode);
int __real_fchown(int fd, uid_t user, gid_t group);
ssize_t __real_write(int fd, const void* data, size_t size);
int __real_fsync(int fd);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);

int __wrap_mkostemp(char* name, int flags) {
  return static_cast<int>(step([&] { return __real_mkostemp(name, flags); }));
}
int __wrap_fchmod(int fd, mode_t mode) {
  return static_cast<int>(step([&] { return __real_fchmod(fd, mode); }));
}
int __wrap_fchown(int fd, uid_t user, gid_t group) {
  return static_cast<int>(step([&] { return __real_fchown(fd, user, group); }));
}
ssize_t __wrap_write(int fd, const void* data, size_t size) {
  return step([&] { return __real_write(fd, data, size); },
              [&] { return __real_write(fd, data, size / 2); });
}
int __wrap_fsync(int fd) {
  return static_cast<int>(step([&] { return __real_fsync(fd); }));
}
int __wrap_rename(const char* from, const char* to) {
  return static_cast<int>(step([&] { return __real_rename(from, to); }));
}
int __wrap_unlink(const char* path) {
  return static_cast<int>(step([&] { return __real_unlink(path); }));
}
}

namespace {

SecretString key(char fill) { return SecretString(std::string(32, fill)); }

struct Fixture {
  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  vault::FileVaultOptions options;
  std::filesystem::path path = folder / "vault.sealed";

  Fixture() {
    options.mark = folder / "mark";
    auto vault = FileVault::create(path, key('k'), options, clock);
    REQUIRE(vault);
    REQUIRE((*vault)->put("jails", SecretString("old"), {}));
  }
  // "old" or "new": the whole of what is there now, under whichever key.
  std::string state() const {
    for (const char fill : {'k', 'n'}) {
      auto vault = FileVault::open(path, key(fill), options, clock);
      if (!vault) {
        continue;
      }
      const auto document = (*vault)->get("jails");
      REQUIRE(document);
      // It can be written again.
      REQUIRE((*vault)->put("other", SecretString("x"), {}));
      return std::string(document->content.view()) + (fill == 'n' ? " rekeyed" : "");
    }
    return "unreadable";
  }
};

using Change = std::function<bool(FileVault&)>;

// The steps of an undisturbed change.
int count_steps(const Change& change) {
  const Fixture f;
  auto vault = FileVault::open(f.path, key('k'), f.options, f.clock);
  REQUIRE(vault);
  plan = Plan{.armed = true};
  REQUIRE(change(**vault));
  plan.armed = false;
  return plan.steps;
}

// Does the change in a child that dies at the step; whether it got to the step.
bool killed_at(const Fixture& f, const Change& change, Fault fault, int at) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto vault = FileVault::open(f.path, key('k'), f.options, f.clock);
    plan = Plan{.armed = true, .fault = fault, .at = at};
    const bool done = vault && change(**vault);
    ::_exit(done ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == kKilled;
}

void check_kills(const Change& change, const std::string& before, const std::string& after) {
  const int steps = count_steps(change);
  REQUIRE(steps >= 5);
  bool seen_before = false;
  bool seen_after = false;
  for (const Fault fault : {Fault::kKillBefore, Fault::kHalfThenKill, Fault::kKillAfter}) {
    for (int at = 0; at < steps; ++at) {
      const Fixture f;
      REQUIRE(killed_at(f, change, fault, at));
      const std::string state = f.state();
      CAPTURE(at, static_cast<int>(fault));
      CHECK((state == before || state == after));
      seen_before = seen_before || state == before;
      seen_after = seen_after || state == after;
    }
  }
  CHECK(seen_before);
  CHECK(seen_after);
}

const Change kPut = [](FileVault& vault) {
  return vault.put("jails", SecretString("new"), {}).has_value();
};
const Change kRekey = [](FileVault& vault) { return vault.rekey(key('n')).has_value(); };

}  // namespace

TEST_CASE("killed at any step of a write: the old documents or the new ones") {
  check_kills(kPut, "old", "new");
}

TEST_CASE("killed at any step of a change of the key: one of the two keys opens everything") {
  check_kills(kRekey, "old", "old rekeyed");
}

TEST_CASE("a disk that refuses a step: an error, the old documents, and no rubbish beside them") {
  const int steps = count_steps(kPut);
  int refused = 0;
  for (const int error : {ENOSPC, EIO}) {
    for (const Fault fault : {Fault::kError, Fault::kHalfThenError}) {
      for (int at = 0; at < steps; ++at) {
        const Fixture f;
        auto vault = FileVault::open(f.path, key('k'), f.options, f.clock);
        REQUIRE(vault);
        plan = Plan{.armed = true, .fault = fault, .at = at, .error = error};
        const auto written = (*vault)->put("jails", SecretString("new"), {});
        plan.armed = false;
        CAPTURE(at, error, static_cast<int>(fault));
        refused += written ? 0 : 1;
        const std::string state = f.state();
        // Only the flush of the folder comes after the new file is in place; an error there says
        // that it may not be safe yet.
        CHECK((state == "new" || (!written && state == "old")));
        for (const auto& entry : std::filesystem::directory_iterator(f.folder.path())) {
          CHECK(entry.path().filename().string().front() != '.');
        }
      }
    }
  }
  CHECK(refused >= 12);
}

namespace {

// A vault in the network that answered "old", and a cache that kept it.
struct CacheFixture {
  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  testing::FakeProvider provider;

  CacheFixture() {
    (void)provider.put("jails", SecretString("old"), {});
    REQUIRE(cache()->get("jails"));
    (void)provider.put("jails", SecretString("new"), {});
  }
  std::unique_ptr<vault::Cache> cache() {
    return std::make_unique<vault::Cache>(provider, key('c'),
                                          vault::CacheOptions{.folder = folder.path()}, clock, 1);
  }
  // What a start with the vault away finds.
  std::string state() {
    provider.fail(util::Error(util::ErrorCode::kUnavailable, "away"));
    const auto kept = cache()->get("jails");
    return kept ? std::string(kept->document.content.view()) : kept.error().message();
  }
};

int count_copy_steps() {
  CacheFixture f;
  const auto cache = f.cache();
  plan = Plan{.armed = true};
  REQUIRE(cache->get("jails"));
  plan.armed = false;
  return plan.steps;
}

}  // namespace

TEST_CASE(
    "killed at any step of keeping a copy: a start without the vault has the old one or the new") {
  const int steps = count_copy_steps();
  REQUIRE(steps >= 5);
  bool seen_old = false;
  bool seen_new = false;
  for (const Fault fault : {Fault::kKillBefore, Fault::kHalfThenKill, Fault::kKillAfter}) {
    for (int at = 0; at < steps; ++at) {
      CacheFixture f;
      const pid_t child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        const auto cache = f.cache();
        plan = Plan{.armed = true, .fault = fault, .at = at};
        (void)cache->get("jails");
        ::_exit(0);
      }
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      REQUIRE(WEXITSTATUS(status) == kKilled);
      const std::string state = f.state();
      CAPTURE(at, static_cast<int>(fault));
      CHECK((state == "old" || state == "new"));
      seen_old = seen_old || state == "old";
      seen_new = seen_new || state == "new";
    }
  }
  CHECK(seen_old);
  CHECK(seen_new);
}

TEST_CASE("a disk that refuses to keep a copy: the answer is given, the failure counted") {
  const int steps = count_copy_steps();
  for (const int error : {ENOSPC, EIO}) {
    for (const Fault fault : {Fault::kError, Fault::kHalfThenError}) {
      for (int at = 0; at < steps; ++at) {
        CacheFixture f;
        const auto cache = f.cache();
        plan = Plan{.armed = true, .fault = fault, .at = at, .error = error};
        const auto answer = cache->get("jails");
        plan.armed = false;
        CAPTURE(at, error, static_cast<int>(fault));
        REQUIRE(answer);
        CHECK(answer->document.content.view() == "new");
        const std::string state = f.state();
        CHECK((state == "new" || (cache->failed_writes() == 1 && state == "old")));
        for (const auto& entry : std::filesystem::directory_iterator(f.folder.path())) {
          CHECK(entry.path().filename().string().front() != '.');
        }
      }
    }
  }
}
