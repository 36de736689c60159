"""A real agent keeps files: each change is made by hand, the exact event is expected, shipped, asked for."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import unittest

from harness import PlainAgent, until


def digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


class World(PlainAgent):
    """An agent of this user without jails, firewall or network, and a folder whose files it keeps."""

    def __init__(self, files="", watch="no", big=0, every="1s", under=()):
        super().__init__("files", under)
        self.kept = self.folder / "kept"
        (self.kept / "sub").mkdir(parents=True)
        self.write("passwd", b"root")
        self.write("sub/shadow", b"secret", 0o600)
        (self.kept / "link").symlink_to("passwd")
        for number in range(big):
            self.write(f"big/{number:02}", bytes([number]) * 20_000)
        os.chmod(self.kept, 0o755)
        self.configure(files, watch, every)
        self.start()

    def configure(self, files="", watch="no", every="1s"):
        super().configure(
            f"[files system]\nenabled = yes\npaths = {self.kept}\nevery = {every}\n"
            f"quick_every = {every}\n"
            f"watch = {watch}\npackages_root = {self.kept}\n{files}\n")

    def write(self, name, content, mode=0o644):
        path = self.kept / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.chmod(path, mode)

    def events(self):
        return super().events("--kind", "integrity", "--limit", "10000")

    def told(self, message, severity, count=1):
        def find():
            found = [event for event in self.events()
                     if event["message"].startswith(message) and event["severity"] == severity]
            return found if len(found) >= count else []
        # The thread that scans has the lowest priority: on a busy machine it takes its time.
        return until(find, f"{severity}: {message}", 300)[0]

    def listed(self):
        [row] = json.loads(self.run("--json", "files", "list").stdout)["files"]
        return row

    def database(self):
        return sqlite3.connect(self.folder / "state" / "warder.db", isolation_level=None)


class FilesTest(unittest.TestCase):
    def world(self, **options):
        world = World(**options)
        self.addCleanup(world.end)
        return world

    def test_every_change_is_told_once_shipped_accepted_and_proven(self):
        world = self.world()
        made = world.told("baseline of 5 files and folders", "notice")
        self.assertEqual(made["jail"], "system")
        world.told("scan of 5 files and folders", "info")
        world.write("passwd", b"evil", 0o666)
        (world.kept / "sub/shadow").unlink()
        world.write("new", b"n", 0o4755)
        (world.kept / "link").unlink()
        (world.kept / "link").symlink_to("/tmp/evil")
        event = world.told(f"changed {world.kept}/passwd: mode 0644 -> 0666, sha256 "
                           f"{digest(b'root')} -> {digest(b'evil')}", "high")
        self.assertEqual(event["detail"]["after"]["sha256"], hashlib.sha256(b"evil").hexdigest())
        world.told(f"missing {world.kept}/sub/shadow: was file, 0600 ", "high")
        world.told(f"new {world.kept}/new: file, 4755 ", "high")
        world.told(f"changed {world.kept}/link: leads to passwd -> /tmp/evil", "high")
        until(lambda: any(line.get("message") == event["message"] for line in world.shipped()),
              "the alert is shipped")
        # Once, however often it is scanned, over a kill -9 too.
        world.stop(signal.SIGKILL)
        world.start()
        scans = len([e for e in world.events() if e["message"].startswith("scan of ")])
        world.told("scan of ", "info", scans + 2)
        for severity, count in (("high", 4), ("critical", 0)):
            self.assertEqual(len([e for e in world.events() if e["severity"] == severity]), count)
        self.assertEqual(world.listed()["state"], "differs")
        self.assertEqual(world.listed()["differences"], 4)

        shown = world.run("files", "show", "system").stdout
        self.assertIn("warder files accept system [PATH]", shown)
        self.assertEqual(len(json.loads(world.run("--json", "files", "show", "system").stdout)["listed"]), 4)
        checked = world.run("files", "check", "system")
        self.assertEqual(checked.returncode, 1)
        self.assertIn("ERROR       4 paths not as in the baseline", checked.stdout)
        one = world.run("files", "accept", "system", world.kept / "passwd")
        self.assertEqual(one.stdout, "1 change of what the agent has told into the baseline of system\n")
        world.told(f"accepted: changed {world.kept}/passwd: ", "notice")
        rest = world.run("files", "accept", "system")
        self.assertEqual(rest.stdout, "3 changes of what the agent has told into the baseline of system\n")
        world.told("the baseline takes 3 changes by the operator's word, root ", "notice")
        checked = world.run("files", "check", "system")
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertTrue(checked.stdout.endswith("all as in the baseline\n"))
        nothing = world.run("files", "accept", "system")
        self.assertEqual(nothing.returncode, 6)
        self.assertEqual(nothing.stderr,
                         "warder: nothing differs from the baseline of 'system'; warder files list\n")
        world.write("passwd", b"again", 0o666)
        world.told(f"changed {world.kept}/passwd: size 4 -> 5 bytes, sha256 {digest(b'evil')}", "high")
        world.write("passwd", b"evil", 0o666)
        world.told(f"as in the baseline again: {world.kept}/passwd", "notice")
        self.assertEqual(world.run("verify").returncode, 0)

    def test_a_rename_over_a_file_and_another_owner(self):
        world = self.world()
        world.told("baseline of 5 files and folders", "notice")
        world.write("next", b"other")
        os.chown(world.kept / "next", 65534, 65534)
        os.rename(world.kept / "next", world.kept / "passwd")
        world.told(f"changed {world.kept}/passwd: owner root -> nobody, group root -> nogroup, "
                   f"size 4 -> 5 bytes, sha256 {digest(b'root')} -> {digest(b'other')}", "high")

    def test_ten_thousand_changes_are_one_event_and_hostile_names_do_no_harm(self):
        world = self.world(files="severity = critical")
        world.told("baseline of 5 files and folders", "notice")
        hostile = b"\x1b[2J\n\xff'\"\\"
        (pathlib.Path(os.fsdecode(os.fsencode(world.kept) + b"/" + hostile))).write_bytes(b"x")
        event = world.told(f"new {world.kept}/\\x1b[2J\\x0a\\xff'\"\\\\: file, ", "warning")
        self.assertNotIn("\x1b", event["message"])
        self.assertEqual(event["detail"]["path"], f"{world.kept}/\\x1b[2J\\x0a\\xff'\"\\\\")
        made = world.folder / "many"
        made.mkdir()
        for number in range(10_000):
            (made / str(number)).touch()
        os.rename(made, world.kept / "many")
        event = world.told("4999 files and folders: 4999 new; most in ", "warning")
        world.told("scan of 10007 files and folders", "critical")
        self.assertEqual(world.listed()["differences"], 10_002)
        shown = world.run("files", "show", "system").stdout
        self.assertNotIn("\x1b", shown)
        self.assertIn("and 5002 more that are counted only", shown)

    def test_a_kill_in_the_middle_of_a_scan_loses_nothing(self):
        world = self.world(files="budget = 200K", big=40)
        world.told("baseline of 46 files and folders", "notice")
        # A scan of 800 KB at 200 KB a second is under way nearly always.
        world.write("big/39", b"changed")
        world.stop(signal.SIGKILL)
        world.start()
        world.told(f"changed {world.kept}/big/39: size 20000 -> 7 bytes", "high")
        self.assertEqual(world.run("verify").returncode, 0)
        # A stop does not wait for the scan's end either.
        world.stop()
        self.assertEqual(world.agent.returncode, 0)

    def test_a_baseline_edited_in_the_store_is_told_and_made_anew_by_word_only(self):
        world = self.world()
        world.told("scan of 5 files and folders", "info")
        world.stop()
        database = world.database()
        [(name, value)] = database.execute("SELECT name, value FROM kept WHERE name LIKE 'files/system/chunk/%'")
        edited = bytearray(value)
        edited[len(edited) // 2] ^= 1
        database.execute("UPDATE kept SET value = ? WHERE name = ?", (bytes(edited), name))
        database.close()
        world.start()
        event = world.told("could not be compared: the stored baseline is not what was signed: part 1 "
                           "of 1 is another", "critical")
        self.assertIn("warder files baseline system", event["detail"]["next"])
        self.assertEqual(world.listed()["state"], "unknown")
        self.assertEqual(world.run("files", "check", "system").returncode, 5)
        world.run("files", "baseline", "system")
        world.told("baseline of 5 files and folders", "notice", 2)
        until(lambda: world.listed()["state"] == "good", "the new baseline holds")

        # All of it deleted: a new one is made, and not in silence.
        world.stop()
        database = world.database()
        database.execute("DELETE FROM kept WHERE name LIKE 'files/%'")
        database.close()
        world.start()
        world.told("the baseline ", "high")
        world.told("baseline of 5 files and folders", "notice", 3)

    def test_between_scans_inotify_tells(self):
        world = self.world(watch="inotify", every="1d")
        world.told("baseline of 5 files and folders", "notice")
        until(lambda: world.listed()["watch"] == "inotify, 3 places", "the folders are watched")
        world.write("passwd", b"evil")
        world.told(f"changed {world.kept}/passwd: sha256 {digest(b'root')} -> {digest(b'evil')}", "high")
        world.write("made/deep/x", b"x")
        world.told(f"new {world.kept}/made/deep/x: file, ", "warning")
        world.write("made/deep/x", b"y")
        world.told(f"new {world.kept}/made/deep/x: file, 0644 root:root, 1 bytes, sha256 {digest(b'y')}",
                   "warning")
        shutil.rmtree(world.kept / "sub")
        world.told(f"missing {world.kept}/sub/shadow: ", "high")
        # What happens while the agent is away is seen at its start, not a day later.
        world.stop()
        world.write("passwd", b"root")
        world.start()
        world.told(f"as in the baseline again: {world.kept}/passwd", "notice")
        # A scan that is asked for goes on being told beside.
        world.run("files", "scan", "system")
        world.told("scan of ", "info")

    def test_fanotify_names_the_process(self):
        world = self.world(watch="fanotify", every="1d")
        world.told("baseline of 5 files and folders", "notice")
        until(lambda: world.listed()["watch"] == "fanotify, 3 places", "the folders are watched")
        world.write("passwd", b"evil")
        event = world.told(f"changed {world.kept}/passwd: ", "high")
        self.assertRegex(event["detail"]["by"], rf"^[^ ]+ \(pid {os.getpid()}, user root\)$")
        self.assertTrue(event["message"].endswith(f"; by {event['detail']['by']}"))

    def test_more_folders_than_the_kernel_watches_are_left_to_the_scans(self):
        # A limit of this agent's own: in a user namespace.
        world = self.world(watch="inotify", every="1s", under=(
            "unshare", "--user", "--map-root-user", "sh", "-c",
            'echo 2 > /proc/sys/user/max_inotify_watches && exec "$@"', "sh"))
        world.told("scan of 5 files and folders", "info")
        self.assertIn("the kernel watches no more than 2 folders for this user: sysctl "
                      "fs.inotify.max_user_watches=524288", world.listed()["watch"])
        world.write("sub/shadow", b"evil", 0o600)
        world.told(f"changed {world.kept}/sub/shadow: ", "high")

    def test_an_upgrade_by_dpkg_is_expected_and_the_same_change_by_hand_is_not(self):
        world = self.world()
        world.told("baseline of ", "notice")
        world.stop()
        world.configure(files=f"exclude = {world.kept}/var\n          {world.kept}/tmp")
        for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "tmp"):
            (world.kept / folder).mkdir(parents=True)
        for file in ("status", "available"):
            (world.kept / "var/lib/dpkg" / file).touch()

        def package(version, files):
            build = world.folder / f"tool-{version}"
            shutil.rmtree(build, ignore_errors=True)
            for name, content in files.items():
                path = build / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                os.chmod(path, 0o755 if "/bin/" in name else 0o644)
            (build / "DEBIAN").mkdir()
            (build / "DEBIAN/control").write_text(
                f"Package: warder-tool\nVersion: {version}\nArchitecture: all\n"
                "Maintainer: a <a@example.com>\nDescription: a tool\n")
            (build / "DEBIAN/conffiles").write_text("/etc/tool.conf\n")
            sums = [f"{hashlib.md5(content).hexdigest()}  {name}\n" for name, content in files.items()
                    if not name.startswith("etc/")]
            (build / "DEBIAN/md5sums").write_text("".join(sums))
            for path in [build, *build.rglob("*")]:
                if path.is_dir():
                    os.chmod(path, 0o755)
            deb = world.folder / f"tool-{version}.deb"
            subprocess.run(["dpkg-deb", "--root-owner-group", "--build", build, deb], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run(["dpkg", "--root", world.kept, "--log", world.folder / "dpkg.log",
                            "--force-not-root", "--force-confnew", "--install", deb], check=True,
                           stdout=subprocess.DEVNULL)

        package("1.0", {"usr/bin/tool": b"tool 1", "usr/share/tool/old": b"old", "etc/tool.conf": b"a"})
        database = world.database()
        database.execute("DELETE FROM kept WHERE name LIKE 'files/%'")
        database.close()
        world.start()
        world.told("baseline of ", "notice", 2)
        package("2.0", {"usr/bin/tool": b"tool 2", "usr/share/tool/new": b"new", "etc/tool.conf": b"b"})
        event = world.told(f"expected: changed {world.kept}/usr/bin/tool: sha256 {digest(b'tool 1')} -> "
                           f"{digest(b'tool 2')}; warder-tool 2.0", "notice")
        self.assertEqual(event["detail"]["package"], "warder-tool 2.0")
        world.told(f"expected: changed {world.kept}/etc/tool.conf: ", "notice")
        world.told(f"expected: new {world.kept}/usr/share/tool/new: ", "notice")
        world.told(f"expected: missing {world.kept}/usr/share/tool/old: ", "notice")
        until(lambda: world.listed()["state"] == "good", "all of it is the baseline")
        world.write("usr/bin/tool", b"evil 2", 0o755)
        world.told(f"changed {world.kept}/usr/bin/tool: sha256 {digest(b'tool 2')} -> "
                   f"{digest(b'evil 2')}", "high")
        checked = json.loads(world.run("--json", "files", "check", "system").stdout)
        self.assertEqual((checked["differences"], checked["expected"]), (1, 0))


if __name__ == "__main__":
    unittest.main()
