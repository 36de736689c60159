#pragma once

#include "config/keys.h"
#include "config/values.h"

#include <span>
#include <string>

namespace warder::config {

// Everything printed here comes from the key tables, so it cannot differ from what is checked.

// The manual of all keys: for a terminal (80 columns), and as Markdown.
std::string manual_text(std::span<const Table* const> tables);
std::string manual_markdown(std::span<const Table* const> tables);

// A configuration file with every key at its default, commented out and explained.
std::string sample_config(std::span<const Table* const> tables);

// The effective values with the place of each, in INI form. Secrets are shown as "(secret)",
// references to secrets as they are.
std::string dump(std::span<const Values> sections);

}  // namespace warder::config
