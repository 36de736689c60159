#pragma once

#include "ship/destination.h"

namespace warder::ship {

// What the HTTP status of an answer means for what was sent (README.md has the table and reasons).
Outcome::Kind judge_status(int status);

}  // namespace warder::ship
