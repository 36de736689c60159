#include "agent/output.h"
#include "agent/user_name.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "util/bytes.h"
#include "util/duration.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/env_file.h"
#include "vault/put_over.h"
#include "vault/rotation_schedule.h"
#include "vault/secret_json.h"
#include "vault/stages.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

namespace warder::agent {
namespace {

using crypto::SecretString;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

// Never from the command line: other users see it there.
util::Result<SecretString> read_content(const std::string& file) {
  if (file.empty() && ::isatty(STDIN_FILENO) != 0) {
    fmt::print(stderr, "warder: type the content, and Ctrl-D on a line of its own at its end\n");
  }
  WARDER_ASSIGN_OR_RETURN(
      std::string text,
      file.empty() || file == "-"
          ? read_standard_input(vault::Provider::kLongestContent)
          : util::read_file(file, util::ByteCount{vault::Provider::kLongestContent}));
  return SecretString::take(std::move(text));
}

// An agent would refuse the document and go on as it is, which whoever writes it wants to know now.
// Told, and no more: it may be meant for other hosts, which have other files.
void warn_of_errors(const Globals& globals, vault::Provider& provider, const std::string& name) {
  const auto main = read_main(globals);
  if (!main) {
    return;
  }
  const std::vector<std::string> names = document_names(main->agent.name);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return;
  }
  const auto documents =
      fetch_documents([&](std::string_view each) { return provider.get(each); }, main->agent.name);
  if (!documents) {
    return;
  }
  config::Diagnostics all;
  load_all(globals.config.string(), *documents, all);
  config::Diagnostics its;
  // A host's own document is laid over the shared one before it is looked at.
  const std::string source = "vault " + name.substr(name.rfind('/') + 1);
  for (const config::Diagnostic& one : all.list()) {
    if (one.place.source == source || one.place.source.starts_with(source + '#')) {
      its.add(one);
    }
  }
  if (its.has_errors()) {
    fmt::print(stderr, "warder: an agent with the configuration of this host refuses it:\n{}",
               its.to_text());
  }
}

Error no_stages(std::string_view what) {
  return {ErrorCode::kInvalid, fmt::format("{}: only OCI Vault has versions that wait", what)};
}

enum class Content { kObject, kAny };

ExitStatus put_document(const Globals& globals, const std::string& name, const VaultWords& words,
                        Content wanted) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  auto content = read_content(words.file);
  if (!content) {
    return complain(content.error());
  }
  if (wanted == Content::kObject) {
    const auto parsed = vault::SecretJson::parse(content->view());
    if (!parsed || !parsed->value().is_object()) {
      return complain(
          Error(ErrorCode::kInvalid,
                fmt::format("{}: what was given is no JSON object{}", name,
                            name == "settings" ? "; lines NAME=value are taken by: warder vault "
                                                 "update --security-config"
                                               : "")));
    }
  }
  vault::PutOptions options;
  options.author = user_name();
  options.comment = words.comment;
  auto* const staged = dynamic_cast<vault::StagedProvider*>(provider->get());
  if (words.pending && staged == nullptr) {
    return complain(no_stages("--pending")), ExitStatus::kUsage;
  }
  const auto version = words.pending ? staged->put_pending(name, *content, options)
                                     : (*provider)->put(name, *content, options);
  if (!version) {
    return complain_of_writing(**provider, version.error());
  }
  if (words.pending) {
    print(
        fmt::format("{0} has version {1}, which waits: look at it with: warder vault get {0} "
                    "--stage PENDING; make it the current one with: warder vault promote {0}\n",
                    name, *version));
    return ExitStatus::kOk;
  }
  print(fmt::format("{} is now version {}\n", name, *version));
  warn_of_errors(globals, **provider, name);
  return ExitStatus::kOk;
}

