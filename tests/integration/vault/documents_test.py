"""The documents settings, security and performance of a real server over the files, and `warder config diff`, which shows what
the files say, what the vault makes of it, and what runs."""
import json
import sqlite3
import unittest

from world import READER, Host, Server

MONITOR = """[monitor app]
enabled = yes
database = {folder}/app.db
max_wal_size = 5M
queries = SELECT count(*) FROM t
"""
SECURITY = {"alerts_enabled": True, "monitoring": {"integrity_checks": True, "backup_operations": False},
            "thresholds": {"integrity_check_failures": 2, "database_lock_duration_seconds": 30}}
PERFORMANCE = {"monitoring_enabled": True, "thresholds": {"max_wal_size_kb": 10240, "max_query_time_ms": 250}}


class Documents(unittest.TestCase):
    def setUp(self):
        self.bao = Server()
        self.addCleanup(self.bao.close)
        self.bao.policy("warder", READER)
        role_id, secret_id = self.bao.approle("warder", ("warder",))
        self.host = Host()
        self.addCleanup(self.host.close)
        sqlite3.connect(self.host.folder / "app.db").executescript("CREATE TABLE t(a)")
        file = self.host.secret_file("secret-id", secret_id)
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\ninterval = 1s\nrole_id = {role_id}\n"
                            f"secret_id = file:{file}", jails=MONITOR.format(folder=self.host.folder))

    def put(self, name, document):
        self.bao.call("POST", f"secret/data/warder/{name}", {"data": document})

    def diff(self):
        report = self.host.json("config", "diff")
        self.assertEqual(report["unknown"], {})
        return {(row["section"], row["key"]): (row["files"], row["vault"], row["running"]) for row in report["differences"]}

    def settled(self, expected):
        """Until the agent runs what the vault says, and nothing else differs."""
        self.host.until(lambda: all(vault == running for _, vault, running in self.diff().values()) and
                        len(self.diff()) == len(expected), "the agent runs it")
        self.assertEqual({key: row[:2] for key, row in self.diff().items()}, expected)

    def test_each_document_lies_over_the_files_and_the_difference_is_shown(self):
        self.host.start()
        self.assertIn("say the same", self.host.run("config", "diff"))
        self.put("settings", {"agent": {"log_level": "debug"}, "SMTP_PASSWORD": "canary-not-a-section"})
        self.settled({("agent", "log_level"): ("(default)", "debug")})
        self.put("security", SECURITY)
        self.put("performance", PERFORMANCE)
        expected = {
            ("agent", "log_level"): ("(default)", "debug"),
            ("monitor app", "integrity_check_failures"): ("(default)", "2"),
            ("monitor app", "database_lock_duration"): ("(default)", "30s"),
            ("monitor app", "max_wal_size"): ("5M", "10240K"),
            ("monitor app", "max_query_time"): ("(default)", "0.250s"),
        }
        self.host.until(lambda: ("monitor app", "max_wal_size") in self.diff() and
                        all(vault == running for _, vault, running in self.diff().values()), "the monitor's limits come")
        difference = self.diff()
        for key, (files, vault) in expected.items():
            self.assertEqual(difference[key][:2], (files, vault), (key, difference))
        self.assertTrue(all(vault == running for _, vault, running in difference.values()), difference)
        self.assertNotIn("canary", json.dumps(self.host.json("config", "diff")))
        # What is in the vault and is refused shows as a difference between vault and running.
        self.put("performance", {"thresholds": {"max_wal_size_kb": "much"}})
        self.host.until(lambda: any("max_wal_size_kb" in text for text in self.host.events("config")), "the refusal")
        refused = self.host.json("config", "diff")
        self.assertIn("max_wal_size_kb", refused["unknown"]["vault"])
        self.put("performance", PERFORMANCE)
        self.host.until(lambda: "vault" not in self.host.json("config", "diff")["unknown"], "it is good again")
        # A host's own document lies over the shared one.
        self.put("hosts/web-1/security", {"thresholds": {"integrity_check_failures": 3}})
        self.host.until(lambda: self.diff()[("monitor app", "integrity_check_failures")][1:] == ("3", "3"), "this host's own")

    def test_a_file_changed_and_not_read_shows_until_the_reload(self):
        self.host.start()
        path = self.host.folder / "jail.local"
        path.write_text(path.read_text().replace("max_wal_size = 5M", "max_wal_size = 6M"))
        self.assertEqual(self.diff(), {("monitor app", "max_wal_size"): ("6M", "6M", "5M")})
        self.host.run("reload")
        self.assertEqual(self.diff(), {})

    def test_what_cannot_be_asked_is_named(self):
        self.bao.seal()
        report = self.host.json("config", "diff")
        self.assertEqual(report["differences"], [])
        self.assertIn("sealed", report["unknown"]["vault"])
        self.assertIn("no agent", report["unknown"]["running"])


if __name__ == "__main__":
    unittest.main()
