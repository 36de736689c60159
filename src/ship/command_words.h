#pragma once

#include "model/event.h"
#include "util/result.h"

#include <string>
#include <vector>

// Words of a command destination's arguments that stand for a fact of the event, in fail2ban's
// spelling. Only what cannot be text of a log has a word: an address, a number, a jail's name.
//   <ip>        the address or network            <family>    inet4 or inet6
//   <name>      the jail                          <kind>      ban, unban, would-ban...
//   <time>      seconds since 1970                <bancount>  how often the jail banned it
//   <bantime>   seconds, -1 for ever (of a ban)
//   <failures>  how many findings led to the ban, 0 by hand
namespace warder::ship {

// kInvalid for an argument with a <word> that is none of these.
util::Status check_command_words(const std::vector<std::string>& argv);

bool has_command_words(const std::vector<std::string>& argv);

// The arguments for this event. kInvalid when it has not got what a word asks for.
util::Result<std::vector<std::string>> fill_command_words(const std::vector<std::string>& argv,
                                                          const model::Event& event);

}  // namespace warder::ship
