#include "agent/vault_needs.h"

#include "agent/backup_sets.h"
#include "agent/wiring.h"
#include "config/secret_reference.h"
#include "config/vault_path.h"
#include "ship/keys.h"
#include "storage/keys.h"
#include "vault/server_options.h"

#include <optional>
#include <set>
#include <string>

namespace warder::agent {
namespace {

// What the configuration, the files and the vault's documents over them, has an agent do at the
// vault besides reading documents. What `plan` names stays.
void add_configured(const Globals& globals, vault::PolicyPlan* plan) {
  const auto documents = configured_documents(globals);
  const auto main = read_main(globals, documents ? *documents : engine::VaultDocuments());
  if (!main) {
    return;
  }
  std::set<std::string> paths;
  for (const config::Table* table : {&ship::destination_table(), &storage::storage_table()}) {
    for (const config::Values* values : main->checked.all(*table)) {
      for (const config::Key& key : table->keys) {
        if (!values->has(key.name)) {
          continue;
        }
        const auto reference =
            key.type == config::Type::kSecret ? std::optional(values->secret(key.name))
            : key.type == config::Type::kString
                ? config::parse_secret_reference(values->string(key.name))  // a user name
                : std::nullopt;
        if (reference && config::is_vault_path(reference->document)) {
          paths.insert(reference->document.substr(1));
        }
      }
    }
  }
  plan->credentials = {paths.begin(), paths.end()};
  config::Diagnostics ignored;
  for (const config::Values* values : main->checked.all(ship::destination_table())) {
    const ship::DestinationOptions destination = ship::destination_options(*values, ignored);
    if (destination.means == ship::Means::kVaultTrail && plan->trail.empty()) {
      plan->trail = destination.target;
    } else if (destination.means == ship::Means::kVaultHash && plan->audit_device.empty()) {
      plan->audit_device = destination.target;
    }
  }
  std::set<std::string> data_keys;
  for (const backup::SetOptions& set : backup_sets(*main, ignored)) {
    plan->snapshot = plan->snapshot || set.vault;
    if (!set.data_key.empty()) {
      data_keys.insert(set.data_key);
    }
  }
  plan->data_keys = {data_keys.begin(), data_keys.end()};
}

}  // namespace

vault::PolicyPlan needs_at_the_vault(const Globals& globals, const vault::VaultOptions& options,
                                     const VaultWords& words) {
  vault::PolicyPlan plan;
  plan.trail = words.trail;
  plan.audit_device = words.audit_device;
  plan.transit_key = words.transit;
  plan.watched_devices = vault::watched_audit_devices(options.server);
  plan.cosign = options.cosign;
  plan.snapshot = words.snapshot;
  add_configured(globals, &plan);
  return plan;
}

}  // namespace warder::agent
