#include "util/bus_error.h"

#include "support/temporary_folder.h"
#include "util/descriptor.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace warder;

namespace {

constexpr std::size_t kPage = 4096;

std::atomic<int> g_file{-1};
std::atomic<int> g_calls{0};
std::atomic<void*> g_address{nullptr};

// What is missing is the end of the file.
bool make_longer(void* address) noexcept {
  ++g_calls;
  g_address = address;
  return g_file >= 0 && ::ftruncate(g_file, 2 * kPage) == 0;
}

bool can_do_nothing(void*) noexcept { return false; }

// Two pages over a file of one.
struct Mapped {
  testing::TemporaryFolder folder;
  util::Descriptor file{::open((folder.path() / "file").c_str(), O_RDWR | O_CREAT, 0600)};
  volatile char* pages = nullptr;

  Mapped() {
    REQUIRE(::ftruncate(file.get(), kPage) == 0);
    void* const at = ::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    REQUIRE(at != MAP_FAILED);
    pages = static_cast<volatile char*>(at);
  }
};

}  // namespace

TEST_CASE("a store that a mender makes room for is tried again") {
  Mapped mapped;
  g_calls = 0;
  g_file = mapped.file.get();
  util::mend_bus_errors(can_do_nothing);
  util::mend_bus_errors(make_longer);
  mapped.pages[kPage + 7] = 'x';
  CHECK(g_calls == 1);
  CHECK(g_address.load() == mapped.pages + kPage + 7);
  char read = 0;
  CHECK(::pread(mapped.file.get(), &read, 1, kPage + 7) == 1);
  CHECK(read == 'x');
}

TEST_CASE("a store that nobody can mend ends the process") {
  Mapped mapped;
  util::mend_bus_errors(make_longer);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    g_file = -1;
    mapped.pages[kPage] = 'x';
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGBUS);
}
