#include "agent/command.h"
#include "agent/output.h"
#include "agent/user_name.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "config/vault_path.h"
#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/duration.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/oci_vault.h"
#include "vault/reference.h"
#include "vault/stages.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <unistd.h>
#include <vector>

namespace warder::agent {
namespace {

using nlohmann::json;

using Words = VaultWords;

// KV version 2 tells no sizes.
std::string size_text(const vault::VersionInfo& info) {
  return info.size == 0 ? std::string() : std::to_string(info.size);
}

util::Error no_stages() {
  return {util::ErrorCode::kInvalid,
          "--stage: only OCI Vault has stages; here versions have numbers: --version N"};
}

// As the scripts' words, which know of one document only.
std::string document_or_settings(const Words& words) {
  return words.name.empty() ? "settings" : words.name;
}

ExitStatus get(const Globals& globals, const Words& words) {
  const std::string name = document_or_settings(words);
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  std::optional<std::uint64_t> version;
  if (words.version != 0) {
    version = words.version;
  }
  util::Result<vault::Document> document = util::Error(util::ErrorCode::kInternal, "");
  if (words.stage.empty()) {
    document = (*provider)->get(name, version);
  } else if (auto* const staged = dynamic_cast<vault::StagedProvider*>(provider->get());
             staged != nullptr) {
    document = staged->get_stage(name, words.stage);
  } else {
    return complain(no_stages()), ExitStatus::kUsage;
  }
  if (!document) {
    return complain(document.error());
  }
  crypto::SecretString content = std::move(document->content);
  if (!words.key.empty()) {
    auto member = vault::document_member(content, words.key);
    if (!member) {
      return complain(member.error());
    }
    content = std::move(*member);
  }
  if (words.output.empty()) {
    print(content.view());
    if (::isatty(STDOUT_FILENO) != 0) {
      print("\n");
    }
    return ExitStatus::kOk;
  }
  const util::Status written = util::write_file_atomically(words.output, content.view(), 0600);
  return written ? ExitStatus::kOk : complain(written.error());
}

ExitStatus list(const Globals& globals) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const auto documents = (*provider)->list();
  if (!documents) {
    return complain(documents.error());
  }
  TextTable table({"DOCUMENT", "VERSION", "WRITTEN", "BYTES", "BY"});
  json rows = json::array();
  for (const vault::DocumentInfo& info : *documents) {
    const std::string time = util::format_rfc3339(info.latest.time);
    rows.push_back({{"name", info.name},
                    {"version", info.latest.version},
                    {"time", time},
                    {"size", info.latest.size},
                    {"author", info.latest.author}});
    table.add({info.name, std::to_string(info.latest.version), short_time(time),
               size_text(info.latest), info.latest.author});
  }
  print(globals.json ? rows.dump() + '\n'
                     : (table.empty() ? "the vault is empty\n" : table.to_text()));
  return ExitStatus::kOk;
}

// What a document is made of, without one value of it.
ExitStatus show(const Globals& globals, const Words& words) {
  const std::string name = document_or_settings(words);
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const auto document = (*provider)->get(name);
  if (!document) {
    return complain(document.error());
  }
  const json content = json::parse(document->content.view(), nullptr, false);
  json members = json::object();
  TextTable table({"MEMBER", "KIND"});
  if (content.is_object()) {
    for (const auto& [member, value] : content.items()) {
      const std::string kind =
          value.is_object() ? fmt::format("object of {}", value.size()) : value.type_name();
      members[member] = kind;
      table.add({member, kind});
    }
  }
  const std::string head =
      fmt::format("{}, version {}, written {}, {} bytes{}\n", name, document->version,
                  short_time(util::format_rfc3339(document->time)), document->content.size(),
                  content.is_object() ? "" : ", no JSON object");
  if (globals.json) {
    print(json{{"name", name},
               {"version", document->version},
               {"time", util::format_rfc3339(document->time)},
               {"size", document->content.size()},
               {"members", members}}
              .dump() +
          '\n');
  } else {
    print(head + (table.empty() ? "" : table.to_text()));
  }
  return ExitStatus::kOk;
}

ExitStatus history(const Globals& globals, const Words& words) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const auto versions = (*provider)->history(words.name);
  if (!versions) {
    return complain(versions.error());
  }
  TextTable table({"VERSION", "WRITTEN", "BYTES", "BY", "WHY"});
  json rows = json::array();
  for (const vault::VersionInfo& info : *versions) {
    const std::string time = util::format_rfc3339(info.time);
    rows.push_back({{"version", info.version},
                    {"time", time},
                    {"size", info.size},
                    {"author", info.author},
                    {"comment", info.comment}});
    table.add({std::to_string(info.version), short_time(time), size_text(info), info.author,
               info.comment});
  }
  print(globals.json ? rows.dump() + '\n' : table.to_text());
  return ExitStatus::kOk;
}

