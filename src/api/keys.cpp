#include "api/keys.h"

#include "util/users.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace warder::api {
namespace {

using config::Change;
using config::Key;
using config::Type;

constexpr Key kKeys[] = {
    {.name = "socket",
     .type = Type::kPath,
     .fallback = "/run/warder/control.sock",
     .change = Change::kRestart,
     .text = "The control socket, over which `warder status`, `ban` and the others ask the agent.",
     .example = "/run/warder/control.sock"},
    {.name = "group",
     .type = Type::kString,
     .change = Change::kRestart,
     .text = "The group of the socket: its members may ask, but change nothing. The agent's own "
             "group when not set.",
     .example = "warder"},
    {.name = "admin_group",
     .type = Type::kString,
     .change = Change::kRestart,
     .text =
         "Members of this group may also ban, unban and reload, as root and the agent's own user "
         "may.",
     .example = "sudo"},
};

constexpr config::Table kTable{.section = "api", .text = "How the agent is asked.", .keys = kKeys};

// Of the group that the key names, if it names one.
void read_group(const config::Values& values, std::string_view key, gid_t& group,
                config::Diagnostics& diagnostics) {
  if (!values.has(key)) {
    return;
  }
  if (const auto found = util::find_group(values.string(key))) {
    group = *found;
  } else {
    diagnostics.add(
        values.about(key, "there is no such group; `getent group` lists those there are"));
  }
}

}  // namespace

const config::Table& api_table() { return kTable; }

std::optional<ServerOptions> server_options(const config::Values& values,
                                            config::Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.errors();
  ServerOptions options;
  options.path = values.path("socket");
  std::error_code ignored;
  if (std::filesystem::is_directory(options.path, ignored)) {
    config::Diagnostic told = values.about("socket", "it is a folder");
    told.allowed = "the name of the socket in a folder, such as /run/warder/control.sock";
    diagnostics.add(std::move(told));
  }
  read_group(values, "group", options.group, diagnostics);
  read_group(values, "admin_group", options.admin_group, diagnostics);
  return diagnostics.errors() == before ? std::optional(options) : std::nullopt;
}

}  // namespace warder::api
