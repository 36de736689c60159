#include "vault/server_policy.h"

#include "util/strings.h"
#include "vault/rotation_schedule.h"
#include "vault/secret_json.h"
#include "vault/server_answer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;

constexpr std::size_t kMostRules = 1000;
// What agent_rights() says each is for, by which keep_granted() knows its own text.
constexpr std::string_view kTrail = "the append-only audit trail";
constexpr std::string_view kCommitments = "commitments to events";
constexpr std::string_view kDevices = "noticing that an audit device was made anew";
constexpr std::string_view kWrapping = "wrapping the keys of backups";
constexpr std::string_view kDataKeys = "wrapping the data keys of backups";
constexpr std::string_view kCosign = "having checkpoints signed";
constexpr std::string_view kSnapshot = "backups of the vault itself";
constexpr std::string_view kCredentials = "credentials with a lease";
constexpr std::string_view kRotated = "rotate = yes";

struct Rule {
  std::string_view purpose;  // the comment before it
  std::string_view path;
};

std::vector<Rule> rules_of(std::string_view policy) {
  constexpr std::string_view kPath = "path \"";
  std::vector<Rule> rules;
  std::string_view purpose;
  for (std::string_view line : util::split(policy, '\n')) {
    line = util::trim(line);
    if (line.starts_with("# ")) {
      purpose = line.substr(2);
    } else if (line.starts_with(kPath)) {
      line.remove_prefix(kPath.size());
      const std::size_t end = line.find_first_of("\"\\");  // no path of ours has either
      if (end != std::string_view::npos && line[end] == '"' && rules.size() < kMostRules) {
        rules.push_back({purpose, line.substr(0, end)});
      }
      purpose = {};
    }
  }
  return rules;
}

// "a/b/c" between "a/" and "/c".
std::string between(std::string_view path, std::string_view before, std::string_view after) {
  if (path.size() < before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after)) {
    return {};
  }
  return std::string(path.substr(before.size(), path.size() - before.size() - after.size()));
}

