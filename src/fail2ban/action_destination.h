#pragma once

#include "config/definition.h"
#include "config/reference.h"
#include "config/section.h"
#include "util/result.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What an action that tells people or runs a program becomes here: a [destination NAME].
namespace warder::fail2ban {

struct ActionDestination {
  std::string name;
  // Its keys in the words of ship::destination_table(), without `jails`.
  std::vector<std::pair<std::string, std::string>> keys;
  config::Place place;
  std::vector<std::string> jails;
  std::vector<std::string> actions;  // whose work it does
  // The agent uses it by itself. Otherwise the operator is shown it: what only he knows is missing.
  bool in_use = false;

  // As it would stand in the agent's configuration.
  std::string to_ini() const;
  bool is_mail() const;
};

// What of this host the translation depends on.
struct DestinationSurroundings {
  // The relay that mail of actions goes to, in the words of a destination's `server`. Empty: none,
  // and mail is only proposed.
  std::string mail_server = {};
  // For the sender's address. Mail to a user without a host goes to localhost.
  std::string host = "localhost";
  // Is there such a file? For programs that are named without their folder.
  std::function<bool(const std::string& path)> exists = {};
};

// Mail actions: to, from and the events of `dest`, `sender`.
ActionDestination mail_destination(const config::Definition& definition,
                                   const DestinationSurroundings& surroundings);

// smtp.py, from its parameters.
ActionDestination smtp_destination(const config::Parameters& parameters);

// The service that a command with curl or wget in it posts to, when it is one that a webhook form
// is made for. The address itself is a secret and is not told again.
std::optional<ActionDestination> webhook_destination(std::string_view command,
                                                     std::string_view action);

// Action abuseipdb or blocklist_de: the destination that reports there. Its key is a secret and is
// not told again.
ActionDestination report_destination(const config::Definition& definition, std::string_view action,
                                     std::string_view jail);

// A command as the lines of a destination's `argv`: the program's whole path, then each argument.
// kInvalid says what stands against it.
util::Result<std::string> argv_lines(std::string_view command,
                                     const DestinationSurroundings& surroundings);

// A program with arguments that needs no shell. kInvalid says what stands against it.
util::Result<ActionDestination> command_destination(std::string_view ban, std::string_view unban,
                                                    std::string_view action, std::string_view jail,
                                                    const DestinationSurroundings& surroundings);

// The same destination of several jails becomes one; another one of an equal name gets a number.
void add_destination(ActionDestination destination, std::vector<ActionDestination>* list);

}  // namespace warder::fail2ban
