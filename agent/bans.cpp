#include "agent/ask.h"
#include "agent/command.h"
#include "agent/output.h"
#include "util/duration.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace warder::agent {
namespace {

using nlohmann::json;

struct Words {
  std::string jail;
  std::string address;
  std::string duration;
  std::uint32_t limit = 0;
  bool all = false;
};

std::string bans_text(const json& answer) {
  TextTable table({"ADDRESS", "JAIL", "UNTIL", "TIMES", "WHY"});
  for (const json& ban : answer["bans"]) {
    const json& end = ban["end"];
    table.add({ban.value("address", ""), ban.value("jail", ""),
               end.is_string() ? short_time(end.get<std::string>()) : "for ever",
               std::to_string(ban.value("count", 1U)), ban.value("reason", "")});
  }
  return table.empty() ? "nobody is banned\n" : table.to_text();
}

// Fills what the words say into the request. An address that is none is a matter of words.
util::Status fill(const Words& words, api::Request* request) {
  request->jail = words.jail;
  request->limit = words.limit;
  if (!words.address.empty()) {
    WARDER_ASSIGN_OR_RETURN(request->address, net::Prefix::parse(words.address));
  }
  if (!words.duration.empty()) {
    const auto duration = util::parse_duration(words.duration);
    if (!duration) {
      return duration.error().with_context("--for");
    }
    request->duration = std::chrono::floor<std::chrono::seconds>(*duration);
    if (request->duration->count() < 1 && request->duration->count() != -1) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("--for: '{}' is no time for a ban; write for instance 10m, 1h "
                                     "or 1d, or -1 for ever",
                                     util::printable(words.duration, 40)));
    }
  }
  return {};
}

// The common course: fill, ask, show.
ExitStatus fill_and_ask(const Globals& globals, api::Command command, const Words& words,
                        const std::function<std::string(const json&)>& text) {
  api::Request request;
  request.command = command;
  if (const util::Status filled = fill(words, &request); !filled) {
    complain(filled.error());
    return ExitStatus::kUsage;
  }
  return ask_and_print(globals, request, text);
}

}  // namespace

Run declare_bans(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--jail", words->jail, "only bans of this jail");
  app.add_option("--limit", words->limit, "at most this many rows")
      ->check(CLI::Range(1U, 1'000'000'000U));
  return [words](const Globals& globals) {
    return fill_and_ask(globals, api::Command::kBans, *words, bans_text);
  };
}

Run declare_ban(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("ADDRESS", words->address, "an address or prefix")->required();
  app.add_option("--jail", words->jail, "in the name of this jail (default: manual, every port)");
  app.add_option("--for", words->duration,
                 "how long, e.g. 1h; -1 is for ever (default: as the jail)");
  return [words](const Globals& globals) {
    return fill_and_ask(globals, api::Command::kBan, *words, [&](const json& answer) {
      return answer.value("in_effect", true) ? fmt::format("{} is banned\n", words->address)
                                             : fmt::format(
                                                   "{} is noted and not kept out at the moment; "
                                                   "`warder status` says why\n",
                                                   words->address);
    });
  };
}

Run declare_unban(CLI::App& app) {
  auto words = std::make_shared<Words>();
  auto* address = app.add_option("ADDRESS", words->address,
                                 "an address or prefix; bans inside it and around it are lifted");
  auto* all = app.add_flag("--all", words->all, "everybody");
  address->excludes(all);
  app.add_option("--jail", words->jail, "only bans of this jail");
  return [words](const Globals& globals) {
    if (words->address.empty() && !words->all) {
      complain(util::Error(util::ErrorCode::kInvalid, "name an address, or --all"));
      return ExitStatus::kUsage;
    }
    const std::vector<std::string> addresses = words->all
                                                   ? std::vector<std::string>{"0.0.0.0/0", "::/0"}
                                                   : std::vector<std::string>{words->address};
    std::uint64_t lifted = 0;
    for (const std::string& each : addresses) {
      words->address = each;
      api::Request request;
      request.command = api::Command::kUnban;
      if (const util::Status filled = fill(*words, &request); !filled) {
        complain(filled.error());
        return ExitStatus::kUsage;
      }
      const auto answer = ask_agent(globals, request);
      if (!answer) {
        return complain(answer.error());
      }
      lifted += json::parse(*answer).value("lifted", std::uint64_t{0});
    }
    const bool found = lifted != 0 || words->all;
    if (globals.json || found) {
      print(globals.json ? json{{"lifted", lifted}}.dump() + '\n'
                         : fmt::format("{} lifted\n", counted(lifted, "ban")));
    }
    return found ? ExitStatus::kOk
                 : complain(util::Error(
                       util::ErrorCode::kNotFound,
                       fmt::format("{} is not banned{}", words->address,
                                   words->jail.empty() ? "" : " by the jail " + words->jail)));
  };
}

}  // namespace warder::agent
