#include "ship/keys.h"

#include "config/secret_reference.h"
#include "config/vault_path.h"
#include "oci/config_file.h"
#include "ship/command.h"
#include "ship/command_words.h"
#include "ship/oci_logging.h"
#include "ship/oci_monitoring.h"
#include "ship/oci_notification.h"
#include "ship/report_forms.h"
#include "ship/vault_trail.h"
#include "ship/webhook.h"
#include "util/strings.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace warder::ship {
namespace {

using config::Change;
using config::Key;
using config::Type;
using std::chrono::milliseconds;
using std::chrono::seconds;

// In the order of Means.
constexpr std::string_view kForms[] = {
    "generic",        "slack",       "discord",      "ntfy",        "teams",
    "gotify",         "pagerduty",   "alertmanager", "abuseipdb",   "blocklist-de",
    "json-lines",     "mail",        "command",      "oci-logging", "oci-notifications",
    "oci-monitoring", "vault-trail", "vault-hash",   "fail2ban-log"};
// "alerts", "all" or names of model::EventKind.
constexpr std::string_view kEvents[] = {
    "alerts",    "all",       "finding", "ban",      "unban", "restore",     "extend",
    "would-ban", "source",    "config",  "firewall", "store", "destination", "vault",
    "agent",     "integrity", "backup",  "security", "alert", "monitor",     "incident"};
// In the order of model::Severity.
// In the order of JsonLinesOptions::Sync.
constexpr std::string_view kSyncs[] = {"batch", "never"};

constexpr Key kKeys[] = {
    {.name = "form",
     .type = Type::kEnum,
     .fallback = "generic",
     .choices = kForms,
     .change = Change::kLive,
     .text = "What the receiver understands: generic is warder's own JSON, posted to any web "
             "service; slack, discord, ntfy, teams (a workflow's webhook), gotify, pagerduty "
             "(Events API v2) and alertmanager (API v2) are theirs (Mattermost takes slack); "
             "abuseipdb and blocklist-de report banned addresses to these lists; "
             "json-lines is a file; mail is e-mail; command runs a program. oci-logging, "
             "oci-notifications and "
             "oci-monitoring go to Oracle's cloud with the account that the keys oci_* of [vault] "
             "name, whatever provider that section has. vault-trail stores each event in HashiCorp "
             "Vault or OpenBao where this host can only add; vault-hash has the vault's audit "
             "device hash it and stores nothing. fail2ban-log is a file with the lines (Found, "
             "Ban, Unban) of fail2ban's log, for programs that read that.",
     .example = "slack"},
    {.name = "url",
     .type = Type::kSecret,
     .change = Change::kLive,
     .text =
         "Where the address of the webhook is kept. The address is a secret: whoever has it can "
         "post. For ntfy it ends with the topic, for gotify with /message, for pagerduty with "
         "/v2/enqueue, for alertmanager with /api/v2/alerts.",
     .example = "vault:alerts-secrets/slack_url"},
    {.name = "token",
     .type = Type::kSecret,
     .change = Change::kLive,
     .text =
         "Where a token is kept that is sent as `Authorization: Bearer`; for pagerduty the "
         "integration's routing key, for abuseipdb and blocklist-de the API key. "
         "vault:/PATH/KEY has HashiCorp Vault or OpenBao make one that ends with its lease, for "
         "instance vault:/consul/creds/ROLE/token.",
     .example = "credential:ops-token"},
    {.name = "signing_key",
     .type = Type::kSecret,
     .change = Change::kLive,
     .text = "Where a key is kept with which each request is signed: X-Warder-Signature is sha256= "
             "and the hexadecimal HMAC-SHA256 of the body.",
     .example = "vault:alerts-secrets/signing_key"},
    {.name = "path",
     .type = Type::kPath,
     .change = Change::kLive,
     .text = "The file of the forms json-lines and fail2ban-log. Rotated by renaming it.",
     .example = "/var/log/warder/events.jsonl"},
    {.name = "server",
     .type = Type::kString,
     .most = "300",
     .change = Change::kLive,
     .text =
         "For mail: the server. smtp://HOST must offer STARTTLS (port 587), smtps://HOST is TLS "
         "from the start (465), smtp://127.0.0.1 is a relay on this host (25); nothing is sent "
         "in the clear to another host.",
     .example = "smtp://mail.example.org"},
    {.name = "from",
     .type = Type::kString,
     .most = "254",
     .change = Change::kLive,
     .text = "For mail: the sender's address.",
     .example = "warder@example.org"},
    {.name = "to",
     .type = Type::kWords,
     .fallback = "",
     .most = "50",
     .change = Change::kLive,
     .text = "For mail: the addresses it goes to.",
     .example = "ops@example.org"},
    {.name = "username",
     .type = Type::kString,
     .most = "255",
     .change = Change::kLive,
     .text =
         "For mail: the name to log in with, or where it is kept (vault:DOCUMENT/KEY, file:/PATH, "
         "credential:NAME); without it there is no log-in. A name that is made together with its "
         "password comes from the same path: vault:/database/creds/ROLE/username.",
     .example = "warder@example.org"},
    {.name = "password",
     .type = Type::kSecret,
     .change = Change::kLive,
     .text = "For mail: where the password is kept.",
     .example = "vault:alerts-secrets/smtp_password"},
    {.name = "argv",
     .type = Type::kLines,
     .most = "100",
     .change = Change::kLive,
     .text =
         "For form command: the program's path, and each argument on a line of its own. It is run "
         "for each event without a shell, with one JSON object on standard input and an empty "
         "environment; status 0 is done, 65 refused, everything else is tried again. <ip>, "
         "<family>, "
         "<name> (the jail), <kind>, <time>, <bantime>, <bancount> and <failures> in an argument "
         "are "
         "filled in.",
     .example = "/usr/local/sbin/tell-router"},
    {.name = "unban_argv",
     .type = Type::kLines,
     .most = "100",
     .change = Change::kLive,
     .text = "The same for events of the kind unban, when another program or other arguments are "
             "for them.",
     .example = "/usr/local/sbin/untell-router"},
    {.name = "target",
     .type = Type::kString,
     .most = "255",
     .change = Change::kLive,
     .text = "Where at the far end. oci-logging: the OCID of a custom log; oci-notifications: of a "
             "topic; oci-monitoring: of a compartment. vault-trail: the mount of a KV version 2 "
             "(`warder vault setup --trail MOUNT` makes it); vault-hash: the name of an audit "
             "device. abuseipdb: the categories, 15 (hacking) unless set; blocklist-de: the mail "
             "address of the account.",
     .example = "ocid1.log.oc1.eu-frankfurt-1.aaaa"},
    {.name = "witness",
     .type = Type::kBool,
     .change = Change::kLive,
     .text = "Whether the signed checkpoints of the history go there, so that warder verify "
             "--against can hold the history against them. Unless set: yes for json-lines, "
             "oci-logging and vault-trail.",
     .example = "yes"},
    {.name = "events",
     .type = Type::kWords,
     .fallback = "alerts",
     .least = "1",
     .choices = kEvents,
     .change = Change::kLive,
     .text = "Which events go there. alerts: bans, would-be bans and every problem (warning and "
             "worse), but no findings, no ended and no restored bans; all: everything but restored "
             "bans; or kinds by name, alone or besides alerts.",
     .example = "alerts finding"},
    {.name = "severity",
     .type = Type::kEnum,
     .fallback = "info",
     .choices = model::kSeverityNames,
     .change = Change::kLive,
     .text = "The least severity that goes there.",
     .example = "warning"},
    {.name = "jails",
     .type = Type::kWords,
     .fallback = "",
     .change = Change::kLive,
     .text = "Only events of these jails (and those that concern no jail). Empty: all.",
     .example = "sshd vaultwarden"},
    {.name = "digest",
     .type = Type::kDuration,
     .least = "0s",
     .most = "1d",
     .change = Change::kLive,
     .text =
         "The first alert goes at once; what follows within this time goes as one summary. 0 "
         "sends each event. 60s unless set; 0 for json-lines, command, pagerduty, alertmanager, "
         "oci-logging, vault-trail and vault-hash.",
     .example = "5m"},
    {.name = "quiet_hours",
     .type = Type::kString,
     .most = "500",
     .change = Change::kLive,
     .text = "When nobody is to be disturbed: what comes then waits and goes as one summary behind "
             "it. Each day, or on the days named before the times; an end before the beginning is "
             "on the next day. Not for forms that take every event for a record.",
     .example = "mon-fri 22:00-07:00, sat sun 22:00-09:00"},
    {.name = "quiet_timezone",
     .type = Type::kString,
     .most = "64",
     .change = Change::kLive,
     .text = "Whose clocks quiet_hours are read from, with their summer time. The system's unless "
             "set.",
     .example = "Europe/Berlin"},
    {.name = "quiet_through",
     .type = Type::kEnum,
     .fallback = "critical",
     .choices = model::kSeverityNames,
     .change = Change::kLive,
     .text =
         "The least severity that goes in quiet hours all the same, and so does the end of such "
         "an incident.",
     .example = "high"},
    {.name = "escalation_after",
     .type = Type::kDuration,
     .least = "1s",
     .most = "7d",
     .change = Change::kLive,
     .text =
         "Makes it a destination of the second line: it is told of incidents alone, and only of "
         "those that nobody has acknowledged (`warder alerts ack`) so long after they began. "
         "severity and jails choose among them. It hears of their end, too.",
     .example = "15m"},
    {.name = "escalation_times",
     .type = Type::kInteger,
     .fallback = "3",
     .least = "1",
     .most = "20",
     .change = Change::kLive,
     .text = "How often it is told of an incident that stays without acknowledgement, each time "
             "escalation_after later.",
     .example = "1"},
    {.name = "pause",
     .type = Type::kDuration,
     .least = "0s",
     .most = "1h",
     .change = Change::kLive,
     .text =
         "Least time between two requests, also when much has waited. Unless set: 1s for slack and "
         "teams, 2s for discord, 5s for ntfy, 1s for oci-notifications, otherwise 0.",
     .example = "2s"},
    {.name = "timeout",
     .type = Type::kDuration,
     .fallback = "15s",
     .least = "1s",
     .most = "5m",
     .change = Change::kLive,
     .text = "How long a request may take.",
     .example = "30s"},
    {.name = "give_up",
     .type = Type::kDuration,
     .fallback = "3d",
     .least = "1m",
     .most = "365d",
     .change = Change::kLive,
     .text = "When the destination has failed for so long, alerts of that age become dead letters, "
             "kept and shown but not tried again by themselves.",
     .example = "7d"},
    {.name = "ca_file",
     .type = Type::kPath,
     .change = Change::kLive,
     .text = "PEM file with the authorities to trust instead of the system's.",
     .example = "/etc/warder/ca.pem"},
    {.name = "proxy",
     .type = Type::kUrl,
     .change = Change::kLive,
     .text = "Proxy to go through. The environment is not looked at. Behind a proxy the rule about "
             "private addresses is the proxy's to keep.",
     .example = "http://proxy.example.org:3128"},
    {.name = "allow_private",
     .type = Type::kWords,
     .fallback = "",
     .change = Change::kLive,
     .text = "Hosts, as written in the address, that may have a private or loopback address. No "
             "webhook is sent to such an address otherwise.",
     .example = "ntfy.lan 127.0.0.1"},
    {.name = "sync",
     .type = Type::kEnum,
     .fallback = "batch",
     .choices = kSyncs,
     .change = Change::kLive,
     .text = "For json-lines and fail2ban-log: batch flushes to disk before events count as "
             "delivered, never leaves that to the kernel.",
     .example = "never"},
};

constexpr config::Table kTable{.section = "destination *",
                               .text =
                                   "Where events go: a webhook, a file, e-mail or a program, under "
                                   "a name of its own. What waits for a "
                                   "destination that is away stays in the outbox.",
                               .keys = kKeys};

Selection selection_of(const config::Values& values) {
  Selection selection;
  selection.least = values.choice<model::Severity>("severity");
  if (values.has("jails")) {
    selection.jails = values.list("jails");
  }
  const std::vector<std::string>& events = values.list("events");
  const auto has = [&](std::string_view word) {
    return std::find(events.begin(), events.end(), word) != events.end();
  };
  if (has("all")) {
    selection.mode = Selection::Kinds::kAll;
  } else if (has("alerts")) {
    selection.mode = Selection::Kinds::kAlerts;
  } else {
    selection.mode = Selection::Kinds::kListed;
  }
  for (const std::string& name : events) {
    if (const auto kind = model::parse_event_kind(name)) {
      selection.kinds.push_back(*kind);
    }
  }
  return selection;
}

// The NAME of "destination NAME".
std::string name_of(std::string_view section) {
  constexpr std::string_view kPrefix = "destination ";
  if (section.starts_with(kPrefix)) {
    section.remove_prefix(kPrefix.size());
  }
  return std::string(util::trim(section));
}

milliseconds default_pause(Means means) {
  // What the services take for ever: Slack one a second, Discord 30 a minute (in bursts of 5), ntfy
  // one in five seconds, a topic of OCI Notifications 60 a minute.
  switch (means) {
    case Means::kSlack:
    case Means::kTeams:
    case Means::kOciNotifications:
      return seconds(1);
    case Means::kDiscord:
      return seconds(2);
    case Means::kNtfy:
      return seconds(5);
    default:
      return seconds(0);
  }
}

// For programs, which want each event and can sum up for themselves; a summary that swallowed the
// end of an incident would leave it open in PagerDuty or Alertmanager for ever.
bool takes_every_event(Means means) {
  switch (means) {
    case Means::kPagerDuty:
    case Means::kAlertmanager:
    case Means::kAbuseIpDb:
    case Means::kBlocklistDe:
    case Means::kJsonLines:
    case Means::kCommand:
    case Means::kOciLogging:
    case Means::kVaultTrail:
    case Means::kVaultHash:
    case Means::kFail2banLog:
      return true;
    default:
      return false;
  }
}

// Keeps a record rather than tell somebody.
bool is_record(Means means) {
  return takes_every_event(means) && means != Means::kPagerDuty && means != Means::kAlertmanager;
}

bool witnesses(Means means) {
  return means == Means::kJsonLines || means == Means::kOciLogging || means == Means::kVaultTrail;
}

bool is_oci(Means means) {
  return means == Means::kOciLogging || means == Means::kOciNotifications ||
         means == Means::kOciMonitoring;
}

bool is_report(Means means) { return means == Means::kAbuseIpDb || means == Means::kBlocklistDe; }

void report_options(const config::Values& values, DestinationOptions* options,
                    config::Diagnostics& diagnostics) {
  if (!options->token) {
    diagnostics.add(values.about("form", "it needs token, the API key of your account there"));
  }
  options->target = values.has("target") ? util::trim(values.string("target")) : "";
  if (options->means == Means::kBlocklistDe) {
    if (options->target.find('@') == std::string::npos) {
      diagnostics.add(values.about(values.has("target") ? "target" : "form",
                                   "blocklist-de needs target, the mail address of your account"));
    }
  } else if (options->target.empty()) {
    options->target = "15";
  } else if (options->target.find_first_not_of("0123456789,") != std::string::npos) {
    diagnostics.add(
        values.about("target", "allowed are the service's numbers of categories, as in 18,22"));
  }
}

void target_options(const config::Values& values, DestinationOptions* options,
                    config::Diagnostics& diagnostics) {
  const bool is_vault = options->means == Means::kVaultTrail || options->means == Means::kVaultHash;
  if (is_report(options->means)) {
    report_options(values, options, diagnostics);
    return;
  }
  if (!is_oci(options->means) && !is_vault) {
    if (values.has("target")) {
      diagnostics.add(values.about(
          "target", "is for the forms oci-..., vault-..., abuseipdb and blocklist-de"));
    }
    return;
  }
  if (!values.has("target")) {
    diagnostics.add(values.about("form", is_oci(options->means) ? "needs target, an OCID"
                                                                : "needs target: the mount of the "
                                                                  "trail, or an audit device"));
    return;
  }
  options->target = util::trim(values.string("target"));
  if (is_oci(options->means) && !oci::is_ocid(options->target)) {
    diagnostics.add(values.about("target",
                                 "is no OCID; it begins with ocid1. and stands in the console "
                                 "beside the resource's name"));
  }
  // The vault's own paths begin with the mount: no part of it may lead elsewhere.
  if (is_vault && (options->target.find("..") != std::string::npos ||
                   options->target.find_first_of(" ?#*+") != std::string::npos)) {
    diagnostics.add(
        values.about("target", "is no mount or device: letters, digits, '-', '_', '/'"));
  }
  while (options->target.ends_with('/')) {
    options->target.pop_back();
  }
}

std::optional<config::SecretReference> reference(const config::Values& values,
                                                 std::string_view key) {
  if (!values.has(key)) {
    return std::nullopt;
  }
  return values.secret(key);
}

void mail_options(const config::Values& values, DestinationOptions* options,
                  config::Diagnostics& diagnostics) {
  if (!values.has("server") || !values.has("from") || values.list("to").empty()) {
    diagnostics.add(values.about("form", "mail needs server, from and to"));
    return;
  }
  if (auto server = parse_mail_server(values.string("server"))) {
    options->server = std::move(*server);
  } else {
    diagnostics.add(values.about("server", server.error().message()));
  }
  options->envelope = {.from = values.string("from"), .to = values.list("to")};
  if (const auto status = check_mail_address(options->envelope.from); !status) {
    diagnostics.add(values.about("from", status.error().message()));
  }
  for (const std::string& address : options->envelope.to) {
    if (const auto status = check_mail_address(address); !status) {
      diagnostics.add(values.about("to", status.error().message()));
    }
  }
  if (values.has("username")) {
    options->username = values.string("username");
    options->username_at = config::parse_secret_reference(options->username);
    if (!options->username_at && options->username.starts_with("vault:")) {
      diagnostics.add(values.about("username", "is no reference; write vault:DOCUMENT/KEY"));
    }
  }
  options->password = reference(values, "password");
  if (options->username.empty() != !options->password) {
    diagnostics.add(values.about("form", "username and password go together"));
  }
}

void quiet_options(const config::Values& values, DestinationOptions* options,
                   config::Diagnostics& diagnostics) {
  options->quiet_zone = values.has("quiet_timezone") ? values.string("quiet_timezone") : "";
  if (!values.has("quiet_hours")) {
    if (values.has("quiet_timezone")) {
      diagnostics.add(values.about("quiet_timezone", "does nothing without quiet_hours"));
    }
    return;
  }
  if (is_record(options->means)) {
    diagnostics.add(values.about("quiet_hours",
                                 "is for forms that people are told by; what keeps a record is to "
                                 "have each event in its order"));
    return;
  }
  if (auto hours = QuietHours::parse(values.string("quiet_hours"))) {
    options->shipper.quiet.hours = *hours;
  } else {
    diagnostics.add(values.about("quiet_hours", hours.error().message()));
  }
  options->shipper.quiet.through = values.choice<model::Severity>("quiet_through");
  // A summary that swallowed the end of an incident would leave it open there for ever.
  options->shipper.quiet.ends_pass = takes_every_event(options->means);
}

void unban_options(const config::Values& values, DestinationOptions* options,
                   config::Diagnostics& diagnostics) {
  if (values.has("unban_argv")) {
    options->unban_argv = values.list("unban_argv");
    if (options->means != Means::kCommand) {
      diagnostics.add(values.about("unban_argv", "is for form = command"));
    } else if (options->unban_argv.empty() || !options->unban_argv.front().starts_with('/')) {
      diagnostics.add(
          values.about("unban_argv", "its first line must be the program's whole path"));
    }
  }
  for (const auto& [key, argv] :
       {std::pair<std::string_view, const std::vector<std::string>*>("argv", &options->argv),
        {"unban_argv", &options->unban_argv}}) {
    if (const util::Status words = check_command_words(*argv); !words) {
      diagnostics.add(values.about(key, words.error().message()));
    }
  }
}

}  // namespace

