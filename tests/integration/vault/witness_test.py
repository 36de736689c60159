"""Checkpoints kept in a real OpenBao and in a file; witness_world.py says what is tried."""
import pathlib
import unittest

from trail_world import TrailCase
from witness_world import WitnessCase


class Witness(WitnessCase, TrailCase):
    place = "vault"

    def setUp(self):
        super().setUp()
        self.file = self.host.folder / "witness.jsonl"
        self.configure("[destination trail]\nform = vault-trail\ntarget = warder-audit\nevents = ban\n"
                       f"[destination file]\nform = json-lines\npath = {self.file}\nevents = ban\n")
        self.ready()

    def sizes(self):
        return [int(name.split("-")[0]) for name in sorted(self.names("checkpoints"))]

    def test_an_exchanged_database_and_an_empty_place(self):
        self.configure("[destination trail]\nform = vault-trail\ntarget = warder-audit\n")
        self.host.start()
        self.attack(2)
        self.bans(2)
        self.host.stop()
        self.assertIn("no checkpoint is kept there", self.host.run("verify", "--against", "vault", status=6))
        self.host.start()
        self.shipped("trail")
        self.host.stop()
        first = self.verify("vault")["origin"]
        for name in ("", "-wal", "-shm"):  # a check that was reading at the stop leaves the journal
            pathlib.Path(f"{self.database}{name}").unlink(missing_ok=True)
        self.host.start()
        self.host.stop()
        second = self.verify()["origin"]
        (fault,) = self.verify("vault", faults=[("checkpoint", None, None)])["faults"]
        self.assertIn(f" is of {first}, this history is {second}", fault["text"])


if __name__ == "__main__":
    unittest.main()
