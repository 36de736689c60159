"""A transit key of a real OpenBao signs checkpoints beside the host's own key; warder and a verifier that shares no code with it
take the file, and neither takes one that was changed."""
import pathlib
import subprocess
import sys
import unittest

from trail_world import TrailCase

VERIFY = pathlib.Path(__file__).resolve().parents[1] / "verify/verify_store.py"


class Cosign(TrailCase):
    def admin(self, *words, **how):
        return self.host.run(*words, environment={"VAULT_TOKEN": self.bao.token}, **how)

    def outside(self, file, witness):
        done = subprocess.run([sys.executable, VERIFY, self.host.folder / "state/warder.db", "--against", file,
                               "--witness", witness], text=True, capture_output=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def test_a_checkpoint_signed_twice(self):
        bao, note = self.bao, self.host.folder / "checkpoint"
        bao.call("POST", "sys/mounts/transit", {"type": "transit"})
        bao.call("POST", "transit/keys/witness", {"type": "ed25519"})
        bao.call("POST", "transit/keys/other", {"type": "rsa-2048"})
        self.host.start()
        self.attack(3)
        self.bans(3)
        self.host.stop()
        key = self.admin("vault", "cosign", "witness", "--output", note).strip()
        self.assertEqual(len([line for line in note.read_text().splitlines() if line.startswith("\u2014 ")]), 2)
        self.host.run("verify", "--against", note)
        self.assertEqual(self.outside(note, key)[0], 0, self.outside(note, key)[1])
        # Another version of the key has another verifier key; the old one is still right for the old note.
        bao.call("POST", "transit/keys/witness/rotate")
        newer = self.admin("vault", "cosign", "witness", "--output", self.host.folder / "newer").strip()
        self.assertNotEqual(newer, key)
        self.assertEqual(self.outside(note, key)[0], 0)
        self.assertEqual(self.outside(self.host.folder / "newer", newer)[0], 0)
        self.assertIn("lacks the signature", self.outside(note, newer)[1])
        # Changed, it is nobody's.
        text = note.read_text().split("\n")
        text[1] = str(int(text[1]) - 1)
        note.write_text("\n".join(text))
        self.assertIn("lacks the signature", self.outside(note, key)[1])
        self.host.run("verify", "--against", note, status=7)
        # What cannot be says why.
        self.assertIn("is not of the type ed25519", self.admin("vault", "cosign", "other", status=1))
        self.assertIn("no right", self.host.run("vault", "cosign", "witness", status=5))


if __name__ == "__main__":
    unittest.main()
