#pragma once

#include "util/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace warder::fail2ban {

// The arguments of a command of an action when it is one program with arguments and nothing in it
// is the shell's to do: blanks part words, 'single' and "double" quotes hold them together, a
// backslash before a line end joins lines. Tags like <ip> stay as they are (fail2ban would put an
// address, or the quoted text of a log, in their place). kInvalid names the first construct that
// needs a shell: variables, redirections, pipes, several commands, patterns, other backslashes,
// words of the shell's language, a shell itself.
util::Result<std::vector<std::string>> plain_words(std::string_view command);

}  // namespace warder::fail2ban
