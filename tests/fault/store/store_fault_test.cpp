// Breaks the disk under the store at each operation it makes, and its memory at each place that
// wants some; judges what is there afterwards by a run in which nothing broke.
#include "breaking_vfs.h"
#include "failing_memory.h"
#include "store/verify.h"
#include "store_support.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace warder;
using namespace std::chrono_literals;
using testing::Break;
using testing::BreakPlan;
using testing::finding;
using testing::kLongEnough;
using testing::Memory;
using testing::MemoryPlan;

namespace {

constexpr int kSteps = 36;
constexpr int kFinished = 0;
constexpr int kRefused = 79;

// What the child tells the parent while it runs: memory that outlives it.
struct Told {
  int done;         // steps that the store acknowledged
  char note[4096];  // the newest checkpoint that left the machine
};

template <typename Shared>
Shared* shared_memory() {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return static_cast<Shared*>(memory);
}

store::Options options_at(const std::filesystem::path& path, std::string vfs) {
  store::Options options;
  options.path = path;
  options.origin = "warder/test.example";
  options.commit_interval = 0ms;
  options.first_retry = 1ms;
  options.longest_retry = 1ms;
  options.retention_events = 40;
  options.reserve = util::kibibytes(4);
  options.vfs = std::move(vfs);
  return options;
}

store::Batch batch_of(int step, store::DestinationId mail, const testing::ManualClock& clock) {
  store::Batch batch;
  const auto number = static_cast<std::uint32_t>(step) * 3;
  for (std::uint32_t i = 0; i < 4; ++i) {  // the first was in the batch before already
    batch.events.push_back(finding(number + i));
    batch.events.back().message += std::string(300, 'm');
    batch.outbox.push_back({i, mail});
  }
  model::Ban ban{.jail = "sshd",
                 .address = net::Prefix(net::IpAddress::v4(0x0A000000U + number)),
                 .start = clock.now(),
                 .end = clock.now() + 10min,
                 .count = 1,
                 .reason = "4 findings"};
  batch.bans.push_back({.ban = ban});
  if (step % 3 == 0) {
    batch.bans.push_back({.action = store::BanChange::Action::kEnd,
                          .ban = ban,
                          .how = store::BanEnd::kLifted,
                          .ended = clock.now()});
  }
  batch.positions.push_back({"file", "/var/log/auth.log", std::to_string(step)});
  return batch;
}

// One run of the agent's store. Step n is done alone and acknowledged before step n + 1.
class Run {
 public:
  Run(const std::filesystem::path& path, std::string vfs, Told* told)
      : options_(options_at(path, std::move(vfs))), told_(told) {
    hooks_.checkpoint = [this](const std::string& note) {
      if (told_ != nullptr) {
        std::memcpy(told_->note, note.c_str(), std::min(note.size() + 1, sizeof told_->note));
      }
    };
  }

  // False when the store could not be opened. A disk that fails during that is an error, and
  // systemd starts the agent anew: here a few times at once.
  bool open() {
    for (int attempt = 0; attempt < 10; ++attempt) {
      auto opened = store::Store::open(options_, clock_, testing::secret_key(), hooks_);
      if (opened) {
        store_ = std::move(opened).value();
        const auto mail = store_->destination("mail");
        mail_ = mail ? *mail : store::DestinationId{};
        return mail.has_value();
      }
    }
    return false;
  }
  bool step(int number) {
    // In the middle the agent is restarted.
    if (number == kSteps / 2 && !(store_->close(kLongEnough) && open())) {
      return false;
    }
    if (number % 6 == 3) {
      // One command a step: two could share a transaction or not, and both would be right.
      const std::vector<std::uint64_t> item{static_cast<std::uint64_t>(number)};
      return wait(number % 12 == 3 ? store_->outbox_delivered(mail_, item, "receipt")
                                   : store_->outbox_dead(mail_, item, "410 Gone"));
    }
    if (number % 6 == 4) {
      return wait(store_->make_checkpoint());
    }
    if (number % 12 == 11) {
      return wait(store_->maintain());
    }
    const auto ticket = store_->submit(batch_of(number, mail_, clock_));
    return ticket && wait(*ticket);
  }
  bool close() { return store_->close(kLongEnough).has_value(); }

