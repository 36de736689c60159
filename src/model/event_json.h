#pragma once

#include "model/event.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string_view>

namespace warder::model {

// An event's detail as JSON; discarded when it is none. Members nested deeper than 16 are left out,
// since writing JSON takes stack for each level and the text can come from outside.
nlohmann::ordered_json parse_detail(std::string_view detail);

// An event as commands print it and as it is kept outside: sequence, id, time, kind, severity, jail
// and address where it has them, message, detail (an object where it is one, else text). It may
// hold bytes that are no UTF-8, so who writes it out has them replaced. Any thread.
nlohmann::ordered_json event_json(const Event& event, std::uint64_t sequence);

}  // namespace warder::model
