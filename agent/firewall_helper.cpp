#include "agent/command.h"
#include "agent/service.h"
#include "agent/wiring.h"
#include "firewall/helper_server.h"
#include "firewall/options.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <memory>
#include <pwd.h>

namespace warder::agent {
namespace {

struct Words {
  std::string socket;
  int fd = -1;
  std::string client = "root";
};

util::Result<uid_t> uid_of(const std::string& user) {
  // getpwnam() may keep static data: one thread, before anything else runs.
  if (const passwd* entry = ::getpwnam(user.c_str())) {
    return entry->pw_uid;
  }
  return util::Error(util::ErrorCode::kNotFound,
                     fmt::format("no user is named '{}'; systemd-sysusers makes it", user));
}

util::Result<firewall::HelperOptions> options_of(const Globals& globals, const Words& words) {
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  const firewall::Options configured =
      firewall::read_options(main.checked.one(firewall::options_table()));
  firewall::HelperOptions options;
  options.listen =
      words.socket.empty() && words.fd < 0 ? configured.helper_socket.string() : words.socket;
  options.inherited_fd = words.fd;
  WARDER_ASSIGN_OR_RETURN(options.allowed_uid, uid_of(words.client));
  options.netlink = configured.netlink;
  options.protection = configured.protection;
  // The agent's list too, in case the agent is the one who is not to be trusted.
  for (const std::vector<net::Prefix>* list :
       {&main.agent.never_ban, &main.agent.trusted_proxies}) {
    options.protection.never_ban.insert(options.protection.never_ban.end(), list->begin(),
                                        list->end());
  }
  options.on_ready = [] { notify_ready("serving"); };
  options.on_alive = notify_alive;
  options.alive_every = watchdog_interval();
  return options;
}

}  // namespace

Run declare_firewall_helper(CLI::App& app) {
  auto words = std::make_shared<Words>();
  auto* socket =
      app.add_option("--listen", words->socket, "listen here (default: [firewall] helper_socket)");
  auto* fd = app.add_option("--fd", words->fd, "serve this socket, inherited from the agent");
  socket->excludes(fd);
  app.add_option("--client", words->client, "the user that may give orders, beside root")
      ->capture_default_str();
  return [words](const Globals& globals) {
    const auto options = options_of(globals, *words);
    if (!options) {
      return complain(options.error());
    }
    const util::Status served = firewall::serve(*options);
    return served ? ExitStatus::kOk : complain(served.error());
  };
}

}  // namespace warder::agent
