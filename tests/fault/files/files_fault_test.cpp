// Breaks the disk under the store at each operation while a baseline is made, a change is told and
// accepted. Afterwards the baseline verifies, and the change has been told, whatever broke.
#include "breaking_vfs.h"
#include "files/guard.h"
#include "store/reader.h"
#include "store/store.h"
#include "support/temporary_folder.h"
#include "unit/files/seal.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

using namespace warder;
using namespace std::chrono_literals;
using testing::Break;
using testing::BreakPlan;

namespace {

constexpr int kFiles = 1500;  // several parts of a baseline
constexpr std::chrono::milliseconds kLongEnough{60'000};
constexpr int kFinished = 0;
constexpr int kCountFailed = 80;

struct Run {
  // `limit`: how long a record may take before it counts as failed.
  Run(const testing::TemporaryFolder& folder, std::string vfs, std::chrono::milliseconds limit)
      : patience(limit) {
    store::Options store_options;
    store_options.path = folder / "warder.db";
    store_options.origin = "warder/test.example";
    store_options.commit_interval = 0ms;
    store_options.first_retry = 1ms;
    store_options.longest_retry = 1ms;
    store_options.reserve = util::kibibytes(4);
    store_options.vfs = std::move(vfs);
    auto opened = store::Store::open(store_options, clock, std::nullopt, {});
    if (!opened) {
      return;
    }
    store = std::move(*opened);
    const std::filesystem::path path = store_options.path;
    hooks.record = [this](std::vector<model::Event> events,
                          std::vector<files::Remembered> remembered) -> util::Status {
      store::Batch batch;
      for (model::Event& event : events) {
        event.id.bytes[0] = static_cast<std::uint8_t>(++ids);
        event.id.bytes[1] = static_cast<std::uint8_t>(::getpid());
        event.id.bytes[2] = static_cast<std::uint8_t>(::getpid() >> 8);
        batch.events.push_back(std::move(event));
      }
      for (files::Remembered& one : remembered) {
        batch.kept.push_back({std::move(one.name), std::move(one.value)});
      }
      WARDER_ASSIGN_OR_RETURN(const store::Ticket ticket, store->submit(std::move(batch)));
      return store->wait(ticket, patience);
    };
    hooks.remembered = [path](const std::string& name) -> util::Result<std::optional<std::string>> {
      WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(path));
      return reader.kept(name);
    };
    hooks.names = [path](const std::string& prefix) -> util::Result<std::vector<std::string>> {
      WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(path));
      return reader.kept_names(prefix);
    };
    hooks.newest_root = [this, path](const std::string&) -> util::Result<std::string> {
      std::string root;
      WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(path));
      store::EventFilter filter;
      WARDER_RETURN_IF_ERROR(reader.events(filter, [&](const store::StoredEvent& stored) {
        const auto detail = nlohmann::json::parse(stored.event.detail, nullptr, false);
        if (detail.is_object() && detail.contains("facts") && detail["facts"].contains("root")) {
          root = detail["facts"]["root"];
        }
        return root.empty();
      }));
      return root;
    };
    hooks.seal = files::testing_seal();
    options.name = "system";
    options.scope = files::Scope::parse({folder / "tree"}, {}).value();
    options.fields = files::Fields("01111111");
    options.budget = util::ByteCount{0};
    options.expects_packages = false;
    guard = std::make_unique<files::Guard>(options, hooks, clock);
  }

  // Again and again, as the agent does: at the latest when the disk works again it is done.
  void insist(const std::function<util::Status()>& what) {
    for (int attempt = 0; attempt < 3; ++attempt) {
      if (what()) {
        return;
      }
      testing::disarm();
    }
  }
  util::Status full() {
    guard->want_full();
    return guard->scan({});
  }
  util::Status accept() {
    WARDER_ASSIGN_OR_RETURN(const auto told, files::stored_differences(hooks, "system"));
    return guard->accept(told);
  }
  std::size_t told(std::string_view text) const {
    std::size_t count = 0;
    auto reader = store::Reader::open(path_of());
    REQUIRE(reader);
    store::EventFilter filter;
    REQUIRE(reader->events(filter, [&](const store::StoredEvent& stored) {
      count += stored.event.message.find(text) != std::string::npos ? 1 : 0;
      return true;
    }));
    return count;
  }
  std::filesystem::path path_of() const {
    return std::filesystem::path(options.scope.paths()[0]).parent_path() / "warder.db";
  }

  std::chrono::milliseconds patience;
  util::SystemClock clock;
  std::unique_ptr<store::Store> store;
  files::FilesHooks hooks;
  files::FilesOptions options;
  std::unique_ptr<files::Guard> guard;
  unsigned ids = 0;
};