ExitStatus remove(const Globals& globals, const Words& words) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const util::Status removed =
      words.recoverable ? (*provider)->retract(words.name) : (*provider)->remove(words.name);
  if (!removed) {
    return complain_of_writing(**provider, removed.error());
  }
  print(
      words.recoverable
          ? fmt::format("{0} is gone; warder vault undelete {0} brings it back\n", words.name)
      : (*provider)->kind() == "oci"
          ? fmt::format("{} cannot be read any more; OCI deletes it in {} days, and until then its "
                        "name is taken and the console can cancel its deletion\n",
                        words.name, vault::OciVault::kDeletionDays)
          : fmt::format("{} is gone with all its versions\n", words.name));
  return ExitStatus::kOk;
}

ExitStatus undelete(const Globals& globals, const Words& words) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  if (const util::Status back = (*provider)->undelete(words.name); !back) {
    if ((*provider)->kind() == "oci") {
      return complain(util::Error(
          back.error().code(),
          fmt::format("{}: the deletion of a secret of OCI Vault is cancelled in its console, or "
                      "with: oci vault secret cancel-secret-deletion --secret-id OCID",
                      words.name)));
    }
    return complain_of_writing(**provider, back.error());
  }
  print(fmt::format("{} is there again\n", words.name));
  return ExitStatus::kOk;
}

// Wrong words end before anything is opened, with the status of wrong words.

CLI::Validator not_empty() {
  return {[](const std::string& text) {
            return text.empty() ? std::string("nothing is written there") : std::string();
          },
          "", "not empty"};
}

// `paths`: also a path of the vault itself, which can be read.
CLI::Validator document_name(bool paths = false) {
  return {[paths](const std::string& name) {
            if (paths && config::is_vault_path(name)) {
              return std::string();
            }
            const util::Status good = vault::check_name(name);
            return good ? std::string() : good.error().message();
          },
          "", "document"};
}

// DOCUMENT/KEY; KEY alone with `settings`, whose member it is then.
CLI::Validator document_member_name(bool settings) {
  return {[settings](const std::string& name) {
            const std::size_t slash = name.rfind('/');
            const bool alone = slash == std::string::npos;
            if (name.empty() || slash + 1 == name.size() || (alone && !settings)) {
              return fmt::format(
                  "'{}': write DOCUMENT/KEY, for instance settings/backup_passphrase",
                  util::printable(name, 100));
            }
            const util::Status good = vault::check_name(alone ? "settings" : name.substr(0, slash));
            return good ? std::string() : good.error().message();
          },
          "", "document/key"};
}

CLI::Validator vault_word() {
  return {[](const std::string& word) {
            return is_vault_word(word)
                       ? std::string()
                       : fmt::format("'{}' is no name; write letters, digits, '-', '_' and '.'",
                                     util::printable(word, 100));
          },
          "", "name"};
}

CLI::Validator a_version() { return CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 62U); }

CLI::Validator duration(std::chrono::seconds least) {
  return {[least](const std::string& text) {
            const auto time = util::parse_duration(text);
            return time && *time >= least
                       ? std::string()
                       : fmt::format("'{}' is no time; write for instance 30d, 12h or 90s",
                                     util::printable(text, 40));
          },
          "", "time"};
}

