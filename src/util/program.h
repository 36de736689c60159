#pragma once

#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace warder::util {

// How a program that was run came to its end.
struct ProgramEnd {
  enum class How : std::uint8_t { kExited, kSignal, kTimeout, kCancelled };
  How how = How::kExited;
  int value = 0;               // the exit status, or the signal's number
  std::string told;            // the first bytes of its standard error, printable
  std::string output;          // of its standard output, as they are, when that was asked for
  bool output_is_cut = false;  // there was more

  bool succeeded() const { return how == How::kExited && value == 0; }
  // For people: "/bin/x ended with status 1: no such router".
  std::string to_string(std::string_view program, std::chrono::milliseconds timeout) const;
};

// Why a program is not run, when others than root and this user may write it or it is not there.
std::optional<std::string> unsafe_program(const std::string& path);

// Runs a program without a shell and waits for it. `argv` is its whole path and its arguments; it
// gets `input` on standard input, an empty environment, "/" as its folder, a session of its own, no
// open file but the standard ones. Of its standard output the first `most_output` bytes are kept;
// with none it goes to /dev/null. When it has ended, when `timeout` is over and when the descriptor
// `cancel` becomes readable, what is left of its process group is ended (SIGTERM, two seconds later
// SIGKILL). Any thread. Errors: it is unsafe, or could not be started.
Result<ProgramEnd> run_program(const std::vector<std::string>& argv, std::string_view input,
                               std::chrono::milliseconds timeout, int cancel,
                               std::size_t most_output = 0);

// For a program that runs for its parent alone, called first of all: it gets `signal` when the
// thread that started it ends, and at once when process `parent` has ended before this call, which
// PR_SET_PDEATHSIG (prctl(2)) leaves out.
void end_with_parent(pid_t parent, int signal);

}  // namespace warder::util
