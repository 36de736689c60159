#pragma once

#include "util/clock.h"

namespace warder::backup {

// When the agent makes a scheduled run once more that has failed `failures` times in a row (at
// least 1), the last of them begun at `last`: an hour later, then after twice the time each, at
// most a day apart, so that a month's drill does not wait for the next month.
util::WallTime retry_due(util::WallTime last, unsigned failures);

}  // namespace warder::backup
