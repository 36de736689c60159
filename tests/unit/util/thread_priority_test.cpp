#include "util/thread_priority.h"

#include <catch2/catch.hpp>

#include <cerrno>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace warder::util {
namespace {

constexpr long kIdleClass = 3;  // IOPRIO_CLASS_IDLE of linux/ioprio.h

int nice_value() {
  errno = 0;
  const int value = ::getpriority(PRIO_PROCESS, 0);
  REQUIRE(errno == 0);
  return value;
}

// IOPRIO_WHO_PROCESS, and the class in the upper bits (ioprio_get(2)).
long disk_class() { return ::syscall(SYS_ioprio_get, 1, 0) >> 13; }

TEST_CASE("a lowered thread hands on its priority, and the others keep theirs") {
  const int before = nice_value();
  const long class_before = disk_class();
  std::thread([&] {
    lower_thread_priority(DiskPriority::kAsNice, 10);
    CHECK(nice_value() == 10);
    lower_thread_priority(DiskPriority::kAsNice);
    CHECK(nice_value() == 19);
    CHECK(disk_class() == class_before);
    lower_thread_priority(DiskPriority::kIdle, 10);
    CHECK(nice_value() == 19);
    CHECK(disk_class() == kIdleClass);
    std::thread([] {
      CHECK(nice_value() == 19);
      CHECK(disk_class() == kIdleClass);
      restore_thread_priority();
      // Who may not (RLIMIT_NICE) goes on as before.
      CHECK(nice_value() == (::geteuid() == 0 ? 0 : 19));
    }).join();
    CHECK(nice_value() == 19);
  }).join();
  CHECK(nice_value() == before);
  CHECK(disk_class() == class_before);
}

}  // namespace
}  // namespace warder::util