// The members of `fresh` over those of the document that is there; which of them changed is told,
// never a value.
ExitStatus merge_into(const Globals& globals, const std::string& name,
                      const vault::SecretJson& given, const std::string& comment) {
  const json& fresh = given.value();
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  json content = json::object();
  std::uint64_t version = 0;
  auto document = (*provider)->get(name);
  if (document) {
    auto parsed = vault::SecretJson::parse(document->content.view());
    if (!parsed || !parsed->value().is_object()) {
      return complain(Error(ErrorCode::kInvalid,
                            fmt::format("{}: the document that is there is no JSON object", name)));
    }
    content = parsed->value();
    version = document->version;
  } else if (document.error().code() != ErrorCode::kNotFound) {
    return complain(document.error());
  }
  unsigned added = 0;
  unsigned changed = 0;
  for (const auto& [key, value] : fresh.items()) {
    const bool there = content.contains(key);
    added += there ? 0U : 1U;
    changed += there && content[key] != value ? 1U : 0U;
    content[key] = value;
  }
  const auto same = fresh.size() - added - changed;
  if (added + changed == 0 && version != 0) {
    print(fmt::format("{} has all of it already, at version {}\n", name, version));
    return ExitStatus::kOk;
  }
  const vault::SecretJson whole(std::move(content));
  vault::PutOptions options;
  options.author = user_name();
  options.comment = comment;
  options.expected_version = version;
  const auto written = vault::put_over(**provider, name, whole.dump(), std::move(options));
  if (!written) {
    return complain_of_writing(**provider, written.error());
  }
  print(fmt::format("{} is now version {}: {} new, {} changed, {} as they were\n", name, *written,
                    added, changed, same));
  warn_of_errors(globals, **provider, name);
  return ExitStatus::kOk;
}

util::Result<vault::SecretJson> from_env(const SecretString& content) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<vault::EnvVariable> variables,
                          vault::parse_env_file(content.view()));
  if (variables.empty()) {
    return Error(ErrorCode::kInvalid, "there is no variable in it");
  }
  json object = json::object();
  for (const vault::EnvVariable& variable : variables) {
    object[variable.name] = std::string(variable.value.view());
  }
  return vault::SecretJson(std::move(object));
}

// Of a word that was checked when it was read.
std::chrono::seconds seconds_of(const std::string& text) {
  return std::chrono::duration_cast<std::chrono::seconds>(
      util::parse_duration(text).value_or(std::chrono::seconds(0)));
}

// The entry that the words ask for, its plan changed as they say.
vault::RotationEntry* wanted_entry(const VaultWords& words,
                                   std::vector<vault::RotationEntry>* entries) {
  const std::size_t slash = words.name.rfind('/');  // there is one, and something after it
  vault::RotationEntry* entry = nullptr;
  for (vault::RotationEntry& known : *entries) {
    if (known.name() == words.name) {
      entry = &known;
    }
  }
  if (entry == nullptr) {
    entries->push_back({words.name.substr(0, slash), words.name.substr(slash + 1), {}});
    entry = &entries->back();
  }
  if (words.length) {
    entry->plan.length = *words.length;
  }
  if (!words.every.empty()) {
    entry->plan.every = seconds_of(words.every);
  }
  if (!words.overlap.empty()) {
    entry->plan.overlap = seconds_of(words.overlap);
  }
  return entry;
}

util::Status rotate_one(vault::Provider& provider, vault::RotationEntry* entry,
                        util::WallTime now) {
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t version,
                          vault::rotate(provider, *entry, user_name(), now));
  entry->plan.last = now;
  print(
      fmt::format("{} has a new secret, {} is now version {}; the old one stays as {}_previous "
                  "for {}\n",
                  entry->name(), entry->document, version, entry->key,
                  util::format_duration(entry->plan.overlap)));
  return {};
}

}  // namespace

ExitStatus complain_of_writing(const vault::Provider& provider, const Error& error) {
  if (error.code() != ErrorCode::kDenied || provider.kind() != "vault") {
    return complain(error);
  }
  return complain(Error(
      error.code(), fmt::format("{}.\nAn agent's login only reads. Write by a token that has the "
                                "policy warder-writer:\n\n"
                                "    read -rs VAULT_TOKEN && export VAULT_TOKEN\n"
                                "    sudo --preserve-env=VAULT_TOKEN warder vault ...",
                                error.message())));
}

