#include "agent/output.h"
#include "agent/vault_needs.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "http/url.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/file_vault.h"
#include "vault/key.h"
#include "vault/keys.h"
#include "vault/server_options.h"
#include "vault/server_policy.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <unistd.h>

namespace warder::agent {
namespace {

using nlohmann::json;

ExitStatus set_up_file(const vault::VaultOptions& options) {
  std::error_code ignored;
  std::filesystem::create_directories(options.path.parent_path(), ignored);
  auto key = vault::vault_key(options);
  if (!key && key.error().code() == util::ErrorCode::kNotFound && !options.key_file.empty()) {
    std::filesystem::create_directories(options.key_file.parent_path(), ignored);
    if (const util::Status made = vault::create_key_file(options.key_file); !made) {
      return complain(made.error());
    }
    print(
        fmt::format("made the key {}; keep a copy of it outside this host: without it nobody, you "
                    "included, can open the vault\n",
                    options.key_file.string()));
    key = vault::vault_key(options);
  }
  if (!key) {
    return complain(key.error());
  }
  const util::SystemClock clock;
  const auto made = vault::FileVault::create(
      options.path, std::move(*key), {.versions = options.versions, .mark = options.mark}, clock);
  if (!made) {
    return complain(made.error());
  }
  print(fmt::format("made the vault {}\n", options.path.string()));
  return ExitStatus::kOk;
}

// One step at the server; what it is for goes before its error.
util::Result<vault::Answer> step(vault::ServerVault& server, http::Method method, std::string path,
                                 const json& body, std::string_view what) {
  vault::Call call;
  call.method = method;
  call.path = std::move(path);
  if (!body.is_null()) {
    call.body = vault::SecretJson(body).dump();
  }
  vault::Answer answer = server.ask(std::move(call));
  if (!answer.ok()) {
    return answer.error().with_context(what);
  }
  return answer;
}

// What to type for a token that may do all this; never in the words of sudo, where every user of
// the host can read it.
std::string how_to_give_a_token() {
  return "make one as an administrator of the vault (vault token create, bao token create) and "
         "give it to this command alone:\n\n"
         "    read -rs VAULT_TOKEN && export VAULT_TOKEN\n"
         "    sudo --preserve-env=VAULT_TOKEN warder vault setup\n\n"
         "or in a file of root's (0600): sudo VAULT_TOKEN_FILE=/root/.vault-token warder vault "
         "setup";
}

// The same for a step that was not allowed.
util::Error explained(const util::Error& error) {
  if (error.code() != util::ErrorCode::kDenied) {
    return error;
  }
  return util::Error(
      error.code(),
      fmt::format("{}.\nSetting the vault up takes a token with the rights to change sys/mounts, "
                  "sys/auth, sys/policies/acl and auth/approle: {}",
                  error.message(), how_to_give_a_token()));
}

bool is_there(const vault::Answer& list, const std::string& name) {
  return !vault::member(list.data(), name + "/").is_null();
}

// Vault and OpenBao have had the policy `default` since their first start, and nobody can remove
// it.
util::Status has_policies(vault::ServerVault& server) {
  vault::Call call;
  call.path = "sys/policies/acl/default";
  const vault::Answer answer = server.ask(std::move(call));
  if (answer.meaning != vault::Meaning::kNeverExisted &&
      answer.meaning != vault::Meaning::kBadRequest) {
    return {};
  }
  return util::Error(
      util::ErrorCode::kInvalid,
      fmt::format("{} keeps no policies over its API (sys/policies/acl), so it is no HashiCorp "
                  "Vault or OpenBao that can be set up; nothing was changed. Make there by its own "
                  "tools a KV mount and a login for this host, and name them in [vault]: mount, "
                  "kv_version, and role_id with secret_id, or token",
                  server.connection().addresses.front()));
}

// The text of a policy; empty: there is none.
util::Result<std::string> policy_now(vault::ServerVault& server, const std::string& name) {
  vault::Call call;
  call.path = "sys/policies/acl/" + http::percent_encode(name);
  const vault::Answer answer = server.ask(std::move(call));
  if (answer.meaning == vault::Meaning::kNeverExisted) {
    return std::string();
  }
  if (!answer.ok()) {
    return answer.error().with_context("looking at the policy " + name);
  }
  return vault::text_member(answer.data(), "policy");
}

// What is lost by writing the new text over the old one.
std::string taken_away(const std::string& name, std::string_view before, std::string_view after) {
  const std::vector<std::string> kept = vault::granted_paths(after);
  std::string lost;
  for (const std::string& path : vault::granted_paths(before)) {
    if (std::find(kept.begin(), kept.end(), path) == kept.end()) {
      lost += fmt::format("  {}\n", vault::shown(path));
    }
  }
  return lost.empty() ? lost
                      : fmt::format(
                            "the policy {} had these besides, which are not in the new text; "
                            "what you gave it yourself belongs in a policy of its own:\n{}\n",
                            name, lost);
}

// The audit devices that the vault has, into the plan. What is to be said of it, or nothing.
std::string watch_devices(vault::ServerVault& server, vault::PolicyPlan* plan) {
  vault::Call call;
  call.path = "sys/audit";
  const vault::Answer answer = server.ask(std::move(call));
  if (!answer.ok()) {
    return plan->watched_devices.empty()
               ? "which audit devices the vault has is not told to this token (sys/audit needs "
                 "sudo): name them in [vault] audit_devices and run this again, and agents notice "
                 "when one is removed or made anew\n\n"
               : "";
  }
  plan->watched_devices.clear();  // one that is gone needs no right
  const json& data = answer.data();
  if (data.is_object()) {
    for (const auto& [name, device] : data.items()) {
      const std::string plain = name.substr(0, name.find_last_not_of('/') + 1);
      if (vault::shown(plain) == plain && plain.find_first_of("\"\\*+, ") == std::string::npos) {
        plan->watched_devices.push_back(plain);
      }
    }
  }
  return plan->watched_devices.empty()
             ? "the vault has no audit device, so what is done there is written nowhere; "
               "enable one (vault audit enable, or OpenBao's configuration) and run this "
               "again\n\n"
             : "";
}

util::Status mount_kv(vault::ServerVault& server, const vault::Answer& mounts,
                      const std::string& mount) {
  if (is_there(mounts, mount)) {
    return {};
  }
  WARDER_RETURN_IF_ERROR(step(server, http::Method::kPost,
                              "sys/mounts/" + http::percent_encode(mount, http::Slashes::kKept),
                              {{"type", "kv"}, {"options", {{"version", "2"}}}},
                              "mounting KV version 2 at " + mount));
  print(fmt::format("mounted KV version 2 at {}\n", mount));
  return {};
}

util::Status set_up_transit(vault::ServerVault& server, const vault::Answer& mounts,
                            const std::string& key) {
  if (!is_there(mounts, "transit")) {
    WARDER_RETURN_IF_ERROR(step(server, http::Method::kPost, "sys/mounts/transit",
                                {{"type", "transit"}}, "mounting transit"));
  }
  const std::string path = "transit/keys/" + http::percent_encode(key);
  WARDER_RETURN_IF_ERROR(step(server, http::Method::kPost, path, {{"type", "aes256-gcm96"}},
                              "making the transit key"));
  WARDER_RETURN_IF_ERROR(step(server, http::Method::kPost, path + "-sign", {{"type", "ed25519"}},
                              "making the transit key for signatures"));
  print(fmt::format("made the transit keys {0} and {0}-sign\n", key));
  return {};
}

// The SecretID in the file, if the vault still takes it for this role.
bool has_good_secret_id(vault::ServerVault& server, const std::string& role,
                        const std::filesystem::path& id_file) {
  auto content = util::read_file(id_file, util::kibibytes(4));
  if (!content) {
    return false;
  }
  const crypto::SecretString secret_id = crypto::SecretString::take(std::move(*content));
  vault::Call call;
  call.method = http::Method::kPost;
  call.path = role + "/secret-id/lookup";
  call.body = vault::SecretJson(json{{"secret_id", util::trim(secret_id.view())}}).dump();
  const vault::Answer answer = server.ask(std::move(call));
  return answer.ok() && !vault::text_member(answer.data(), "secret_id_accessor").empty();
}

util::Status make_secret_id(vault::ServerVault& server, const std::string& role,
                            const std::string& host, const std::filesystem::path& id_file) {
  // The vault's audit log names the host in each line of its sessions.
  const json metadata = {{"metadata", json{{"host", host}}.dump()}};
  WARDER_ASSIGN_OR_RETURN(
      const vault::Answer secret,
      step(server, http::Method::kPost, role + "/secret-id", metadata, "making a SecretID"));
  const crypto::SecretString secret_id =
      crypto::SecretString::take(vault::text_member(secret.data(), "secret_id"));
  return util::write_file_atomically(id_file, secret_id.view(), 0600);
}

// The section of the agent's configuration that finds the same vault again.
std::string section_text(const vault::ServerVault& server, const vault::ServerVault::Place& place,
                         const std::vector<std::string>& devices, std::string_view role_id,
                         const std::filesystem::path& id_file) {
  const vault::ServerConnection& connection = server.connection();
  const vault::PolicyPlan usual;
  std::string text = fmt::format("    [vault]\n    provider = vault\n    address = {}\n",
                                 connection.addresses.front());
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) {
      text += fmt::format("    {} = {}\n", key, value);
    }
  };
  add("ca_file", connection.ca_file.string());
  add("ca_folder", connection.ca_folder.string());
  add("namespace", connection.name_space);
  add("mount", place.mount == usual.mount ? std::string() : place.mount);
  add("prefix", place.prefix == usual.prefix ? std::string() : place.prefix);
  add("audit_devices", fmt::format("{}", fmt::join(devices, " ")));
  add("role_id", std::string(role_id));
  add("secret_id", "file:" + id_file.string());
  return text;
}

