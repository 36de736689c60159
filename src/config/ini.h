#pragma once

#include "config/diagnostics.h"
#include "config/layer.h"

#include <string_view>

namespace warder::config {

// Reads one file of fail2ban's dialect (strict configparser of Python; reference/fail2ban-compat,
// section 2): `name = value` or `name : value`, deeper indented lines continue a value, `#` and `;`
// start a comment line, ` ;` ends a line. A section named `[Init?family=inet6]` becomes options
// `name?family=inet6` of `[Init]`.
//
// `source` names the file in places. Every error is told, each with its line; a duplicate names
// both lines. The layer holds what could be read; do not use it when there was an error.
// Deviations: control characters and invalid UTF-8 are errors.
Layer parse_ini(std::string_view text, std::string_view source, Diagnostics& diagnostics);

}  // namespace warder::config
