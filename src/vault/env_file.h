#pragma once

#include "crypto/secret.h"
#include "util/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::vault {

// The variables of a settings.env: lines "NAME=value" or "export NAME=value"; the value bare (up to
// a blank followed by '#'), in 'single' or in "double" quotes (there \" \\ \$ \` and \n are
// understood; the quotes may span lines). Nothing is run or expanded: a bare or double-quoted value
// with $ or ` in it is kept as it stands. Empty lines and lines that begin with '#' are skipped. A
// name given twice counts as the shell would count it: the last one.
//
// kInvalid with the line of everything that is none of this; values never stand in the text. At
// most 1 MiB.
struct EnvVariable {
  std::string name;
  crypto::SecretString value;
};
util::Result<std::vector<EnvVariable>> parse_env_file(std::string_view text);

}  // namespace warder::vault
