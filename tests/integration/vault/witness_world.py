"""Checkpoints kept elsewhere, whatever the place: what an intruder with root can do to a history and make all of it agree
again, the agent's own signatures included, and that it is found out, by warder and by a verifier that shares no code with it."""
import base64
import json
import pathlib
import shutil
import signal
import subprocess
import sys

from world import WARDER

LINE_END = b"\n"
VERIFY = pathlib.Path(__file__).resolve().parents[1] / "verify"
sys.path.insert(0, str(VERIFY))
import forger  # noqa: E402
import verify_store  # noqa: E402


class WitnessCase:
    """Part of a unittest.TestCase whose setUp() ships to a far end and to `self.file`, calls ready(), and which says in
    `ships_to` and `place` how the destination and what `verify --against` takes are called."""

    place = None

    def ready(self):
        self.database = self.host.folder / "state/warder.db"
        self.seed = None

    def sizes(self):
        """Of the checkpoints that lie at the far end, in rising order."""
        raise NotImplementedError

    def checkpoint(self):
        """The agent stops, which makes a checkpoint, and starts again, which takes it outside."""
        self.host.stop()
        self.host.start()
        self.shipped(self.ships_to)
        self.shipped("file")

    def grow(self):
        """Three checkpoints taken outside, with events before, between and behind; their sizes. The agent is stopped."""
        self.host.start()
        for _ in range(3):
            self.attack(4)
            self.bans(self.attacks)
            self.checkpoint()
        self.attack(2)
        self.bans(self.attacks)
        self.host.stop(signal.SIGKILL)
        sizes = self.sizes()
        self.assertEqual(len(sizes), 3)
        self.seed = bytes.fromhex((self.host.folder / "state/checkpoint.key").read_text().strip())
        return sizes

    def verify(self, against=None, faults=()):
        """What `warder verify` says; with `faults` it must say exactly these (kind, first, last)."""
        words = ["--json", "verify"] + (["--against", str(against)] if against else [])
        done = subprocess.run([WARDER, "--config", self.host.folder / "warder.conf", *words], text=True,
                              capture_output=True, timeout=120, env=self.host.environment)
        self.assertEqual(done.returncode, 7 if faults else 0, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual([(f["kind"], f.get("first"), f.get("last")) for f in report["faults"]], list(faults), report)
        return report

    def independent(self):
        """The verifier of a few lines: from the database, the file and the public key alone."""
        _, _, blob = (self.host.folder / "state/checkpoint.pub").read_text().strip().split("+", 2)
        origin = self.verify()["origin"]
        # The key's id depends on its name, and the log's name is longer than the configured one.
        public = base64.b64decode(blob)
        key = f"{origin}+{verify_store.sha256(origin.encode() + LINE_END + public)[:4].hex()}+{blob}"
        done = subprocess.run([sys.executable, VERIFY / "verify_store.py", self.database, "--key", key, "--against", self.file],
                              text=True, capture_output=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def found(self, faults):
        """Nothing shows inside; outside, in both places and to both verifiers, it does."""
        self.verify()
        for place in (self.place, self.file):
            self.verify(place, faults)
        status, text = self.independent()
        self.assertEqual(status, 1, text)

    def test_the_six_ways_to_change_a_history(self):
        one, two, three = self.grow()
        good = self.database.read_bytes()
        self.verify()
        for place in (self.place, self.file):
            report = self.verify(place)
            self.assertEqual(report["outside_checked"], 3)
        self.assertEqual(self.independent()[0], 0)
        rows = forger.read(self.database)
        second = (one + two) // 2
        self.assertTrue(one < second < two - 1)

        def forge(changed):
            for name in ("-wal", "-shm"):
                pathlib.Path(f"{self.database}{name}").unlink(missing_ok=True)
            self.database.write_bytes(good)
            forger.write(self.database, changed, self.seed)
        between = [("root", one, two - 1)]
        with self.subTest("changed"):
            changed = [list(row) for row in rows]
            changed[second][-2] = "nothing happened"
            forge(changed)
            self.found(between)
        with self.subTest("removed"):
            forge(rows[:second] + rows[second + 1:])
            self.found(between)
        with self.subTest("inserted"):
            extra = list(rows[second])
            extra[0] = bytes(16)
            forge(rows[:second] + [extra] + rows[second:])
            self.found(between)
        with self.subTest("reordered"):
            forge(rows[:second] + [rows[second + 1], rows[second]] + rows[second + 2:])
            self.found(between)
        with self.subTest("the tail cut"):
            forge(rows[:two + 1])
            self.found([("tail", two + 1, three - 1)])

    def test_a_database_put_back_shows_and_goes_on_showing(self):
        self.host.start()
        self.attack(4)
        self.bans(4)
        self.checkpoint()
        self.host.stop()
        state = self.host.folder / "state"
        shutil.copytree(state, self.host.folder / "last-week")
        self.host.start()
        for _ in range(2):
            self.attack(3)
            self.bans(self.attacks)
            self.checkpoint()
        self.host.stop()
        sizes = self.sizes()
        shutil.rmtree(state)
        shutil.copytree(self.host.folder / "last-week", state)
        size = self.verify()["size"]
        self.assertLess(size, sizes[-1])
        matching = max(s for s in sizes if s <= size)
        self.verify(self.place, [("tail", size, sizes[-1] - 1)])
        self.verify(self.file, [("tail", size, sizes[-1] - 1)])
        # The agent goes on with it and grows past what was witnessed; its own checkpoints are right, and yet.
        log = self.host.folder / "auth.log"
        log.unlink()
        self.host.start()
        done = self.attacks
        while self.verify()["size"] <= sizes[-1]:
            self.attack(3)
            self.host.until(lambda: sum(e["kind"] == "ban" for e in self.history()) >= 4 + self.attacks - done, "bans")
        self.host.stop()
        self.verify()
        first_wrong = min(s for s in sizes if s > matching)
        for place in (self.place, self.file):
            report = self.verify(place, [("root", matching, first_wrong - 1)])
            self.assertGreater(report["size"], sizes[-1])
