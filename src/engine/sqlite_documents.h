#pragma once

#include "config/diagnostics.h"
#include "config/layer.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// The vault's documents `security` and `performance`, which say in words of their own what the
// sections [monitor NAME] say: which checks are made, and their limits. Where there is a section
// [files NAME] of the same name, `file_modifications` switches it on.
//
//   security     {"alerts_enabled": true, "monitoring": {"integrity_checks": true, ...},
//                 "thresholds": {"failed_backup_attempts": 3, ...}, "actions": {...}}
//   performance  {"monitoring_enabled": true, "metrics": {"database_size_mb": "...", ...},
//                 "thresholds": {"max_wal_size_kb": 10240, ...}, "oci_a1_optimizations": {...}}
struct SqliteDocuments {
  std::optional<std::string> security = std::nullopt;
  std::optional<std::string> performance = std::nullopt;

  friend bool operator==(const SqliteDocuments&, const SqliteDocuments&) = default;
};

// Their keys for each of the `sections` ("monitor vaultwarden", "files vaultwarden"), to be laid
// over the files. A member that nothing here knows, one of another type, and a wish that cannot be
// met are errors; what is the business of others (the limits of the service) is a warning. Places
// name the document and member: "vault security#/thresholds".
config::Layer sqlite_layer(const SqliteDocuments& documents,
                           const std::vector<std::string>& sections,
                           config::Diagnostics& diagnostics);

}  // namespace warder::engine
