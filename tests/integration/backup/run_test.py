"""What a run takes of the host and of the line, and what a person sees of it meanwhile."""
import errno
import os
import pathlib
import pty
import re
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import backup_test  # noqa: E402
import fake_s3  # noqa: E402

WARDER = os.environ["WARDER"]


def priorities(pid):
    """(nice, disk class) of each thread of a process."""
    found = set()
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        nice = int((task / "stat").read_text().rpartition(")")[2].split()[16])
        disk = subprocess.run(["ionice", "-p", task.name], check=True, capture_output=True, text=True).stdout.strip()
        found.add((nice, "idle" if disk == "idle" else "as nice"))
    return found


class WithStorage(backup_test.Case):
    def setUp(self):
        super().setUp()
        self.service = fake_s3.Service()
        self.addCleanup(self.service.server_close)
        self.addCleanup(self.service.shutdown)

    def host(self, more="", storage="", agent=""):
        return backup_test.Host(self.folder / "a", more=f"storage = s3\n{more}", agent=agent, storage=f"""
[storage s3]
kind = s3
url = {self.service.url}
bucket = backups
region = eu-central-1
access_key = vault:settings/access
secret_key = vault:settings/secret
{storage}
""").vault()


class Bandwidth(WithStorage):
    def test_a_limit_is_a_least_time(self):
        """No busy machine makes it shorter. What goes through it, and both directions: unit_storage."""
        host = self.host(storage="bandwidth = 100K")
        sizes = []
        self.service.before_object = lambda method: sizes.append(method)
        begin = time.monotonic()
        host("backup", "now")
        took = time.monotonic() - begin
        moved = 2 * sum(len(content) for content in self.service.objects.values())  # there and back
        self.assertGreater(moved, 300 << 10)
        self.assertEqual(sizes[:4], ["PUT", "GET"] * 2)  # the file, the manifest
        self.assertGreaterEqual(took, moved / (100 << 10) - 0.1 * len(sizes))


class Priority(WithStorage):
    def seen_while(self, work, pid):
        """The priorities of the run, looked at while it waits for the storage's answer to an upload or a download."""
        seen = []
        self.service.before_object = lambda method: seen.append((method, priorities(pid())))
        work()
        self.service.before_object = None
        return seen

    def by_hand(self, host, *words):
        started = threading.Event()
        process = []

        def work():
            process.append(subprocess.Popen([WARDER, "--config", host.config, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
            started.set()
            said, _ = process[0].communicate(timeout=300)
            self.assertEqual(process[0].returncode, 0, said)

        seen = self.seen_while(work, lambda: started.wait() and process[0].pid)
        self.assertGreater(len(seen), 0)
        return set.union(*(found for _, found in seen))

    def test_by_hand_others_come_first_but_for_a_restore(self):
        (own,) = priorities(os.getpid())
        host = self.host()
        self.assertLess(own[0], 10, "the test itself is niced")
        for words, expected in ((("now", "vw"), (10, "as nice")), (("now", "vw", "--full-speed"), own),
                                (("now", "vw", "--background"), (19, "idle")), (("drill", "vw"), (10, "as nice")),
                                (("drill", "vw", "--full-speed"), own),
                                (("restore", "vw", "--from-storage", "--to", str(self.folder / "r")), own)):
            with self.subTest(words):
                self.assertEqual(self.by_hand(host, "backup", *words), {expected})
        host.put("another passphrase, as long")
        self.assertEqual(self.by_hand(host, "backup", "re-encrypt", "vw", "--passphrase-file", self.paper()), {(10, "as nice")})
        done = host("backup", "now", "--background", "--full-speed", check=False)
        self.assertEqual(done.returncode, 2, done.stderr)

    def paper(self):
        path = self.folder / "paper"
        path.write_text(backup_test.PASSPHRASE)
        path.chmod(0o600)
        return path

    def test_a_run_of_the_agent_has_the_lowest(self):
        host = self.host(more="schedule = hourly", agent=f"[store]\npath = {self.folder}/history.db\n[api]\nsocket = {self.folder}/socket\n"
                         "[firewall]\nbackend = none\n")
        (self.folder / "a" / "jails").mkdir()
        done = threading.Event()
        seen = []

        def look(_):
            # The agent's only child that is another program.
            for task in pathlib.Path(f"/proc/{agent.pid}/task").iterdir():
                for child in (task / "children").read_text().split():
                    if os.readlink(f"/proc/{child}/exe").endswith("/warder-backup"):
                        seen.append(priorities(child))
            done.set()

        self.service.before_object = look
        agent = subprocess.Popen([WARDER, "--config", host.config, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.assertTrue(done.wait(120), "no upload by the agent's run")
            self.assertEqual(seen[0], {(19, "idle")})
            # And the agent itself has what it was started with.
            self.assertIn(priorities(os.getpid()).pop(), priorities(agent.pid))
        finally:
            agent.terminate()
            agent.wait()


class Bars(WithStorage):
    def on_terminal(self, host, *words):
        """What a command writes to standard output, a pipe, and to standard error, a terminal."""
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen([WARDER, "--config", host.config, *words], stdout=subprocess.PIPE, stderr=theirs)
        finally:
            os.close(theirs)
        shown = b""
        out = []
        reader = threading.Thread(target=lambda: out.append(process.stdout.read()))
        reader.start()
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError as error:
                self.assertEqual(error.errno, errno.EIO)  # nobody has the other end any more
                break
            if not piece:
                break
            shown += piece
        reader.join()
        process.stdout.close()
        os.close(ours)
        self.assertEqual(process.wait(), 0, out)
        return out[0].decode(), shown.decode()

    def test_each_stage_is_shown_up_to_its_end_and_its_line_is_taken_away(self):
        host = self.host()
        made = ["copying", "packing binary", "restoring binary for trial", "uploading", "reading back", "uploading", "reading back"]
        for words, wanted in ((("backup", "now", "vw", "--full-speed"), made),
                              (("backup", "verify", "vw", "--full-speed"), [r"restoring \d{8}T\d{6}Z for trial"]),
                              (("backup", "restore", "vw", "--from-storage", "--to", str(self.folder / "r")), ["fetching", "unpacking"])):
            with self.subTest(words):
                out, shown = self.on_terminal(host, *words)
                self.assertNotRegex(out, "[\r\x1b]")
                # A stage is one line that is written over and over, and taken away when it is through.
                stages = shown.split("\r\x1b[K\r\x1b[K")
                self.assertTrue(shown.endswith(" 100 %\r\x1b[K"), shown[-100:])
                self.assertEqual(len(stages), len(wanted), shown)
                for stage, name in zip(stages, wanted):
                    lines = [line for line in stage.split("\r\x1b[K") if line]
                    steps = [re.fullmatch(name + r": (\d+) of (\d+) KiB, (\d+) %", line) for line in lines]
                    self.assertNotIn(None, steps, lines)
                    percents = [int(step[3]) for step in steps]
                    self.assertEqual(percents, sorted(set(percents)), name)
                    self.assertEqual((percents[-1], steps[-1][1]), (100, steps[-1][2]), name)
        self.assertEqual(host("backup", "verify", "vw").stderr, "")


if __name__ == "__main__":
    unittest.main()
