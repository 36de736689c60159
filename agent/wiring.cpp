#include "agent/wiring.h"

#include "agent/backup_sets.h"
#include "agent/no_configuration.h"
#include "api/keys.h"
#include "backup/keys.h"
#include "config/check.h"
#include "config/file_reader.h"
#include "config/manual.h"
#include "engine/backup_document.h"
#include "filter/time_zone.h"
#include "firewall/options.h"
#include "ship/keys.h"
#include "source/keys.h"
#include "storage/keys.h"
#include "store/keys.h"
#include "util/strings.h"
#include "vault/keys.h"
#include "vault/oci_options.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::agent {
namespace {

util::Result<std::optional<std::string>> fetch(const vault::DocumentSource& source,
                                               const std::string& name) {
  auto document = source(name);
  if (document) {
    return std::optional(std::string(document->content.view()));
  }
  if (document.error().code() == util::ErrorCode::kNotFound) {
    return std::optional<std::string>();
  }
  return document.error().with_context(fmt::format("vault document {}", name));
}

// "hosts/web-1/jails"; empty when the host's name cannot stand in a document's name.
std::string host_document(std::string_view host, std::string_view name) {
  const std::string own = fmt::format("hosts/{}/{}", util::to_lower(host), name);
  return vault::check_name(own) ? own : std::string();
}

util::Result<std::optional<std::string>> fetch_layered(const vault::DocumentSource& source,
                                                       std::string_view host,
                                                       std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(std::optional<std::string> shared, fetch(source, std::string(name)));
  const std::string own_name = host_document(host, name);
  if (own_name.empty()) {
    return shared;
  }
  WARDER_ASSIGN_OR_RETURN(std::optional<std::string> own, fetch(source, own_name));
  if (!own || !shared) {
    return own ? own : shared;
  }
  nlohmann::json merged = nlohmann::json::parse(*shared, nullptr, false);
  const nlohmann::json patch = nlohmann::json::parse(*own, nullptr, false);
  // One that is no object is handed on as it is, to be refused with its reason.
  if (!merged.is_object() || !patch.is_object()) {
    return merged.is_object() ? own : shared;
  }
  merged.merge_patch(patch);
  return std::optional(merged.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// The document `settings` may hold secrets beside the sections of the configuration, each a member
// by itself: they are no configuration, and nobody keeps a copy of them.
std::optional<std::string> sections_alone(const std::optional<std::string>& text) {
  if (!text) {
    return text;
  }
  nlohmann::json document = nlohmann::json::parse(*text, nullptr, false);
  if (!document.is_object()) {
    return text;
  }
  for (auto member = document.begin(); member != document.end();) {
    member = member->is_object() ? std::next(member) : document.erase(member);
  }
  return document.empty() ? std::nullopt
                          : std::optional(document.dump(-1, ' ', false,
                                                        nlohmann::json::error_handler_t::replace));
}

util::Error configuration_error(const config::Diagnostics& diagnostics) {
  return util::Error(
      util::ErrorCode::kConfiguration,
      fmt::format("the configuration has errors:\n{}", util::trim(diagnostics.to_text())));
}

// The clocks that quiet hours are read from.
void set_clocks(const config::Values& values, config::Diagnostics& diagnostics,
                ship::DestinationOptions* options) {
  if (options->shipper.quiet.hours.empty()) {
    return;
  }
  util::Result<filter::TimeZone> zone = filter::TimeZone::system();
  if (!options->quiet_zone.empty()) {
    zone = filter::TimeZone::parse(options->quiet_zone);
  }
  if (!zone) {
    diagnostics.add(values.about("quiet_timezone", zone.error().message()));
    return;
  }
  options->shipper.quiet.clocks = [zone = std::move(*zone)](util::WallTime time) {
    return zone.period_at(std::chrono::floor<std::chrono::seconds>(time)).offset;
  };
}

// The first one of a name stays.
void add_destination(const config::Values& values, config::Diagnostics& diagnostics,
                     std::vector<Loaded::Destination>* list) {
  if (!values.complete()) {
    return;
  }
  ship::DestinationOptions options = ship::destination_options(values, diagnostics);
  set_clocks(values, diagnostics, &options);
  if (std::none_of(list->begin(), list->end(), [&](const Loaded::Destination& one) {
        return one.options.name == options.name;
      })) {
    list->push_back({std::move(options), config::dump({&values, 1})});
  }
}

// The user that the agent runs as: who the folder of its state belongs to, if it is there. Nothing
// for that user: what it may not do it finds out by doing it, and a running agent does not refuse
// new rules for that.
std::optional<uid_t> agent_user(const std::filesystem::path& state) {
  struct stat info{};
  return ::stat(state.c_str(), &info) == 0 && info.st_uid != ::geteuid()
             ? std::optional(info.st_uid)
             : std::nullopt;
}

// One that does not exist is made by systemd.
void check_state(const config::Values& values, const std::filesystem::path& state,
                 config::Diagnostics& diagnostics) {
  std::error_code ignored;
  if (std::filesystem::exists(state, ignored) && !std::filesystem::is_directory(state, ignored)) {
    config::Diagnostic told = values.about("state", "it is no folder");
    told.allowed = "a folder that belongs to the agent's user, such as /var/lib/warder";
    diagnostics.add(std::move(told));
  }
}

}  // namespace

std::span<const config::Table* const> main_tables() {
  static const std::array<const config::Table*, 10> tables{
      &store::store_table(),      &firewall::options_table(), &source::source_table(),
      &vault::vault_table(),      &vault::server_table(),     &vault::oci_table(),
      &ship::destination_table(), &api::api_table(),          &backup::backup_table(),
      &storage::storage_table()};
  return tables;
}

std::optional<Loaded> load_all(const std::string& config, const engine::VaultDocuments& documents,
                               config::Diagnostics& diagnostics) {
  config::DiskFiles files;
  Loaded loaded{
      engine::load_main(files, config, documents, main_tables(), diagnostics), nullptr, {}, {}};
  // What is wrong in one section hides nothing of the others; but where the jails lie is known only
  // from a good [agent].
  const config::Checked& checked = loaded.main.checked;
  for (const config::Values* values : checked.all(ship::destination_table())) {
    add_destination(*values, diagnostics, &loaded.destinations);
  }
  if (const config::Values& values = checked.one(api::api_table()); values.complete()) {
    (void)api::server_options(values, diagnostics);  // does what it names exist?
  }
  if (checked.one(engine::agent_table()).complete()) {
    const std::filesystem::path& state = loaded.main.agent.state;
    check_state(checked.one(engine::agent_table()), state, diagnostics);
    if (const config::Values& values = checked.one(store::store_table()); values.complete()) {
      store::check_path(values, state, agent_user(state), diagnostics);
    }
    loaded.backups = backup_sets(loaded.main, diagnostics);
  }
  if (!checked.one(engine::agent_table()).complete() ||
      !checked.one(source::source_table()).complete()) {
    return std::nullopt;
  }
  loaded.jails =
      engine::load_jails(files, loaded.main, documents,
                         source::file_options(checked.one(source::source_table())), diagnostics);
  if (loaded.jails != nullptr) {
    for (const config::Section& section : loaded.jails->action_destinations) {
      const config::Values values = config::check(ship::destination_table(), section, diagnostics);
      add_destination(values, diagnostics, &loaded.destinations);
    }
  }
  if (diagnostics.has_errors()) {
    return std::nullopt;
  }
  return loaded;
}

engine::Effective effective_of(const Loaded& loaded) {
  engine::Effective effective = loaded.jails->effective;
  const config::Checked& checked = loaded.main.checked;
  engine::add_effective(checked.one(engine::agent_table()), effective);
  for (const config::Table* table : main_tables()) {
    for (const config::Values* values : checked.all(*table)) {
      engine::add_effective(*values, effective);
    }
  }
  return effective;
}

util::Result<engine::MainConfiguration> read_main(const Globals& globals,
                                                  const engine::VaultDocuments& documents) {
  config::DiskFiles files;
  config::Diagnostics diagnostics;
  engine::MainConfiguration main =
      engine::load_main(files, globals.config.string(), documents, main_tables(), diagnostics);
  if (diagnostics.has_errors()) {
    return configuration_error(diagnostics);
  }
  return main;
}

std::vector<backup::SetOptions> backup_sets(const engine::MainConfiguration& main,
                                            config::Diagnostics& diagnostics) {
  return backup_sets_of(main.checked, main.agent.state, diagnostics);
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
  if (!has_configuration(globals)) {
    fmt::print(stderr,
               "warder: there is no {}; the vault is the one that the environment names (VAULT_*, "
               "OCI_*, WARDER_VAULT_FILE), else the embedded one\n",
               globals.config.string());
    WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration none, main_without_files());
    return vault_options_of(none);
  }
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  return vault_options_of(main);
}

util::Result<std::unique_ptr<vault::Provider>> open_configured_vault(const Globals& globals,
                                                                     const util::Clock& clock) {
  WARDER_ASSIGN_OR_RETURN(const vault::VaultOptions options, configured_vault(globals));
  return vault::open_vault(options, vault::Copies::kNone, clock);
}

vault::VaultOptions vault_options_of(const engine::MainConfiguration& main) {
  return vault::vault_options(main.checked, main.agent.state, vault::process_environment());
}

std::filesystem::path database_of(const engine::MainConfiguration& main) {
  return store::store_options(main.checked.one(store::store_table()), main.agent.state,
                              main.agent.name)
      .path;
}

std::filesystem::path signing_key_of(const engine::MainConfiguration& main) {
  return main.agent.state / "checkpoint.key";
}

std::filesystem::path verifier_key_of(const engine::MainConfiguration& main) {
  return main.agent.state / "checkpoint.pub";
}

std::vector<std::string> document_names(std::string_view host) {
  std::vector<std::string> names;
  for (const std::string_view name :
       {"jails", "alerts", "settings", "security", "performance", "backup"}) {
    names.emplace_back(name);
    if (std::string own = host_document(host, name); !own.empty()) {
      names.push_back(std::move(own));
    }
  }
  return names;
}

util::Result<engine::VaultDocuments> fetch_documents(const vault::DocumentSource& source,
                                                     std::string_view host) {
  engine::VaultDocuments documents;
  WARDER_ASSIGN_OR_RETURN(documents.jails, fetch_layered(source, host, "jails"));
  WARDER_ASSIGN_OR_RETURN(documents.alerts, fetch_layered(source, host, "alerts"));
  WARDER_ASSIGN_OR_RETURN(const auto settings, fetch_layered(source, host, "settings"));
  documents.settings = sections_alone(settings);
  WARDER_ASSIGN_OR_RETURN(documents.sqlite.security, fetch_layered(source, host, "security"));
  WARDER_ASSIGN_OR_RETURN(documents.sqlite.performance, fetch_layered(source, host, "performance"));
  WARDER_ASSIGN_OR_RETURN(const auto backup, fetch_layered(source, host, "backup"));
  documents.backup = engine::backup_rules(backup);
  return documents;
}

util::Result<engine::VaultDocuments> configured_documents(const Globals& globals) {
  const util::SystemClock clock;
  WARDER_ASSIGN_OR_RETURN(const vault::VaultOptions options, configured_vault(globals));
  std::error_code error;
  // No vault is no trouble; one that does not answer, or whose key is gone, is.
  if (options.kind == vault::ProviderKind::kFile && !std::filesystem::exists(options.path, error)) {
    return engine::VaultDocuments();
  }
  WARDER_ASSIGN_OR_RETURN(const auto provider,
                          vault::open_vault(options, vault::Copies::kNone, clock));
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  return fetch_documents([&](std::string_view name) { return provider->get(name); },
                         main.agent.name);
}

std::optional<Loaded> load_as_agent(const Globals& globals) {
  engine::VaultDocuments documents;
  if (auto fetched = configured_documents(globals)) {
    documents = std::move(*fetched);
  } else {
    fmt::print(stderr, "warder: the vault's documents were not looked at: {}\n",
               fetched.error().message());
  }
  config::Diagnostics diagnostics;
  auto loaded = load_all(globals.config.string(), documents, diagnostics);
  if (!loaded && documents.any()) {
    fmt::print(stderr, "warder: the vault's documents have errors, the files alone count:\n{}",
               diagnostics.to_text());
    diagnostics = {};
    loaded = load_all(globals.config.string(), {}, diagnostics);
  }
  if (!loaded) {
    fmt::print(stderr, "warder: the configuration has errors:\n{}", diagnostics.to_text());
  }
  return loaded;
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
