#include "fail2ban/action.h"

#include "config/definition.h"
#include "config/diagnostics.h"
#include "config/load.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

namespace warder::fail2ban {
namespace {

constexpr std::string_view kCommandRemedy =
    "write [destination NAME] with form = command, argv = the program, events = ban unban: it gets "
    "JSON on its standard input, no shell and no log text in its arguments";
// Those that `check` shows, too.
constexpr std::string_view kShown = ", which warder import-fail2ban shows";
constexpr std::string_view kAcceptance =
    "; or name the action in [agent] fail2ban_skip_actions to go without it";

// A name ending in '*' stands for all that begin so.
bool is_one_of(std::string_view name, std::span<const std::string_view> list) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view one) {
    return one.ends_with('*') ? name.starts_with(one.substr(0, one.size() - 1)) : name == one;
  });
}

constexpr std::array<std::string_view, 20> kKernel{
    "nftables",    "nftables-*", "iptables",  "iptables-*", "firewallcmd-*",
    "ufw",         "route",      "hostsdeny", "dummy",      "shorewall",
    "shorewall-*", "apf",        "pf",        "ipfw",       "bsd-ipfw",
    "npf",         "ipfilter",   "osx-afctl", "osx-ipfw",   "symbiosis-blacklist-allports",
};
constexpr std::array<std::string_view, 6> kTells{"mail",       "mail-*",  "sendmail",
                                                 "sendmail-*", "smtp.py", "apprise"};
constexpr std::array<std::string_view, 7> kReports{
    "abuseipdb", "blocklist_de", "complain", "dshield", "ipthreat", "mynetwatchman", "xarf-*"};
// Of these, those that a destination can do.
constexpr std::array<std::string_view, 2> kReportForms{"abuseipdb", "blocklist_de"};
constexpr std::array<std::string_view, 4> kRemote{"cloudflare", "cloudflare-*", "netscaler",
                                                  "nsupdate"};
// Kernel actions that close every port, with every protocol.
constexpr std::array<std::string_view, 10> kEverything{
    "route", "hostsdeny", "dummy", "shorewall", "shorewall-*",
    "apf",   "ufw",       "npf",   "osx-afctl", "symbiosis-blacklist-allports"};

void remark(Action* action, Verdict verdict, std::string text, std::string remedy) {
  action->remarks.push_back({verdict, action->place,
                             fmt::format("action {}", util::printable(action->reference.name, 80)),
                             std::move(text), std::move(remedy)});
}

std::string text_of(const config::Definition& definition, std::string_view option) {
  const auto found = definition.get(option);
  if (!found) {
    return {};  // what it refers to is not there
  }
  const std::optional<config::Value>& value = *found;
  return value ? value->text : std::string();
}

std::string protocol_word(std::string_view text) {
  std::set<std::string> protocols;
  const std::string lower = util::to_lower(text);  // outlives the words
  for (const std::string_view word : util::split_words(lower, " \t\n,")) {
    protocols.emplace(word);
  }
  if (protocols.size() == 1 && (protocols.contains("tcp") || protocols.contains("udp"))) {
    return *protocols.begin();
  }
  return protocols.empty() ? "tcp" : "all";
}

void read_scope(const config::Definition& definition, Action* action) {
  const std::string& name = action->reference.name;
  if (is_one_of(name, kEverything)) {
    action->protocol = "all";
    return;
  }
  action->protocol = protocol_word(text_of(definition, "protocol"));
  if (name.ends_with("allports") || text_of(definition, "type") == "allports") {
    return;
  }
  action->ports = text_of(definition, "port");
  const std::string_view ports = util::trim(action->ports);
  if (ports == "0:65535" || ports == "0-65535" || util::to_lower(ports) == "all") {
    action->ports.clear();
  }
}

