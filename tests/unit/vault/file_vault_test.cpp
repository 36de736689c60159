#include "vault/file_vault.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "util/descriptor.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <chrono>
#include <fcntl.h>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace warder;
using namespace std::chrono_literals;
using crypto::SecretString;
using util::ErrorCode;
using vault::FileVault;

namespace {

SecretString key(char fill) { return SecretString(std::string(32, fill)); }

struct Fixture {
  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  std::filesystem::path path = folder / "vault.sealed";

  std::unique_ptr<FileVault> create(vault::FileVaultOptions options = {}) const {
    auto made = FileVault::create(path, key('k'), std::move(options), clock);
    REQUIRE(made);
    return std::move(*made);
  }
  util::Result<std::unique_ptr<FileVault>> open(char fill = 'k',
                                                vault::FileVaultOptions options = {}) const {
    return FileVault::open(path, key(fill), std::move(options), clock);
  }
};

std::uint64_t put(FileVault& vault, std::string_view name, std::string_view content) {
  const auto version = vault.put(name, SecretString(content), {});
  REQUIRE(version);
  return *version;
}

}  // namespace

TEST_CASE("what is put can be read, also by another process") {
  Fixture f;
  const auto vault = f.create();
  CHECK(vault->kind() == "file");
  CHECK(vault->get("jails").error().message() == "the vault has no document 'jails'");
  CHECK(put(*vault, "jails", "one") == 1);
  f.clock.advance(1h);
  REQUIRE(vault->put("jails", SecretString("two"), {{}, "root", "more \x1b[31mretries"}));
  put(*vault, "alerts", "{}");

  const auto other = f.open();
  REQUIRE(other);
  const auto newest = (*other)->get("jails");
  REQUIRE(newest);
  CHECK(newest->content.view() == "two");
  CHECK(newest->version == 2);
  CHECK(newest->time == f.clock.now());
  CHECK((*other)->get("jails", 1)->content.view() == "one");
  CHECK((*other)->get("jails", 3).error().message() ==
        "document 'jails' has no version 3 (any more); the newest is 2");

  const auto documents = (*other)->list();
  REQUIRE(documents);
  REQUIRE(documents->size() == 2);
  CHECK((*documents)[0].name == "alerts");
  CHECK((*documents)[1].name == "jails");
  CHECK((*documents)[1].latest.version == 2);

  const auto history = (*other)->history("jails");
  REQUIRE(history);
  REQUIRE(history->size() == 2);
  CHECK((*history)[0].version == 2);
  CHECK((*history)[0].author == "root");
  CHECK((*history)[0].comment == "more \\x1b[31mretries");
  CHECK((*history)[0].size == 3);
  CHECK((*history)[1].version == 1);
  CHECK((*history)[1].time == f.clock.now() - 1h);
  CHECK((*other)->health()->text == f.path.string() + ": 2 documents, generation 4");
}

TEST_CASE("versions are kept up to the limit and numbers are never used twice") {
  Fixture f;
  const auto vault = f.create({.versions = 3});
  for (int i = 1; i <= 5; ++i) {
    put(*vault, "jails", fmt::format("v{}", i));
  }
  const auto history = vault->history("jails");
  REQUIRE(history);
  CHECK(history->size() == 3);
  CHECK(history->back().version == 3);
  CHECK(vault->get("jails", 2).error().code() == ErrorCode::kNotFound);
  REQUIRE(vault->remove("jails"));
  CHECK(vault->get("jails").error().code() == ErrorCode::kNotFound);
  CHECK(vault->remove("jails").error().code() == ErrorCode::kNotFound);
  CHECK(vault->list()->empty());
  CHECK(put(*vault, "jails", "new life") == 6);
}

TEST_CASE("a writer that expected another version is told") {
  Fixture f;
  const auto vault = f.create();
  REQUIRE(vault->put("jails", SecretString("a"), {.expected_version = 0}));
  CHECK(vault->put("jails", SecretString("b"), {.expected_version = 0}).error().message() ==
        "document 'jails' is at version 1, not at 0: somebody else changed it; look at it and try "
        "again");
  CHECK(vault->put("alerts", SecretString("b"), {.expected_version = 4}).error().message() ==
        "document 'alerts' does not exist, version 4 was expected");
  CHECK(vault->put("jails", SecretString("b"), {.expected_version = 1}).value_or(0) == 2);
  CHECK(vault->get("jails")->content.view() == "b");
}

