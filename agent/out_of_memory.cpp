#include "agent/out_of_memory.h"

#include "agent/exit_status.h"

#include <new>
#include <unistd.h>

namespace warder::agent {
namespace {

std::string_view last_words;

// Uses no memory, and runs nothing that may.
[[noreturn]] void end() {
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, last_words.data(), last_words.size());
  ::_exit(static_cast<int>(ExitStatus::kFailed));
}

}  // namespace

void end_when_out_of_memory(std::string_view text) {
  last_words = text;
  std::set_new_handler(end);
}

}  // namespace warder::agent