std::optional<Form> DestinationOptions::form() const {
  return means < Means::kJsonLines ? std::optional(static_cast<Form>(means)) : std::nullopt;
}

const config::Table& destination_table() { return kTable; }

DestinationOptions destination_options(const config::Values& values,
                                       config::Diagnostics& diagnostics) {
  DestinationOptions options;
  options.name = name_of(values.section());
  options.means = values.choice<Means>("form");
  const std::optional<Form> form = options.form();
  options.url = reference(values, "url");
  options.token = reference(values, "token");
  options.signing_key = reference(values, "signing_key");
  if (values.has("path")) {
    options.path = values.path("path");
  }
  if (form && !options.url && !is_report(options.means)) {
    diagnostics.add(values.about("form", "a webhook needs url"));
  }
  if (form == Form::kPagerDuty && !options.token) {
    diagnostics.add(values.about("form", "pagerduty needs token, the routing key"));
  }
  if (values.has("argv")) {
    options.argv = values.list("argv");
  }
  const bool is_command = options.means == Means::kCommand;
  if (is_command && (options.argv.empty() || !options.argv.front().starts_with('/'))) {
    diagnostics.add(
        values.about(options.argv.empty() ? "form" : "argv",
                     "command needs argv, whose first line is the program's whole path"));
  }
  if (!is_command && !options.argv.empty()) {
    diagnostics.add(values.about("argv", "is for form = command"));
  }
  unban_options(values, &options, diagnostics);
  const bool is_file = options.means == Means::kJsonLines || options.means == Means::kFail2banLog;
  if (is_file && options.path.empty()) {
    diagnostics.add(values.about(
        "form", std::string(kForms[values.choice_index("form")]).append(" needs path")));
  }
  std::error_code ignored;
  if (options.means == Means::kJsonLines && std::filesystem::is_directory(options.path, ignored)) {
    config::Diagnostic told = values.about("path", "it is a folder");
    told.allowed = "the name of a file in a folder of the agent's user";
    diagnostics.add(std::move(told));
  }
  if (options.means == Means::kMail) {
    mail_options(values, &options, diagnostics);
  }
  target_options(values, &options, diagnostics);
  quiet_options(values, &options, diagnostics);
  if (values.has("escalation_after")) {
    options.escalation_after = std::chrono::ceil<seconds>(values.duration("escalation_after"));
    options.escalation_times = static_cast<std::uint32_t>(values.integer("escalation_times"));
    if (is_record(options.means)) {
      diagnostics.add(values.about("escalation_after", "is for forms that people are told by"));
    }
  }
  options.sync = values.choice<JsonLinesOptions::Sync>("sync");
  options.selection = selection_of(values);
  if (options.means == Means::kFail2banLog && values.is_default("events")) {
    options.selection.mode = Selection::Kinds::kListed;
    options.selection.kinds = {model::EventKind::kFinding, model::EventKind::kBan,
                               model::EventKind::kUnban};
  }
  options.selection.witness =
      values.has("witness") ? values.boolean("witness") : witnesses(options.means);
  if (options.selection.witness && options.means == Means::kFail2banLog) {
    diagnostics.add(values.about("witness", "fail2ban's log has no line for a checkpoint"));
  }
  if (values.has("digest")) {
    options.shipper.digest = std::chrono::ceil<seconds>(values.duration("digest"));
  } else {
    options.shipper.digest = seconds(takes_every_event(options.means) ? 0 : 60);
  }
  options.shipper.pause = values.has("pause")
                              ? std::chrono::ceil<milliseconds>(values.duration("pause"))
                              : default_pause(options.means);
  options.shipper.give_up = std::chrono::ceil<seconds>(values.duration("give_up"));
  if (options.shipper.digest.count() > 0 && is_report(options.means)) {
    diagnostics.add(values.about("digest", "each address is reported by itself: digest = 0"));
  }
  if (options.shipper.digest.count() > 0 && options.means == Means::kFail2banLog) {
    diagnostics.add(values.about("digest", "fail2ban's log has no summaries: digest = 0"));
  }
  if (options.shipper.digest.count() > 0 &&
      (has_command_words(options.argv) || has_command_words(options.unban_argv))) {
    diagnostics.add(
        values.about("digest", "a summary has no single address: <words> in argv need digest = 0"));
  }
  options.timeout = std::chrono::ceil<milliseconds>(values.duration("timeout"));
  if (values.has("ca_file")) {
    options.ca_file = values.path("ca_file");
  }
  if (values.has("proxy")) {
    options.proxy = values.string("proxy");
  }
  if (values.has("allow_private")) {
    options.allow_private = values.list("allow_private");
  }
  return options;
}

