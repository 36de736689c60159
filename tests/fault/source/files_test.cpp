// Section B of the fault list: what can happen to one log file.
#include "crypto/sha256.h"
#include "unit/source/following.h"
#include "unit/source/gzip.h"
#include "util/descriptor.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace warder;
using namespace warder::testing;
using source::NoticeKind;

namespace fs = std::filesystem;

namespace {

std::string numbered(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) {
    text += "a line that is long enough to matter, number " + std::to_string(i) + "\n";
  }
  return text;
}

std::size_t count_lines(Following& following) { return following.lines().size(); }

}  // namespace

TEST_CASE("B02: truncated without a copy, the loss is said", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n2\n3");
  Following following({log.string()});
  REQUIRE(following.lines() == Texts{"1", "2"});
  fs::resize_file(log, 0);
  folder.append("a.log", "4\n");
  REQUIRE(following.lines() == Texts{"4"});
  REQUIRE(following.recorder.notices.size() == 1);
  REQUIRE(following.recorder.notices[0].text ==
          log.string() +
              ": was truncated (judged up to offset 4, 2 bytes now) and no copy was found; 1 bytes "
              "that were known to wait are lost, and what was written since; reading from its "
              "start");
  REQUIRE(following.source->status().lost_bytes == 1);
}

TEST_CASE("B04: rotated twice and compressed while stopped", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", numbered(0, 10));
  Following following({log.string()});
  REQUIRE(count_lines(following) == 10);
  following.store();
  following.stop();
  folder.write("a.log.2.gz", gzip(numbered(0, 20)));
  folder.write("a.log.1", numbered(20, 30));
  fs::remove(log);
  folder.write("a.log", numbered(30, 33));
  following.start();
  following.pump();
  REQUIRE(following.recorder.lines.size() == 23);
  for (int i = 0; i < 23; ++i) {
    REQUIRE(following.recorder.lines[static_cast<std::size_t>(i)].text + "\n" ==
            numbered(10 + i, 11 + i));
  }
  REQUIRE(following.recorder.take_kinds() ==
          Kinds{NoticeKind::kFoundAgain, NoticeKind::kFoundAgain});
}

TEST_CASE("B05: another file with the inode number of the old one", "[source]") {
  // Same inode, other content, of the same size, larger and smaller, found after a stop.
  for (const int lines : {10, 15, 5}) {
    const TemporaryFolder folder;
    const fs::path log = folder.write("a.log", numbered(0, 10));
    Following following({log.string()});
    REQUIRE(count_lines(following) == 10);
    following.store();
    following.stop();
    folder.write("a.log", numbered(90 - lines, 90));  // std::ofstream truncates: same inode
    following.start();
    REQUIRE(count_lines(following) == static_cast<std::size_t>(lines));
    REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kTruncated});
  }
}

TEST_CASE("B06: two files that begin with the same 4 KiB", "[source]") {
  const TemporaryFolder folder;
  const std::string head = numbered(0, 200);
  const fs::path log = folder.write("a.log", head);
  Following following({log.string()});
  REQUIRE(count_lines(following) == 200);
  fs::rename(log, folder / "a.log.1");
  folder.write("a.log", head + "new\n");
  folder.append("a.log.1", "old\n");
  following.pump();
  REQUIRE(following.recorder.lines.size() == 202);
  REQUIRE(following.recorder.lines.front().text == "old");
  REQUIRE(following.recorder.lines.back().text == "new");
  REQUIRE(following.recorder.lines.front().generation !=
          following.recorder.lines.back().generation);
}

TEST_CASE("B07: truncated and refilled beyond the old place", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", numbered(0, 10));
  Following following({log.string()});
  REQUIRE(count_lines(following) == 10);
  folder.write("a.log", numbered(50, 70));
  following.pump();
  REQUIRE(following.recorder.lines.size() == 20);
  REQUIRE(following.recorder.lines.front().offset == 0);
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kTruncated});
}

