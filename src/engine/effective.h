#pragma once

#include "config/check.h"
#include "config/values.h"

#include <map>
#include <string>

namespace warder::engine {

// What a configuration says, as far as it is no default: section, key, value. A secret's value is
// its reference.
using Effective = std::map<std::string, std::map<std::string, std::string>>;

void add_effective(const config::Values& values, Effective& effective);
// {"sshd": {"maxretry": "3"}}
std::string effective_json(const Effective& effective);

}  // namespace warder::engine
