"""What goes wrong around the agent: a full disk, a damaged history, signals in storms, a stopped
process, few descriptors. Bans come all the same, every line counts once, and it is said."""
import re
import resource
import signal
import sqlite3
import subprocess
import unittest

from attacked import Attacked
from harness import until

LIMIT = 10000  # a jail that counts and never bans


class Faults(Attacked):
    def setUp(self):
        super().setUp()
        self.world.make_vault()
        self.world.start_helper()

    def test_a_full_disk_delays_the_record_and_no_ban(self):
        """D01"""
        world = self.world
        state = world.folder / "state"
        kept = {file.name: file.read_bytes() for file in state.iterdir()}
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,uid=65534,mode=700", "tmpfs", state],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", state], check=False)
        for name, content in kept.items():
            (state / name).write_bytes(content)
            (state / name).chmod(0o600)
            subprocess.run(["chown", "65534", state / name], check=True)
        self.watch()
        world.start_agent()
        self.attack(3)
        until(lambda: len(self.banned()) == 3, "three bans")
        with open(state / "ballast", "wb") as ballast:
            with self.assertRaises(OSError):
                while True:
                    ballast.write(bytes(65536))
                    ballast.flush()
        # More than the journal has left to write over.
        while world.ask("status")["store"]["state"] == "running" and self.written < 250:
            self.attack(10)
            until(lambda: len(self.banned()) == self.written, "bans on a full disk", 60)
        self.assertEqual(world.ask("status")["store"]["state"], "degraded")
        self.assertIn("full", world.ask("status")["store"]["reason"])
        self.attack(1)
        until(lambda: len(self.banned()) == self.written, "a ban while degraded")
        (state / "ballast").unlink()
        until(lambda: world.ask("status")["store"]["state"] == "running", "a store that writes", 60)
        self.assert_counted_once()

    def test_a_damaged_history_is_set_aside_and_bans_are_read_back(self):
        """D05"""
        world = self.world
        self.watch()
        world.start_agent()
        self.attack(3)
        until(lambda: len(self.banned()) == 3, "three bans")
        world.stop_agent()
        database = world.folder / "state/warder.db"
        with open(database, "r+b") as file:
            file.write(b"x" * 4096)
        refused = world.warder("events", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("restart the agent", refused.stderr)
        world.start_agent()
        until(lambda: len(self.banned()) == 3, "the bans that the kernel held")
        self.assertEqual(len([f for f in (world.folder / "state").glob("warder.db.damaged-*Z")]), 1)
        self.assertTrue([e for e in world.events("--kind", "store") if "damaged" in e["message"]])
        self.assertEqual(world.warder("verify").returncode, 0)

    def test_signals_in_storms_double_and_lose_nothing(self):
        """C03"""
        world = self.world
        self.watch(LIMIT)
        world.start_agent()
        for _ in range(40):
            self.attack(25)
            world.agent.send_signal(signal.SIGHUP)
        self.assert_counted_once()
        world.agent.send_signal(signal.SIGSTOP)
        self.attack(500)
        world.agent.send_signal(signal.SIGCONT)
        self.assert_counted_once()
        self.attack(2000)
        self.assertEqual(world.stop_agent(signal.SIGTERM), 0)
        self.attack(10)
        world.start_agent()
        self.assert_counted_once()

    def test_a_reboot(self):
        """C14: everything ends at once, the kernel's table is gone, the clock has gone on"""
        world = self.world
        self.watch()
        world.start_agent()
        self.attack(20)
        self.assert_counted_once()
        before = {ban["address"]: ban["end"] for ban in world.ask("bans")["bans"]}
        self.assertEqual(len(before), 20)
        self.attack(5)
        for process in (world.agent, world.helper):
            process.kill()
            process.wait()
        subprocess.run(world.in_host("nft", "flush", "ruleset"), check=True)
        self.attack(5)
        world.start_helper()
        world.start_agent()
        self.assert_counted_once()
        until(lambda: len(self.banned()) == 30, "all bans")
        held = subprocess.run(world.in_host("nft", "list", "table", "inet", "warder"), text=True,
                              capture_output=True, check=True).stdout
        self.assertEqual(len(set(re.findall(r"192\.0\.2\.\d+", held))), 30)
        after = {ban["address"]: ban["end"] for ban in world.ask("bans")["bans"]}
        self.assertEqual({address: after[address] for address in before}, before)

    def test_another_program_writes_into_the_history(self):
        """D08: a second connection writes and resets the journal all the time"""
        world = self.world
        self.watch(LIMIT)
        world.start_agent()
        database = world.folder / "state/warder.db"
        other = sqlite3.connect(database, timeout=30, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("CREATE TABLE theirs(x)")
        for number in range(60):
            self.attack(20)
            other.execute("INSERT INTO theirs VALUES(randomblob(20000))")
            other.execute(f"PRAGMA wal_checkpoint({('PASSIVE', 'FULL', 'RESTART', 'TRUNCATE')[number % 4]})")
        self.assert_counted_once()
        self.assertEqual(other.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        self.assertEqual(other.execute("SELECT count(*) FROM theirs").fetchone(), (60,))

    def test_an_older_configuration_that_comes_back_is_told(self):
        """F08: whoever can write the rules puts old ones back, while the agent runs and while not"""
        world = self.world
        self.watch()
        first = {"sshd": {"maxretry": 3, "bantime": "2h"}}
        second = {"sshd": {"maxretry": 5}}
        world.put("jails", first)
        world.start_agent()

        def told(words):
            return [e["message"] for e in world.events("--kind", "config") if words in e["message"]]

        world.put("jails", second)
        until(lambda: told("new configuration"), "the second configuration")
        self.assertIn("changed: [sshd] bantime 2h -> 1h, maxretry 3 -> 5", told("new configuration")[0])
        self.assertEqual(told("put back"), [])
        world.put("jails", first)
        until(lambda: told("put back"), "that the first is back")
        self.assertIn("an older configuration was put back (the vault changed): it ran until ",
                      told("put back")[0])
        self.assertIn("changed: [sshd] bantime 1h -> 2h, maxretry 5 -> 3", told("put back")[0])
        world.stop_agent()
        world.put("jails", second)
        world.start_agent()
        until(lambda: len(told("put back (at start)")) == 1, "that the second is back")

    def test_few_descriptors(self):
        """C10"""
        world = self.world
        for number in range(60):
            (world.folder / f"logs/more{number}.log").touch()
        self.watch(LIMIT, "*.log")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (48, limits[1]))
        try:
            world.start_agent()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.attack(50)
        self.assert_counted_once()


if __name__ == "__main__":
    unittest.main()
