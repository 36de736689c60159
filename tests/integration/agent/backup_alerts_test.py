"""Backups that fail: what the history says of them and what the monitor's checks say are the same thing."""
import json
import sqlite3
import unittest

from harness import until
from monitor_test import World


class BackupAlerts(unittest.TestCase):
    def setUp(self):
        self.world = World(checks="backup-failures", monitor="failed_backup_attempts = 3", store=(
            "[backup vw]\ndatabase = {folder}/later.sqlite3\nencryption = none\nunencrypted = yes\n"
            "verify_schedule = never\ndrill_schedule = never"))
        self.addCleanup(self.world.end)

    def backups(self):
        return [e for e in self.world.events("--kind", "backup", "--oldest-first") if e["detail"].get("verb") == "now"]

    def back_up(self, status):
        count = len(self.backups())
        done = self.world.run("backup", "now", "vw")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return until(lambda: self.backups()[count:], "its report in the history")[0]

    def incidents(self):
        return {one["name"]: one for one in json.loads(self.world.run("--json", "alerts", "list").stdout)["incidents"]}

    def test_three_failures_are_critical_in_both(self):
        world = self.world
        self.assertEqual([self.back_up(1)["severity"] for _ in range(2)], ["high", "high"])
        # What is no backup changes nothing: a trial that fails, an alarm.
        self.assertEqual(world.run("backup", "verify", "vw").returncode, 1)
        rows = json.loads(world.run("--json", "monitor", "run", "vault").stdout)["checks"]
        self.assertEqual((rows[0]["state"], rows[0]["text"][:2]), ("good", "2 "), rows)
        third = self.back_up(1)
        self.assertEqual(third["severity"], "critical")
        self.assertIn("(3 failures in a row)", third["message"])
        told = world.told("backup-failures: 3 backups failed in a row", "critical", kind="monitor")
        self.assertEqual(told["detail"]["incident"], "monitor/vault/backup-failures")
        until(lambda: {"backup/vw/now", "monitor/vault/backup-failures"} <= set(self.incidents()), "both incidents")
        self.assertEqual(self.incidents()["backup/vw/now"]["events"], 3)
        self.assertEqual(self.incidents()["backup/vw/now"]["severity"], "critical")
        # One that works ends both.
        live = sqlite3.connect(world.folder / "later.sqlite3")
        live.execute("CREATE TABLE t(a)")
        live.close()
        self.assertLess(["info", "notice", "warning"].index(self.back_up(0)["severity"]), 2)
        world.told("backup-failures: good again", "notice", kind="monitor")
        until(lambda: not {"backup/vw/now", "monitor/vault/backup-failures"} & set(self.incidents()), "no incident of them")

    def test_a_backup_of_another_program_counts(self):
        world = self.world
        for count in range(3):
            sent = world.run("alerts", "send", "backup", stdin=f"rsnapshot failed at step {count}")
            self.assertEqual(sent.returncode, 0, sent.stderr)
        world.told("backup-failures: 3 backups failed in a row", "critical", kind="monitor")
        self.assertEqual(world.run("alerts", "send", "backup", "--severity", "info", stdin="rsnapshot made one").returncode, 0)
        world.told("backup-failures: good again", "notice", kind="monitor")


if __name__ == "__main__":
    unittest.main()
