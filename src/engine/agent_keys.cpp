#include "engine/agent_keys.h"

#include "engine/own_name.h"

namespace warder::engine {
namespace {

using config::Change;
using config::Key;
using config::Type;

// In the order of log::Level.
constexpr std::string_view kLevels[] = {"debug", "info", "notice", "warning", "error"};

constexpr Key kKeys[] = {
    {.name = "name",
     .type = Type::kString,
     .most = "200",
     .change = Change::kRestart,
     .text = "What this host is called in alerts and in the signed checkpoints of its history. The "
             "host name when not set.",
     .example = "vault.example.org"},
    {.name = "state",
     .type = Type::kPath,
     .fallback = "/var/lib/warder",
     .change = Change::kRestart,
     .text = "The folder of the database, of the key that signs checkpoints and of the last good "
             "configuration.",
     .example = "/var/lib/warder"},
    {.name = "log_level",
     .type = Type::kEnum,
     .fallback = "info",
     .choices = kLevels,
     .text =
         "How much the agent says of itself. notice is a ban, warning wants a look today, error "
         "now.",
     .example = "notice"},
    {.name = "filters",
     .type = Type::kLines,
     .fallback = "/etc/warder/filters\n/usr/share/warder/filters",
     .text = "Folders in which a filter is looked for, in this order.",
     .example = "/etc/warder/filters"},
    {.name = "jails",
     .type = Type::kLines,
     .fallback = "/usr/share/warder/jails\n/etc/warder/jail",
     .text = "Where jails are configured: a folder (all its *.conf, then *.local), or a name NAME "
             "(NAME.conf, NAME.d/*.conf, NAME.local, NAME.d/*.local). What comes later overrides, "
             "the vault's document `jails` overrides all.",
     .example = "/etc/warder/jail"},
    {.name = "trusted_proxies",
     .type = Type::kPrefixes,
     .fallback = "",
     .change = Change::kLive,
     .text = "Our own proxies: only these are believed when they name another client "
             "(X-Forwarded-For), and they are never banned.",
     .example = "192.0.2.10 2001:db8::/64"},
    {.name = "never_ban",
     .type = Type::kPrefixes,
     .fallback = "",
     .change = Change::kLive,
     .text = "Never banned by any jail, beside this host's own addresses, its gateways and the "
             "administrators who are logged in.",
     .example = "192.0.2.0/24"},
    {.name = "fail2ban_configuration",
     .type = Type::kPath,
     .text =
         "The folder of a fail2ban configuration (jail.conf and what belongs to it) whose enabled "
         "jails run here, beside those of `jails`, counting as fail2ban counts. What cannot be "
         "honoured is refused by file and line, jails that fail2ban does not run either are left "
         "out; `warder import-fail2ban` reports all of it.",
     .example = "/etc/fail2ban"},
    {.name = "fail2ban_skip_actions",
     .type = Type::kWords,
     .fallback = "",
     .text = "Actions of that configuration that are knowingly gone without: those that ban "
             "elsewhere, need a shell or are written in Python, which is an error otherwise. One "
             "that would mail or run a program does neither when it is named here.",
     .example = "cloudflare mycommand"},
    {.name = "fail2ban_mail_server",
     .type = Type::kString,
     .most = "300",
     .text = "The relay that the mail actions of that configuration send through, as `server` of a "
             "destination of the form mail. Without it they send nothing, and are told.",
     .example = "smtp://127.0.0.1"},
    {.name = "dry_run_guard",
     .type = Type::kInteger,
     .fallback = "50",
     .least = "0",
     .most = "100",
     .change = Change::kLive,
     .text = "A new configuration is tried on the last hour's lines before it runs. When its jails "
             "would ban this percentage of the sources that the lines name, or more, and what runs "
             "does not, it is refused and what runs goes on (at start there is only a warning). 0: "
             "no guard.",
     .example = "30"},
    {.name = "dry_run_sources",
     .type = Type::kInteger,
     .fallback = "10",
     .least = "1",
     .most = "50000",
     .change = Change::kLive,
     .text =
         "With fewer different sources in those lines dry_run_guard refuses nothing: on a small "
         "host the attackers are often all who come.",
     .example = "25"},
    {.name = "dry_run_accept",
     .type = Type::kWords,
     .fallback = "",
     .change = Change::kLive,
     .text = "Jails that dry_run_guard does not judge: they are meant to ban as many as they do. "
             "`warder reload --accept JAIL` accepts one for once.",
     .example = "sshd caddy-4xx"},
    {.name = "observe",
     .type = Type::kBool,
     .fallback = "no",
     .change = Change::kLive,
     .text = "Decide and record, but ban nobody: every jail behaves as with observe = yes.",
     .example = "yes"},
};

constexpr config::Table kTable{
    .section = "agent", .text = "What concerns the agent as a whole.", .keys = kKeys};

}  // namespace

const config::Table& agent_table() { return kTable; }

AgentOptions agent_options(const config::Values& values) {
  AgentOptions options;
  options.name = values.has("name") ? values.string("name") : own_name();
  options.state = values.path("state");
  options.log_level = values.choice<log::Level>("log_level");
  for (const std::string& folder : values.list("filters")) {
    options.filters.emplace_back(folder);
  }
  options.jails = values.list("jails");
  if (values.has("trusted_proxies")) {
    options.trusted_proxies = values.prefixes("trusted_proxies");
  }
  if (values.has("never_ban")) {
    options.never_ban = values.prefixes("never_ban");
  }
  options.observe = values.boolean("observe");
  if (values.has("fail2ban_configuration")) {
    options.fail2ban_configuration = values.path("fail2ban_configuration").string();
  }
  options.fail2ban_skip_actions = values.list("fail2ban_skip_actions");
  if (values.has("fail2ban_mail_server")) {
    options.fail2ban_mail_server = values.string("fail2ban_mail_server");
  }
  return options;
}

}  // namespace warder::engine
