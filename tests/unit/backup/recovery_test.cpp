#include "backup/recovery.h"

#include "config/document.h"
#include "config/ini.h"
#include "storage/keys.h"
#include "support/temporary_folder.h"
#include "util/file.h"

#include <catch2/catch.hpp>

using namespace warder;

namespace {

struct Sample {
  config::Checked checked;
  std::vector<backup::SetOptions> sets;
};

Sample sample(const std::string& text) {
  config::Diagnostics diagnostics;
  config::Document document;
  document.add(config::parse_ini(text, "warder.conf", diagnostics));
  const config::Table* const tables[] = {&backup::backup_table(), &storage::storage_table()};
  Sample made{config::check_document(tables, document, diagnostics), {}};
  for (const config::Values* values : made.checked.all(backup::backup_table())) {
    made.sets.push_back(backup::set_options(*values, "/var/lib/warder", diagnostics));
  }
  REQUIRE(diagnostics.to_text() == "");
  return made;
}

}  // namespace

TEST_CASE("what a restore needs goes into the vault without a secret and without a local file") {
  testing::TemporaryFolder folder;
  const std::string known = (folder.path() / "known").string();
  REQUIRE(util::write_file_atomically(known, "far ssh-ed25519 AAAA\n\n", 0600));
  const Sample made = sample(
      "[backup vw]\ndatabase = /srv/db\nformats = binary full\npaths = /srv/a\n  /srv/b\n"
      "passphrase = vault:settings/backup_passphrase\nstorage = far\n"
      "[backup other]\ndatabase = /srv/other\npassphrase = file:/etc/warder/passphrase\n"
      "[storage far]\nkind = sftp\nurl = sftp://u@far/backups\nkey_file = /etc/warder/key\n"
      "known_hosts = " +
      known +
      "\n"
      "[storage unused]\nkind = directory\npath = /mnt\n");
  const backup::RecoveryEntry entry = backup::recovery_entry(made.checked, made.sets);
  CHECK(entry.sections == nlohmann::json::parse(R"({
    "backup vw": {"database": "/srv/db", "formats": ["binary", "full"],
                  "paths": ["/srv/a", "/srv/b"], "folder": "/var/lib/warder/backups/vw",
                  "passphrase": "vault:settings/backup_passphrase", "storage": "far"},
    "backup other": {"database": "/srv/other", "folder": "/var/lib/warder/backups/other",
                     "passphrase": "file:/etc/warder/passphrase"},
    "storage far": {"kind": "sftp", "url": "sftp://u@far/backups", "key_file": "/etc/warder/key",
                    "host_key": ["far ssh-ed25519 AAAA"]}})"));
  CHECK(entry.lacking ==
        std::vector<std::string>{
            "[backup other] passphrase = file:/etc/warder/passphrase lies on this host only: put "
            "it into the vault and write passphrase = vault:DOCUMENT/KEY",
            "[backup other] has no storage: its backups lie on this host only",
            "[storage far] key_file = /etc/warder/key lies on this host only: put the key into the "
            "vault (jq -n --rawfile key /etc/warder/key '{$key}' | warder vault put sftp) and "
            "write key = vault:sftp/key"});
  // Read again, the sections say the same.
  const nlohmann::json document{{"web-1", entry.sections}};
  const auto recovery = backup::read_recovery(document.dump(), "", "new-machine");
  REQUIRE(recovery);
  CHECK(recovery->host == "web-1");
  config::Document again;
  again.add(recovery->layer);
  config::Diagnostics diagnostics;
  const config::Table* const tables[] = {&backup::backup_table(), &storage::storage_table()};
  const config::Checked checked = config::check_document(tables, again, diagnostics);
  CHECK(diagnostics.to_text() == "");
  CHECK(backup::recovery_entry(checked, made.sets).sections == entry.sections);
}

TEST_CASE("whose backups are meant is this machine's name, the only host, or asked") {
  const std::string two = R"({"a": {}, "b": {}})";
  CHECK(backup::read_recovery(two, "", "b")->host == "b");
  CHECK(backup::read_recovery(two, "a", "b")->host == "a");
  CHECK(backup::read_recovery(R"({"a": {}})", "", "c")->host == "a");
  CHECK(backup::read_recovery(two, "", "c").error().message() ==
        "the vault's document recovery has nothing of c; say which host's backups are meant with "
        "--host: a, b");
  CHECK(backup::read_recovery("{}", "", "c").error().code() == util::ErrorCode::kNotFound);
  CHECK(backup::read_recovery("[]", "", "c").error().message() ==
        "the vault's document recovery is no object of hosts, each an object of sections; write it "
        "anew with: warder backup publish");
  CHECK(backup::read_recovery(R"({"a": {"agent": {"state": "/"}}})", "", "a").error().message() ==
        "vault recovery#/agent: [agent] stands here in vain: only sections backup NAME and storage "
        "NAME are read");
}

TEST_CASE("of all hosts each is told, or what is wrong in one") {
  const auto all = backup::read_recoveries(R"({"b": {"backup vw": {}}, "a": {}})");
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK((*all)[0].host == "a");
  CHECK((*all)[0].layer.sections.empty());
  CHECK((*all)[1].host == "b");
  REQUIRE((*all)[1].layer.sections.size() == 1);
  CHECK((*all)[1].layer.sections[0].name == "backup vw");
  CHECK(backup::read_recoveries("{}")->empty());
  CHECK(backup::read_recoveries(R"({"a": {}, "b": {"agent": {}}})").error().message() ==
        "vault recovery#/agent: [agent] stands here in vain: only sections backup NAME and storage "
        "NAME are read");
}
