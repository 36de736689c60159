#include "source/journal_source.h"

#include "unit/source/following.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

using namespace warder;
using namespace warder::testing;

namespace fs = std::filesystem;

namespace {

constexpr const char* kWriter = "/lib/systemd/systemd-journal-remote";

// Writes a journal file as journald does, from the export format (Journal Export Formats of
// systemd), with the program that systemd has for it.
class JournalFile {
 public:
  explicit JournalFile(const fs::path& path)
      : command_(std::string(kWriter) + " --output=" + path.string() + " - >/dev/null 2>&1") {
    INFO("tests/packages names systemd-journal-remote");
    REQUIRE(fs::exists(kWriter));
  }

  void add(const std::string& entries) const {
    std::FILE* const pipe = ::popen(command_.c_str(), "w");
    REQUIRE(pipe != nullptr);
    std::fputs(entries.c_str(), pipe);
    REQUIRE(::pclose(pipe) == 0);
  }
  static std::string entry(int number, const std::string& fields) {
    return of_boot("0123456789abcdef0123456789abcdef", 1000000 + number, number, fields);
  }
  // `monotonic` in microseconds since the boot, `second` since a fixed moment.
  static std::string of_boot(const std::string& boot, int monotonic, int second,
                             const std::string& fields) {
    return "__REALTIME_TIMESTAMP=" + std::to_string(1793620800000000 + second * 1000000LL) +
           "\n__MONOTONIC_TIMESTAMP=" + std::to_string(monotonic) + "\n_BOOT_ID=" + boot +
           "\n_HOSTNAME=web1\n" + fields + "\n\n";
  }

 private:
  std::string command_;
};

std::string sshd(const std::string& message) {
  return "SYSLOG_IDENTIFIER=sshd\n_PID=42\n_SYSTEMD_UNIT=ssh.service\nMESSAGE=" + message;
}

struct Reading {
  ManualClock clock;
  Recorder recorder;
  std::map<std::string, std::string> positions;
  std::unique_ptr<source::JournalSource> source;

  void open(const fs::path& path, const std::string& match) {
    source::JournalOptions options;
    options.path = path;
    options.match = match;
    options.look_back = std::chrono::hours(24 * 365);
    auto opened = source::JournalSource::open(
        options,
        [this](std::string_view log) -> std::optional<std::string> {
          const auto found = positions.find(std::string(log));
          return found == positions.end() ? std::nullopt : std::optional(found->second);
        },
        clock);
    REQUIRE(opened);
    source = std::move(opened).value();
  }
  Texts lines() {
    while (source->pump(recorder, util::ByteCount{10}).more) {
    }
    return recorder.take();
  }
  void store() {
    std::vector<model::Position> changed;
    source->take_positions(changed);
    for (const model::Position& position : changed) {
      positions[position.log] = position.record;
    }
  }
};

}  // namespace

TEST_CASE("an empty folder is a journal without entries", "[source]") {
  const TemporaryFolder folder;
  Reading reading;
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service + _COMM=sshd");
  REQUIRE(reading.lines().empty());
  REQUIRE(reading.source->poll_fd() >= 0);
  REQUIRE(reading.source->wake_at() == std::nullopt);
  REQUIRE(reading.source->log_info(0).name ==
          "journal " + folder.path().string() + ": _SYSTEMD_UNIT=ssh.service + _COMM=sshd");
  REQUIRE(reading.source->name() == reading.source->log_info(0).name);
  reading.store();
  REQUIRE(reading.positions.empty());
}

TEST_CASE("what is no journal is refused with the reason", "[source]") {
  const TemporaryFolder folder;
  ManualClock clock;
  source::JournalOptions options;
  options.path = folder / "none";
  const auto missing = source::JournalSource::open(options, {}, clock);
  REQUIRE(missing.error().message() ==
          "opening the journal " + options.path.string() + ": No such file or directory");
  options.match = "sshd";
  REQUIRE(source::JournalSource::open(options, {}, clock).error().message() ==
          "journalmatch: 'sshd' is no FIELD=value; write for instance _SYSTEMD_UNIT=ssh.service");
}

