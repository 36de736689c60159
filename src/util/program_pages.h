#pragma once

namespace warder::util {

// Lets go of the pages of the program and its libraries that nobody writes to: code, constants and
// what the dynamic linker read at the start. Most of them are needed once, and stay counted as this
// process's memory, and last to be evicted, for as long as they are mapped. One that is needed
// again is mapped from the page cache by a fault of about a microsecond. Data stays.
// Any thread, while others run; takes some hundred microseconds.
void give_back_program_pages();

}  // namespace warder::util