// The verbs of vault_change.cpp and vault_check.cpp.
template <typename Verb>
void declare_changes(const Verb& verb, Words* words) {
  CLI::App* update =
      verb("update", "put, with the shorthands of oci-setup.sh", update_vault, false);
  update->add_option("DOCUMENT", words->name, "name of the document (settings)");
  update->add_option("FILE,--file", words->file, "its content; - or nothing for standard input")
      ->check(not_empty());
  update->add_option("--comment", words->comment, "why, for the history");
  auto* const config = update->add_flag("--security-config", words->security_config,
                                        "an environment file, merged into the document settings");
  auto* const security =
      update->add_flag("--security-sqlite", words->security_sqlite, "the document security");
  update->add_flag("--performance-config", words->performance_config, "the document performance")
      ->excludes(config)
      ->excludes(security);
  security->excludes(config);
  CLI::App* backup =
      verb("update-backup-config", "write the document backup", update_backup_config, false);
  backup->add_option("FILE,--file", words->file, "its content; - or nothing for standard input")
      ->check(not_empty());
  CLI::App* migrate =
      verb("migrate-from-env", "merge the variables of a settings.env into a document",
           migrate_from_env, false);
  migrate->add_option("FILE", words->file, "the file; - for standard input")
      ->required()
      ->check(not_empty());
  migrate->add_option("--document", words->name, "the document (settings)")->check(document_name());
  migrate->add_option("--comment", words->comment, "why, for the history");
  CLI::App* rotate = verb("rotate", "replace a secret by a new one, the old one stays for a while",
                          rotate_secret, false);
  auto* due = rotate->add_flag("--due", words->due, "every secret whose time has come");
  rotate->add_option("DOCUMENT/KEY", words->name, "which secret")
      ->check(document_member_name(false))
      ->excludes(due);
  rotate->add_option("--every", words->every, "when again, for --due: 30d")
      ->check(duration(std::chrono::seconds(1)))
      ->excludes(due);
  rotate->add_option("--overlap", words->overlap, "how long the old one stays (1d)")
      ->check(duration(std::chrono::seconds(0)))
      ->excludes(due);
  rotate->add_option("--length", words->length, "characters of a new secret (40)")
      ->check(CLI::Range(16, 512))
      ->excludes(due);
  rotate->add_flag("--plan", words->plan_only, "write down the schedule only")->excludes(due);
  CLI::App* audit = verb("audit", "who changed what, and when", audit_vault, false);
  audit->add_option("--key", words->key, "a document, DOCUMENT/KEY, or a key of settings")
      ->check(document_member_name(true));
  audit->add_option("--days", words->days, "how far back (30)")->check(CLI::Range(1, 36500));
  CLI::App* routine = verb("log-audit",
                           "put text from standard input into the history, and so to "
                           "the destinations that take security events",
                           log_audit, false);
  CLI::App* urgent = verb("log-security-event", "the same as an alert", log_security_event, false);
  for (CLI::App* const sub : {routine, urgent}) {
    sub->add_option("--severity", words->severity, "info, notice, warning, high, critical")
        ->check(CLI::IsMember({"info", "notice", "warning", "high", "critical"}));
  }
  CLI::App* cosign =
      verb("cosign", "have a transit key of the vault sign the newest checkpoint, too",
           cosign_checkpoint, false);
  cosign->add_option("KEY", words->transit, "name of the transit key (type ed25519)")
      ->required()
      ->check(vault_word());
  cosign->add_option("--output", words->output, "the checkpoint into this file")
      ->check(not_empty());
  CLI::App* test = verb("test", "connection, clock, login, rights, documents", test_vault, false);
  test->add_flag("--backup-passphrase", words->backup_passphrase, "is it there, and long enough?");
  test->add_flag("--sqlite-config", words->sqlite_config,
                 "are security, performance and backup there?");
  CLI::App* policies =
      verb("policies", "rights of the identity: too many, too few", check_policies, false);
  policies->add_option("check", words->file, "the only thing to do with them")
      ->check(CLI::IsMember({"check"}));
  for (CLI::App* const sub : {test, policies}) {
    sub->add_option("--trail", words->trail, "with the mount of the audit trail")
        ->check(vault_word());
    sub->add_option("--audit-device", words->audit_device, "with this audit device")
        ->check(vault_word());
    sub->add_option("--transit", words->transit, "with this transit key")->check(vault_word());
    sub->add_flag("--snapshot", words->snapshot, "with snapshots of the vault itself");
  }
}

}  // namespace

