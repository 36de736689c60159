#pragma once

#include "model/event.h"
#include "model/line.h"

#include <cstdint>
#include <string_view>

namespace warder::engine {

// The id of an event that a line caused: the first 16 bytes of SHA-256 over the line's generation,
// its offset, the kind of the event and the jail. The same line read again after a crash gives the
// same id, so the store counts it once and destinations can tell the copy.
model::EventId event_id_of_line(const model::GenerationId& generation, std::uint64_t offset,
                                model::EventKind kind, std::string_view jail);

// The id of an event that follows from another one (a ban from the finding that completed it).
// Of what several lines tell; `subject` names it (the id of a request).
model::EventId event_id_of_subject(std::string_view subject, model::EventKind kind,
                                   std::string_view jail);
model::EventId event_id_after(const model::EventId& cause, model::EventKind kind,
                              std::string_view what);

// An id for what happens once and is never read again: random.
model::EventId random_event_id();

}  // namespace warder::engine
