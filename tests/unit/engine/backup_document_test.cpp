// The vault's document `backup` as keys of [backup NAME].
#include "engine/backup_document.h"

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <string>

using namespace warder;
using namespace warder::engine;

namespace {

using Keys = std::map<std::string, std::string>;

Keys keys_of(const std::string& document, config::Diagnostics& diagnostics) {
  const config::Layer layer = backup_layer(document, {"backup vw"}, diagnostics);
  Keys keys;
  for (const config::RawSection& section : layer.sections) {
    CHECK(section.name == "backup vw");
    for (const config::RawOption& option : section.options) {
      CHECK(keys.emplace(option.name, option.value).second);
    }
  }
  return keys;
}

std::string told(const std::string& document) {
  config::Diagnostics diagnostics;
  (void)keys_of(document, diagnostics);
  return diagnostics.to_text();
}

}  // namespace

TEST_CASE(
    "the document of the guide becomes formats and retention, the rest is always so or told") {
  config::Diagnostics diagnostics;
  CHECK(keys_of(R"({
    "formats": ["sql_dump", "binary", "encrypted"], "compression": "gzip",
    "encryption": {"algorithm": "AES256", "key_source": "oci_vault",
                   "passphrase_rotation": "monthly"},
    "validation": {"integrity_check": true, "test_restore": true, "cross_platform_test": false},
    "retention": {"local_days": 7, "cloud_days": 30, "archive_days": 365},
    "performance": {"oci_a1_optimized": true, "concurrent_backups": 1, "memory_limit": "200MB"}})",
                diagnostics) == Keys{{"formats", "sql_dump binary encrypted"},
                                     {"local_days", "7"},
                                     {"cloud_days", "30"},
                                     {"archive_days", "365"}});
  CHECK_FALSE(diagnostics.has_errors());
  const std::string text = diagnostics.to_text();
  CHECK(text.find("vault backup#/encryption/passphrase_rotation: ") != std::string::npos);
  CHECK(text.find("vault backup#/performance/memory_limit: ") != std::string::npos);
}

TEST_CASE("keys of ours may stand in it") {
  config::Diagnostics diagnostics;
  CHECK(keys_of(R"({"formats": "both", "compression": 9, "schedule": "daily 03:00",
                    "verify_schedule": "daily 05:00", "drill_schedule": "never", "oldest": "26h"})",
                diagnostics) == Keys{{"formats", "both"},
                                     {"compression", "9"},
                                     {"schedule", "daily 03:00"},
                                     {"verify_schedule", "daily 05:00"},
                                     {"drill_schedule", "never"},
                                     {"oldest", "26h"}});
  CHECK_FALSE(diagnostics.has_errors());
}

TEST_CASE("a wish that cannot be met is refused with its reason") {
  const auto refused = [](const std::string& document, const std::string& why) {
    config::Diagnostics diagnostics;
    (void)keys_of(document, diagnostics);
    CHECK(diagnostics.has_errors());
    CHECK(diagnostics.to_text().find(why) != std::string::npos);
  };
  refused(R"({"compression": "zstd"})", "vault backup#/compression: gzip, or a number");
  refused(R"({"encryption": {"algorithm": "ChaCha20"}})", "only AES256 is possible");
  refused(R"({"encryption": {"key_source": "file"}})", "the passphrase lies in the vault");
  refused(R"({"validation": {"test_restore": false}})", "counts only once it was restored");
  refused(R"({"validation": {"integrity_check": false}})", "each backup is checked");
  refused(R"({"validation": {"cross_platform_test": true}})", "on another platform");
  refused(R"({"performance": {"concurrent_backups": 4}})", "one backup is made at a time");
  refused(R"({"retention": {"local_days": -7}})", "a whole number from 0 is expected here");
  refused(R"({"retention": {"locl_days": 7}})", "did you mean local_days?");
  refused(R"({"retention": {"local_days": 7, "local_days": 8}})", "a member is named twice");
  refused(R"({"formats": ["binary", 7]})", "a list of formats is expected here");
  refused(R"({"schedule": 3})", "text is expected here");
  refused("[]", "the document is no JSON object");
  config::Diagnostics diagnostics;
  CHECK(backup_layer(R"({"formats": "both"})", {}, diagnostics).sections.empty());
  CHECK(diagnostics.to_text().find("there is no section [backup NAME]") != std::string::npos);
}

TEST_CASE("no copy is kept of a passphrase that lies in the document") {
  CHECK(backup_rules(std::nullopt) == std::nullopt);
  CHECK(backup_rules(R"({"passphrase": "x", "Passphrase_old": "y"})") == std::nullopt);
  CHECK(backup_rules(R"({"passphrase": "x", "formats": "both"})") == R"({"formats":"both"})");
  // What holds none stays as it was written, to be judged.
  CHECK(backup_rules(R"({"formats": 1, "formats": 2})") == R"({"formats": 1, "formats": 2})");
  CHECK(backup_rules("no JSON") == "no JSON");
  CHECK(told(R"({"formats": "both"})").empty());
}
