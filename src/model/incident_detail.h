#pragma once

#include <string>
#include <string_view>

namespace warder::model {

// Whether an event begins (or goes on with) the incident of that name, or ends it.
enum class Trouble { kBad, kGood };

// The detail of such an event when there is nothing else to say: {"incident":NAME,"state":...}. Who
// records the one must record the other some day, also after a restart (ship/incident.h).
std::string incident_detail(std::string_view name, Trouble trouble);

}  // namespace warder::model
