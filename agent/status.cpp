#include "agent/ask.h"
#include "agent/command.h"
#include "agent/output.h"
#include "engine/jail_set.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace warder::agent {
namespace {

using nlohmann::json;

// What was not done because a limit stood against it; nothing when nothing was.
std::string limits_text(const json& status) {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) {
      text += fmt::format("{} {}\n", count, what);
    }
  };
  for (const json& jail : status["jails"]) {
    add(jail.value("gave_up", 0ULL),
        fmt::format("searches given up by the filter of {}: warder test names the expressions",
                    jail.value("name", "")));
  }
  add(status.value("undecodable_lines", 0ULL),
      "lines with bytes that are no text in the log's encoding (logencoding)");
  const json side = status.value("side", json::object());
  add(side.value("names_dropped", 0ULL),
      "findings whose host's name was not looked up: too many waited");
  add(side.value("commands_dropped", 0ULL),
      "findings counted without ignorecommand: too many waited");
  return text.empty() ? text : '\n' + text;
}

std::string status_text(const json& status) {
  std::string text = fmt::format(
      "agent      since {}, {} lines judged{}\n", short_time(status.value("started", "")),
      status.value("lines", 0ULL),
      status.value("catching_up", false) ? ", still reading what was written before the start"
                                         : "");
  const json& firewall = status["firewall"];
  text += fmt::format("firewall   {}{}\n", firewall.value("state", ""),
                      firewall.value("reason", "").empty()
                          ? fmt::format(", {} bans, put back after outside changes {} times",
                                        status.value("bans", 0ULL), firewall.value("repairs", 0ULL))
                          : ": " + firewall.value("reason", ""));
  const json& store = status["store"];
  text += fmt::format("store      {}{}\n", store.value("state", ""),
                      store.value("reason", "").empty() ? "" : ": " + store.value("reason", ""));
  if (const auto vault = status.find("vault"); vault != status.end() && vault->is_object()) {
    text += fmt::format("vault      {}\n", vault->value("text", ""));
  }
  text += '\n';
  TextTable jails(
      {"JAIL", "MODE", "LIMIT", "FINDINGS", "SOURCES", "BANS", "ALERTS", "ACTIVE", "IGNORED"});
  for (const json& jail : status["jails"]) {
    jails.add(
        {jail.value("name", ""),
         jail.value("observe", false) ? "observe" : jail.value("outcome", "ban"),
         fmt::format("{} in {}", jail.value("maxretry", 0U), jail.value("findtime", "")),
         std::to_string(jail.value("findings", 0ULL)), std::to_string(jail.value("sources", 0ULL)),
         std::to_string(jail.value("bans", 0ULL)), std::to_string(jail.value("alerts", 0ULL)),
         std::to_string(jail.value("active", 0ULL)), std::to_string(jail.value("ignored", 0ULL))});
  }
  text += jails.to_text();
  for (const json& jail : status.value("left_out", json::array())) {
    text += fmt::format("\nthe jail {} is left out, which fail2ban does not run either: {}\n",
                        jail.value("name", ""), jail.value("why", ""));
  }
  text += limits_text(status);
  TextTable sources(
      {"SOURCE", "LOGS", "LINES", "BACKLOG", "UNREADABLE", "OVERSIZED", "LOST BYTES"});
  for (const json& source : status["sources"]) {
    sources.add(
        {util::printable(source.value("name", ""), 120), std::to_string(source.value("logs", 0ULL)),
         std::to_string(source.value("lines", 0ULL)), std::to_string(source.value("backlog", 0ULL)),
         std::to_string(source.value("unreadable", 0ULL)),
         std::to_string(source.value("oversized", 0ULL)),
         std::to_string(source.value("lost_bytes", 0ULL))});
  }
  if (!sources.empty()) {
    text += '\n' + sources.to_text();
  }
  if (const auto destinations = status.find("destinations");
      destinations != status.end() && !destinations->empty()) {
    TextTable table({"DESTINATION", "STATE", "WAITING", "DEAD", "DELIVERED"});
    for (const json& destination : *destinations) {
      const std::string error = destination.value("last_error", "");
      table.add({destination.value("name", ""), error.empty() ? "working" : "failing: " + error,
                 std::to_string(destination.value("pending", 0ULL)),
                 std::to_string(destination.value("dead", 0ULL)),
                 std::to_string(destination.value("delivered", 0ULL))});
    }
    text += '\n' + table.to_text();
  }
  return text;
}

