"""The agent's folder of state on a file system that gives out: read-only, without an inode, with a link in place of the history.
Everything is mounted in the mount namespace that `alone` makes. Bans stay in the kernel, and when the fault ends every line counts once."""
import os
import pathlib
import signal
import subprocess
import unittest

from harness import AGENT_UID, SSHD_JAIL, WARDER, World, until


class StateFolder(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.state = self.world.folder / "state"
        self.mounted = 0
        self.addCleanup(self.unmount)
        self.world.write("warder.local", "[store]\ncheck_every = 0\n")  # which may hold the journal open over a stop
        self.world.write("jail.local", SSHD_JAIL.format(folder=self.world.folder, maxretry=1) + "ipv4.widen = none\n")
        (self.world.folder / "logs/auth.log").touch()
        self.written = 0

    def unmount(self):
        for _ in range(self.mounted):
            subprocess.run(["umount", "-l", self.state], check=True)
        self.mounted = 0

    def mount(self, *words):
        subprocess.run(["mount", *words, self.state], check=True)
        self.mounted += 1

    def begin(self):
        self.world.make_vault()
        self.world.start_helper()
        self.world.start_agent()
        self.attack(3)
        until(lambda: len(self.banned()) == 3, "three bans")

    def attack(self, count):
        self.world.write_attacks(f"192.0.2.{1 + self.written + i}" for i in range(count))
        self.written += count

    def banned(self):
        return {ban["address"] for ban in self.world.ask("bans")["bans"]}

    def dropped(self):
        table = subprocess.run(self.world.in_host("nft", "list", "table", "inet", "warder"), text=True,
                               capture_output=True, check=True).stdout
        return sum(f"192.0.2.{number}" in table for number in range(1, self.written + 1))

    def refused_start(self, status=1):
        """What an agent says that ends with an error at its start."""
        before = len(self.world.log("agent.log"))
        agent = self.world.start(self.world.in_host(*self.world.as_agent(
            WARDER, "--config", str(self.world.folder / "warder.conf"), "run")), "agent.log")
        agent.wait(60)
        self.world.processes.remove(agent)
        self.assertEqual(agent.returncode, status, self.world.log("agent.log"))
        return self.world.log("agent.log")[before:]

    def assert_all_is_well(self):
        self.world.start_agent()
        self.attack(2)
        until(lambda: len(self.banned()) == self.written, "all bans")
        findings = until(lambda: len(found := self.world.events("--kind", "finding")) >= self.written and found, "findings")
        self.assertEqual(len(findings), self.written)
        self.assertEqual(self.world.warder("verify").returncode, 0)
        self.assertEqual(self.world.stop_agent(), 0)

    def test_a_read_only_file_system(self):
        """D02"""
        self.begin()
        self.world.stop_agent()
        self.mount("--bind", self.state)
        self.mount("-o", "remount,ro,bind")
        self.mounted -= 1
        said = self.refused_start()
        self.assertIn(str(self.state), said)
        self.assertIn("ead-only file system", said)
        self.assertEqual(self.dropped(), 3)
        self.unmount()
        self.assert_all_is_well()

    def test_no_inode_is_left(self):
        """D02: what runs needs none (a start does: injected_test.py)"""
        self.mount("-t", "tmpfs", "-o", f"size=32m,nr_inodes=40,mode=700,uid={AGENT_UID}", "tmpfs")
        self.begin()
        made = []
        with self.assertRaises(OSError):
            while True:
                made.append(self.state / f"ballast{len(made)}")
                made[-1].touch()
        self.attack(5)
        until(lambda: len(self.banned()) == self.written, "bans without an inode")
        until(lambda: len(self.world.events("--kind", "finding")) == self.written, "their findings on disk")
        self.world.agent.send_signal(signal.SIGKILL)
        self.world.agent.wait()
        for path in made:
            path.unlink(missing_ok=True)
        self.assertEqual(self.dropped(), self.written)
        self.assert_all_is_well()

    def test_a_link_in_place_of_the_history(self):
        """D06: the file it leads to stays as it is"""
        self.begin()
        self.world.stop_agent()
        secret = self.world.folder / "secret"
        secret.write_text("not a database\n")
        os.chown(secret, AGENT_UID, -1)
        kept = self.state / "warder.db.kept"
        (self.state / "warder.db").rename(kept)
        (self.state / "warder.db").symlink_to(secret)
        self.assertIn(f"{self.state}/warder.db: is not a regular file", self.refused_start(3))
        self.assertEqual(secret.read_text(), "not a database\n")
        (self.state / "warder.db").unlink()
        kept.rename(self.state / "warder.db")
        self.assert_all_is_well()

    def test_a_history_of_another_user(self):
        """D06"""
        self.begin()
        self.world.stop_agent()
        database = self.state / "warder.db"
        os.chown(database, 0, 0)
        pathlib.Path(database).chmod(0o600)
        self.assertIn(f"{database}: of user 0, cannot be read and written by this one, {AGENT_UID}; give it to the agent's user "
                      "with chown: Permission denied", self.refused_start(5))
        self.assertEqual(self.dropped(), 3)
        os.chown(database, AGENT_UID, -1)
        self.assert_all_is_well()


if __name__ == "__main__":
    unittest.main()