// An actionban of the operator's own in place of the stock one.
void tell_own_ban(const config::Document& document, Action* action) {
  const auto found = document.get("Definition", "actionban");
  const std::optional<config::Value> own = found ? *found : std::nullopt;
  if (own && own->place.source.ends_with(".local")) {
    remark(
        action, Verdict::kDiffers,
        fmt::format("the actionban written at {} is not run: the agent bans in the kernel itself",
                    own->place.to_string()),
        std::string(kCommandRemedy));
  }
}

// People are told: a mail, or a webhook whose secret address the operator has to put into the
// vault.
void judge_telling(const config::Definition& definition, const ActionRequest& request,
                   Action* action) {
  const std::string& name = action->reference.name;
  if (name == "apprise") {
    remark(action, Verdict::kRefused, "its command needs a shell, and apprise is not run",
           std::string("people are told by destinations: [destination NAME] with form = mail, "
                       "slack, discord, teams, ntfy or gotify")
               .append(kAcceptance));
    return;
  }
  if (name == "smtp.py") {
    action->destination = smtp_destination(action->reference.parameters);
    remark(action, Verdict::kDiffers, "mail is sent by a destination, once it is configured",
           fmt::format("write [destination {}]{}", action->destination->name, kShown));
    return;
  }
  action->destination = mail_destination(definition, request.host);
  if (action->destination->in_use) {
    remark(action, Verdict::kDiffers,
           fmt::format("bans are mailed by the destination {}", action->destination->name), "");
  } else {
    remark(action, Verdict::kDiffers, "mail is sent by a destination, once there is a relay",
           fmt::format("set [agent] fail2ban_mail_server = smtp://127.0.0.1 (or another relay), or "
                       "write [destination {}]{}",
                       action->destination->name, kShown));
  }
}

void judge_report(const config::Definition& definition, const ActionRequest& request,
                  Action* action) {
  const std::string& name = action->reference.name;
  if (!is_one_of(name, kReportForms)) {
    remark(action, Verdict::kRefused,
           "its command needs a shell and sends lines of the log to a third party",
           std::string("if it must be told: [destination NAME] with form = abuseipdb or "
                       "blocklist-de, or form = command with a program that reports, events = ban")
               .append(kAcceptance));
    return;
  }
  action->destination = report_destination(definition, name, request.jail);
  remark(action, Verdict::kDiffers,
         "addresses are reported by a destination, once its key is in the vault; no line of the "
         "log goes along",
         fmt::format("put the API key into the vault and write [destination {}]{}",
                     action->destination->name, kShown));
}

void judge_command(const config::Definition& definition, const ActionRequest& request,
                   Action* action) {
  if (const auto read = definition.get("actionban"); !read) {
    remark(action, Verdict::kLeftOut, "its actionban cannot be read: " + read.error().message(),
           std::string(remedy_of(LeftOut::kNoStart)).append(kAcceptance));
    return;
  }
  const std::string ban = text_of(definition, "actionban");
  if (util::trim(ban).empty()) {
    remark(action, Verdict::kDiffers, "it does nothing on a ban, and is not run otherwise", "");
    return;
  }
  if ((action->destination = webhook_destination(ban, action->reference.name))) {
    action->kind = ActionKind::kTells;
    remark(action, Verdict::kDiffers,
           "its webhook is posted to by a destination, once that is configured",
           fmt::format("put the webhook's address into the vault and write [destination {}]{}",
                       action->destination->name, kShown));
    return;
  }
  auto command = command_destination(ban, text_of(definition, "actionunban"),
                                     action->reference.name, request.jail, request.host);
  if (!command) {
    remark(action, Verdict::kRefused,
           fmt::format("its commands are not run: {}", command.error().message()),
           std::string(kCommandRemedy).append(kAcceptance));
    return;
  }
  action->destination = std::move(*command);
  remark(action, Verdict::kDiffers,
         fmt::format("run by the destination {} for each ban: as the agent's user and not as root, "
                     "without a shell, with an empty environment; not again for bans that are put "
                     "back at start",
                     action->destination->name),
         fmt::format("try it: warder alerts test {}; [destination {}] of your own takes its place",
                     action->destination->name, action->destination->name));
  for (const std::string_view option :
       {"actionstart", "actionstop", "actioncheck", "actionflush"}) {
    if (!util::trim(text_of(definition, option)).empty()) {
      remark(action, Verdict::kDiffers, fmt::format("its {} is not run", option), "");
    }
  }
}