ExitStatus update_vault(const Globals& globals, const VaultWords& given) {
  VaultWords words = given;
  const int shorthands = (words.security_config ? 1 : 0) + (words.security_sqlite ? 1 : 0) +
                         (words.performance_config ? 1 : 0);
  if (shorthands > 0 && !words.file.empty() && !words.name.empty()) {
    return complain(Error(ErrorCode::kInvalid,
                          fmt::format("'{}': this option says already which document it is",
                                      util::printable(words.name, 100)))),
           ExitStatus::kUsage;
  }
  if (shorthands == 1 && words.file.empty() && !words.name.empty()) {
    // update --security-sqlite FILE
    words.file = words.name;
    words.name.clear();
  }
  if (words.security_config) {
    auto content = read_content(words.file);
    if (!content) {
      return complain(content.error());
    }
    auto object = from_env(*content);
    return object ? merge_into(globals, "settings", *object, "security configuration")
                  : complain(object.error());
  }
  if (const util::Status good = vault::check_name(words.name.empty() ? "settings" : words.name);
      shorthands == 0 && !good) {
    return complain(good.error()), ExitStatus::kUsage;
  }
  const std::string name = words.security_sqlite      ? "security"
                           : words.performance_config ? "performance"
                           : words.name.empty()       ? "settings"
                                                      : words.name;
  return put_document(globals, name, words, Content::kObject);
}

ExitStatus put_in_vault(const Globals& globals, const VaultWords& words) {
  return put_document(globals, words.name, words, Content::kAny);
}

ExitStatus update_backup_config(const Globals& globals, const VaultWords& words) {
  return put_document(globals, "backup", words, Content::kObject);
}

ExitStatus migrate_from_env(const Globals& globals, const VaultWords& words) {
  auto content = read_content(words.file);
  if (!content) {
    return complain(content.error());
  }
  auto object = from_env(*content);
  if (!object) {
    return complain(object.error().with_context(words.file));
  }
  return merge_into(globals, words.name.empty() ? "settings" : words.name, *object,
                    words.comment.empty() ? "migrated from an environment file" : words.comment);
}

ExitStatus promote_version(const Globals& globals, const VaultWords& words) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  auto* const staged = dynamic_cast<vault::StagedProvider*>(provider->get());
  if (staged == nullptr) {
    return complain(no_stages("promote")), ExitStatus::kUsage;
  }
  const auto version =
      staged->promote(words.name, words.version == 0 ? std::nullopt : std::optional(words.version));
  if (!version) {
    return complain(version.error());
  }
  print(fmt::format("{} is now version {}\n", words.name, *version));
  warn_of_errors(globals, **provider, words.name);
  return ExitStatus::kOk;
}

ExitStatus rotate_secret(const Globals& globals, const VaultWords& words) {
  if (!words.due && words.name.empty()) {
    return complain(
               Error(ErrorCode::kInvalid,
                     "which secret? Write DOCUMENT/KEY, or --due for all whose time has come")),
           ExitStatus::kUsage;
  }
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const util::WallTime now = clock.now();
  if (words.due) {
    const auto steps = vault::rotate_due(**provider, user_name(), now);
    if (!steps) {
      return complain(steps.error());
    }
    ExitStatus status = ExitStatus::kOk;
    for (const vault::RotationStep& step : *steps) {
      if (step.what == vault::RotationStep::What::kFailed) {
        status = complain(Error(ErrorCode::kInternal, step.text));
      } else {
        print(step.text + "\n");
      }
    }
    return status;
  }
  std::uint64_t version = 0;
  auto entries = vault::read_rotations(**provider, &version);
  if (!entries) {
    return complain(entries.error());
  }
  vault::RotationEntry* const entry = wanted_entry(words, &*entries);
  if (words.plan_only) {
    const auto& every = entry->plan.every;
    print(fmt::format("{} is planned: every {}\n", entry->name(),
                      every ? util::format_duration(*every) : "time somebody asks"));
  } else if (const util::Status done = rotate_one(**provider, entry, now); !done) {
    return complain_of_writing(**provider, done.error());
  }
  // Without a schedule there is nothing to remember but the overlap's end.
  const util::Status saved =
      vault::save_rotations(**provider, *entries, version, user_name(), "rotation");
  return saved ? ExitStatus::kOk : complain(saved.error());
}

}  // namespace warder::agent
