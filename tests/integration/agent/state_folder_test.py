"""The agent's folder of state on a file system that gives out: read-only, without an inode; with a link or a file of another user in
place of the history, a key or a socket; with the wrong rights. Everything is mounted in the mount namespace that `alone` makes. Bans
stay in the kernel, and when the fault ends every line counts once."""
import os
import pathlib
import signal
import socket
import stat
import subprocess
import unittest

from attacked import Attacked
from harness import AGENT_UID, WARDER, until


class StateFolder(Attacked):
    def setUp(self):
        super().setUp()
        self.state = self.world.folder / "state"
        self.mounted = 0
        self.addCleanup(self.unmount)
        self.world.write("warder.local", "[store]\ncheck_every = 0\n")  # which may hold the journal open over a stop
        self.watch()

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

    def refused_start(self, status=1):
        """What an agent says that ends with an error at its start."""
        before = len(self.world.log("agent.log"))
        agent = self.world.start(self.world.in_host(*self.world.as_agent(
            WARDER, "--config", str(self.world.folder / "warder.conf"), "run")), "agent.log")
        self.assertEqual(self.end_of(agent), status, self.world.log("agent.log"))
        return self.world.log("agent.log")[before:]

    def assert_all_is_well(self):
        self.world.start_agent()
        self.attack(2)
        until(lambda: len(self.banned()) == self.written, "all bans")
        self.assert_counted_once()
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
        self.assertEqual(len(self.held()), 3)
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
        self.assertEqual(len(self.held()), self.written)
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
        self.assertEqual(len(self.held()), 3)
        os.chown(database, AGENT_UID, -1)
        self.assert_all_is_well()

    def test_rights_of_the_folder(self):
        """The agent's user may not enter its own folder; where it may not make files, it goes on with those that are there"""
        self.begin()
        self.world.stop_agent()
        for owner, mode in ((AGENT_UID, 0), (0, 0o700)):
            with self.subTest(owner=owner, mode=oct(mode)):
                os.chown(self.state, owner, -1)
                self.state.chmod(mode)
                said = self.refused_start(5)
                self.assertIn(str(self.state), said)
                self.assertIn("Permission denied", said)
                self.assertEqual(len(self.held()), 3)
        os.chown(self.state, AGENT_UID, -1)
        self.state.chmod(0o500)
        self.assert_all_is_well()

    def test_a_key_that_others_may_know(self):
        """The key that signs checkpoints: a link, another user's, readable by all"""
        self.begin()
        self.world.stop_agent()
        key = self.state / "checkpoint.key"
        content = key.read_bytes()
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        key.chmod(0o644)
        self.assertIn(f"{key}: the key that signs checkpoints has mode 0644, so other users can read it; run: chmod 0600 {key}",
                      self.refused_start(5))
        key.chmod(0o600)
        os.chown(key, AGENT_UID - 1, -1)
        self.assertIn(f"{key}: the key that signs checkpoints cannot be read by user id {AGENT_UID}; run: chown {AGENT_UID} {key}",
                      self.refused_start(5))
        os.chown(key, AGENT_UID, -1)
        kept = self.state / "kept.key"
        key.rename(kept)
        key.symlink_to(kept)
        self.assertIn(f"{key}: the key that signs checkpoints is a symbolic link, which is not followed; name the file itself",
                      self.refused_start(5))
        self.assertEqual(kept.read_bytes(), content)
        key.unlink()
        kept.rename(key)
        self.assert_all_is_well()

    def test_what_lies_where_the_control_socket_belongs(self):
        """A file or a link there is somebody's: it stays; a socket that nobody answers on goes"""
        self.begin()
        self.world.stop_agent()
        path = self.world.folder / "run/control.sock"
        self.assertFalse(path.exists())
        stays = "lies where the socket belongs and stays as it is; move it away or configure another path for the socket"
        path.write_text("precious\n")
        os.chown(path, 0, 0)
        self.assertIn(f"{path}: a file {stays}", self.refused_start())
        self.assertEqual(path.read_text(), "precious\n")
        path.unlink()
        secret = self.world.folder / "secret"
        secret.write_text("precious\n")
        path.symlink_to(secret)
        self.assertIn(f"{path}: a symbolic link {stays}", self.refused_start())
        self.assertTrue(path.is_symlink())
        self.assertEqual(secret.read_text(), "precious\n")
        path.unlink()
        self.assertEqual(len(self.held()), 3)
        # Of another user, who answers.
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            path.chmod(0o666)
            other.listen()
            self.assertIn(f"another agent answers on {path}", self.refused_start())
            self.assertTrue(path.is_socket())
        # Nobody answers any more.
        self.assert_all_is_well()

    def test_what_lies_where_the_helpers_socket_belongs(self):
        """As with the control socket"""
        self.begin()
        self.world.stop_agent()
        self.world.helper.terminate()
        self.world.helper.wait(30)
        path = self.world.folder / "run/firewall.sock"
        path.unlink(missing_ok=True)
        secret = self.world.folder / "secret"
        secret.write_text("precious\n")
        stays = "lies where the socket belongs and stays as it is; move it away or configure another path for the socket"
        for make, what in ((lambda: path.write_text("precious\n"), "a file"),
                           (lambda: path.symlink_to(secret), "a symbolic link")):
            make()
            before = len(self.world.log("helper.log"))
            helper = self.world.start(self.world.in_host(WARDER, "--config", str(self.world.folder / "warder.conf"),
                                                         "firewall-helper", "--client", "nobody"), "helper.log")
            self.assertEqual(self.end_of(helper), 1)
            self.assertIn(f"{path}: {what} {stays}", self.world.log("helper.log")[before:])
            self.assertEqual(path.read_text(), "precious\n")
            path.unlink()
        self.assertEqual(secret.read_text(), "precious\n")
        self.world.start_helper()
        self.assert_all_is_well()


if __name__ == "__main__":
    unittest.main()
