#pragma once

#include "agent/command.h"
#include "backup/keys.h"
#include "config/keys.h"
#include "engine/configuration.h"
#include "engine/shipping.h"
#include "ship/keys.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/options.h"
#include "vault/provider.h"
#include "vault/reference.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// What commands and the agent take from the configuration.
namespace warder::agent {

// The tables of all sections of the main configuration but [agent], which the engine has.
std::span<const config::Table* const> main_tables();

// Everything of the configuration, checked and compiled.
struct Loaded {
  engine::MainConfiguration main;
  std::shared_ptr<const engine::JailSet> jails;
  struct Destination {
    ship::DestinationOptions options;
    std::string text;  // equal text, equal destination
  };
  std::vector<Destination> destinations;
  std::vector<backup::SetOptions> backups;
};
// Empty when something is wrong.
std::optional<Loaded> load_all(const std::string& config, const engine::VaultDocuments& documents,
                               config::Diagnostics& diagnostics);

// What it says, as far as it is no default.
engine::Effective effective_of(const Loaded& loaded);

// The main configuration alone, for commands that need no more. kInvalid with all that is wrong.
util::Result<engine::MainConfiguration> read_main(const Globals& globals,
                                                  const engine::VaultDocuments& documents = {});

// The sections [backup NAME], each with the [storage NAME] it asks for; what is wrong beyond single
// keys goes to `diagnostics`.
std::vector<backup::SetOptions> backup_sets(const engine::MainConfiguration& main,
                                            config::Diagnostics& diagnostics);

util::Result<std::filesystem::path> database_path(const Globals& globals);
util::Result<std::filesystem::path> verifier_key_path(const Globals& globals);
util::Result<std::filesystem::path> control_socket(const Globals& globals);
util::Result<std::vector<std::filesystem::path>> filter_folders(const Globals& globals);
util::Result<vault::VaultOptions> configured_vault(const Globals& globals);
// `clock` must outlive the vault.
util::Result<std::unique_ptr<vault::Provider>> open_configured_vault(const Globals& globals,
                                                                     const util::Clock& clock);
vault::VaultOptions vault_options_of(const engine::MainConfiguration& main);

std::filesystem::path database_of(const engine::MainConfiguration& main);
// The secret key that signs checkpoints, and the public key that verifies them.
std::filesystem::path signing_key_of(const engine::MainConfiguration& main);
std::filesystem::path verifier_key_of(const engine::MainConfiguration& main);

// The names of the documents that lie over the files, for this host: shared ones and its own.
std::vector<std::string> document_names(std::string_view host);
// Those documents; one that does not exist is left out. The host's own ("hosts/NAME/jails") lies
// over the shared one ("jails") as a merge patch (RFC 7396): members it names win, null takes one
// away.
util::Result<engine::VaultDocuments> fetch_documents(const vault::DocumentSource& source,
                                                     std::string_view host);

// The same for a command, from the vault that is configured; none when there is none.
util::Result<engine::VaultDocuments> configured_documents(const Globals& globals);
// What an agent that starts now would run: with the vault's documents if they are there and good,
// else with the files alone, which is told on standard error. Empty, and told, when those are
// wrong.
std::optional<Loaded> load_as_agent(const Globals& globals);

// All of standard input, kInvalid beyond `limit` bytes.
util::Result<std::string> read_standard_input(std::size_t limit);

}  // namespace warder::agent
