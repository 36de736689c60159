#pragma once

#include "config/file_reader.h"
#include "config/reference.h"
#include "config/section.h"
#include "fail2ban/action_destination.h"
#include "fail2ban/remark.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::fail2ban {

// What an action of a jail is for, known by the name of its file.
enum class ActionKind : std::uint8_t {
  kKernel,   // bans in a firewall of this host: what the agent does natively
  kTells,    // mails people: what destinations do
  kReports,  // tells a service on the net about the address
  kRemote,   // bans somewhere else: a CDN, an appliance, a name server
  kCommand,  // commands of the operator's own
  kPython,
};

ActionKind kind_of_action(std::string_view name);

// One entry of a jail's `action`.
struct Action {
  config::Reference reference;
  config::Place place;
  ActionKind kind = ActionKind::kCommand;
  // Of kKernel: what a ban closes, in the words of our jails. No ports: all.
  std::string ports;
  std::string protocol;
  // What does the same here, or what to write for it.
  std::optional<ActionDestination> destination;
  std::vector<Remark> remarks;
};

struct ActionRequest {
  std::string folder;  // action.d
  config::Reference reference;
  config::Place place;
  // The jail's options, for %(...)s in the action's file.
  config::Parameters surroundings;
  std::string jail;
  DestinationSurroundings host = {};
};

// Reads action.d/NAME.conf and what belongs to it, and says what becomes of it. A file that is
// missing or has errors gives a remark that refuses.
Action read_action(config::FileReader& files, const ActionRequest& request);

// The scope of several actions of one jail: at least what each of them closes.
struct BanScope {
  std::string ports;
  std::string protocol;
};
BanScope joined_scope(const std::vector<Action>& actions);

}  // namespace warder::fail2ban