 private:
  bool wait(store::Ticket ticket) { return store_->wait(ticket, kLongEnough).has_value(); }

  testing::ManualClock clock_;
  store::Options options_;
  store::Hooks hooks_;
  Told* told_;
  std::unique_ptr<store::Store> store_;
  store::DestinationId mail_{};
};

// In the child: the whole script. Never returns.
[[noreturn]] void run_child(const std::filesystem::path& path, const BreakPlan& plan,
                            const MemoryPlan& memory, Told* told) {
  testing::install_breaking_vfs(plan);
  testing::arm();
  if (memory.told != nullptr) {
    testing::set_memory_plan(memory);
  }
  Run run(path, testing::kBreakingVfs, told);
  if (!run.open()) {
    ::_exit(kRefused);
  }
  for (int step = 0; step < kSteps; ++step) {
    if (!run.step(step)) {
      ::_exit(kRefused);
    }
    told->done = step + 1;
  }
  ::_exit(run.close() ? kFinished : kRefused);
}

int run_forked(const std::filesystem::path& path, const BreakPlan& plan, Told* told,
               const MemoryPlan& memory = {}) {
  std::memset(told, 0, sizeof *told);
  const pid_t child = ::fork();
  if (child == 0) {
    run_child(path, plan, memory, told);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// What the history says of the lines that were read; not the store's own events, whose text depends
// on when it was interrupted.
struct Contents {
  std::vector<std::string> findings;
  std::vector<std::string> bans;
  std::string position;
  std::vector<std::string> outbox;

  friend bool operator==(const Contents&, const Contents&) = default;
};

std::vector<std::string> rows_of(store::Reader& reader, const std::string& sql) {
  std::vector<std::string> rows;
  REQUIRE(reader.query(sql, kLongEnough, [&](const std::vector<std::string>& row) {
    rows.push_back(row.front());
    return true;
  }));
  rows.erase(rows.begin());  // names of the columns
  return rows;
}

Contents contents_of(const std::filesystem::path& path) {
  auto reader = store::Reader::open(path);
  REQUIRE(reader);
  Contents contents;
  contents.findings = rows_of(*reader, "SELECT hex(id) FROM event WHERE kind = 1 ORDER BY id");
  contents.bans = rows_of(*reader, "SELECT hex(address) FROM ban ORDER BY address");
  for (auto& past : rows_of(*reader, "SELECT hex(address) || how FROM past_ban ORDER BY address")) {
    contents.bans.push_back(std::move(past));
  }
  for (auto& position : rows_of(*reader, "SELECT record FROM position")) {
    contents.position += position;
  }
  contents.outbox =
      rows_of(*reader,
              "SELECT hex(id) || state FROM outbox JOIN event USING(sequence) WHERE kind = 1 "
              "ORDER BY id");
  return contents;
}

void check_history(const std::filesystem::path& path, const Told& told) {
  std::vector<store::VerifyOptions::Outside> against;
  if (told.note[0] != '\0') {
    against.push_back({"the checkpoint kept outside", told.note});
  }
  const auto report = store::verify(
      path, {.key = testing::secret_key().public_key(), .against = against, .vfs = {}});
  REQUIRE(report);
  if (!report->good()) {
    FAIL(report->to_text());
  }
}

// The contents after each step of a run in which nothing breaks.
struct Expected {
  std::vector<Contents> after;  // after[n]: when n steps are done
  std::uint64_t operations = 0;
};

const Expected& expected() {
  static const Expected made = [] {
    Expected result;
    const testing::TemporaryFolder folder;
    const std::filesystem::path path = folder / "warder.db";
    testing::install_breaking_vfs({});
    testing::arm();
    Run run(path, testing::kBreakingVfs, nullptr);
    REQUIRE(run.open());
    result.after.push_back(contents_of(path));
    for (int step = 0; step < kSteps; ++step) {
      REQUIRE(run.step(step));
      result.after.push_back(contents_of(path));
    }
    REQUIRE(run.close());
    result.operations = testing::operations();
    return result;
  }();
  return made;
}

// After the process died: nothing that was acknowledged is lost, nothing is half there, and going
// on from the last acknowledged step ends where the unbroken run ended.
void judge_death(const std::filesystem::path& path, const Told& told) {
  const auto done = static_cast<std::size_t>(told.done);
  int go_on = told.done;
  bool readable = true;
  if (done == 0) {
    // It may have died before there was a database.
    readable = store::Reader::open(path).has_value();
  }
  if (readable) {
    const Contents found = contents_of(path);
    const std::size_t next = std::min<std::size_t>(done + 1, kSteps);
    const bool as_before = found == expected().after[done];
    const bool as_after = found == expected().after[next];
    const bool in_retention = done % 12 == 11 && found.position == expected().after[done].position;
    CHECK((as_before || as_after || in_retention));
    check_history(path, told);
    // A second round of retention would rightly remove one more: the first has reported itself.
    if (done % 12 == 11 && as_after && !as_before) {
      ++go_on;
    }
  }
  testing::install_breaking_vfs({});
  Run run(path, testing::kBreakingVfs, nullptr);
  REQUIRE(run.open());
  for (int step = go_on; step < kSteps; ++step) {
    REQUIRE(run.step(step));
  }
  REQUIRE(run.close());
  CHECK(contents_of(path) == expected().after.back());
  check_history(path, told);
}

// After a run that went through although something failed meanwhile.
void judge_end(const std::filesystem::path& path, const Told& told) {
  // A round of retention that failed is left to the next.
  testing::install_breaking_vfs({});
  Run run(path, testing::kBreakingVfs, nullptr);
  REQUIRE(run.open());
  REQUIRE(run.step(kSteps - 1));
  REQUIRE(run.close());
  // Retention removes as many findings more as the store reported failures, or less by its own
  // report when a round failed: a few at the old end, nothing else.
  const Contents found = contents_of(path);
  const Contents& wanted = expected().after.back();
  std::vector<std::string> different;
  std::set_symmetric_difference(found.findings.begin(), found.findings.end(),
                                wanted.findings.begin(), wanted.findings.end(),
                                std::back_inserter(different));
  CHECK(different.size() <= 4);
  CHECK(found.bans == wanted.bans);
  CHECK(found.position == wanted.position);
  check_history(path, told);
}

// Forks and breaks at each operation, or at one of `stride`; gives the number of points.
template <typename Judge>
std::uint64_t at_every(std::uint64_t stride, Break what, std::uint64_t count, Judge judge) {
  Told* const told = shared_memory<Told>();
  std::uint64_t points = 0;
  for (std::uint64_t at = 1; at <= expected().operations; at += stride) {
    const testing::TemporaryFolder folder;
    const std::filesystem::path path = folder / "warder.db";
    INFO("operation " << at << " of " << expected().operations);
    const int status = run_forked(path, {.what = what, .at = at, .count = count}, told);
    INFO("exit status " << status << ", steps " << told->done);
    judge(status, path, *told);
    ++points;
  }
  ::munmap(told, sizeof *told);
  return points;
}

}  // namespace

TEST_CASE("kill -9 at every operation loses and doubles nothing") {
  const Break what = GENERATE(Break::kKill, Break::kTornKill);
  const std::uint64_t points =
      at_every(1, what, 1, [](int status, const std::filesystem::path& path, const Told& told) {
        REQUIRE((status == testing::kBrokenExit || status == kFinished));
        judge_death(path, told);
      });
  CHECK(points >= 500);
}

TEST_CASE("a power loss at every operation loses nothing that was acknowledged") {
  const std::uint64_t points = at_every(
      1, Break::kPowerLoss, 1, [](int status, const std::filesystem::path& path, const Told& told) {
        REQUIRE((status == testing::kBrokenExit || status == kFinished));
        judge_death(path, told);
      });
  CHECK(points >= 500);
}

TEST_CASE("a disk that fails for a while at any operation costs nothing") {
  const auto [what, count] = GENERATE(std::pair(Break::kFull, std::uint64_t{3}),
                                      std::pair(Break::kError, std::uint64_t{1}),
                                      std::pair(Break::kShort, std::uint64_t{1}));
  at_every(3, what, count, [](int status, const std::filesystem::path& path, const Told& told) {
    REQUIRE(status == kFinished);
    REQUIRE(told.done == kSteps);
    judge_end(path, told);
  });
}

TEST_CASE("memory that is refused at any place loses and doubles nothing") {
  const Memory what = GENERATE(Memory::kNew, Memory::kSqlite);
  auto* const told = shared_memory<Told>();
  auto* const allocations = shared_memory<testing::Allocations>();
  {
    const testing::TemporaryFolder folder;
    REQUIRE(run_forked(folder / "warder.db", {}, told, {.what = what, .told = allocations}) ==
            kFinished);
  }
  const std::vector<std::uint32_t> places(allocations->places().begin(),
                                          allocations->places().end());
  CHECK(places.size() >= 200);
  REQUIRE(places.size() < testing::Allocations::kMost);
  std::size_t reached = 0;
  for (const std::uint32_t place : places) {
    const testing::TemporaryFolder folder;
    const std::filesystem::path path = folder / "warder.db";
    INFO("allocation " << place << (what == Memory::kNew ? " by new" : " by SQLite"));
    std::memset(allocations, 0, sizeof *allocations);
    const int status =
        run_forked(path, {}, told, {.what = what, .fails = place, .told = allocations});
    INFO("exit status " << status << ", steps " << told->done);
    reached += allocations->failed ? 1 : 0;
    // new ends the process; SQLite says that it has none, and the store tries again or gives up.
    if (what == Memory::kNew) {
      REQUIRE(status == (allocations->failed ? testing::kOutOfMemoryExit : kFinished));
      judge_death(path, *told);
    } else if (status == kFinished) {
      REQUIRE(told->done == kSteps);
      judge_end(path, *told);
    } else {
      REQUIRE(status == kRefused);
      judge_death(path, *told);
    }
  }
  // Some of the allocations of two threads change places from run to run.
  CHECK(reached >= places.size() * 9 / 10);
  ::munmap(allocations, sizeof *allocations);
  ::munmap(told, sizeof *told);
}

TEST_CASE("a full disk is said with the space kept back, and the queue is written later") {
  testing::StoreFixture fixture;
  fixture.options.vfs = testing::kBreakingVfs;
  testing::install_breaking_vfs({.what = Break::kFull, .at = 1, .count = 1});
  fixture.open();
  fixture.put_findings(0, 1);
  testing::arm();
  fixture.put_findings(1, 1);
  testing::disarm();
  fixture.put_findings(2, 1);
  CHECK(fixture.messages() ==
        std::vector<std::string>{
            "finding 0",
            "the disk is full: database or disk is full (SQLite 13); the history waits in memory, "
            "bans go on; free space on the file system of " +
                fixture.options.path.string(),
            "finding 1",
            "the history is written again; before, the history cannot be written: database or disk "
            "is full (SQLite 13)",
            "finding 2"});
  const auto events = fixture.events();
  CHECK(events[1].event.detail == R"({"incident":"store/writing","state":"bad"})");
  CHECK(events[3].event.detail == R"({"incident":"store/writing","state":"good"})");
  CHECK(std::filesystem::exists(fixture.folder / "warder.db.reserve"));
}
