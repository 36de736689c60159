#include "engine/open_incident.h"

#include <algorithm>
#include <limits>

namespace warder::engine {

bool is_open(store::Reader& reader, std::string_view incident) {
  const auto open = reader.incidents(store::Reader::Which::kOpen, std::numeric_limits<int>::max());
  return open && std::ranges::find(*open, incident, &store::Incident::name) != open->end();
}

}  // namespace warder::engine
