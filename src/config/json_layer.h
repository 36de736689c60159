#pragma once

#include "config/diagnostics.h"
#include "config/layer.h"

#include <string_view>

namespace warder::config {

// Reads a vault document: a JSON object of sections, each an object of options.
//
//   {"sshd": {"maxretry": 5, "enabled": true, "ignoreip": ["192.0.2.0/24", "2001:db8::1"]}}
//
// Numbers, booleans and strings become text, an array of them one line an element, so that the same
// key tables check them. "DEFAULT" gives values to all sections. Places read
// "vault jails#/sshd/maxretry" (RFC 6901 pointer). Values are literal: no %(...)s.
//
// Untrusted input: at most 1 MiB; a duplicate key (also in another case), null, a deeper object, an
// array in an array and a line break inside an array element are errors, all told at once.
Layer parse_json(std::string_view text, std::string_view document, Diagnostics& diagnostics);

}  // namespace warder::config