TEST_CASE("B07: a writer that keeps its place after truncation leaves a hole", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder / "a.log";
  const util::Descriptor writer(::open(log.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const auto write = [&](const std::string& text) {
    REQUIRE(::write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  };
  write(numbered(0, 400));
  Following following({log.string()});
  REQUIRE(count_lines(following) == 400);
  fs::resize_file(log, 0);
  write("after\n");
  REQUIRE(following.lines() == Texts{"after"});
  for (const source::Notice& notice : following.recorder.notices) {
    REQUIRE((notice.kind == NoticeKind::kTruncated || notice.kind == NoticeKind::kHole));
  }
}

TEST_CASE("B08: a last line that is completed late, and one that never is", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "half");
  Following following({log.string()});
  REQUIRE(following.lines().empty());
  following.clock.advance(std::chrono::hours(1));
  following.store();
  following.restart();
  REQUIRE(following.lines().empty());
  folder.append("a.log", " whole\nnever");
  REQUIRE(following.lines() == Texts{"half whole"});
  fs::rename(log, folder / "a.log.1");
  folder.write("a.log", "next\n");
  REQUIRE(following.lines() == Texts{"next"});
  following.pass(std::chrono::seconds(15));
  REQUIRE(following.recorder.notices.size() == 2);
  REQUIRE(following.recorder.notices[1].kind == NoticeKind::kIncomplete);
  REQUIRE(following.recorder.notices[1].offset == 11U);
  REQUIRE(following.recorder.notices[1].length == 5U);
}

TEST_CASE("B09: an editor saves the log with a new inode", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", numbered(0, 10));
  Following following({log.string()});
  REQUIRE(count_lines(following) == 10);
  folder.write("a.log.tmp", numbered(0, 11));
  fs::rename(folder / "a.log.tmp", log);
  REQUIRE(count_lines(following) == 1);
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kReplaced});
  // Changed before our place: a new life, read whole.
  folder.write("a.log.tmp", "edited " + numbered(0, 11));
  fs::rename(folder / "a.log.tmp", log);
  REQUIRE(count_lines(following) == 11);
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kReplaced});
}

TEST_CASE("B10: what is no regular file is refused and never read", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder / "a.log";
  Following following({log.string()});
  following.pump();
  following.recorder.take_kinds();
  const auto refused = [&](const std::string& why) {
    following.pump();
    REQUIRE(following.recorder.notices.size() == 1);
    REQUIRE(following.recorder.notices[0].kind == NoticeKind::kRefused);
    REQUIRE(following.recorder.notices[0].text ==
            log.string() + ": " + why + " and is not read; put the log file itself there");
    following.pump();
    REQUIRE(following.recorder.notices.size() == 1);
    following.recorder.notices.clear();
    fs::remove(log);
    folder.write("a.log", "fine\n");
    REQUIRE(following.lines() == Texts{"fine"});
    REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kBack});
    fs::remove(log);
    following.pump();
  };
  SECTION("FIFO") {
    REQUIRE(::mkfifo(log.c_str(), 0600) == 0);
    refused("is a FIFO");
  }
  SECTION("folder") {
    fs::create_directory(log);
    refused("is a folder");
  }
  SECTION("socket") {
    const util::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    log.string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    refused("is a socket");
  }
  SECTION("link to a device") {
    fs::create_symlink("/dev/zero", log);
    refused("is a device");
  }
  SECTION("link to procfs") {
    fs::create_symlink("/proc/self/status", log);
    refused("lies on a file system that holds no stored files (such as /proc)");
  }
  SECTION("somebody's link to a secret") {
    if (::geteuid() != 0) {
      return;  // only root can make a link of another user
    }
    const fs::path secret = folder.write("secret", "root's own\n");
    fs::create_symlink(secret, log);
    REQUIRE(::lchown(log.c_str(), 65534, 65534) == 0);
    refused("is a link made by user 65534 to a file of user 0 (" + secret.string() + ")");
  }
}

TEST_CASE("a link of the file's own owner is followed, also when it is turned", "[source]") {
  const TemporaryFolder folder;
  folder.write("data/one", "1\n");
  fs::create_symlink("data/one", folder / "a.log");
  Following following({(folder / "a.log").string()});
  REQUIRE(following.lines() == Texts{"1"});
  folder.append("data/one", "2\n");
  REQUIRE(following.lines() == Texts{"2"});
  folder.write("data/two", "3\n");
  fs::remove(folder / "a.log");
  fs::create_symlink("data/two", folder / "a.log");
  REQUIRE(following.lines() == Texts{"3"});
}

TEST_CASE("B12: a file the agent may not read", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n");
  if (::geteuid() == 0) {
    // As root nothing is forbidden: become somebody for the length of the test.
    REQUIRE(::chown(folder.path().c_str(), 65534, 65534) == 0);
    REQUIRE(::seteuid(65534) == 0);
  } else {
    REQUIRE(::chmod(log.c_str(), 0) == 0);
  }
  const auto back = [&] { REQUIRE((::getuid() != 0 || ::seteuid(0) == 0)); };
  if (::getuid() == 0) {
    back();
    REQUIRE(::chmod(log.c_str(), 0600) == 0);
    REQUIRE(::seteuid(65534) == 0);
  }
  Following following({log.string()});
  REQUIRE(following.lines().empty());
  folder.append("a.log", "2\n");
  following.pump();
  const std::vector<source::Notice> notices = following.recorder.notices;
  const uid_t user = ::geteuid();
  back();
  REQUIRE(notices.size() == 1);
  REQUIRE(notices[0].error == EACCES);
  REQUIRE(notices[0].text ==
          log.string() + ": cannot be read (Permission denied; mode " +
              (::getuid() == 0 ? "0600, owner 0" : "0000, owner " + std::to_string(user)) +
              "); let user " + std::to_string(user) + " read it, for instance with: setfacl -m u:" +
              std::to_string(user) + ":r " + log.string());
  REQUIRE(::chmod(log.c_str(), 0644) == 0);
  following.pump();
  REQUIRE(following.recorder.take().front() == "1");
  REQUIRE(following.recorder.notices.back().kind == NoticeKind::kBack);
}

