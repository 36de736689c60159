#pragma once

#include <cstdint>

// How a thread competes for processor and disk. Each function is for the calling thread and is
// inherited by threads and processes that it begins from then on; a sandbox that refuses it leaves
// the priority as it is, which costs speed and nothing else.
namespace warder::util {

enum class DiskPriority : std::uint8_t {
  kAsNice,  // what the kernel makes of the nice value (ioprio_set(2))
  kIdle,    // only when nobody else wants the disk
};

inline constexpr int kNicest = 19;

// Lets others have the processor first: by default everybody, with a smaller `nice` (1 to 19) the
// more the larger it is.
void lower_thread_priority(DiskPriority disk, int nice = kNicest);

// Takes back what a thread that was lowered handed on: nice 0. Needs RLIMIT_NICE.
void restore_thread_priority();

}  // namespace warder::util