// In the shape of `fail2ban-client status JAIL`, which programs read.
std::string jail_text(const json& jail) {
  std::string logs;
  const bool journal = jail["journal"].is_string();
  for (const json& pattern : jail["logs"]) {
    logs += (logs.empty() ? "" : " ") +
            std::string(engine::log_pattern(pattern.get<std::string>(), {}).pattern);
  }
  std::string banned;
  for (const json& ban : jail["banned"]) {
    banned += (banned.empty() ? "" : " ") + ban.value("address", "");
  }
  return fmt::format(
      "Status for the jail: {}\n"
      "|- Filter\n"
      "|  |- Currently failed:\t{}\n"
      "|  |- Total failed:\t{}\n"
      "|  `- {}:\t{}\n"
      "`- Actions\n"
      "   |- Currently banned:\t{}\n"
      "   |- Total banned:\t{}\n"
      "   `- Banned IP list:\t{}\n",
      jail.value("name", ""), jail.value("sources", 0ULL),
      jail.value("findings", 0ULL) - jail.value("ignored", 0ULL),
      journal ? "Journal matches" : "File list",
      journal ? jail["journal"].get<std::string>() : logs, jail.value("active", 0ULL),
      jail.value("bans", 0ULL), banned);
}

ExitStatus jail_status(const Globals& globals, const std::string& name) {
  const auto answer = ask_agent(globals, api::Request{});
  if (!answer) {
    return complain(answer.error());
  }
  const json status = json::parse(*answer);
  const auto named = [&](const json& list) {
    return std::find_if(list.begin(), list.end(),
                        [&](const json& one) { return one.value("name", "") == name; });
  };
  const json& jails = status["jails"];
  const auto found = named(jails);
  if (found == jails.end()) {
    const json left_out = status.value("left_out", json::array());
    const auto why = named(left_out);
    return complain(util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("the jail {} {}", util::printable(name, 80),
                    why == left_out.end() ? "does not run; warder status lists those that do"
                                          : "is left out: " + why->value("why", ""))));
  }
  api::Request request;
  request.command = api::Command::kBans;
  request.jail = name;
  const auto bans = ask_agent(globals, request);
  if (!bans) {
    return complain(bans.error());
  }
  json jail = *found;
  jail["banned"] = json::parse(*bans)["bans"];
  print(globals.json ? jail.dump() + '\n' : jail_text(jail));
  return ExitStatus::kOk;
}

}  // namespace

Run declare_status(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  app.add_option("JAIL", *name, "this jail alone, as fail2ban-client shows it");
  return [name](const Globals& globals) {
    return name->empty() ? ask_and_print(globals, api::Request{}, status_text)
                         : jail_status(globals, *name);
  };
}

Run declare_reload(CLI::App& app) {
  auto accepted = std::make_shared<std::string>();
  app.add_option(
         "--accept", *accepted,
         "jails, separated by blanks or commas, that may ban more than dry_run_guard allows")
      ->option_text("JAILS");
  return [accepted](const Globals& globals) {
    api::Request request;
    request.command = api::Command::kReload;
    request.text = *accepted;
    const auto answer = ask_agent(globals, request);
    if (!answer) {
      const ExitStatus status = complain(answer.error());
      return answer.error().code() == util::ErrorCode::kInvalid ? ExitStatus::kConfiguration
                                                                : status;
    }
    if (globals.json) {
      print(*answer + '\n');
      return ExitStatus::kOk;
    }
    print("the new configuration is running\n");
    const json waiting = json::parse(*answer).value("waiting_for_restart", json());
    for (const json& key : waiting) {
      print(fmt::format("{} takes effect when the agent is restarted (systemctl restart warder)\n",
                        key.get<std::string>()));
    }
    return ExitStatus::kOk;
  };
}

}  // namespace warder::agent
