#include "agent/ask.h"
#include "agent/command.h"
#include "agent/output.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace warder::agent {
namespace {

using nlohmann::json;

std::string time_of(const json& value, std::string_view otherwise) {
  return value.is_string() ? short_time(value.get<std::string>()) : std::string(otherwise);
}

std::string explain_text(const json& answer) {
  const std::string address = answer.value("address", "");
  const std::uint64_t findings = answer.value("findings_total", 0ULL);
  std::string text;
  if (answer["bans"].empty() && answer.value("events_total", 0ULL) == 0 &&
      answer["counting"].empty()) {
    return fmt::format("{}: nothing is known of it; no line of a watched log blamed it\n", address);
  }
  text += fmt::format("{}: {}, first seen {}, last seen {}\n", address,
                      util::counted(findings, "finding"), time_of(answer["first_seen"], "never"),
                      time_of(answer["last_seen"], "never"));
  for (const json& ban : answer["bans"]) {
    text += fmt::format("\n{} by jail {} as {} until {}{}\n",
                        ban.value("observed", false) ? "would be banned" : "BANNED",
                        ban.value("jail", ""), ban.value("address", ""),
                        time_of(ban["end"], "for ever"),
                        ban.value("wide", false) ? " (its neighbourhood offends too)" : "");
    for (const json& recorded : answer["recorded_bans"]) {
      if (recorded.value("jail", "") == ban.value("jail", "") &&
          recorded.value("address", "") == ban.value("address", "")) {
        text += fmt::format("  why: {}; time number {}\n", recorded.value("reason", ""),
                            recorded.value("count", 1U));
      }
    }
    if (ban.value("in_kernel", false) && !ban.contains("packets_dropped")) {
      text += "  in the kernel; its packets are not counted ([firewall] packet_counters)\n";
    } else if (ban.value("in_kernel", false)) {
      text += fmt::format("  in the kernel: {} packets, {} bytes dropped\n",
                          ban.value("packets_dropped", 0ULL), ban.value("bytes_dropped", 0ULL));
    } else if (!ban.value("observed", false)) {
      text += fmt::format("  NOT in the kernel: {}\n", ban.value("kernel_says", ""));
    }
  }
  for (const json& count : answer["counting"]) {
    text += fmt::format("\ncounted by jail {} as {}: {} of {} within {}\n", count.value("jail", ""),
                        count.value("counted_as", ""), count.value("count", 0U),
                        count.value("limit", 0U), count.value("findtime", ""));
  }
  if (!answer["past_bans"].empty()) {
    TextTable past({"EARLIER BAN", "UNTIL", "JAIL", "ENDED"});
    for (const json& ban : answer["past_bans"]) {
      past.add({time_of(ban["start"], ""), time_of(ban["ended"], ""), ban.value("jail", ""),
                ban.value("how", "")});
    }
    text += '\n' + past.to_text();
  }
  if (!answer["events"].empty()) {
    TextTable events({"TIME", "KIND", "JAIL", "WHAT"});
    for (const json& event : answer["events"]) {
      std::string what = event.value("message", "");
      // What somebody else holds of it.
      const json receipts = event.value("receipts", json::object());
      for (const auto& [destination, receipt] : receipts.items()) {
        what += fmt::format(" [{}: {}]", destination,
                            receipt.is_string() ? receipt.get<std::string>() : receipt.dump());
      }
      events.add({time_of(event["time"], ""), event.value("kind", ""), event.value("jail", ""),
                  std::move(what)});
    }
    text += '\n' + events.to_text();
  }
  return text;
}

std::string explain_key_text(const json& answer) {
  const std::string key = answer.value("key", "");
  if (answer["counting"].empty() && answer["events"].empty()) {
    return fmt::format(
        "{}: nothing is known of it; a key is written as alerts name it, for "
        "instance 'role web-1'\n",
        key);
  }
  std::string text = key + '\n';
  for (const json& count : answer["counting"]) {
    text +=
        fmt::format("\ncounted by jail {}: {} of {} within {}{}\n", count.value("jail", ""),
                    count.value("count", 0U), count.value("limit", 0U), count.value("findtime", ""),
                    count.value("told", false) ? "; told lately, quiet for now" : "");
  }
  TextTable events({"TIME", "KIND", "JAIL", "WHAT"});
  for (const json& event : answer["events"]) {
    events.add({time_of(event["time"], ""), event.value("kind", ""), event.value("jail", ""),
                event.value("message", "")});
  }
  return text + (events.empty() ? "" : '\n' + events.to_text());
}

}  // namespace

Run declare_explain(CLI::App& app) {
  auto address = std::make_shared<std::string>();
  app.add_option("ADDRESS", *address, "an address or prefix, or a key of an alert: 'role web-1'")
      ->required();
  return [address](const Globals& globals) {
    api::Request request;
    request.command = api::Command::kExplain;
    const auto prefix = net::Prefix::parse(*address);
    if (!prefix && address->find(' ') != std::string::npos) {
      request.command = api::Command::kExplainKey;
      request.key = *address;
      return ask_and_print(globals, request, explain_key_text);
    }
    if (!prefix) {
      complain(prefix.error());
      return ExitStatus::kUsage;
    }
    request.address = *prefix;
    return ask_and_print(globals, request, explain_text);
  };
}

}  // namespace warder::agent