std::unique_ptr<Destination> make_destination(const DestinationOptions& options, std::string host,
                                              SecretResolver resolve, SecretDoubt doubt,
                                              const FarEnds& far_ends, const util::Clock& clock) {
  switch (options.means) {
    case Means::kOciLogging:
      return make_oci_logging({options.name, std::move(host), options.target}, far_ends.cloud(),
                              clock);
    case Means::kOciNotifications:
      return make_oci_notification({options.name, std::move(host), options.target},
                                   far_ends.cloud());
    case Means::kOciMonitoring:
      return make_oci_monitoring({options.name, std::move(host), options.target}, far_ends.cloud(),
                                 clock);
    case Means::kVaultTrail:
      return make_vault_trail({options.name, std::move(host), options.target}, far_ends.trail());
    case Means::kVaultHash:
      return make_vault_hash({options.name, std::move(host), options.target}, far_ends.trail());
    default:
      break;
  }
  if (options.means == Means::kCommand) {
    return make_command(
        {options.name, std::move(host), options.argv, options.timeout, options.unban_argv});
  }
  if (options.means == Means::kJsonLines || options.means == Means::kFail2banLog) {
    return make_json_lines({options.name, std::move(host), options.path, options.sync,
                            options.means == Means::kJsonLines
                                ? JsonLinesOptions::Lines::kJson
                                : JsonLinesOptions::Lines::kFail2ban});
  }
  const auto source = [&](const std::optional<config::SecretReference>& where) -> SecretSource {
    if (!where) {
      return {};
    }
    return [resolve, where = *where] { return resolve(where); };
  };
  // What to do when those that end with a lease were refused; nothing when there are none.
  const auto refused =
      [&](const std::vector<std::optional<config::SecretReference>>& all) -> std::function<void()> {
    std::vector<config::SecretReference> leased;
    for (const auto& where : all) {
      if (where && config::is_vault_path(where->document)) {
        leased.push_back(*where);
      }
    }
    if (leased.empty()) {
      return {};
    }
    return [doubt, leased = std::move(leased)] {
      for (const config::SecretReference& where : leased) {
        doubt(where);
      }
    };
  };
  if (options.means == Means::kMail) {
    MailOptions mail;
    mail.name = options.name;
    mail.host = std::move(host);
    mail.server = options.server;
    mail.envelope = options.envelope;
    if (options.username_at) {
      mail.username = source(options.username_at);
    } else if (!options.username.empty()) {
      mail.username = [name = options.username] {
        return crypto::SecretString::take(std::string(name));
      };
    }
    mail.password = source(options.password);
    mail.refused = refused({options.username_at, options.password});
    mail.ca_file = options.ca_file;
    mail.connect_timeout = std::min(mail.connect_timeout, options.timeout);
    mail.timeout = options.timeout;
    return make_mail(std::move(mail), clock);
  }
  WebhookOptions webhook;
  webhook.name = options.name;
  webhook.host = std::move(host);
  webhook.form = *options.form();
  webhook.url = source(options.url);
  if (!options.url) {
    webhook.url = [form = webhook.form] { return crypto::SecretString::take(report_url(form)); };
  }
  webhook.target = options.target;
  webhook.bearer = source(options.token);
  webhook.signing_key = source(options.signing_key);
  webhook.refused = refused({options.url, options.token, options.signing_key});
  webhook.secrets_end = webhook.refused != nullptr;
  webhook.connect_timeout = std::min(webhook.connect_timeout, options.timeout);
  webhook.timeout = options.timeout;
  webhook.ca_file = options.ca_file;
  webhook.proxy = options.proxy;
  webhook.allowed_hosts = options.allow_private;
  return make_webhook(std::move(webhook), clock);
}

}  // namespace warder::ship
