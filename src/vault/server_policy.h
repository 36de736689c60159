#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// What an agent needs of a vault, no more.
struct PolicyPlan {
  std::string mount = "secret";
  std::string prefix = "warder";
  int kv_version = 2;
  // Mount of the append-only audit trail; empty: none.
  std::string trail = {};
  // Audit device that hashes events (sys/audit-hash); empty: none.
  std::string audit_device = {};
  // Audit devices that are looked at, whether they are still the ones they were (audit_devices.h).
  std::vector<std::string> watched_devices = {};
  // Name of the transit key for data keys and signatures, mounted at `transit`; empty: none.
  std::string transit_key = {};
  // Other keys of `transit`: for the data keys of backups, and ([vault] cosign) for checkpoints.
  std::vector<std::string> data_keys = {};
  std::string cosign = {};
  // Paths whose answers are credentials with a lease: "database/creds/app".
  std::vector<std::string> credentials = {};
  // Documents whose secrets are replaced when they are due; empty: none.
  std::vector<std::string> rotated = {};
  // Snapshots of the vault's own storage, for backups of it.
  bool snapshot = false;
};

// One path and what may be done there. The vault's words: create, read, update, delete, list,
// patch.
struct Right {
  std::string path;  // may end in '*'
  std::vector<std::string> capabilities;
  std::string purpose;  // for the operator
};

// The rights of an agent, and of an operator or pipeline who writes documents.
std::vector<Right> agent_rights(const PolicyPlan& plan);
std::vector<Right> writer_rights(const PolicyPlan& plan);
// In HCL, as sys/policies/acl takes it.
std::string policy_text(const std::vector<Right>& rights);

// The paths that a policy's text has a rule for, in its order; at most 1,000. Linear in its length.
std::vector<std::string> granted_paths(std::string_view policy);
// Takes into `plan` what an earlier policy_text() of agent_rights() gave besides the documents (a
// trail, an audit device, transit keys, snapshots, credentials, rotated documents), except where
// `plan` names such a thing itself. `policy` is what the vault keeps: of what others wrote into it
// nothing is taken.
void keep_granted(std::string_view policy, PolicyPlan* plan);

// A difference between what an identity may do and what it should.
struct RightProblem {
  enum class Kind { kMissing, kTooMuch };
  Kind kind = Kind::kMissing;
  std::string path;
  std::string text;  // "has no right to read; needed for ..."
};

// The paths to ask sys/capabilities-self about: those of `rights` (with a name in place of '*'),
// and some that an agent has no business with.
std::vector<std::string> probed_paths(const std::vector<Right>& rights, const PolicyPlan& plan);
// `capabilities`: the answer's data, {"path": ["read"], ...}.
std::vector<RightProblem> compare_rights(const std::vector<Right>& rights, const PolicyPlan& plan,
                                         const nlohmann::json& capabilities);

}  // namespace warder::vault