TEST_CASE("names and sizes have limits") {
  Fixture f;
  const auto vault = f.create();
  CHECK(vault->get("../x").error().message() ==
        "'../x' is no document name: each part between '/' must begin with a letter or digit; "
        "write for instance jails or alerts");
  for (const std::string_view bad : {"", "A", "a b", "a//b", "/a", "a/", "a/.b", "a\n"}) {
    CHECK(vault->get(bad).error().code() == ErrorCode::kInvalid);
  }
  CHECK(vault->get(std::string(129, 'a')).error().code() == ErrorCode::kInvalid);
  CHECK(put(*vault, "team-1/web.prod_2", "x") == 1);
  const std::string large(vault::Provider::kLongestContent, 'x');
  CHECK(put(*vault, "large", large) == 1);
  CHECK(vault->put("large", SecretString(large + "x"), {}).error().message() ==
        "document 'large' has 1048577 bytes; at most 1048576 fit");
}

TEST_CASE("a vault is made once and has to be there to be opened") {
  Fixture f;
  CHECK(f.open().error().message() ==
        f.path.string() + ": there is no vault; make one with: warder vault setup");
  f.create();
  CHECK(FileVault::create(f.path, key('k'), {}, f.clock).error().message() ==
        f.path.string() +
            ": there is a vault already; use it as it is, or move it and its .mark away and "
            "set up a new one");
  struct stat info{};
  REQUIRE(::stat(f.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0600);
}

TEST_CASE("another key opens nothing") {
  Fixture f;
  f.create();
  const std::string text = f.open('x').error().message();
  CHECK(f.open('x').error().code() == ErrorCode::kInvalid);
  CHECK(text.find("is sealed with another key (key id ") != std::string::npos);
}

TEST_CASE("every flipped bit, cut and added byte is refused as a whole") {
  Fixture f;
  {
    const auto vault = f.create();
    put(*vault, "jails", "canary-content-1");
    put(*vault, "alerts", "canary-content-2");
  }
  const std::string good = f.folder.read("vault.sealed");
  std::set<std::string> texts;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned bit : {0U, 7U}) {
      std::string bad = good;
      bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
      f.folder.write("vault.sealed", bad);
      const auto opened = f.open();
      REQUIRE_FALSE(opened);
      REQUIRE(opened.error().code() == ErrorCode::kInvalid);
      REQUIRE(opened.error().message().find("canary") == std::string::npos);
    }
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    f.folder.write("vault.sealed", good.substr(0, length));
    REQUIRE(f.open().error().code() == ErrorCode::kInvalid);
  }
  f.folder.write("vault.sealed", good + '\0');
  CHECK(f.open().error().message() ==
        fmt::format("{}: is too long: {} bytes should follow the header, {} do", f.path.string(),
                    good.size() - 68, good.size() - 67));
  f.folder.write("vault.sealed", good);
  CHECK(f.open());
}

TEST_CASE("the texts of damage name the part") {
  Fixture f;
  f.create();
  const std::string good = f.folder.read("vault.sealed");
  const auto text_of = [&](std::size_t at, char value) {
    std::string bad = good;
    bad[at] = value;
    f.folder.write("vault.sealed", bad);
    return f.open().error().message();
  };
  CHECK(text_of(0, 'X') ==
        f.path.string() + ": is no such file of warder: it begins with other bytes");
  CHECK(text_of(8, 2) == f.path.string() +
                             ": has format 2, and this program knows 1 only: it was written by a "
                             "newer warder, or its header is damaged");
  CHECK(text_of(12, 9) == f.path.string() +
                              ": names key derivation 9, and this program knows 1 only: it was "
                              "written by a newer warder, or its header is damaged");
  CHECK(text_of(52, 9) == f.path.string() +
                              ": was changed or damaged: its seal does not fit its content, so "
                              "nothing of it is used; put back a good copy");
  f.folder.write("vault.sealed", good.substr(0, 20));
  CHECK(f.open().error().message() ==
        f.path.string() + ": is cut off: only 20 bytes are left of its header");
}

