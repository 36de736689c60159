#pragma once

#include "config/diagnostics.h"
#include "config/layer.h"

#include <optional>
#include <string>
#include <vector>

namespace warder::engine {

// The vault's document `backup` (`warder vault update-backup-config`), which says in words of its
// own what the sections [backup NAME] say:
//
//   {"formats": ["sql_dump", "binary", "encrypted"], "compression": "gzip",
//    "encryption": {"algorithm": "AES256", "key_source": "oci_vault", "passphrase_rotation":
//    "monthly"}, "validation": {"integrity_check": true, "test_restore": true,
//    "cross_platform_test": false}, "retention": {"local_days": 7, "cloud_days": 30,
//    "archive_days": 365}, "performance": {"oci_a1_optimized": true, "concurrent_backups": 1,
//    "memory_limit": "200MB"}, "schedule": "daily 03:00", "verify_schedule": "...",
//    "drill_schedule": "...", "oldest": "26h"}
//
// Its keys for each of the `sections` ("backup vaultwarden"), to be laid over the files. A member
// that nothing here knows, and a wish that cannot be met, are errors; what is the business of
// others is a warning.
config::Layer backup_layer(const std::optional<std::string>& text,
                           const std::vector<std::string>& sections,
                           config::Diagnostics& diagnostics);

// The document without its secrets: a passphrase may lie in it beside the rules
// (vault:backup/passphrase), and nobody keeps a copy of that. Empty when nothing else is in it.
std::optional<std::string> backup_rules(const std::optional<std::string>& text);

}  // namespace warder::engine
