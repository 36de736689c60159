#pragma once

#include "ship/message.h"

#include <string>
#include <sys/types.h>

namespace warder::ship {

// What fail2ban would write into its log of this (fail2ban-compat 20), with the line break:
//   2026-08-01 00:00:00,123 fail2ban.actions        [12]: NOTICE  [sshd] Ban 192.0.2.1
// for a ban, the same with "Unban" for its end, and of a finding
//   2026-08-01 00:00:00,123 fail2ban.filter         [12]: INFO    [sshd] Found 192.0.2.1 -
//   2026-08-01 00:00:00
// Times are the host's local ones. Nothing for everything else, but a note for a test.
std::string fail2ban_line(const Message& message, pid_t process);

}  // namespace warder::ship
