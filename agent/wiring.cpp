#include "agent/wiring.h"

#include "api/keys.h"
#include "config/file_reader.h"
#include "firewall/options.h"
#include "ship/keys.h"
#include "source/keys.h"
#include "store/keys.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <unistd.h>

namespace warder::agent {
namespace {

util::Result<std::optional<std::string>> fetch(vault::Provider& provider, std::string_view name) {
  auto document = provider.get(name);
  if (document) {
    return std::optional(std::string(document->content.view()));
  }
  if (document.error().code() == util::ErrorCode::kNotFound) {
    return std::optional<std::string>();
  }
  return document.error().with_context(fmt::format("vault document {}", name));
}

util::Error configuration_error(const config::Diagnostics& diagnostics) {
  return util::Error(util::ErrorCode::kInvalid, fmt::format("the configuration has errors:\n{}",
                                                            util::trim(diagnostics.to_text())));
}

}  // namespace

std::span<const config::Table* const> main_tables() {
  static const std::array<const config::Table*, 6> tables{
      &store::store_table(), &firewall::options_table(), &source::source_table(),
      &vault::vault_table(), &ship::destination_table(), &api::api_table()};
  return tables;
}

std::optional<Loaded> load_all(const std::string& config, const engine::VaultDocuments& documents,
                               config::Diagnostics& diagnostics) {
  config::DiskFiles files;
  Loaded loaded{
      engine::load_main(files, config, documents, main_tables(), diagnostics), nullptr, {}};
  // What is wrong in one section hides nothing of the others; but where the jails lie is known only
  // from a good [agent].
  const config::Checked& checked = loaded.main.checked;
  for (const config::Values* values : checked.all(ship::destination_table())) {
    if (values->complete()) {
      loaded.destinations.push_back(ship::destination_options(*values, diagnostics));
    }
  }
  if (!checked.one(engine::agent_table()).complete() ||
      !checked.one(source::source_table()).complete()) {
    return std::nullopt;
  }
  loaded.jails =
      engine::load_jails(files, loaded.main, documents,
                         source::file_options(checked.one(source::source_table())), diagnostics);
  if (diagnostics.has_errors()) {
    return std::nullopt;
  }
  return loaded;
}

util::Result<engine::MainConfiguration> read_main(const Globals& globals) {
  config::DiskFiles files;
  config::Diagnostics diagnostics;
  engine::MainConfiguration main =
      engine::load_main(files, globals.config.string(), {}, main_tables(), diagnostics);
  if (diagnostics.has_errors()) {
    return configuration_error(diagnostics);
  }
  return main;
}

util::Result<std::filesystem::path> database_path(const Globals& globals) {
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  return database_of(main);
}

util::Result<std::filesystem::path> verifier_key_path(const Globals& globals) {
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  return verifier_key_of(main);
}

util::Result<std::filesystem::path> control_socket(const Globals& globals) {
  // An agent goes on with what it read before the files got their errors, and must be askable.
  config::DiskFiles files;
  config::Diagnostics diagnostics;
  const engine::MainConfiguration main =
      engine::load_main(files, globals.config.string(), {}, main_tables(), diagnostics);
  std::error_code ignored;
  const config::Values& api = main.checked.one(api::api_table());
  if (diagnostics.has_errors() &&
      !(api.complete() && std::filesystem::exists(globals.config, ignored))) {
    return configuration_error(diagnostics);
  }
  return api.path("socket");
}

util::Result<std::vector<std::filesystem::path>> filter_folders(const Globals& globals) {
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  return main.agent.filters;
}

util::Result<vault::VaultOptions> configured_vault(const Globals& globals) {
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  return vault::vault_options(main.checked.one(vault::vault_table()));
}

util::Result<std::unique_ptr<vault::Provider>> open_configured_vault(const Globals& globals,
                                                                     const util::Clock& clock) {
  WARDER_ASSIGN_OR_RETURN(const vault::VaultOptions options, configured_vault(globals));
  return vault::open_vault(options, clock);
}

std::filesystem::path database_of(const engine::MainConfiguration& main) {
  return store::store_options(main.checked.one(store::store_table()), main.agent.name).path;
}

std::filesystem::path signing_key_of(const engine::MainConfiguration& main) {
  return main.agent.state / "checkpoint.key";
}

std::filesystem::path verifier_key_of(const engine::MainConfiguration& main) {
  return main.agent.state / "checkpoint.pub";
}

util::Result<engine::VaultDocuments> fetch_documents(vault::Provider& provider) {
  engine::VaultDocuments documents;
  WARDER_ASSIGN_OR_RETURN(documents.jails, fetch(provider, "jails"));
  WARDER_ASSIGN_OR_RETURN(documents.alerts, fetch(provider, "alerts"));
  return documents;
}

util::Result<std::string> read_standard_input(std::size_t limit) {
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return util::errno_error("reading standard input", errno);
    }
    if (got == 0) {
      return text;
    }
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > limit) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("standard input is longer than {} bytes", limit));
    }
  }
}

}  // namespace warder::agent
