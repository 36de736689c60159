#pragma once

#include "model/event.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace warder::ship {

// A finding, a ban and what becomes of it: one among many by nature, of which counts say it all.
bool is_common(model::EventKind kind);

// A member of a detail as plain text of at most `most` bytes; empty when it has no such text.
std::string text_of(const nlohmann::ordered_json& detail, const char* name, std::size_t most);

// What an event is a part of over time: one alert, its repetitions, its end.
struct IncidentPart {
  // What the event's detail says in `incident`; else the jail and what it counted by, or the jail
  // and the address, or the kind, the jail and the first words of the message. Plain text.
  std::string name;
  bool tells_end = false;  // another event will say that it is over (the detail has a `state`)
  bool is_over = false;    // this one does
};

// `detail` is that of the event, parsed (model::parse_detail()).
IncidentPart incident_part(const model::Event& event, const nlohmann::ordered_json& detail);

// The incident that somebody ought to acknowledge: a warning or worse that is no finding and no ban
// (whoever is banned has been dealt with), or the end of one. Empty for all other events.
std::optional<IncidentPart> incident_of(const model::Event& event);

// What is new about an event when nothing of this name was told before: its incident; for a ban the
// jail, since nearly every address is new. Empty for findings and the like.
std::string novelty_of(const model::Event& event);

}  // namespace warder::ship
