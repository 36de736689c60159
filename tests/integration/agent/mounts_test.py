"""Checks whose world is a file system: a lock in an overlay of another file system (a database that came with the image of a
container), a full disk. Everything is mounted in the mount namespace that `alone` makes."""
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import unittest

from harness import SOURCE, WARDER


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


class Mounts(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="warder-mounts-")))
        self.mounted = []
        self.addCleanup(lambda: [subprocess.run(["umount", "-l", path], check=True) for path in reversed(self.mounted)])

    def mount(self, path, kind, *options):
        path.mkdir(exist_ok=True)
        mount("-t", kind, *options, "none", path)
        self.mounted.append(path)
        return path

    def check(self, database, check, more=""):
        (self.folder / "state").mkdir(exist_ok=True)
        (self.folder / "jail.conf").write_text(f"[monitor vault]\nenabled = yes\ndatabase = {database}\nchecks = {check}\n{more}\n")
        (self.folder / "warder.conf").write_text(
            f"[agent]\nname = host.example\nstate = {self.folder}/state\nfilters = {SOURCE}/filters\njails = {self.folder}/jail\n"
            f"[store]\npath = {self.folder}/state/warder.db\ncheck_every = 0\n[vault]\npath = {self.folder}/none\n"
            f"key_file = {self.folder}/none.key\n[firewall]\nbackend = none\n")
        done = subprocess.run([WARDER, "--config", self.folder / "warder.conf", "--json", "monitor", "run", "vault"],
                              capture_output=True, text=True, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        (outcome,) = json.loads(done.stdout)["checks"]
        return outcome

    def test_who_locks_a_database_of_a_lower_layer_is_found(self):
        lower = self.mount(self.folder / "lower", "tmpfs")
        upper = self.mount(self.folder / "upper", "tmpfs")
        (upper / "files").mkdir()
        (upper / "work").mkdir()
        sqlite3.connect(lower / "db").executescript("CREATE TABLE t(a)").connection.close()
        merged = self.mount(self.folder / "merged", "overlay", "-o",
                            f"xino=off,lowerdir={lower},upperdir={upper}/files,workdir={upper}/work")
        writer = sqlite3.connect(merged / "db", isolation_level=None)
        self.addCleanup(writer.close)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES(1)")
        device = os.stat(merged / "db").st_dev
        lines = pathlib.Path("/proc/locks").read_text(encoding="ascii").splitlines()
        locks = [line.split()[5].split(":") for line in lines if f" {os.getpid()} " in line]
        self.assertTrue(locks)
        # What makes the case: stat and the kernel's list differ.
        self.assertNotIn((os.major(device), os.minor(device)), [(int(a, 16), int(b, 16)) for a, b, _ in locks])
        found = self.check(merged / "db", "lock")
        self.assertIn(f"(pid {os.getpid()}, user root) has locked the database for 0s", found["text"])
        writer.execute("COMMIT")
        self.assertEqual(self.check(merged / "db", "lock")["text"], "no lock is held for long")

    def test_a_full_disk_is_told_and_one_with_room_is_not(self):
        disk = self.mount(self.folder / "disk", "tmpfs", "-o", "size=2m")
        sqlite3.connect(disk / "db").executescript("CREATE TABLE t(a)").connection.close()
        least = "min_free_disk = 512K"
        room = self.check(disk / "db", "disk", least)
        self.assertEqual(room["state"], "good", room)
        with open(disk / "fill", "wb", buffering=0) as fill:
            with self.assertRaises(OSError):
                while True:
                    fill.write(b"x" * 65536)
        full = self.check(disk / "db", "disk", least)
        self.assertEqual(full["state"], "bad", full)
        self.assertTrue(full["next"], full)
        (disk / "fill").unlink()
        self.assertEqual(self.check(disk / "db", "disk", least)["state"], "good")


if __name__ == "__main__":
    unittest.main()
