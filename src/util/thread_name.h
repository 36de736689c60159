#pragma once

#include <pthread.h>
#include <string>
#include <string_view>

namespace warder::util {

// Names the calling thread, as top -H, ps -L and a debugger show it (pthread_setname_np(3)). The
// kernel holds 15 bytes; what is longer loses its end. The main thread keeps the program's name,
// which is the process's.
inline void name_thread(std::string_view name) {
  // Fails for a longer name alone.
  ::pthread_setname_np(::pthread_self(), std::string(name.substr(0, 15)).c_str());
}

}  // namespace warder::util
