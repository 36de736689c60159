// Section B of the fault list: limits of the kernel, of the agent and of the machine.
#include "unit/source/following.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace warder;
using namespace warder::testing;
using source::NoticeKind;

namespace fs = std::filesystem;

TEST_CASE("B13: the watch limit is reached: scanning, nothing lost", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n");
  source::FileOptions options = Following::head();
  options.watches = 1;
  Following following({log.string()}, options);
  REQUIRE(following.lines() == Texts{"1"});
  REQUIRE(following.source->status().scanning);
  REQUIRE(following.recorder.notices.size() == 1);
  REQUIRE(following.recorder.notices[0].kind == NoticeKind::kScanning);
  folder.append("a.log", "2\n");
  following.pass(std::chrono::seconds(1));
  fs::rename(log, folder / "a.log.1");
  folder.write("a.log", "3\n");
  following.pass(std::chrono::seconds(1));
  REQUIRE(following.recorder.take() == Texts{"2", "3"});
  following.pass(std::chrono::seconds(5));
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kScanning, NoticeKind::kRotated});
}

TEST_CASE("B13: the kernel's own watch limit", "[source]") {
  // In a user namespace of our own, whose limit can be set without touching the machine's.
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER) != 0) {
      ::_exit(77);
    }
    std::ofstream("/proc/sys/user/max_inotify_watches") << "1";
    Following following({log.string()});
    const bool read = following.lines() == Texts{"1"};
    const bool scanning = following.source->status().scanning;
    const bool told = following.recorder.take_kinds() == Kinds{NoticeKind::kScanning};
    ::_exit(read && scanning && told ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    WARN("user namespaces are not allowed here: not tried");
    return;
  }
  REQUIRE(WEXITSTATUS(status) == 0);
}

TEST_CASE("B13: the kernel drops notifications", "[source]") {
  const TemporaryFolder folder;
  folder.write("a.log", "1\n");
  Following following({(folder / "*.log").string()});
  REQUIRE(following.lines() == Texts{"1"});
  std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
  int limit = 0;
  limit_file >> limit;
  for (int i = 0; i <= limit / 2 + 1; ++i) {
    // Two events each, none like the one before it.
    folder.write("noise", "");
    fs::remove(folder / "noise");
  }
  folder.append("a.log", "2\n");
  folder.write("b.log", "3\n");
  Texts lines = following.lines();
  std::sort(lines.begin(), lines.end());
  REQUIRE(lines == Texts{"2", "3"});
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kOverflow});
}

TEST_CASE("B14: thousands of files with a handful of descriptors, read in turns", "[source]") {
  const TemporaryFolder folder;
  constexpr int kFiles = 2000;
  const auto name = [](int i) { return "f" + std::to_string(i) + "x.log"; };
  for (int i = 0; i < kFiles; ++i) {
    folder.write(name(i), "1\n");
  }
  source::FileOptions options = Following::head();
  options.open_files = 20;
  Following following({(folder / "*.log").string()}, options);
  REQUIRE(following.lines().size() == kFiles);
  REQUIRE(following.source->status().open_files == 20);
  // One very busy log does not keep the others waiting: they come within one turn of each.
  std::string busy;
  for (int i = 0; i < 300'000; ++i) {
    busy += "busy\n";
  }
  folder.append(name(0), busy);
  for (int i = 1; i < kFiles; ++i) {
    folder.append(name(i), "2\n");
  }
  following.source->pump(following.recorder, util::mebibytes(1));
  REQUIRE(following.recorder.lines.size() > kFiles);
  int others = 0;
  for (const Recorder::Read& line : following.recorder.lines) {
    others += line.text == "2" ? 1 : 0;
  }
  REQUIRE(others > 1000);
  following.pump();
  REQUIRE(following.recorder.take().size() == 300'000 + kFiles - 1);
  REQUIRE(following.source->status().open_files == 20);
}

TEST_CASE("B14: more logs than the limit are named, not followed", "[source]") {
  const TemporaryFolder folder;
  for (const char* const name : {"a.log", "b.log", "c.log"}) {
    folder.write(name, "1\n");
  }
  source::FileOptions options = Following::head();
  options.logs = 2;
  Following following({(folder / "*.log").string()}, options);
  REQUIRE(following.lines().size() == 2);
  REQUIRE(following.recorder.notices.size() == 1);
  REQUIRE(following.recorder.notices[0].text ==
          (folder / "c.log").string() +
              ": is not followed: 2 logs are already, which is the limit. Use narrower patterns");
}

TEST_CASE("B15: the budget ends a pump, and what waits is known", "[source]") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 100'000; ++i) {
    text += "0123456789\n";
  }
  const fs::path log = folder.write("a.log", text);
  Following following({log.string()});
  const source::Pumped pumped = following.source->pump(following.recorder, util::kibibytes(256));
  REQUIRE(pumped.more);
  REQUIRE(pumped.read.value <= 256UL * 1024);
  REQUIRE(following.source->status().backlog == text.size() - 11 * following.recorder.lines.size());
  following.pump();
  REQUIRE(following.recorder.lines.size() == 100'000);
  REQUIRE(following.source->status().backlog == 0);
}

TEST_CASE("a state that flaps floods nobody", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "");
  Following following({log.string()});
  following.pump();
  for (int i = 0; i < 100; ++i) {
    fs::remove(log);
    fs::create_directory(log);
    following.pump();
    fs::remove(log);
    folder.write("a.log", "x\n");
    following.pump();
  }
  REQUIRE(following.recorder.take().size() == 100);
  REQUIRE(following.recorder.notices.size() <= 40);
  REQUIRE(following.source->status().notices_withheld >= 160);
}
