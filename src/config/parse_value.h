#pragma once

#include "config/keys.h"
#include "config/values.h"

#include <string>
#include <string_view>
#include <variant>

namespace warder::config {

// Why a text is no value of its key. Inside config only; check() makes a Diagnostic of it.
struct Refusal {
  std::string problem;
  std::string suggestion = {};
  // The text may hold a secret and must not be shown.
  bool hide_value = false;
};

struct Accepted {
  Parsed parsed;
  // What the operator should know about an accepted value; usually empty.
  std::string warning = {};
};

using ParseOutcome = std::variant<Accepted, Refusal>;

// Reads a text by the type, choices and bounds of its key, then by the key's own check.
ParseOutcome parse_value(const Key& key, std::string_view text);

}  // namespace warder::config
