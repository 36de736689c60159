#include "agent/backup/environment.h"

#include "agent/backup_sets.h"
#include "agent/no_configuration.h"
#include "agent/user_name.h"
#include "backup/report_box.h"
#include "backup/vault_snapshot.h"
#include "config/file_reader.h"
#include "config/vault_path.h"
#include "store/checkpoint.h"
#include "store/reader.h"
#include "util/encoding.h"
#include "util/strings.h"
#include "vault/keys.h"
#include "vault/oci_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace warder::agent {
namespace {

using util::Error;
using util::ErrorCode;

// The set whose passphrase may open a file: the one of its name, else the first, else one that
// knows no passphrase but the one given.
std::vector<backup::SetOptions> set_of_file(const std::filesystem::path& file,
                                            std::vector<backup::SetOptions> sets,
                                            const std::filesystem::path& state) {
  const auto parts = backup::parse_file_name(file.filename().string());
  const auto own =
      std::ranges::find(sets, parts ? parts->name : std::string(), &backup::SetOptions::name);
  backup::SetOptions set;
  if (own != sets.end()) {
    set = *own;
  } else if (!sets.empty()) {
    set = sets.front();
  } else {
    set.name = "file";
    set.folder = state / "backups" / "file";
    set.unpacked_limit = util::mebibytes(64UL * 1024);
  }
  set.storage.clear();  // a file at hand needs none
  return {std::move(set)};
}

// A vault that does not answer stops what makes and removes backups: its document says how long
// they are kept. It stops nobody who looks, verifies or restores.
bool needs_documents(const BackupWords& words) {
  return words.verb == "now" || words.verb == "re-encrypt" ||
         (words.verb == "prune" && !words.dry_run);
}

using Configured = std::pair<engine::MainConfiguration, std::vector<backup::SetOptions>>;

util::Result<Configured> read_sets(const Globals& globals,
                                   const engine::VaultDocuments& documents) {
  WARDER_ASSIGN_OR_RETURN(engine::MainConfiguration main, read_main(globals, documents));
  config::Diagnostics diagnostics;
  std::vector<backup::SetOptions> sets = backup_sets(main, diagnostics);
  if (diagnostics.has_errors()) {
    return Error(ErrorCode::kInvalid, fmt::format("the configuration has errors:\n{}",
                                                  util::trim(diagnostics.to_text())));
  }
  return Configured(std::move(main), std::move(sets));
}

}  // namespace

util::Result<std::unique_ptr<BackupEnvironment>> BackupEnvironment::open(const BackupWords& words) {
  if (!has_configuration(words.globals)) {
    WARDER_ASSIGN_OR_RETURN(engine::MainConfiguration none, main_without_files());
    std::unique_ptr<BackupEnvironment> environment(new BackupEnvironment(words, std::move(none)));
    environment->configured_ = false;
    const util::Status recovered = environment->recover();
    if (!recovered && words.file.empty()) {
      return recovered.error().with_context(
          fmt::format("there is no {}", words.globals.config.string()));
    }
    WARDER_RETURN_IF_ERROR(environment->choose_sets());
    return environment;
  }
  engine::VaultDocuments documents;
  std::optional<Error> trouble;
  if (words.file.empty()) {
    if (auto fetched = configured_documents(words.globals)) {
      documents = std::move(*fetched);
    } else {
      trouble = fetched.error();
    }
  }
  auto configured = read_sets(words.globals, documents);
  if (!configured && documents.any() && !needs_documents(words)) {
    // Whoever needs a backup back need not mend a document first.
    fmt::print(stderr,
               "warder backup: the vault's documents have errors, the files alone count: {}\n",
               configured.error().message());
    configured = read_sets(words.globals, {});
  }
  if (!configured) {
    return configured.error();
  }
  auto& [main, sets] = *configured;
  std::unique_ptr<BackupEnvironment> environment(new BackupEnvironment(words, std::move(main)));
  environment->sets_ = std::move(sets);
  if (environment->sets_.empty() && words.file.empty()) {
    if (const util::Status recovered = environment->recover(); !recovered) {
      return recovered.error().with_context(
          "the configuration has no section [backup NAME] (see the README of src/backup)");
    }
  }
  WARDER_RETURN_IF_ERROR(environment->choose_sets());
  if (trouble &&
      (trouble->code() == ErrorCode::kUnavailable || trouble->code() == ErrorCode::kTimeout)) {
    // Who waited for it in vain does not wait again.
    environment->vault_opened_ = true;
    environment->vault_trouble_ = trouble;
  }
  if (trouble && needs_documents(words)) {
    environment->documents_trouble_ = trouble->with_context(
        "the vault, whose documents say how long backups are kept, cannot be read");
  } else if (trouble) {
    fmt::print(stderr,
               "warder backup: the vault's documents were not looked at, the files alone count: "
               "{}\n",
               trouble->message());
  }
  return environment;
}

