#include "agent/ask.h"
#include "agent/command.h"
#include "agent/output.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace warder::agent {
namespace {

using nlohmann::json;

ExitStatus test(const Globals& globals, const std::string& destination) {
  api::Request request;
  request.command = api::Command::kTestAlert;
  request.destination = destination;
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    return complain(answer.error());
  }
  const json document = json::parse(*answer);
  bool good = true;
  TextTable table({"DESTINATION", "RESULT"});
  for (const json& row : document["destinations"]) {
    const std::string error = row.value("error", "");
    good = good && error.empty();
    table.add({row.value("name", ""), error.empty() ? "delivered" : "FAILED: " + error});
  }
  if (globals.json) {
    print(*answer + '\n');
  } else {
    print(table.empty() ? "no destination is configured\n" : table.to_text());
  }
  return good ? ExitStatus::kOk : ExitStatus::kFailed;
}

ExitStatus retry(const Globals& globals, const std::string& destination) {
  api::Request request;
  request.command = api::Command::kRetryDead;
  request.destination = destination;
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    return complain(answer.error());
  }
  print(globals.json
            ? *answer + '\n'
            : fmt::format("to be tried again: {}\n",
                          counted(json::parse(*answer).value("revived", 0ULL), "dead letter")));
  return ExitStatus::kOk;
}

}  // namespace

Run declare_alerts(CLI::App& app) {
  app.require_subcommand(1);
  auto destination = std::make_shared<std::string>();
  CLI::App* test_words = app.add_subcommand("test", "send a test alert and say how it fared");
  test_words->add_option("DESTINATION", *destination, "only this one (default: all)");
  CLI::App* retry_words = app.add_subcommand("retry", "try again what was given up (dead letters)");
  retry_words->add_option("DESTINATION", *destination, "of this destination")->required();
  return [destination, test_words](const Globals& globals) {
    return test_words->parsed() ? test(globals, *destination) : retry(globals, *destination);
  };
}

}  // namespace warder::agent