util::Status make_role(vault::ServerVault& server, const VaultWords& words,
                       const vault::ServerVault::Place& place,
                       const std::vector<std::string>& devices, const std::string& host,
                       const std::filesystem::path& id_file) {
  WARDER_ASSIGN_OR_RETURN(const vault::Answer methods, step(server, http::Method::kGet, "sys/auth",
                                                            {}, "looking at the logins"));
  if (!is_there(methods, "approle")) {
    WARDER_RETURN_IF_ERROR(step(server, http::Method::kPost, "sys/auth/approle",
                                {{"type", "approle"}}, "switching on AppRole"));
  }
  const std::string role = "auth/approle/role/" + http::percent_encode(words.role);
  WARDER_RETURN_IF_ERROR(step(server, http::Method::kPost, role,
                              {{"token_policies", json::array({words.role})},
                               {"token_ttl", "20m"},
                               {"token_max_ttl", "24h"}},
                              "making the AppRole"));
  WARDER_ASSIGN_OR_RETURN(
      const vault::Answer id,
      step(server, http::Method::kGet, role + "/role-id", {}, "reading the RoleID"));
  const bool kept = has_good_secret_id(server, role, id_file);
  if (!kept) {
    WARDER_RETURN_IF_ERROR(make_secret_id(server, role, host, id_file));
  }
  print(fmt::format(
      "{} the AppRole {}; {} {} (0600). The service gets it as a credential when it "
      "starts, see systemd/README.md\n\n"
      "Now see to it that the configuration of the agent says\n\n{}\n"
      "and try it: sudo warder vault test\n",
      kept ? "looked at" : "made", words.role,
      kept ? "its SecretID that was there is still good and stays in" : "its SecretID lies in",
      id_file.string(),
      section_text(server, place, devices, vault::shown(vault::text_member(id.data(), "role_id")),
                   id_file)));
  return {};
}