void judge(const config::Definition& definition, const ActionRequest& request, Action* action) {
  switch (action->kind) {
    case ActionKind::kKernel:
      return;
    case ActionKind::kTells:
      judge_telling(definition, request, action);
      return;
    case ActionKind::kReports:
      judge_report(definition, request, action);
      return;
    case ActionKind::kRemote:
      remark(action, Verdict::kRefused, "bans are made in this host's kernel, not elsewhere",
             std::string(kCommandRemedy).append(kAcceptance));
      return;
    case ActionKind::kPython:
      remark(action, Verdict::kRefused, "actions written in Python are not run",
             std::string(kCommandRemedy).append(kAcceptance));
      return;
    case ActionKind::kCommand:
      judge_command(definition, request, action);
      return;
  }
}

}  // namespace

ActionKind kind_of_action(std::string_view name) {
  if (is_one_of(name, kTells)) {
    return ActionKind::kTells;
  }
  if (name.ends_with(".py")) {
    return ActionKind::kPython;
  }
  if (is_one_of(name, kKernel)) {
    return ActionKind::kKernel;
  }
  if (is_one_of(name, kReports)) {
    return ActionKind::kReports;
  }
  return is_one_of(name, kRemote) ? ActionKind::kRemote : ActionKind::kCommand;
}

Action read_action(config::FileReader& files, const ActionRequest& request) {
  Action action;
  action.reference = request.reference;
  action.place = request.place;
  action.kind = kind_of_action(request.reference.name);
  config::Diagnostics diagnostics;
  if (request.reference.name.ends_with(".py")) {
    const config::Document none;
    judge(config::Definition(none, {}, request.place), request, &action);
    return action;
  }
  const std::string file = request.folder + "/" + request.reference.name;
  if (config::files_of_name(files, file, diagnostics).empty() && !diagnostics.has_errors()) {
    remark(&action, Verdict::kLeftOut, fmt::format("there is no {}.conf", util::printable(file)),
           std::string(remedy_of(LeftOut::kAsThere)));
    return action;
  }
  const config::Document document = config::load_name(files, file, diagnostics);
  if (diagnostics.has_errors()) {
    remark(&action, Verdict::kLeftOut,
           fmt::format("cannot be read: {}", util::printable(diagnostics.list().front().to_text())),
           std::string(remedy_of(LeftOut::kNoStart)));
    return action;
  }
  config::Parameters parameters = request.reference.parameters;
  parameters.emplace("name", request.jail);
  const config::Definition definition(document, std::move(parameters), request.place, {},
                                      request.surroundings);
  if (action.kind == ActionKind::kKernel) {
    read_scope(definition, &action);
    tell_own_ban(document, &action);
  }
  judge(definition, request, &action);
  return action;
}

BanScope joined_scope(const std::vector<Action>& actions) {
  BanScope scope;
  bool every_port = false;
  bool first = true;
  std::set<std::string> seen;
  for (const Action& action : actions) {
    if (action.kind != ActionKind::kKernel) {
      continue;
    }
    scope.protocol = first || scope.protocol == action.protocol ? action.protocol : "all";
    first = false;
    every_port = every_port || action.ports.empty();
    if (seen.insert(action.ports).second) {
      scope.ports += (scope.ports.empty() ? "" : ",") + action.ports;
    }
  }
  if (every_port) {
    scope.ports.clear();
  }
  return scope;
}

}  // namespace warder::fail2ban
