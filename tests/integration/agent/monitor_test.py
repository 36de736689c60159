"""A real agent watches a real database: each fault is made by hand, the exact event is expected, shipped, asked for."""
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import unittest

from harness import WARDER, PlainAgent, until


class World(PlainAgent):
    """An agent of this user without jails, firewall or network, and a database that it watches."""

    def __init__(self, monitor="", store="",
                 checks="integrity foreign-keys schema wal-size access"):
        super().__init__("monitor")
        self.database = self.folder / "db.sqlite3"
        live = self.live()
        live.executescript("PRAGMA journal_mode=WAL;"
                           "CREATE TABLE users(uuid TEXT PRIMARY KEY);"
                           "CREATE TABLE ciphers(uuid TEXT, owner TEXT REFERENCES users(uuid));"
                           "INSERT INTO users VALUES('u')")
        live.close()
        os.chmod(self.database, 0o640)
        self.configure(
            f"[monitor vault]\nenabled = yes\ndatabase = {self.database}\nevery = 1s\n"
            f"schema_every = 1s\nintegrity_every = 1s\n"
            f"checks = {checks}\n{monitor}\n", store.format(folder=self.folder))
        self.start()

    def live(self):
        return sqlite3.connect(self.database, isolation_level=None)

    def told(self, message, severity, kind="integrity"):
        def find():
            return [event for event in self.events("--kind", kind)
                    if event["message"].startswith(message) and event["severity"] == severity]
        return until(find, f"{severity}: {message}")[0]


class MonitorTest(unittest.TestCase):
    def world(self, **options):
        world = World(**options)
        self.addCleanup(world.end)
        return world

    def test_a_new_trigger_is_told_once_shipped_accepted_and_proven(self):
        world = self.world()
        world.told("schema: the schema has 2 objects; they are the baseline from now on", "info")
        live = world.live()
        live.execute("CREATE TRIGGER steal AFTER INSERT ON ciphers BEGIN DELETE FROM users; END")
        event = world.told("schema: the schema has changed: new trigger steal", "high")
        self.assertEqual(event["jail"], "vault")
        self.assertEqual(event["detail"]["incident"], "monitor/vault/schema")
        self.assertEqual(event["detail"]["facts"]["changes"], ["new trigger steal"])
        until(lambda: any(line.get("message") == event["message"] for line in world.shipped()),
              "the alert is shipped")
        # It is told once, however often it is seen, over a kill -9 too.
        world.stop(signal.SIGKILL)
        world.start()
        world.told("foreign-keys: every foreign key leads to its row", "info")
        count = len(world.events("--kind", "integrity"))
        until(lambda: len(world.events("--kind", "integrity")) >= count + 4, "two more rounds")
        told = [e for e in world.events("--kind", "integrity") if "has changed" in e["message"]]
        self.assertEqual(len(told), 1)
        listed = json.loads(world.run("--json", "monitor", "list").stdout)["monitors"]
        states = {(row["monitor"], row["check"]): row["state"] for row in listed}
        self.assertEqual(states[("vault", "schema")], "bad")
        self.assertEqual(states[("vault", "integrity")], "good")
        accepted = world.run("monitor", "accept", "vault")
        self.assertEqual(accepted.stdout,
                         "the schema that monitor vault finds now is its baseline\n")
        world.told("schema: good again: ", "notice")
        until(lambda: any("good again" in line.get("message", "") for line in world.shipped()),
              "the recovery is shipped")
        self.assertEqual(world.run("verify").returncode, 0)

    def test_a_damaged_page_and_an_orphan(self):
        world = self.world()
        live = world.live()
        live.execute("INSERT INTO ciphers VALUES('c', 'gone')")
        event = world.told("foreign-keys: 1 row is without the row their foreign key names: ciphers "
                           "row 1 has no users", "high")
        self.assertTrue(event["detail"]["next"].endswith("'PRAGMA foreign_key_check'"))
        live.execute("DELETE FROM ciphers")
        world.told("foreign-keys: good again: every foreign key leads to its row", "notice")
        live.executemany("INSERT INTO users VALUES(?)", [(str(i) * 50,) for i in range(3000)])
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        live.close()
        with open(world.database, "r+b") as file:
            file.seek(10 * 4096)
            file.write(b"\xa5" * 2000)
        event = world.told("integrity: the database is damaged: ", "critical")
        self.assertIn("restore the newest good backup", event["detail"]["next"])
        run = world.run("monitor", "run", "vault")
        self.assertEqual(run.returncode, 1)
        self.assertIn("ERROR       integrity: the database is damaged", run.stdout)
        self.assertIn("NEXT STEPS  stop the service", run.stdout)

    def test_a_log_kept_by_a_reader(self):
        world = self.world(monitor="max_wal_size = 64K")
        reader = world.live()
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM users").fetchall()
        writer = world.live()
        writer.executemany("INSERT INTO users VALUES(?)", [(str(i) * 50,) for i in range(1000)])
        event = world.told("wal-size: the write-ahead log has ", "warning", "monitor")
        self.assertIn(f"(pid {os.getpid()}, user ", event["message"])
        reader.execute("ROLLBACK")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        world.told("wal-size: good again: ", "notice", "monitor")

    def test_the_agents_own_history_is_checked_and_edited_rows_are_told(self):
        world = self.world(store="check_every = 1s")
        world.told("history: ", "info")
        self.assertEqual(world.events("--kind", "integrity", "--jail", "history")[0]["severity"],
                         "info")
        world.stop()
        database = sqlite3.connect(world.folder / "state" / "warder.db")
        database.execute("UPDATE event SET message = 'nothing happened' WHERE sequence = 1")
        database.commit()
        database.close()
        world.start()
        event = world.told("history: ", "critical")
        self.assertEqual(event["detail"]["next"], "warder verify")

    def test_a_check_that_runs_ends_with_the_agent_however_that_ends(self):
        world = self.world(monitor="queries = WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 "
                                   "FROM n) SELECT count(*) FROM n\nmax_query_time = 5m\n"
                                   "queries_every = 1s", checks="queries")

        def workers():
            found = []
            for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = process.read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"monitor-worker" in words and str(world.folder / "warder.conf").encode() in words:
                    found.append(process)
            return found

        for how in (signal.SIGTERM, signal.SIGKILL):
            until(workers, "the check runs")
            world.stop(how)
            until(lambda: not workers(), "the check has ended too")
            world.start()

    def test_a_check_whose_agent_ended_before_it_could_ask_ends_at_once(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        # Its standard input stays open: only the agent's absence can end it.
        worker = subprocess.Popen([WARDER, "monitor-worker", str(gone.pid)], stdin=subprocess.PIPE)
        self.addCleanup(worker.stdin.close)
        self.assertEqual(worker.wait(), -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
