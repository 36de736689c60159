#include "agent/command.h"
#include "agent/output.h"
#include "agent/user_name.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/file.h"
#include "vault/reference.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <unistd.h>

namespace warder::agent {
namespace {

using nlohmann::json;

using Words = VaultWords;

// KV version 2 tells no sizes.
std::string size_text(const vault::VersionInfo& info) {
  return info.size == 0 ? std::string() : std::to_string(info.size);
}

ExitStatus get(const Globals& globals, const Words& words) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  std::optional<std::uint64_t> version;
  if (words.version != 0) {
    version = words.version;
  }
  auto document = (*provider)->get(words.name, version);
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
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const auto document = (*provider)->get(words.name);
  if (!document) {
    return complain(document.error());
  }
  const json content = json::parse(document->content.view(), nullptr, false);
  json members = json::object();
  TextTable table({"MEMBER", "KIND"});
  if (content.is_object()) {
    for (const auto& [name, value] : content.items()) {
      const std::string kind =
          value.is_object() ? fmt::format("object of {}", value.size()) : value.type_name();
      members[name] = kind;
      table.add({name, kind});
    }
  }
  const std::string head =
      fmt::format("{}, version {}, written {}, {} bytes{}\n", words.name, document->version,
                  short_time(util::format_rfc3339(document->time)), document->content.size(),
                  content.is_object() ? "" : ", no JSON object");
  if (globals.json) {
    print(json{{"name", words.name},
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
  print(words.recoverable
            ? fmt::format("{0} is gone; warder vault undelete {0} brings it back\n", words.name)
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
    return complain_of_writing(**provider, back.error());
  }
  print(fmt::format("{} is there again\n", words.name));
  return ExitStatus::kOk;
}

// The verbs of vault_change.cpp and vault_check.cpp.
template <typename Verb>
void declare_changes(const Verb& verb, Words* words) {
  CLI::App* update =
      verb("update", "put, with the shorthands of oci-setup.sh", update_vault, false);
  update->add_option("DOCUMENT", words->name, "name of the document (settings)");
  update->add_option("FILE,--file", words->file, "its content; - or nothing for standard input");
  update->add_option("--comment", words->comment, "why, for the history");
  update->add_flag("--security-config", words->security_config,
                   "an environment file, merged into the document settings");
  update->add_flag("--security-sqlite", words->security_sqlite, "the document security");
  update->add_flag("--performance-config", words->performance_config, "the document performance");
  CLI::App* backup =
      verb("update-backup-config", "write the document backup", update_backup_config, false);
  backup->add_option("FILE,--file", words->file, "its content; - or nothing for standard input");
  CLI::App* migrate =
      verb("migrate-from-env", "merge the variables of a settings.env into a document",
           migrate_from_env, false);
  migrate->add_option("FILE", words->file, "the file; - for standard input")->required();
  migrate->add_option("--document", words->name, "the document (settings)");
  migrate->add_option("--comment", words->comment, "why, for the history");
  CLI::App* rotate = verb("rotate", "replace a secret by a new one, the old one stays for a while",
                          rotate_secret, false);
  auto* name = rotate->add_option("DOCUMENT/KEY", words->name, "which secret");
  auto* due = rotate->add_flag("--due", words->due, "every secret whose time has come");
  name->excludes(due);
  rotate->add_option("--every", words->every, "when again, for --due: 30d");
  rotate->add_option("--overlap", words->overlap, "how long the old one stays (1d)");
  rotate->add_option("--length", words->length, "characters of a new secret (40)")
      ->check(CLI::Range(16, 512));
  rotate->add_flag("--plan", words->plan_only, "write down the schedule only");
  CLI::App* audit = verb("audit", "who changed what, and when", audit_vault, false);
  audit->add_option("--key", words->key, "a document, DOCUMENT/KEY, or a key of settings");
  audit->add_option("--days", words->days, "how far back (30)")->check(CLI::Range(1, 36500));
  CLI::App* routine = verb("log-audit",
                           "put text from standard input into the history, and so to "
                           "the destinations that take security events",
                           log_audit, false);
  CLI::App* urgent = verb("log-security-event", "the same as an alert", log_security_event, false);
  for (CLI::App* const sub : {routine, urgent}) {
    sub->add_option("--severity", words->severity, "info, notice, warning, high, critical");
  }
  CLI::App* cosign =
      verb("cosign", "have a transit key of the vault sign the newest checkpoint, too",
           cosign_checkpoint, false);
  cosign->add_option("KEY", words->transit, "name of the transit key (type ed25519)")->required();
  cosign->add_option("--output", words->output, "the checkpoint into this file");
  CLI::App* test = verb("test", "connection, clock, login, rights, documents", test_vault, false);
  test->add_flag("--backup-passphrase", words->backup_passphrase, "is it there, and long enough?");
  test->add_flag("--sqlite-config", words->sqlite_config,
                 "are security, performance and backup there?");
  CLI::App* policies =
      verb("policies", "rights of the identity: too many, too few", check_policies, false);
  policies->add_option("check", words->file, "the only thing to do with them");
  for (CLI::App* const sub : {test, policies}) {
    sub->add_option("--trail", words->trail, "with the mount of the audit trail");
    sub->add_option("--audit-device", words->audit_device, "with this audit device");
    sub->add_option("--transit", words->transit, "with this transit key");
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
      sub->add_option("DOCUMENT", words->name, "name of the document")->required();
    }
    actions->emplace_back(sub, action);
    return sub;
  };
  CLI::App* setup_words =
      verb("setup", "make the embedded vault and its key, or policies and role in HashiCorp Vault",
           set_up_vault, false);
  setup_words->add_option("--role", words->role, "name of role and policies (warder)");
  setup_words->add_option("--trail", words->trail, "make a mount for the append-only audit trail");
  setup_words->add_option("--audit-device", words->audit_device,
                          "with the right to have this audit device hash events");
  setup_words->add_option("--transit", words->transit, "make a transit key for backups");
  setup_words->add_flag("--snapshot", words->snapshot,
                        "with the right to back up the vault itself");
  setup_words->add_option("--secret-id-file", words->secret_id_file, "where the SecretID goes");
  setup_words->add_flag("--yes", words->yes, "ask nothing, though this is a terminal");
  CLI::App* get_words = verb("get", "print a document, or one member of it", get, true);
  get_words->add_option("--key", words->key, "only this member of the JSON object");
  get_words->add_option("--output", words->output, "into this file (0600) instead");
  get_words->add_option("--version", words->version, "an earlier version");
  CLI::App* put_words = verb("put", "write a new version of a document", put_in_vault, true);
  put_words->add_option("FILE", words->file, "its content; - or nothing for standard input");
  put_words->add_option("--comment", words->comment, "why, for the history");
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
