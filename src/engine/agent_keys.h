#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "log/log.h"
#include "net/address.h"

#include <filesystem>
#include <string>
#include <vector>

namespace warder::engine {

// [agent]: what concerns the whole.
struct AgentOptions {
  std::string name;  // of this host in alerts and checkpoints
  std::filesystem::path state;
  log::Level log_level = log::Level::kInfo;
  std::vector<std::filesystem::path> filters;  // folders, searched in order
  std::vector<std::string> jails;              // folders or names of configurations, later wins
  std::vector<net::Prefix> trusted_proxies;
  std::vector<net::Prefix> never_ban;
  bool observe = false;                // every jail in observe mode
  std::string fail2ban_configuration;  // a folder; empty: none
  std::vector<std::string> fail2ban_skip_actions;
  std::string fail2ban_mail_server;  // for its mail actions; empty: no mail by them
};

const config::Table& agent_table();
AgentOptions agent_options(const config::Values& values);

}  // namespace warder::engine