util::Status BackupEnvironment::choose_sets() {
  if (!words_.set.empty()) {
    std::string known;
    for (const backup::SetOptions& set : sets_) {
      known += (known.empty() ? "" : ", ") + set.name;
    }
    std::erase_if(sets_, [&](const backup::SetOptions& set) { return set.name != words_.set; });
    if (sets_.empty()) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("there is no section [backup {}]; there is: {}",
                               util::printable(words_.set), known));
    }
  }
  if (!words_.file.empty()) {
    sets_ = set_of_file(words_.file, std::move(sets_), main_.agent.state);
  }
  if (words_.no_encryption) {
    for (backup::SetOptions& set : sets_) {
      set.encryption = backup::Encryption::kNone;
    }
  }
  return {};
}

util::Status BackupEnvironment::recover() {
  constexpr std::string_view kVerbs[] = {"list", "verify", "restore"};
  if (std::ranges::find(kVerbs, words_.verb) == std::end(kVerbs)) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("`warder backup {}` is for a host with a section [backup NAME]; on an "
                             "empty machine there are list, verify and restore",
                             words_.verb));
  }
  if (const auto& trouble = open_vault()) {
    return trouble->with_context("the vault does not help out");
  }
  const auto document = provider_->get(backup::kRecoveryDocument);
  if (!document) {
    return document.error().code() == ErrorCode::kNotFound
               ? Error(ErrorCode::kNotFound,
                       fmt::format("the vault has no document {} either, which `warder backup "
                                   "publish` writes on the host that makes the backups; write a "
                                   "warder.conf with [backup NAME] and [storage NAME]",
                                   backup::kRecoveryDocument))
               : document.error().with_context("asking the vault where the backups lie");
  }
  WARDER_ASSIGN_OR_RETURN(
      const backup::Recovery recovery,
      backup::read_recovery(document->content.view(), words_.host, main_.agent.name));
  WARDER_ASSIGN_OR_RETURN(RecoveredSets recovered, recovered_sets(recovery, main_.agent.state));
  places_ = std::move(recovered.places);
  sets_ = std::move(recovered.sets);
  fmt::print(stderr,
             "warder backup: where the backups of {} lie is taken from the vault, document {} "
             "version {}\n",
             util::printable(recovery.host), backup::kRecoveryDocument, document->version);
  return {};
}

util::Result<BackupEnvironment::Published> BackupEnvironment::publish() {
  if (const auto& trouble = open_vault()) {
    return *trouble;
  }
  backup::RecoveryEntry entry = backup::recovery_entry(places_, sets_);
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t version,
                          backup::publish_entry(*provider_, main_.agent.name, entry, user_name()));
  return Published{
      version == 0 ? fmt::format("the vault's document {} holds all of {} already\n",
                                 backup::kRecoveryDocument, main_.agent.name)
                   : fmt::format("the vault's document {} is now version {}: {} of {}\n",
                                 backup::kRecoveryDocument, version,
                                 util::counted(entry.sections.size(), "section"), main_.agent.name),
      std::move(entry.lacking)};
}

std::optional<backup::Health> BackupEnvironment::recovery(const backup::SetOptions& set) {
  using backup::HealthState;
  const std::string what = "recovery";
  if (const auto& trouble = open_vault()) {
    // No vault at all is no lack.
    return trouble->code() == ErrorCode::kNotFound
               ? std::nullopt
               : std::optional(backup::Health{what, HealthState::kNotice,
                                              "whether an empty machine could restore is not known",
                                              trouble->message(), "warder vault test"});
  }
  const backup::RecoveryEntry entry = backup::recovery_entry(places_, {set});
  const auto published = backup::published_entry(*provider_, main_.agent.name);
  if (!published) {
    return backup::Health{what, HealthState::kNotice,
                          "whether an empty machine could restore is not known",
                          published.error().message(), "warder vault test"};
  }
  if (backup::recovery_part(*published, set) != entry.sections) {
    return backup::Health{
        what, HealthState::kNotice,
        "a restore on an empty machine would need warder.conf beside the vault's identity",
        published->is_null() ? "where the backups lie does not stand in the vault"
                             : "the vault has something else than the configuration",
        "warder backup publish"};
  }
  if (!entry.lacking.empty()) {
    return backup::Health{what,
                          HealthState::kNotice,
                          "a restore on an empty machine would need more than the vault's identity",
                          fmt::format("{}", fmt::join(entry.lacking, "\n")),
                          {}};
  }
  return backup::Health{
      what, HealthState::kGood, "the vault holds what a restore on an empty machine needs", {}, {}};
}

const std::optional<Error>& BackupEnvironment::open_vault() {
  if (vault_opened_) {
    return vault_trouble_;
  }
  vault_opened_ = true;
  const vault::VaultOptions options = vault_options_of(main_);
  auto opened = vault::open_vault(options, vault::Copies::kNone, clock_);
  if (!opened) {
    vault_trouble_ = opened.error();
    return vault_trouble_;
  }
  provider_ = std::move(*opened);
  if (options.kind == vault::ProviderKind::kServer) {
    auto server = vault::open_server_vault(options, vault::Copies::kNone, clock_);
    if (!server) {
      vault_trouble_ = server.error();
      return vault_trouble_;
    }
    server_ = std::move(*server);
    transit_ = std::make_unique<vault::Transit>(*server_);
  }
  return vault_trouble_;
}