TEST_CASE("no content is in clear on the disk") {
  Fixture f;
  const auto vault = f.create({.mark = f.folder / "mark"});
  REQUIRE(vault->put("secret-name-canary", SecretString("secret-content-canary"),
                     {{}, "secret-author-canary", "secret-comment-canary"}));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(f.folder.path())) {
    const std::string bytes = f.folder.read(entry.path().filename().string());
    CHECK(bytes.find("canary") == std::string::npos);
  }
}

TEST_CASE("an older copy of the file is noticed") {
  Fixture f;
  const vault::FileVaultOptions options{.mark = f.folder / "mark"};
  std::string old;
  {
    const auto vault = f.create(options);
    put(*vault, "jails", "one");
    old = f.folder.read("vault.sealed");
    put(*vault, "jails", "two");
    f.folder.write("vault.sealed", old);
    CHECK(vault->get("jails").error().code() == ErrorCode::kConflict);
  }
  // After a restart the mark remembers.
  CHECK(f.open('k', options).error().message() ==
        fmt::format("{}: is older (generation 2) than what was seen here before (generation 3): "
                    "an old copy was put in its place. Put the newest one back, or remove {} and "
                    "restart if the old one is wanted",
                    f.path.string(), (f.folder / "mark").string()));
  // Without a mark only a running process can know.
  CHECK(f.open());
  std::filesystem::remove(f.folder / "mark");
  CHECK(f.open('k', options));
  f.folder.write("mark", "garbage");
  CHECK(f.open('k', options).error().message() ==
        (f.folder / "mark").string() +
            ": the mark of the vault's generation (remove it when you know that the vault file is "
            "genuine): is no such file of warder: it begins with other bytes");
}

TEST_CASE("a new key seals the same documents") {
  Fixture f;
  const vault::FileVaultOptions options{.mark = f.folder / "mark"};
  const auto vault = f.create(options);
  put(*vault, "jails", "one");
  put(*vault, "jails", "two");
  REQUIRE(vault->rekey(key('n')));
  CHECK(vault->get("jails")->content.view() == "two");
  CHECK(f.open('k').error().code() == ErrorCode::kInvalid);
  const auto reopened = f.open('n', options);
  REQUIRE(reopened);
  CHECK((*reopened)->get("jails", 1)->content.view() == "one");
}

TEST_CASE("a vault that others can change is refused with the remedy") {
  Fixture f;
  f.create();
  REQUIRE(::chmod(f.path.c_str(), 0620) == 0);
  CHECK(f.open().error().message() ==
        f.path.string() +
            ": the vault has mode 0620, so other users can change it; run: chmod 0600 " +
            f.path.string());
  CHECK(f.open().error().code() == ErrorCode::kDenied);
}

TEST_CASE("owner and mode of the file stay when root writes") {
  if (::geteuid() != 0) {
    return;
  }
  Fixture f;
  const auto vault = f.create({.mark = f.folder / "mark"});
  REQUIRE(::chown(f.path.c_str(), 65534, 65533) == 0);
  REQUIRE(::chmod(f.path.c_str(), 0640) == 0);
  put(*vault, "jails", "x");
  for (const char* const name : {"vault.sealed", "vault.sealed.lock", "mark"}) {
    struct stat info{};
    REQUIRE(::stat((f.folder / name).c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
    CHECK(info.st_gid == 65533);
  }
  struct stat info{};
  REQUIRE(::stat(f.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0640);
}

TEST_CASE("a second writer waits, then is told") {
  Fixture f;
  const auto vault = f.create({.lock_wait = 0ms});
  const util::Descriptor lock(
      ::open((f.path.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  CHECK(vault->put("jails", SecretString("x"), {}).error().message() ==
        f.path.string() + ": another process is writing to the vault; try again when it has ended");
  // Readers are never kept waiting.
  CHECK(vault->list());
  REQUIRE(::flock(lock.get(), LOCK_UN) == 0);
  CHECK(put(*vault, "jails", "x") == 1);
}

TEST_CASE("writers at once lose nothing") {
  Fixture f;
  f.create();
  constexpr int kEach = 20;
  std::vector<std::thread> writers;
  for (const char* const name : {"a", "b", "c"}) {
    writers.emplace_back([&f, name] {
      const auto vault = f.open();
      for (int i = 0; i < kEach; ++i) {
        (void)(*vault)->put(name, SecretString("x"), {});
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  const auto vault = f.open();
  for (const char* const name : {"a", "b", "c"}) {
    CHECK((*vault)->get(name)->version == kEach);
  }
}
