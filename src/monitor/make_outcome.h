#pragma once

#include "monitor/outcome.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace warder::monitor {

// The text of `facts`; what is no UTF-8 is replaced.
std::string facts_text(const nlohmann::json& facts);
// A check that could not be made.
Outcome unknown(std::string text, std::string cause, std::string next);
// Because of the file at `path`; `error` is an errno.
Outcome unreachable(const std::filesystem::path& path, int error);

}  // namespace warder::monitor