// Asks on the terminal; the default on an empty answer.
std::string asked(std::string_view question, const std::string& fallback) {
  print(fmt::format("{} [{}]: ", question, fallback.empty() ? "none" : fallback));
  std::string line;
  if (!std::getline(std::cin, line) || util::trim(line).empty()) {
    return fallback;
  }
  return std::string(util::trim(line));
}

// A name, asked for again until it is one; empty where there may be none.
enum class Need { kName, kNameOrNone };
std::string asked_name(std::string_view question, const std::string& fallback, Need need) {
  while (true) {
    std::string answer = asked(question, fallback);
    if (need == Need::kNameOrNone && (answer.empty() || answer == "none")) {
      return {};
    }
    if (is_vault_word(answer) || !std::cin) {
      return answer;
    }
    print(fmt::format("'{}' is no name; write letters, digits, '-', '_' and '.'\n",
                      util::printable(answer, 100)));
  }
}

enum class Ask { kYes, kNo };

// Everything is looked at and shown before the first write; kConflict when the answer is no.
// `plan`: what this host needs besides documents.
util::Status set_up_server(vault::ServerVault& server, const VaultWords& words,
                           vault::PolicyPlan plan, const std::string& host,
                           const std::filesystem::path& id_file, Ask ask) {
  WARDER_RETURN_IF_ERROR(has_policies(server));
  WARDER_ASSIGN_OR_RETURN(const vault::Answer mounts, step(server, http::Method::kGet, "sys/mounts",
                                                           {}, "looking at the mounts"));
  WARDER_ASSIGN_OR_RETURN(const vault::ServerVault::Place before, server.place());
  plan.mount = before.mount;
  plan.prefix = before.prefix;
  plan.kv_version = is_there(mounts, before.mount) ? before.kv_version : 2;
  // Asked again for one thing more, it takes away nothing that was asked for before.
  WARDER_ASSIGN_OR_RETURN(const std::string policy_before, policy_now(server, words.role));
  vault::keep_granted(policy_before, &plan);
  const std::string unseen = watch_devices(server, &plan);
  const std::string agent_policy = vault::policy_text(vault::agent_rights(plan));
  print(fmt::format("the policy {} of agents:\n\n{}\n{}{}", words.role, agent_policy,
                    taken_away(words.role, policy_before, agent_policy), unseen));
  if (ask == Ask::kYes && asked(fmt::format("Write policies, role and mounts to {}? (yes/no)",
                                            server.connection().addresses.front()),
                                "no") != "yes") {
    return util::Error(util::ErrorCode::kConflict, "nothing was changed");
  }
  WARDER_RETURN_IF_ERROR(mount_kv(server, mounts, before.mount));
  if (!plan.trail.empty()) {
    WARDER_RETURN_IF_ERROR(mount_kv(server, mounts, plan.trail));
  }
  if (!plan.transit_key.empty()) {
    WARDER_RETURN_IF_ERROR(set_up_transit(server, mounts, plan.transit_key));
  }
  const auto write_policy = [&](const std::string& name, const std::string& text) {
    return step(server, http::Method::kPost, "sys/policies/acl/" + http::percent_encode(name),
                {{"policy", text}}, "writing the policy " + name);
  };
  WARDER_RETURN_IF_ERROR(write_policy(words.role, agent_policy));
  WARDER_RETURN_IF_ERROR(
      write_policy(words.role + "-writer", vault::policy_text(vault::writer_rights(plan))));
  print(fmt::format("wrote the policies {0} (for agents) and {0}-writer (for who changes rules)\n",
                    words.role));
  return make_role(server, words, before, plan.watched_devices, host, id_file);
}

