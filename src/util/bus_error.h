#pragma once

namespace warder::util {

// A store into mapped memory for which its file system has no room, or has lost what is there,
// raises SIGBUS (mmap(2)) and ends the process. Who can do something about it says so here: the
// store is tried again after a mender said true, and ends the process when none did.
//
// Called within the signal, in the thread that stored, with the address; perhaps in several threads
// at once. Only what signal-safety(7) allows may be done.
using BusErrorMender = bool (*)(void* address) noexcept;

// From now on, for the whole process. Any thread; the same one again changes nothing. At most
// kMostBusErrorMenders of them.
inline constexpr int kMostBusErrorMenders = 4;
void mend_bus_errors(BusErrorMender mender);

}  // namespace warder::util
