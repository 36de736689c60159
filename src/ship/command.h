#pragma once

#include "ship/destination.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace warder::ship {

struct CommandOptions {
  std::string name;               // of the destination
  std::string host;               // this machine
  std::vector<std::string> argv;  // the program's absolute path and its arguments
  std::chrono::milliseconds timeout{15000};
  // Instead of `argv` for events of the kind unban; empty: `argv` for them, too.
  std::vector<std::string> unban_argv = {};
};

// Runs a program for each message, one at a time: what fail2ban's command actions are for. There is
// no shell, and nothing but addresses, numbers and jail names is put into the arguments
// (command_words.h), so no text of a log can become a command. An event that lacks what an argument
// asks for is refused. The program gets
//   - the message on standard input: one JSON object (json_line()), a line end, end of file;
//   - an empty environment, "/" as its folder, a session of its own, no open file but the standard
//     ones; standard output goes to /dev/null, of standard error the first bytes are kept to be
//     told.
// Exit status 0: delivered. 65 (EX_DATAERR of sysexits.h): it does not want this message, which
// becomes a dead letter. Everything else, a signal and the time limit: tried again with back-off.
// When the time is over, at cancel(), and when the program has ended, what is left of its process
// group is ended (SIGTERM, two seconds later SIGKILL).
// A program that others than its owner and root may write is not run.
std::unique_ptr<Destination> make_command(CommandOptions options);

}  // namespace warder::ship