void make_tree(const testing::TemporaryFolder& folder) {
  for (int i = 0; i < kFiles; ++i) {
    folder.write(fmt::format("tree/{:04}", i), "");
  }
  folder.write("tree/passwd", "root");
}

// The whole way, in a process of its own; operations are counted from the opened store on.
int child(const testing::TemporaryFolder& folder, const BreakPlan& plan, int count_to) {
  testing::install_breaking_vfs(plan);
  // Only a full disk makes it wait in vain.
  Run run(folder, testing::kBreakingVfs, plan.what == Break::kFull ? 50ms : kLongEnough);
  if (!run.guard) {
    return kCountFailed;
  }
  testing::arm();
  run.insist([&] { return run.full(); });
  folder.write("tree/passwd", "evil");
  run.insist([&] { return run.full(); });
  run.insist([&] { return run.accept(); });
  const std::uint64_t made = testing::operations();
  if (count_to >= 0 && ::write(count_to, &made, sizeof made) != sizeof made) {
    return kCountFailed;
  }
  testing::disarm();
  [[maybe_unused]] const util::Status closed = run.store->close(5s);
  return kFinished;
}

int run_child(const testing::TemporaryFolder& folder, const BreakPlan& plan, int count_to) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::_exit(child(folder, plan, count_to));
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

std::uint64_t operations_of_a_whole_run() {
  const testing::TemporaryFolder folder;
  make_tree(folder);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(run_child(folder, {}, ends[1]) == kFinished);
  std::uint64_t count = 0;
  REQUIRE(::read(ends[0], &count, sizeof count) == sizeof count);
  ::close(ends[0]);
  ::close(ends[1]);
  return count;
}

void break_everywhere(Break what, std::uint64_t count) {
  const std::uint64_t operations = operations_of_a_whole_run();
  REQUIRE(operations > 20);
  std::size_t broken = 0;
  // Each third: what lies between is the same kind of page.
  for (std::uint64_t at = 1; at <= operations; at += 3) {
    INFO("operation " << at << " of " << operations);
    const testing::TemporaryFolder folder;
    make_tree(folder);
    const int end = run_child(folder, {what, at, count}, -1);
    REQUIRE((end == kFinished || end == testing::kBrokenExit));
    broken += end == testing::kBrokenExit ? 1 : 0;

    Run after(folder, "", kLongEnough);
    REQUIRE(after.guard);
    const auto works = [&] {
      const util::Status done = after.full();
      INFO((done ? std::string() : done.error().message()));
      REQUIRE(done);
    };
    works();
    folder.write("tree/passwd", "evil");
    works();
    const auto baseline = files::stored_baseline(after.hooks, "system");
    REQUIRE(baseline);
    REQUIRE(*baseline);
    // No part that no baseline names, but those of a run that was killed; the next change sweeps.
    const auto told = files::stored_differences(after.hooks, "system");
    REQUIRE(told);
    const auto entry = (*baseline)->find((folder / "tree/passwd").string());
    REQUIRE(entry);
    REQUIRE(*entry);
    const bool accepted = (*entry)->digest == crypto::sha256(util::as_bytes("evil"));
    CHECK(told->size() == (accepted ? 0 : 1));
    CHECK(after.told("changed ") >= 1);
    CHECK(after.told("is gone from the agent's database") == 0);
    CHECK(after.told("could not be compared: the stored baseline") == 0);
    if (what == Break::kKill) {
      CHECK(after.told("passwd: sha256 ") == (accepted ? 2 : 1));
    }
    REQUIRE(after.accept());
    CHECK(after.hooks.names(files::chunk_prefix("system"))->size() ==
          files::stored_baseline(after.hooks, "system").value()->chunks().size());
  }
  CHECK((what != Break::kKill || broken > 0));
}

}  // namespace

TEST_CASE("killed at any write, the change is told exactly once") {
  break_everywhere(Break::kKill, 1);
}
TEST_CASE("with a full disk at any write, the change is told in the end") {
  break_everywhere(Break::kFull, 12);
}
