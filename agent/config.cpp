// `warder config diff`: what the files say, what the vault's documents make of it, and what runs.
#include "agent/ask.h"
#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <set>
#include <string>

namespace warder::agent {
namespace {

using engine::Effective;
using nlohmann::json;

// One column: what it says, or why it says nothing.
struct Column {
  std::optional<Effective> says;
  std::string why;
};

Column column_of(const Globals& globals, const engine::VaultDocuments& documents) {
  config::Diagnostics diagnostics;
  const auto loaded = load_all(globals.config.string(), documents, diagnostics);
  if (!loaded) {
    return {std::nullopt, diagnostics.to_text()};
  }
  return {effective_of(*loaded), {}};
}

Column vault_column(const Globals& globals) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return {std::nullopt, provider.error().message()};
  }
  const auto main = read_main(globals);
  if (!main) {
    return {std::nullopt, main.error().message()};
  }
  const auto documents = fetch_documents(
      [&](std::string_view name) { return (*provider)->get(name); }, main->agent.name);
  if (!documents) {
    return {std::nullopt, documents.error().message()};
  }
  return column_of(globals, *documents);
}

Column running_column(const Globals& globals) {
  api::Request request;
  request.command = api::Command::kConfiguration;
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    return {std::nullopt, answer.error().message()};
  }
  const json document = json::parse(*answer, nullptr, false);
  Effective says;
  for (const auto& [section, keys] : document.items()) {
    for (const auto& [key, value] : keys.items()) {
      says[section][key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return {std::move(says), {}};
}

constexpr std::string_view kDefault = "(default)";

std::string value_of(const Column& column, const std::string& section, const std::string& key) {
  if (!column.says) {
    return "?";
  }
  const auto keys = column.says->find(section);
  if (keys == column.says->end() || !keys->second.contains(key)) {
    return std::string(kDefault);
  }
  std::string text = keys->second.at(key);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

ExitStatus diff(const Globals& globals) {
  const Column files = column_of(globals, {});
  const Column vault = vault_column(globals);
  const Column running = running_column(globals);
  std::set<std::pair<std::string, std::string>> names;
  for (const Column* column : {&files, &vault, &running}) {
    for (const auto& [section, keys] : column->says.value_or(Effective())) {
      for (const auto& [key, value] : keys) {
        names.emplace(section, key);
      }
    }
  }
  TextTable table({"SECTION", "KEY", "FILES", "WITH VAULT", "RUNNING"});
  json rows = json::array();
  for (const auto& [section, key] : names) {
    const std::string a = value_of(files, section, key);
    const std::string b = value_of(vault, section, key);
    const std::string c = value_of(running, section, key);
    if ((a == b || !vault.says || !files.says) && (b == c || !running.says || !vault.says) &&
        (a == c || !running.says || !files.says)) {
      continue;
    }
    table.add({section, key, a, b, c});
    rows.push_back(
        {{"section", section}, {"key", key}, {"files", a}, {"vault", b}, {"running", c}});
  }
  json unknown = json::object();
  std::string text = table.empty() ? "" : table.to_text();
  for (const auto& [name, column] :
       {std::pair("files", &files), {"vault", &vault}, {"running", &running}}) {
    if (!column->says) {
      unknown[name] = column->why;
      text += fmt::format("{}{}: {}\n", text.empty() ? "" : "\n", name, column->why);
    }
  }
  if (globals.json) {
    print(json{{"differences", std::move(rows)}, {"unknown", std::move(unknown)}}.dump() + '\n');
  } else {
    print(text.empty() ? "files, vault and the running agent say the same\n" : text);
  }
  return ExitStatus::kOk;
}

}  // namespace

Run declare_config(CLI::App& app) {
  app.require_subcommand(1);
  app.add_subcommand("diff",
                     "what differs between the files, the vault's documents over them, and "
                     "what the agent runs; ? where one of them cannot be read");
  return [](const Globals& globals) { return diff(globals); };
}

}  // namespace warder::agent
