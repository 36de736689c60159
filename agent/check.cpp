#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "config/file_reader.h"
#include "config/manual.h"
#include "files/options.h"
#include "jail/keys.h"
#include "monitor/options.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <memory>

namespace warder::agent {
namespace {

struct Words {
  bool schema = false;
  bool markdown = false;
  bool sample = false;
  bool no_vault = false;
};

std::vector<const config::Table*> all_tables() {
  std::vector<const config::Table*> tables{&engine::agent_table()};
  tables.insert(tables.end(), main_tables().begin(), main_tables().end());
  tables.push_back(&jail::jail_table());
  tables.push_back(&monitor::monitor_table());
  tables.push_back(&files::files_table());
  return tables;
}

// The vault's documents, or a warning why they were not looked at: the files can be checked
// without.
engine::VaultDocuments documents_of(const Globals& globals, config::Diagnostics& diagnostics) {
  auto documents = configured_documents(globals);
  if (!documents) {
    diagnostics.warning({.source = "vault"},
                        fmt::format("not looked at: {}", documents.error().message()));
    return {};
  }
  return std::move(*documents);
}

ExitStatus check(const Globals& globals, const Words& words) {
  config::Diagnostics diagnostics;
  engine::VaultDocuments documents;
  // A main file with errors says nothing of the vault; its own errors are told by load_all().
  if (!words.no_vault && read_main(globals)) {
    documents = documents_of(globals, diagnostics);
  }
  const auto loaded = load_all(globals.config.string(), documents, diagnostics);
  if (globals.json) {
    print(diagnostics.to_json() + '\n');
  } else {
    print(diagnostics.to_text());
    if (loaded) {
      const std::size_t left_out = loaded->jails->left_out.size();
      print(fmt::format("the configuration is good: {} enabled{}, {}\n",
                        counted(loaded->jails->jails.size() - 1, "jail"),
                        left_out == 0 ? "" : fmt::format(", {} left out", left_out),
                        counted(loaded->destinations.size(), "destination")));
    } else {
      print(fmt::format("{}; an agent that runs goes on as it is\n",
                        counted(diagnostics.errors(), "error")));
    }
  }
  return loaded ? ExitStatus::kOk : ExitStatus::kConfiguration;
}

}  // namespace

Run declare_check(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_flag("--schema", words->schema, "print the manual of all keys instead");
  app.add_flag("--markdown", words->markdown, "with --schema: as Markdown");
  app.add_flag("--sample", words->sample, "print a configuration with every key explained instead");
  app.add_flag("--no-vault", words->no_vault, "look at the files only");
  return [words](const Globals& globals) {
    if (words->schema) {
      print(words->markdown ? config::manual_markdown(all_tables())
                            : config::manual_text(all_tables()));
      return ExitStatus::kOk;
    }
    if (words->sample) {
      std::vector<const config::Table*> tables = all_tables();
      std::erase(tables, &jail::jail_table());  // they stand in files of their own
      std::erase(tables, &monitor::monitor_table());
      std::erase(tables, &files::files_table());
      print(config::sample_config(tables));
      return ExitStatus::kOk;
    }
    return check(globals, *words);
  };
}

}  // namespace warder::agent
