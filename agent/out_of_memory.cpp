#include "agent/out_of_memory.h"

#include "agent/exit_status.h"

#include <new>
#include <string_view>
#include <unistd.h>

namespace warder::agent {
namespace {

// Uses no memory, and runs nothing that may.
[[noreturn]] void end() {
  constexpr std::string_view kText =
      "warder: there is no memory left, so the process ends; bans stay in the kernel and lines are "
      "read on from where they were recorded. Raise the limit (MemoryMax= of its unit) or find out "
      "what uses the memory\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(static_cast<int>(ExitStatus::kFailed));
}

}  // namespace

void end_when_out_of_memory() { std::set_new_handler(end); }

}  // namespace warder::agent
