#pragma once

#include "model/event.h"

namespace warder::model {

// Somebody acknowledged an incident, or nobody did in time: one more kind of event, of which only
// those who make and route such events know. The number is stored, as those of EventKind are.
inline constexpr EventKind kIncidentKind{19};

}  // namespace warder::model
