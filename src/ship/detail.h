#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace warder::ship {

// An event's detail as JSON; discarded when it is none. Members nested deeper than 16 are left out,
// since writing JSON takes stack for each level and the text can come from outside.
nlohmann::ordered_json parse_detail(std::string_view detail);

}  // namespace warder::ship