Run declare_vault(CLI::App& app) {
  app.require_subcommand(1);
  auto words = std::make_shared<Words>();
  using Action = ExitStatus (*)(const Globals&, const Words&);
  auto actions = std::make_shared<std::vector<std::pair<CLI::App*, Action>>>();
  const auto verb = [&](const char* name, const char* summary, Action action, bool names_document) {
    CLI::App* sub = app.add_subcommand(name, summary);
    if (names_document) {
      const bool reads = action == get || action == show;
      auto* const document =
          sub->add_option("DOCUMENT", words->name,
                          reads ? "name of the document (settings)" : "name of the document");
      document->required(!reads)->check(document_name(reads));
    }
    actions->emplace_back(sub, action);
    return sub;
  };
  CLI::App* setup_words =
      verb("setup", "make the embedded vault and its key, or policies and role in HashiCorp Vault",
           set_up_vault, false);
  setup_words->add_option("--role", words->role, "name of role and policies (warder)")
      ->check(vault_word());
  setup_words->add_option("--trail", words->trail, "make a mount for the append-only audit trail")
      ->check(vault_word());
  setup_words
      ->add_option("--audit-device", words->audit_device,
                   "with the right to have this audit device hash events")
      ->check(vault_word());
  setup_words->add_option("--transit", words->transit, "make a transit key for backups")
      ->check(vault_word());
  setup_words->add_flag("--snapshot", words->snapshot,
                        "with the right to back up the vault itself");
  setup_words->add_option("--secret-id-file", words->secret_id_file, "where the SecretID goes")
      ->check(not_empty());
  setup_words->add_flag("--yes", words->yes, "ask nothing, though this is a terminal");
  CLI::App* get_words = verb("get", "print a document, or one member of it", get, true);
  // Without a word there, a script with an empty variable would print what it meant to hide.
  get_words->add_option("--key", words->key, "only this member of the JSON object")
      ->check(not_empty());
  get_words->add_option("--output", words->output, "into this file (0600) instead")
      ->check(not_empty());
  auto* const version =
      get_words->add_option("--version", words->version, "an earlier version")->check(a_version());
  get_words->add_option("--stage", words->stage, "the version that OCI Vault has in this stage")
      ->transform(CLI::IsMember(
          std::vector<std::string>(vault::kStages.begin(), vault::kStages.end()), CLI::ignore_case))
      ->excludes(version);
  CLI::App* put_words = verb("put", "write a new version of a document", put_in_vault, true);
  put_words->add_option("FILE", words->file, "its content; - or nothing for standard input")
      ->check(not_empty());
  put_words->add_option("--comment", words->comment, "why, for the history");
  put_words->add_flag("--pending", words->pending,
                      "not the current version before it is promoted (OCI Vault)");
  CLI::App* promote_words =
      verb("promote", "make another version the current one (OCI Vault)", promote_version, true);
  promote_words->add_option("--version", words->version, "which one (the newest)")
      ->check(a_version());
  declare_changes(verb, words.get());
  verb(
      "list", "the documents, without content",
      [](const Globals& globals, const Words&) { return list(globals); }, false);
  verb("show", "what a document is made of, without any value", show, true);
  verb("history", "the versions of a document: when, who, why", history, true);
  CLI::App* delete_words = verb("delete", "remove a document with all its versions", remove, true);
  delete_words->add_flag("--recoverable", words->recoverable,
                         "only so that undelete brings it back (HashiCorp Vault, OpenBao)");
  verb("undelete", "bring back a document that was deleted so", undelete, true);
  return [words, actions](const Globals& globals) {
    for (const auto& [sub, action] : *actions) {
      if (sub->parsed()) {
        return action(globals, *words);
      }
    }
    return ExitStatus::kUsage;
  };
}

}  // namespace warder::agent
