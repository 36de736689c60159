#pragma once

namespace warder::agent {

// From now on the process ends, with a message and ExitStatus::kFailed, when it gets no memory.
// Of the agent, what is committed and the bans in the kernel stay, and the service's manager starts
// it anew; to go on with half of a step done would be worse.
void end_when_out_of_memory();

}  // namespace warder::agent
