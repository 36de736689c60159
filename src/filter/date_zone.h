#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace warder::filter {

// The offset east of UTC that a zone written in a line (or as `logtimezone`) means: an abbreviation
// ("CET", "Z"), an offset ("+02", "+0200", "+02:00"), or both, which are added ("CET+0100" is two
// hours). Capitals only. Abbreviations stand for one fixed offset without rules for summer. Empty
// for an unknown abbreviation and for any other form.
// Source: reference/fail2ban-compat.md 10.6.
std::optional<std::chrono::seconds> fixed_zone(std::string_view text);

}  // namespace warder::filter