util::Result<storage::Storage*> BackupEnvironment::storage(const std::string& name) {
  const auto known = storages_.find(name);
  if (known != storages_.end()) {
    return known->second.get();
  }
  storage::StorageParts parts;
  parts.resolve =
      [this](const config::SecretReference& reference) -> util::Result<crypto::SecretString> {
    if (reference.kind == config::SecretReference::Kind::kVault) {
      if (const auto& trouble = open_vault()) {
        return trouble->with_context(reference.to_string());
      }
      if (config::is_vault_path(reference.document) && upkeep_ == nullptr) {
        upkeep_ = std::make_unique<vault::Upkeep>(*provider_);
      }
    }
    return vault::resolve(reference,
                          [this](std::string_view document) { return provider_->get(document); });
  };
  parts.doubt = [this](const config::SecretReference& reference) {
    if (provider_ != nullptr) {
      provider_->doubt(reference.document);
    }
  };
  parts.oci_account = [this]() -> util::Result<storage::StorageParts::OciAccount> {
    WARDER_ASSIGN_OR_RETURN(vault::OciAccount account,
                            vault::open_oci_account(main_.checked.one(vault::oci_table()),
                                                    vault::process_environment(), clock_));
    return storage::StorageParts::OciAccount{std::move(account.credentials),
                                             std::move(account.endpoints), account.http};
  };
  config::Diagnostics ignored;  // backup_sets() has told them
  for (const config::Values* values : places_.all(storage::storage_table())) {
    if (values->name() != name) {
      continue;
    }
    WARDER_ASSIGN_OR_RETURN(
        std::unique_ptr<storage::Storage> opened,
        storage::open_storage(storage::storage_options(*values, ignored), parts, clock_));
    return storages_.emplace(name, std::move(opened)).first->second.get();
  }
  return Error(ErrorCode::kNotFound, fmt::format("there is no section [storage {}]", name));
}

std::optional<backup::HistoryMark> BackupEnvironment::history() const {
  if (!configured_) {
    return std::nullopt;
  }
  const auto checkpoint = store::newest_checkpoint(database_of(main_));
  if (!checkpoint) {
    return std::nullopt;
  }
  return backup::HistoryMark{checkpoint->origin, checkpoint->size,
                             util::to_base64(checkpoint->root)};
}

util::Result<backup::Keeper> BackupEnvironment::keeper(const backup::SetOptions& set,
                                                       backup::StageProgress progress) {
  backup::VaultPassphrases::Parts parts;
  parts.reference = set.passphrase;
  parts.data_key = set.data_key;
  if (!words_.passphrase_file.empty()) {
    WARDER_ASSIGN_OR_RETURN(
        parts.given, vault::resolve({config::SecretReference::Kind::kFile,
                                     {},
                                     std::filesystem::absolute(words_.passphrase_file).string()},
                                    {}));
  }
  if (documents_trouble_) {
    return *documents_trouble_;
  }
  const bool snapshot = set.vault && words_.verb == "now";
  // Neither opens a backup nor looks at a seal.
  if (words_.verb != "list" && !(words_.verb == "prune" && words_.dry_run)) {
    parts.trouble = open_vault();
  }
  if (snapshot && parts.trouble) {
    return *parts.trouble;
  }
  parts.provider = provider_.get();
  parts.transit = transit_.get();
  passphrases_.push_back(std::make_unique<backup::VaultPassphrases>(std::move(parts)));
  storage::Storage* outside = nullptr;
  std::optional<Error> outside_trouble;
  if (!set.storage.empty()) {
    if (auto opened = storage(set.storage)) {
      outside = *opened;
    } else {
      outside_trouble = opened.error().with_context(fmt::format("[storage {}]", set.storage));
    }
  }
  return backup::Keeper({set,
                         passphrases_.back().get(),
                         outside,
                         std::move(outside_trouble),
                         clock_,
                         main_.agent.name,
                         fmt::format("warder {}", WARDER_VERSION),
                         history(),
                         std::move(progress),
                         {},
                         snapshot ? snapshot_source() : backup::SnapshotSource()});
}

backup::SnapshotSource BackupEnvironment::snapshot_source() {
  if (server_ == nullptr) {
    return {};
  }
  return [this](const std::filesystem::path& target, const backup::Progress& progress) {
    return backup::fetch_vault_snapshot(*server_, target, progress);
  };
}

backup::Report BackupEnvironment::failed(const std::string& verb, const backup::SetOptions& set,
                                         const util::Error& error) const {
  backup::Report report;
  report.verb = verb;
  report.set = set.name;
  report.host = main_.agent.name;
  report.begun = clock_.now();
  report.fail(error, "it could not be begun");
  if (verb == "now") {
    report.failures_in_a_row = backup::count_failure(set.folder, set.name, report.begun);
  }
  return report;
}

util::Status BackupEnvironment::tell(const backup::Report& report) const {
  std::error_code error;
  // A machine without an agent has nobody to tell.
  if (!configured_ || !std::filesystem::is_directory(main_.agent.state, error)) {
    return {};
  }
  return backup::leave_report(main_.agent.state, report);
}

}  // namespace warder::agent
