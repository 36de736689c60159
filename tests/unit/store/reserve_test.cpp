#include "store/reserve.h"

#include "store_support.h"
#include "support/temporary_folder.h"
#include "util/descriptor.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace warder;

namespace {

constexpr std::size_t kPage = 4096;

// How a child ends that does `work`, which says whether all was as it should be: 0, 1, or the
// signal with a minus. A signal of its own is no matter of this process's test framework.
int in_child(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGBUS, SIG_DFL);
    try {
      ::_exit(work() ? 0 : 1);
    } catch (...) {  // what Catch throws belongs to the parent
      ::_exit(2);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// A file of holes, mapped: a store into it takes a page of the file system.
volatile char* map_holes(const std::filesystem::path& file, std::size_t pages) {
  const util::Descriptor holes(::open(file.c_str(), O_RDWR | O_CREAT, 0600));
  void* const at =
      holes && ::ftruncate(holes.get(), static_cast<off_t>(pages * kPage)) == 0
          ? ::mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, holes.get(), 0)
          : MAP_FAILED;
  return at == MAP_FAILED ? nullptr : static_cast<volatile char*>(at);
}

// Beyond the end of its file, where no room helps a store.
volatile char* map_beyond_end(const std::filesystem::path& file) {
  volatile char* const page = map_holes(file, 1);
  return ::truncate(file.c_str(), 0) == 0 ? page : nullptr;
}

bool fill(const std::filesystem::path& file) {
  const util::Descriptor all(::open(file.c_str(), O_WRONLY | O_CREAT, 0600));
  const std::string page(kPage, 'f');
  while (::write(all.get(), page.data(), page.size()) > 0) {
  }
  return errno == ENOSPC;
}

store::Batch batch_of(std::uint32_t number) {
  store::Batch batch;
  batch.events.push_back(testing::finding(number));
  return batch;
}

// A small disk of its own, that only this process sees.
bool mount_disk(const std::filesystem::path& folder, const char* size) {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, size) == 0;
}

}  // namespace

TEST_CASE("a store into a page for which there is no room takes the reserve and goes on") {
  const testing::TemporaryFolder folder;
  CHECK(in_child([&] {
          if (!mount_disk(folder.path(), "size=128k")) {
            return false;
          }
          store::IndexReserve reserve(folder.path() / "warder.db", util::kibibytes(16));
          volatile char* const page = map_holes(folder.path() / "index", 2);
          bool right = page != nullptr && reserve.keep() && !reserve.was_taken() &&
                       fill(folder.path() / "other");
          page[0] = 'x';
          right = right && page[0] == 'x' && reserve.was_taken() &&
                  !std::filesystem::exists(folder.path() / "warder.db.index-reserve");
          // Others take what is left, so that it cannot be made again until they give it back.
          right =
              right && fill(folder.path() / "another") && !reserve.keep() && reserve.was_taken();
          std::filesystem::remove(folder.path() / "other");
          right =
              right && reserve.keep() && !reserve.was_taken() &&
              std::filesystem::file_size(folder.path() / "warder.db.index-reserve") == 16 * 1024;
          // And once more.
          right = right && fill(folder.path() / "other");
          page[kPage] = 'y';
          return right && page[kPage] == 'y' && reserve.was_taken();
        }) == 0);
}

TEST_CASE("a store for which the reserve is not enough ends the process, and not later") {
  const testing::TemporaryFolder folder;
  CHECK(in_child([&] {
          store::IndexReserve reserve(folder.path() / "warder.db", util::kibibytes(16));
          volatile char* const page = map_beyond_end(folder.path() / "index");
          if (page == nullptr || !reserve.keep()) {
            return false;
          }
          page[0] = 'x';
          return true;
        }) == -SIGBUS);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "warder.db.index-reserve"));
}

TEST_CASE("a reserve that is no more is not given up to a store") {
  const testing::TemporaryFolder folder;
  CHECK(in_child([&] {
          volatile char* const page = map_beyond_end(folder.path() / "index");
          if (page == nullptr ||
              !store::IndexReserve(folder.path() / "warder.db", util::kibibytes(16)).keep()) {
            return false;
          }
          page[0] = 'x';
          return true;
        }) == -SIGBUS);
  CHECK(std::filesystem::exists(folder.path() / "warder.db.index-reserve"));
}

TEST_CASE("a store makes the reserve again that was taken, before it writes") {
  testing::StoreFixture fixture;
  const std::filesystem::path reserve = store::IndexReserve::file_of(fixture.options.path);
  CHECK(in_child([&] {
          if (!mount_disk(fixture.folder.path(), "size=8m")) {
            return false;
          }
          fixture.open();
          fixture.put_findings(0, 1);
          volatile char* const page = map_holes(fixture.folder / "index", 1);
          bool right =
              page != nullptr && std::filesystem::exists(reserve) && fill(fixture.folder / "other");
          page[0] = 'x';
          // Others take what is left of it.
          right = right && !std::filesystem::exists(reserve) && fill(fixture.folder / "another");
          const auto waits = fixture.store->submit(batch_of(1));
          const auto limit = std::chrono::steady_clock::now() + testing::kLongEnough;
          while (right && fixture.store->health().state != store::State::kDegraded) {
            right = std::chrono::steady_clock::now() < limit;
            std::this_thread::yield();
          }
          right =
              right && fixture.store->health().reason.find("index-reserve") != std::string::npos;
          std::filesystem::remove(fixture.folder / "other");
          right = right && waits && fixture.store->wait(*waits, testing::kLongEnough) &&
                  std::filesystem::exists(reserve) && fixture.events().size() >= 2;
          fixture.close();
          return right;
        }) == 0);
}