void add_once(std::string name, std::vector<std::string>* names) {
  if (!name.empty() && std::find(names->begin(), names->end(), name) == names->end()) {
    names->push_back(std::move(name));
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string place_of(const PolicyPlan& plan, std::string_view kind, std::string_view name) {
  std::string path = plan.mount;
  if (plan.kv_version == 2) {
    path += fmt::format("/{}", kind);
  }
  if (!plan.prefix.empty()) {
    path += "/" + plan.prefix;
  }
  return fmt::format("{}/{}", path, name);
}

std::string below(const PolicyPlan& plan, std::string_view kind) {
  return place_of(plan, kind, "*");
}

// What stands for "any name" when rights are asked about.
std::string probe_of(std::string path) {
  if (path.ends_with('*')) {
    path.pop_back();
    path += "warder-probe";
  }
  return path;
}

// Paths that an agent has no business with, and why that matters.
std::vector<std::pair<std::string, std::string_view>> forbidden(const PolicyPlan& plan) {
  const std::string kind = plan.kv_version == 2 ? "/data/" : "/";
  std::vector<std::pair<std::string, std::string_view>> paths{
      {"sys/policies/acl/warder-probe", "it could give itself any right"},
      {"sys/auth/warder-probe", "it could open another way in"},
      {"sys/audit/warder-probe", "it could switch off the vault's own audit log"},
      {"sys/mounts/warder-probe", "it could remove everything that is kept there"},
      {"sys/raw/warder-probe", "it could read the vault's storage"},
      {"auth/token/create-orphan", "it could make sessions that outlive it"},
  };
  if (!plan.prefix.empty()) {
    paths.emplace_back(plan.mount + kind + "warder-probe-elsewhere",
                       "secrets of others are no business of this host");
  }
  return paths;
}

std::vector<std::string> held(const json& capabilities, const std::string& path) {
  std::vector<std::string> words;
  const json& list = member(capabilities, path);
  for (const json& word : list.is_array() ? list : json::array()) {
    if (word.is_string() && word != "deny") {
      words.push_back(shown(word.get<std::string>()));
    }
  }
  return words;
}

}  // namespace

std::vector<Right> agent_rights(const PolicyPlan& plan) {
  std::vector<Right> rights;
  rights.push_back({below(plan, "data"), {"read"}, "rules and secrets"});
  if (plan.kv_version == 2) {
    rights.push_back({below(plan, "metadata"), {"read", "list"}, "seeing that something changed"});
  }
  // The most exact path decides alone, so these say again what holds for all.
  std::vector<std::string> written = plan.rotated;
  if (!written.empty()) {
    written.emplace_back(kRotationDocument);
  }
  for (const std::string& name : written) {
    rights.push_back({place_of(plan, "data", name), {"read", "update"}, std::string(kRotated)});
    if (plan.kv_version == 2) {
      rights.push_back({place_of(plan, "metadata", name),
                        {"read", "list", "patch"},
                        "rotate = yes: seeing that something changed, and saying who did it"});
    }
  }
  for (const std::string& path : plan.credentials) {
    rights.push_back({path, {"read"}, std::string(kCredentials)});
  }
  if (!plan.credentials.empty()) {
    rights.push_back({"sys/leases/renew", {"update"}, "renewing them (in the policy default)"});
  }
  if (!plan.trail.empty()) {
    // With create alone a path can be written once.
    rights.push_back({plan.trail + "/data/events/*", {"create"}, std::string(kTrail)});
    rights.push_back({plan.trail + "/metadata/events/*",
                      {"read"},
                      "seeing whether an event has arrived when its answer was lost"});
    rights.push_back({plan.trail + "/data/checkpoints/*",
                      {"create", "read"},
                      "checkpoints of the history, and verifying against them"});
    rights.push_back({plan.trail + "/metadata/checkpoints/*", {"read", "list"}, "finding them"});
  }
  if (!plan.audit_device.empty()) {
    rights.push_back(
        {"sys/audit-hash/" + plan.audit_device, {"update"}, std::string(kCommitments)});
  }
  for (const std::string& device : plan.watched_devices) {
    if (device != plan.audit_device) {
      rights.push_back({"sys/audit-hash/" + device, {"update"}, std::string(kDevices)});
    }
  }
  if (!plan.transit_key.empty()) {
    const std::string& key = plan.transit_key;
    rights.push_back({"transit/decrypt/" + key, {"update"}, "opening the keys of backups"});
    rights.push_back({"transit/encrypt/" + key, {"update"}, std::string(kWrapping)});
    rights.push_back({"transit/rewrap/" + key, {"update"}, "renewing the keys of backups"});
    rights.push_back({"transit/sign/" + key + "-sign", {"update"}, "signing checkpoints"});
    rights.push_back({"transit/verify/" + key + "-sign", {"update"}, "verifying checkpoints"});
    rights.push_back({"transit/keys/" + key + "-sign", {"read"}, "whose signature it was"});
  }
  for (const std::string& key : plan.data_keys) {
    if (key != plan.transit_key) {
      rights.push_back({"transit/decrypt/" + key, {"update"}, "opening the data keys of backups"});
      rights.push_back({"transit/encrypt/" + key, {"update"}, std::string(kDataKeys)});
    }
  }
  if (!plan.cosign.empty() && plan.cosign != plan.transit_key + "-sign") {
    rights.push_back({"transit/sign/" + plan.cosign, {"update"}, std::string(kCosign)});
    rights.push_back({"transit/keys/" + plan.cosign, {"read"}, "by which key it was"});
  }
  if (plan.snapshot) {
    rights.push_back({"sys/storage/raft/snapshot", {"read"}, std::string(kSnapshot)});
  }
  return rights;
}

std::vector<Right> writer_rights(const PolicyPlan& plan) {
  std::vector<Right> rights;
  rights.push_back({below(plan, "data"), {"create", "read", "update"}, "writing documents"});
  if (plan.kv_version == 2) {
    rights.push_back(
        {below(plan, "metadata"), {"read", "list", "patch"}, "history, and who wrote what"});
    rights.push_back({below(plan, "delete"), {"update"}, "deleting"});
    rights.push_back({below(plan, "undelete"), {"update"}, "bringing back"});
    rights.push_back({below(plan, "destroy"), {"update"}, "deleting for good"});
  }
  return rights;
}

std::string policy_text(const std::vector<Right>& rights) {
  std::string text;
  for (const Right& right : rights) {
    std::string words;
    for (const std::string& word : right.capabilities) {
      words += fmt::format("{}\"{}\"", words.empty() ? "" : ", ", word);
    }
    text += fmt::format("# {}\npath \"{}\" {{\n  capabilities = [{}]\n}}\n", right.purpose,
                        right.path, words);
  }
  return text;
}

std::vector<std::string> granted_paths(std::string_view policy) {
  std::vector<std::string> paths;
  for (const Rule& rule : rules_of(policy)) {
    paths.emplace_back(rule.path);
  }
  return paths;
}

void keep_granted(std::string_view policy, PolicyPlan* plan) {
  PolicyPlan before;
  for (const Rule& rule : rules_of(policy)) {
    if (rule.purpose == kTrail) {
      before.trail = between(rule.path, "", "/data/events/*");
    } else if (rule.purpose == kCommitments) {
      before.audit_device = between(rule.path, "sys/audit-hash/", "");
    } else if (rule.purpose == kDevices) {
      add_once(between(rule.path, "sys/audit-hash/", ""), &plan->watched_devices);
    } else if (rule.purpose == kWrapping) {
      before.transit_key = between(rule.path, "transit/encrypt/", "");
    } else if (rule.purpose == kDataKeys) {
      add_once(between(rule.path, "transit/encrypt/", ""), &plan->data_keys);
    } else if (rule.purpose == kCosign) {
      before.cosign = between(rule.path, "transit/sign/", "");
    } else if (rule.purpose == kSnapshot) {
      plan->snapshot = true;
    } else if (rule.purpose == kCredentials) {
      add_once(std::string(rule.path), &plan->credentials);
    } else if (rule.purpose == kRotated) {
      const std::string name = between(rule.path, place_of(*plan, "data", ""), "");
      add_once(name == kRotationDocument ? std::string() : name, &plan->rotated);
    }
  }
  const auto keep = [](std::string* now, std::string&& then) {
    if (now->empty()) {
      *now = std::move(then);
    }
  };
  keep(&plan->trail, std::move(before.trail));
  keep(&plan->audit_device, std::move(before.audit_device));
  keep(&plan->transit_key, std::move(before.transit_key));
  keep(&plan->cosign, std::move(before.cosign));
}

std::vector<std::string> probed_paths(const std::vector<Right>& rights, const PolicyPlan& plan) {
  std::vector<std::string> paths;
  for (const Right& right : rights) {
    paths.push_back(probe_of(right.path));
  }
  for (const auto& [path, why] : forbidden(plan)) {
    paths.push_back(path);
  }
  return paths;
}

std::vector<RightProblem> compare_rights(const std::vector<Right>& rights, const PolicyPlan& plan,
                                         const json& capabilities) {
  using Kind = RightProblem::Kind;
  std::vector<RightProblem> problems;
  for (const Right& right : rights) {
    const auto words = held(capabilities, probe_of(right.path));
    if (contains(words, "root")) {
      // One line says it all.
      return {{Kind::kTooMuch, "*", "has the policy root, which may do everything"}};
    }
    std::vector<std::string> missing;
    for (const std::string& needed : right.capabilities) {
      if (!contains(words, needed)) {
        missing.push_back(needed);
      }
    }
    if (!missing.empty()) {
      problems.push_back(
          {Kind::kMissing, right.path,
           fmt::format("has no right to {}; needed for {}", joined(missing), right.purpose)});
    }
    std::vector<std::string> extra;
    for (const std::string& word : words) {
      if (!contains(right.capabilities, word)) {
        extra.push_back(word);
      }
    }
    if (!extra.empty()) {
      problems.push_back(
          {Kind::kTooMuch, right.path, fmt::format("may {}, which is not needed", joined(extra))});
    }
  }
  for (const auto& [path, why] : forbidden(plan)) {
    if (const auto words = held(capabilities, path); !words.empty()) {
      problems.push_back({Kind::kTooMuch, path, fmt::format("may {}: {}", joined(words), why)});
    }
  }
  return problems;
}

}  // namespace warder::vault
