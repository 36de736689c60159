#include "ship/json_lines.h"

#include "ship/fail2ban_line.h"
#include "ship/forms.h"
#include "support/manual_clock.h"
#include "support/memory_outbox.h"
#include "support/temporary_folder.h"
#include "util/descriptor.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace warder;
using ship::Outcome;
using Kind = Outcome::Kind;

namespace {

const ship::Sender kSender{"web-1", "file"};

std::vector<ship::Message> messages(std::size_t count) {
  std::vector<ship::Message> made;
  for (std::size_t i = 0; i < count; ++i) {
    ship::Message message;
    message.what = testing::ban("203.0.113.9", "sshd", testing::ManualClock().now());
    message.event()->id.bytes[15] = static_cast<std::uint8_t>(i + 1);
    message.key = ship::event_key("file", message.event()->id);
    made.push_back(std::move(message));
  }
  return made;
}

std::string lines(std::size_t count) {
  std::string text;
  for (const ship::Message& message : messages(count)) {
    text += ship::json_line(kSender, message) + "\n";
  }
  return text;
}

struct Fixture {
  testing::TemporaryFolder folder;
  std::filesystem::path path = folder / "events.jsonl";

  std::unique_ptr<ship::Destination> make() const {
    return ship::make_json_lines({"file", "web-1", path, ship::JsonLinesOptions::Sync::kBatch});
  }
};

}  // namespace

TEST_CASE("lines are appended to a file of mode 0640") {
  const Fixture f;
  const auto destination = f.make();
  const mode_t before = ::umask(0);
  CHECK(destination->deliver(messages(2)).at(1).kind == Kind::kDelivered);
  ::umask(before);
  CHECK(destination->deliver(messages(1)).at(0).kind == Kind::kDelivered);
  CHECK(f.folder.read("events.jsonl") == lines(2) + lines(1));
  struct stat info{};
  REQUIRE(::stat(f.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0640);
}

TEST_CASE("a log like fail2ban's has its lines in the same file") {
  const Fixture f;
  ship::JsonLinesOptions options{"file", "web-1", f.path, ship::JsonLinesOptions::Sync::kBatch};
  options.lines = ship::JsonLinesOptions::Lines::kFail2ban;
  const auto destination = ship::make_json_lines(options);
  auto two = messages(2);
  two[0].event()->kind = model::EventKind::kExtend;  // which has no line there
  CHECK(destination->deliver(two).at(1).kind == Kind::kDelivered);
  CHECK(f.folder.read("events.jsonl") == ship::fail2ban_line(two[1], ::getpid()));
  CHECK_FALSE(f.folder.read("events.jsonl").empty());
}

TEST_CASE("after a rotation the new file is written, also when it was removed") {
  const Fixture f;
  const auto destination = f.make();
  destination->deliver(messages(1));
  std::filesystem::rename(f.path, f.folder / "events.jsonl.1");
  destination->deliver(messages(2));
  CHECK(f.folder.read("events.jsonl.1") == lines(1));
  CHECK(f.folder.read("events.jsonl") == lines(2));
  std::filesystem::remove(f.path);
  destination->deliver(messages(1));
  CHECK(f.folder.read("events.jsonl") == lines(1));
}

TEST_CASE("a half line at the end is cut off when the file is opened") {
  const Fixture f;
  f.folder.write("events.jsonl", "{\"a\":1}\n{\"half");
  f.make()->deliver(messages(1));
  CHECK(f.folder.read("events.jsonl") == "{\"a\":1}\n" + lines(1));
  f.folder.write("events.jsonl", std::string(10'000, 'x'));
  f.make()->deliver(messages(1));
  CHECK(f.folder.read("events.jsonl") == lines(1));
}

TEST_CASE("a full disk leaves whole lines only, and delivery goes on when there is room") {
  const Fixture f;
  const auto destination = f.make();
  destination->deliver(messages(1));
  // The limit of the file's size acts like a full disk: a short write, then an error.
  rlimit unlimited{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{lines(1).size() + lines(2).size() - 10, unlimited.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const auto outcomes = destination->deliver(messages(2));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  std::signal(SIGXFSZ, previous);
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].kind == Kind::kRetry);
  CHECK(outcomes[0].reason == f.path.string() + ": writing: File too large");
  CHECK(f.folder.read("events.jsonl") == lines(1));
  CHECK(destination->deliver(messages(2)).at(0).kind == Kind::kDelivered);
  CHECK(f.folder.read("events.jsonl") == lines(1) + lines(2));
}

TEST_CASE("what is no file of ours is refused") {
  const Fixture f;
  f.folder.write("target", "");
  std::filesystem::create_symlink(f.folder / "target", f.path);
  CHECK(f.make()->deliver(messages(1)).at(0).reason ==
        f.path.string() + ": is a symbolic link, which is not followed; name the file itself");
  CHECK(f.folder.read("target").empty());
  std::filesystem::remove(f.path);
  REQUIRE(::mkfifo(f.path.c_str(), 0600) == 0);
  CHECK(f.make()->deliver(messages(1)).at(0).reason == f.path.string() + ": is not a regular file");
  std::filesystem::remove(f.path);
  const util::Descriptor other(::open(f.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::flock(other.get(), LOCK_EX) == 0);
  CHECK(f.make()->deliver(messages(1)).at(0).reason ==
        f.path.string() + ": another process writes to it; give each its own file");
}