// Vault, key and policies of OCI are made in its console or with its tools, by whoever administers
// the tenancy; what is left is to see whether they do.
ExitStatus set_up_oci(const vault::VaultOptions& options) {
  const util::SystemClock clock;
  const auto provider = vault::open_vault(options, vault::Copies::kNone, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const auto health = (*provider)->health();
  if (!health || !health->ready) {
    return complain(health ? util::Error(util::ErrorCode::kUnavailable, health->text)
                           : health.error());
  }
  print(fmt::format(
      "{}.\nThe identity needs these policies, for the group or dynamic group it is in:\n"
      "  allow ... to read secret-bundles in compartment ...\n"
      "  allow ... to use secrets in compartment ...     # to write: manage secret-family\n"
      "  allow ... to use keys in compartment ...\n"
      "Put the rules in with: warder vault put jails FILE\n",
      health->text));
  return ExitStatus::kOk;
}

}  // namespace

bool is_vault_word(std::string_view word) {
  for (const std::string_view part : util::split(word, '/')) {
    if (part.empty() || part.starts_with('.')) {
      return false;
    }
  }
  return word.find_first_of("\"'\\*+#?% ") == std::string_view::npos &&
         util::printable(word) == word;
}

ExitStatus set_up_vault(const Globals& globals, const VaultWords& given) {
  const auto main = read_main(globals);
  if (!main) {
    return complain(main.error());
  }
  const vault::VaultOptions options = vault_options_of(*main);
  if (options.kind == vault::ProviderKind::kFile) {
    return set_up_file(options);
  }
  if (options.kind == vault::ProviderKind::kOci) {
    return set_up_oci(options);
  }
  if (!vault::says_how_to_log_in(options.server, options.environment)) {
    return complain(
        util::Error(util::ErrorCode::kDenied,
                    "to set the vault up takes an administrator's token, and there is none; " +
                        how_to_give_a_token()));
  }
  const util::SystemClock clock;
  const auto server = vault::open_server_vault(options, vault::Copies::kNone, clock);
  if (!server) {
    return complain(server.error());
  }
  VaultWords words = given;
  std::filesystem::path id_file = words.secret_id_file.empty()
                                      ? globals.config.parent_path() / "vault.secret-id"
                                      : std::filesystem::path(words.secret_id_file);
  const bool interactive = !words.yes && ::isatty(STDIN_FILENO) != 0;
  if (interactive) {
    print("An empty answer takes what stands in brackets; none makes none.\n");
    words.role = asked_name("Name of role and policies", words.role, Need::kName);
    words.trail =
        asked_name("Mount of the append-only audit trail", words.trail, Need::kNameOrNone);
    words.audit_device =
        asked_name("Audit device that hashes events", words.audit_device, Need::kNameOrNone);
    words.transit =
        asked_name("Transit key for backups and signatures", words.transit, Need::kNameOrNone);
    id_file = asked("File for the SecretID", id_file.string());
  }
  const util::Status done =
      set_up_server(**server, words, needs_at_the_vault(globals, options, words), main->agent.name,
                    id_file, interactive ? Ask::kYes : Ask::kNo);
  return done ? ExitStatus::kOk : complain(explained(done.error()));
}

}  // namespace warder::agent
