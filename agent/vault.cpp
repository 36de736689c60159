#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/file.h"
#include "vault/file_vault.h"
#include "vault/key.h"
#include "vault/reference.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <unistd.h>

namespace warder::agent {
namespace {

using nlohmann::json;

struct Words {
  std::string name;
  std::string key;
  std::string file;
  std::string output;
  std::string comment;
  std::uint64_t version = 0;
};

std::string user_name() {
  // Who writes, for the history: the one who called sudo rather than root.
  for (const char* variable : {"SUDO_USER", "USER"}) {
    if (const char* name = std::getenv(variable); name != nullptr && *name != '\0') {
      return name;
    }
  }
  return fmt::format("uid {}", ::getuid());
}

ExitStatus setup(const Globals& globals) {
  const auto options = configured_vault(globals);
  if (!options) {
    return complain(options.error());
  }
  std::error_code ignored;
  std::filesystem::create_directories(options->path.parent_path(), ignored);
  auto key = vault::vault_key(*options);
  if (!key && key.error().code() == util::ErrorCode::kNotFound && !options->key_file.empty()) {
    std::filesystem::create_directories(options->key_file.parent_path(), ignored);
    if (const util::Status made = vault::create_key_file(options->key_file); !made) {
      return complain(made.error());
    }
    print(
        fmt::format("made the key {}; keep a copy of it outside this host: without it nobody, you "
                    "included, can open the vault\n",
                    options->key_file.string()));
    key = vault::vault_key(*options);
  }
  if (!key) {
    return complain(key.error());
  }
  const util::SystemClock clock;
  const auto made =
      vault::FileVault::create(options->path, std::move(*key),
                               {.versions = options->versions, .mark = options->mark}, clock);
  if (!made) {
    return complain(made.error());
  }
  print(fmt::format("made the vault {}\n", options->path.string()));
  return ExitStatus::kOk;
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

ExitStatus put(const Globals& globals, const Words& words) {
  const util::SystemClock clock;
  auto provider = open_configured_vault(globals, clock);
  if (!provider) {
    return complain(provider.error());
  }
  // Never from the command line: other users see it there.
  auto content =
      words.file.empty() || words.file == "-"
          ? read_standard_input(vault::Provider::kLongestContent)
          : util::read_file(words.file, util::ByteCount{vault::Provider::kLongestContent});
  if (!content) {
    return complain(content.error());
  }
  const crypto::SecretString secret = crypto::SecretString::take(std::move(*content));
  vault::PutOptions options;
  options.author = user_name();
  options.comment = words.comment;
  const auto version = (*provider)->put(words.name, secret, options);
  if (!version) {
    return complain(version.error());
  }
  print(fmt::format("{} is now version {}\n", words.name, *version));
  return ExitStatus::kOk;
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
               std::to_string(info.latest.size), info.latest.author});
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
    table.add({std::to_string(info.version), short_time(time), std::to_string(info.size),
               info.author, info.comment});
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
  const util::Status removed = (*provider)->remove(words.name);
  if (!removed) {
    return complain(removed.error());
  }
  print(fmt::format("{} is gone with all its versions\n", words.name));
  return ExitStatus::kOk;
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
  verb(
      "setup", "make the embedded vault and, if there is none, its key",
      [](const Globals& globals, const Words&) { return setup(globals); }, false);
  CLI::App* get_words = verb("get", "print a document, or one member of it", get, true);
  get_words->add_option("--key", words->key, "only this member of the JSON object");
  get_words->add_option("--output", words->output, "into this file (0600) instead");
  get_words->add_option("--version", words->version, "an earlier version");
  CLI::App* put_words = verb("put", "write a new version of a document", put, true);
  put_words->add_option("FILE", words->file, "its content; - or nothing for standard input");
  put_words->add_option("--comment", words->comment, "why, for the history");
  verb(
      "list", "the documents, without content",
      [](const Globals& globals, const Words&) { return list(globals); }, false);
  verb("show", "what a document is made of, without any value", show, true);
  verb("history", "the versions of a document: when, who, why", history, true);
  verb("delete", "remove a document with all its versions", remove, true);
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
