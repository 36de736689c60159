#pragma once

#include <string_view>

namespace warder::agent {

// From now on the process ends, with a message and ExitStatus::kFailed, when it gets no memory. The
// message says what becomes of the work; `text` must live as long as the process. To go on with
// half of a step done would be worse: what is committed and the bans in the kernel stay.
void end_when_out_of_memory(std::string_view text);

}  // namespace warder::agent
