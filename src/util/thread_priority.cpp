#include "util/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace warder::util {
namespace {

// linux/ioprio.h: IOPRIO_WHO_PROCESS, and IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0).
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

}  // namespace

// With 0 both calls mean the calling thread alone (setpriority(2), "C library/kernel differences").

void lower_thread_priority(DiskPriority disk, int nice) {
  // Who was started with less of a claim keeps to it: root could raise it.
  if (::getpriority(PRIO_PROCESS, 0) < nice) {
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, nice));
  }
  if (disk == DiskPriority::kIdle) {
    static_cast<void>(::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle));
  }
}

void restore_thread_priority() { static_cast<void>(::setpriority(PRIO_PROCESS, 0, 0)); }

}  // namespace warder::util
