#include "vault/server_policy.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace warder;
using nlohmann::json;
using vault::RightProblem;

TEST_CASE("the agent's policy in the vault's language") {
  CHECK(vault::policy_text(vault::agent_rights({.trail = "warder-audit"})) ==
        R"(# rules and secrets
path "secret/data/warder/*" {
  capabilities = ["read"]
}
# seeing that something changed
path "secret/metadata/warder/*" {
  capabilities = ["read", "list"]
}
# the append-only audit trail
path "warder-audit/data/events/*" {
  capabilities = ["create"]
}
# seeing whether an event has arrived when its answer was lost
path "warder-audit/metadata/events/*" {
  capabilities = ["read"]
}
# checkpoints of the history, and verifying against them
path "warder-audit/data/checkpoints/*" {
  capabilities = ["create", "read"]
}
# finding them
path "warder-audit/metadata/checkpoints/*" {
  capabilities = ["read", "list"]
}
)");
  CHECK(vault::agent_rights({.audit_device = "file"}).back().path == "sys/audit-hash/file");
  const auto watching =
      vault::agent_rights({.audit_device = "file", .watched_devices = {"file", "tcp"}});
  CHECK(watching[watching.size() - 2].purpose == "commitments to events");
  CHECK(watching.back().path == "sys/audit-hash/tcp");
  CHECK(watching.back().capabilities == std::vector<std::string>{"update"});
  CHECK(vault::agent_rights({.kv_version = 1}).front().path == "secret/warder/*");
}

TEST_CASE("credentials with a lease and secrets that are replaced take rights of their own") {
  const auto paths = [](const vault::PolicyPlan& plan) {
    std::vector<std::string> all;
    for (const vault::Right& right : vault::agent_rights(plan)) {
      all.push_back(right.path);
      for (const std::string& word : right.capabilities) {
        all.back() += " " + word;
      }
    }
    return std::vector<std::string>(all.begin() + (plan.kv_version == 2 ? 2 : 1), all.end());
  };
  CHECK(paths({.credentials = {"database/creds/app"}}) ==
        std::vector<std::string>{"database/creds/app read", "sys/leases/renew update"});
  CHECK(paths({.rotated = {"hooks/ops"}}) ==
        std::vector<std::string>{"secret/data/warder/hooks/ops read update",
                                 "secret/metadata/warder/hooks/ops read list patch",
                                 "secret/data/warder/rotation read update",
                                 "secret/metadata/warder/rotation read list patch"});
  CHECK(paths({.prefix = "", .kv_version = 1, .rotated = {"a"}}) ==
        std::vector<std::string>{"secret/a read update", "secret/rotation read update"});
}

TEST_CASE("data keys of backups and the cosigning of checkpoints take what they call, no more") {
  const auto rights = [](const vault::PolicyPlan& plan) {
    std::string all;
    for (const vault::Right& right : vault::agent_rights(plan)) {
      if (right.path.starts_with("transit/")) {
        all += right.path + " " + right.capabilities.front() + "\n";
      }
    }
    return all;
  };
  const vault::PolicyPlan plan{.data_keys = {"app", "db"}, .cosign = "witness"};
  CHECK(rights(plan) ==
        "transit/decrypt/app update\ntransit/encrypt/app update\n"
        "transit/decrypt/db update\ntransit/encrypt/db update\n"
        "transit/sign/witness update\ntransit/keys/witness read\n");
  // What --transit gives anyway is not said twice.
  CHECK(rights({.transit_key = "app", .data_keys = {"app"}, .cosign = "app-sign"}) ==
        rights({.transit_key = "app"}));
  vault::PolicyPlan kept;
  vault::keep_granted(vault::policy_text(vault::agent_rights(plan)), &kept);
  CHECK(kept.data_keys == plan.data_keys);
  CHECK(kept.cosign == "witness");
}

TEST_CASE("rights too few and too many are told apart") {
  const vault::PolicyPlan plan;
  const auto rights = vault::agent_rights(plan);
  const auto paths = vault::probed_paths(rights, plan);
  const auto asked = [&](std::string_view path) {
    return std::find(paths.begin(), paths.end(), path) != paths.end();
  };
  CHECK(asked("secret/data/warder/warder-probe"));
  CHECK(asked("sys/audit/warder-probe"));
  const json exact = {{"secret/data/warder/warder-probe", {"read"}},
                      {"secret/metadata/warder/warder-probe", {"list", "read"}},
                      {"sys/audit/warder-probe", json::array({"deny"})}};
  CHECK(vault::compare_rights(rights, plan, exact).empty());
  const json wrong = {{"secret/data/warder/warder-probe", {"read", "update"}},
                      {"secret/metadata/warder/warder-probe", json::array({"read"})},
                      {"sys/audit/warder-probe", {"sudo", "update"}}};
  const auto problems = vault::compare_rights(rights, plan, wrong);
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].kind == RightProblem::Kind::kTooMuch);
  CHECK(problems[0].text == "may update, which is not needed");
  CHECK(problems[1].kind == RightProblem::Kind::kMissing);
  CHECK(problems[1].text == "has no right to list; needed for seeing that something changed");
  CHECK(problems[2].text == "may sudo, update: it could switch off the vault's own audit log");
  const json root = {{"secret/data/warder/warder-probe", json::array({"root"})}};
  REQUIRE(vault::compare_rights(rights, plan, root).size() == 1);
  CHECK(vault::compare_rights(rights, plan, root)[0].text ==
        "has the policy root, which may do everything");
}

TEST_CASE("what an earlier set-up granted is kept, unless another is named") {
  const vault::PolicyPlan before{.trail = "warder-audit",
                                 .audit_device = "file",
                                 .watched_devices = {"tcp"},
                                 .transit_key = "backups",
                                 .credentials = {"aws/sts/backup"},
                                 .rotated = {"hooks/ops"},
                                 .snapshot = true};
  const std::string text = vault::policy_text(vault::agent_rights(before));
  vault::PolicyPlan plan;
  vault::keep_granted(text, &plan);
  CHECK(vault::policy_text(vault::agent_rights(plan)) == text);
  vault::PolicyPlan other{.trail = "elsewhere",
                          .credentials = {"aws/sts/backup", "database/creds/app"}};
  vault::keep_granted(text, &other);
  CHECK(other.trail == "elsewhere");
  CHECK(other.transit_key == "backups");
  CHECK(other.credentials == std::vector<std::string>{"aws/sts/backup", "database/creds/app"});
}

TEST_CASE("of a policy that others wrote nothing is taken") {
  const std::string_view text = R"(
# the append-only audit trail
path "no-trail" { capabilities = ["create"] }
path "warder-audit/data/events/*" { capabilities = ["create"] }
# wrapping the keys of backups
path "transit/encrypt/
  path "a" {}
path = "b" {}
)";
  CHECK(vault::granted_paths(text) ==
        std::vector<std::string>{"no-trail", "warder-audit/data/events/*", "a"});
  vault::PolicyPlan plan;
  vault::keep_granted(text, &plan);
  CHECK(vault::policy_text(vault::agent_rights(plan)) ==
        vault::policy_text(vault::agent_rights({})));
}
