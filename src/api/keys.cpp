#include "api/keys.h"

#include <fmt/core.h>

#include <grp.h>

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

util::Result<gid_t> group_id(const config::Values& values, std::string_view key) {
  const std::string& name = values.string(key);
  // getgrnam() may keep static data: called at start, before other threads run.
  if (const group* entry = ::getgrnam(name.c_str())) {
    return entry->gr_gid;
  }
  return util::Error(util::ErrorCode::kNotFound,
                     fmt::format("{}: [api] {}: there is no group '{}'",
                                 values.place(key).to_string(), key, name));
}

}  // namespace

const config::Table& api_table() { return kTable; }

util::Result<ServerOptions> server_options(const config::Values& values) {
  ServerOptions options;
  options.path = values.path("socket");
  if (values.has("group")) {
    WARDER_ASSIGN_OR_RETURN(options.group, group_id(values, "group"));
  }
  if (values.has("admin_group")) {
    WARDER_ASSIGN_OR_RETURN(options.admin_group, group_id(values, "admin_group"));
  }
  return options;
}

}  // namespace warder::api
