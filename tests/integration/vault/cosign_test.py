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

    def test_the_agent_has_its_checkpoints_cosigned(self):
        bao, kept = self.bao, self.host.folder / "state/cosigned-checkpoints"
        if "transit/" not in bao.call("GET", "sys/mounts")["data"]:
            bao.call("POST", "sys/mounts/transit", {"type": "transit"})
        bao.call("POST", "transit/keys/hourly", {"type": "ed25519"})
        config = self.host.folder / "warder.conf"
        config.write_text(config.read_text().replace("[vault]", "[vault]\ncosign = hourly\ncosign_interval = 1s", 1))
        self.host.start()
        self.attack(3)
        self.bans(3)
        self.host.stop()  # the checkpoint is made at the end
        before = {path.name: path.read_bytes() for path in (self.host.folder / "state").glob("warder.db*")}
        # Without the right to sign it is told, once, and nothing is kept.
        self.host.start()
        self.host.until(lambda: [e for e in self.host.events("vault") if "are not cosigned" in e], "the agent tells")
        self.assertIn("no right", [e for e in self.host.events("vault") if "are not cosigned" in e][0])
        self.assertFalse(kept.exists())
        self.host.stop()
        self.allow('path "transit/sign/hourly" { capabilities = ["update"] }\npath "transit/keys/hourly" { capabilities = ["read"] }\n')
        self.host.start()
        self.host.until(kept.exists, "a cosigned checkpoint is kept")
        self.host.stop()
        first = kept.read_text()
        self.host.start()
        self.host.until(lambda: kept.read_text() != first, "the next checkpoint is cosigned, too")
        self.host.stop()
        self.assertTrue(kept.read_text().startswith(first))
        key = self.admin("vault", "cosign", "hourly", "--output", self.host.folder / "newest").strip()
        # Both are looked at without a word, by the transit key alone where that is asked, and by a program of others.
        self.assertGreaterEqual(self.host.json("verify")["outside_checked"], 2)
        self.host.run("verify", "--cosigner", key)
        # Beside those of the trail, which this host alone signed and cannot take back.
        alone = self.host.json("verify")["outside_checked"]
        self.assertGreater(self.host.json("verify", "--against", "vault", "--cosigner", key)["outside_checked"], alone)
        one = self.host.folder / "one"
        one.write_text(first)
        self.assertEqual(self.outside(one, key)[0], 0, self.outside(one, key)[1])
        # What an attacker with the host's own key makes lacks the vault's signature.
        kept.write_text("".join(line for line in kept.read_text().splitlines(True) if "/transit/" not in line))
        self.host.run("verify")
        self.assertIn("lacks the signature", self.host.run("verify", "--cosigner", key, status=7))
        # A database that was put back is told, as the vault signed a longer history.
        kept.write_text(first)
        for name in before:
            (self.host.folder / "state" / name).write_bytes(before[name])
        self.assertIn("was cut or the database was put back", self.host.run("verify", status=7, output="stdout"))

    def allow(self, more):
        """Gives the agent's role these rights besides."""
        policy = self.bao.call("GET", "sys/policies/acl/warder")["data"]["policy"]
        self.bao.policy("warder", policy + more)


if __name__ == "__main__":
    unittest.main()