TEST_CASE("B15: a sparse file of 1 TiB is passed over in no time", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n");
  Following following({log.string()});
  REQUIRE(following.lines() == Texts{"1"});
  fs::resize_file(log, std::uintmax_t{1} << 40);
  folder.append("a.log", "2\n");
  following.pump();
  REQUIRE(following.recorder.lines.size() <= 2);
  REQUIRE(following.recorder.lines.back().text.ends_with("2"));
  REQUIRE(following.source->status().bytes < 2'000'000);
}

TEST_CASE("A06: a line of 64 MiB costs no memory and is named", "[source]") {
  const TemporaryFolder folder;
  crypto::Sha256 hash;
  const std::string piece(1 << 20, 'x');
  const fs::path log = folder.write("a.log", "before\n");
  for (int i = 0; i < 64; ++i) {
    folder.append("a.log", piece);
    hash.update(util::as_bytes(piece));
  }
  folder.append("a.log", "\nafter\n");
  hash.update(util::as_bytes("\n"));
  Following following({log.string()});
  REQUIRE(following.lines() == Texts{"before", "after"});
  REQUIRE(following.recorder.notices.size() == 1);
  REQUIRE(following.recorder.notices[0].offset == 7U);
  REQUIRE(following.recorder.notices[0].length == (64U << 20U) + 1);
  REQUIRE(following.recorder.notices[0].sha256 == util::to_hex(hash.finish()));
}

TEST_CASE("A08: all bytes are handed over as they are", "[source]") {
  // Zeros only in front of a line are none of it.
  std::string all = "|";
  for (int c = 0; c < 256; ++c) {
    if (c != '\n') {
      all += static_cast<char>(c);
    }
  }
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", all + "\n\xef\xbb\xbf|bom\n\xed\xa0\x80\n");
  Following following({log.string()});
  REQUIRE(following.lines() == Texts{all, "\xef\xbb\xbf|bom", "\xed\xa0\x80"});
}

TEST_CASE("B16: failing and short reads", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n2\n");
  int failures = 0;
  int error = EIO;
  source::FileOptions options = Following::head();
  options.read_at = [&](int fd, void* buffer, std::size_t size, off_t offset) -> ssize_t {
    if (failures > 0) {
      --failures;
      errno = error;
      return -1;
    }
    return ::pread(fd, buffer, std::min<std::size_t>(size, 3), offset);
  };
  Following following({log.string()}, options);
  REQUIRE(following.lines() == Texts{"1", "2"});
  folder.append("a.log", "3\n");
  failures = 1;
  error = EINTR;
  REQUIRE(following.lines() == Texts{"3"});
  folder.append("a.log", "4\n");
  failures = 1000;
  error = EIO;
  REQUIRE(following.lines().empty());
  REQUIRE(following.source->wake_at().has_value());
  following.pass(std::chrono::seconds(5));
  REQUIRE(following.recorder.notices.size() == 1);
  REQUIRE(following.recorder.notices[0].error == EIO);
  REQUIRE(following.recorder.notices[0].text ==
          log.string() +
              ": reading failed at offset 6 (Input/output error); it is tried again, nothing is "
              "skipped. Look at the disk and at the kernel's messages");
  failures = 0;
  following.pass(std::chrono::seconds(20));
  REQUIRE(following.recorder.take() == Texts{"4"});
  REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kUnreadable, NoticeKind::kBack});
}

TEST_CASE("B17: positions that cannot be", "[source]") {
  const TemporaryFolder folder;
  const fs::path log = folder.write("a.log", "1\n2\n");
  Following following({log.string()});
  REQUIRE(following.lines() == Texts{"1", "2"});
  following.store();
  SECTION("ahead of the file") {
    following.stop();
    fs::resize_file(log, 2);
    following.start();
    REQUIRE(following.lines() == Texts{"1"});
    REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kTruncated});
  }
  SECTION("garbage") {
    following.positions[log.string()] = "v1 -5";
    following.restart();
    REQUIRE(following.lines() == Texts{"1", "2"});
    REQUIRE(following.recorder.notices[0].text ==
            log.string() +
                ": the stored position cannot be used (position record: its checksum is "
                "wrong); the log is read from its start");
  }
  SECTION("of a file that is gone") {
    following.stop();
    fs::remove(log);
    following.start();
    REQUIRE(following.lines().empty());
    REQUIRE(following.recorder.take_kinds() == Kinds{NoticeKind::kLost, NoticeKind::kMissing});
    folder.write("a.log", "3\n");
    REQUIRE(following.lines() == Texts{"3"});
  }
}
