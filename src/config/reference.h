#pragma once

#include "config/section.h"
#include "util/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace warder::config {

// A filter, action or back end named with parameters: `sshd[mode=aggressive, port="22,2222"]`.
struct Reference {
  std::string name;
  Parameters parameters;

  friend bool operator==(const Reference&, const Reference&) = default;
};

// Reads `name[a=b, c="d,e"][f='g']` (reference/fail2ban-compat, section 4). kInvalid names the
// character. The name is everything before the first '[', as it stands.
util::Result<Reference> parse_reference(std::string_view text);

// A list of them, separated by white space outside brackets (`action`).
util::Result<std::vector<Reference>> parse_references(std::string_view text);

}  // namespace warder::config
