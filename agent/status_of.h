#pragma once

#include "agent/exit_status.h"
#include "util/result.h"

namespace warder::agent {

// How a command ends that ends with this error; complain() gives the same.
ExitStatus status_of(const util::Error& error);

}  // namespace warder::agent