TEST_CASE("entries are read once, over a restart, and a lost cursor is told", "[source]") {
  const TemporaryFolder folder;
  const JournalFile file(folder / "one.journal");
  file.add(JournalFile::entry(1, sshd("first")) +
           JournalFile::entry(2, "SYSLOG_IDENTIFIER=cron\nMESSAGE=not asked for") +
           JournalFile::entry(3, sshd("second") + "\n_SOURCE_REALTIME_TIMESTAMP=1793620803500000"));
  Reading reading;
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: first", "web1 sshd[42]: second"});
  reading.store();

  file.add(JournalFile::entry(4, sshd("third")));
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: third"});
  // Not stored: comes again, under the same number.
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  while (reading.source->pump(reading.recorder, util::mebibytes(1)).more) {
  }
  REQUIRE(reading.recorder.lines.size() == 1);
  REQUIRE(reading.recorder.lines[0].offset == 2);
  REQUIRE(reading.recorder.lines[0].message_at == std::string_view("web1 sshd[42]: ").size());
  REQUIRE(reading.recorder.take() == Texts{"web1 sshd[42]: third"});
  reading.store();
  REQUIRE(reading.recorder.notices.empty());

  fs::remove(folder / "one.journal");
  const JournalFile next(folder / "two.journal");
  next.add(JournalFile::entry(9, sshd("later")));
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: later"});
  REQUIRE(reading.recorder.take_kinds() == Kinds{source::NoticeKind::kJournalGap});

  reading.positions.begin()->second = "j1 garbage";
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: later"});
  REQUIRE(reading.recorder.take_kinds() == Kinds{source::NoticeKind::kPositionInvalid});
}

TEST_CASE("a journal that a loss of power cut is read on from the next boot", "[source]") {
  // Where the clock of the next boot stands: right, and, as on a machine without one of its own, in
  // the past of what was judged.
  const int clock = GENERATE(100, 2);
  const TemporaryFolder folder;
  const JournalFile file(folder / "one.journal");
  file.add(JournalFile::entry(1, sshd("on the disk")));
  fs::copy(folder / "one.journal", folder / "one.copy");
  std::string more;
  for (int number = 2; number < 30; ++number) {
    more += JournalFile::entry(number, sshd("judged"));
  }
  file.add(more);
  Reading reading;
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines().size() == 29);
  reading.store();
  reading.source.reset();

  // What was judged is gone from the file, and the numbers of its entries are given again.
  fs::rename(folder / "one.copy", folder / "one.journal");
  const auto after = [&](int number, const std::string& fields) {
    return JournalFile::of_boot("fedcba9876543210fedcba9876543210", 1000 + number, clock + number,
                                fields);
  };
  file.add(after(0, "SYSLOG_IDENTIFIER=kernel\nMESSAGE=booting"));
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines().empty());
  REQUIRE(reading.recorder.take_kinds() == Kinds{source::NoticeKind::kJournalGap});
  file.add(after(1, sshd("next boot")));
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: next boot"});
  reading.store();
  file.add(after(2, sshd("and on")));
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: and on"});
  reading.source.reset();

  // Stopped between: once more, by the cursor.
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: and on"});
  REQUIRE(reading.recorder.take_kinds().empty());
}

TEST_CASE("of a boot whose newest entries are lost only younger ones are read", "[source]") {
  const TemporaryFolder folder;
  const JournalFile file(folder / "one.journal");
  file.add(JournalFile::entry(1, sshd("first")) + JournalFile::entry(2, sshd("second")));
  fs::copy(folder / "one.journal", folder / "one.copy");
  file.add(JournalFile::entry(3, sshd("third")));
  Reading reading;
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines().size() == 3);
  reading.store();
  reading.source.reset();
  fs::rename(folder / "one.copy", folder / "one.journal");
  file.add(JournalFile::entry(4, sshd("fourth")));
  reading.open(folder.path(), "_SYSTEMD_UNIT=ssh.service");
  REQUIRE(reading.lines() == Texts{"web1 sshd[42]: fourth"});
}
