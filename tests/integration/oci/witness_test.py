"""Checkpoints kept in OCI Logging, in a cloud on loopback, and in a file; vault/witness_world.py says what is tried."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vault"))
import fake_oci  # noqa: E402
from attacked_host import AttackedHost  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from witness_world import WitnessCase, verify_store  # noqa: E402


class Witness(WitnessCase, AttackedHost, unittest.TestCase):
    ships_to = "audit"
    place = "oci"

    def setUp(self):
        self.cloud = fake_oci.Cloud()
        self.server = fake_oci.Server(self.cloud)
        self.addCleanup(self.server.close)
        self.make_host()
        key, key_id = self.cloud.add_user()
        self.host.secret_file("key.pem", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())
        (self.host.folder / "oci_config").write_text(
            f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nuser={fake_oci.USER}\nfingerprint={key_id.split('/')[2]}\n"
            f"region=eu-frankfurt-1\nkey_file={self.host.folder}/key.pem\n")
        self.file = self.host.folder / "witness.jsonl"
        self.configure("ban")
        self.ready()

    def configure(self, events):
        url = self.server.url
        self.host.configure(
            f"provider = file\noci_config = {self.host.folder}/oci_config\noci_compartment = {fake_oci.COMPARTMENT}\n"
            f"oci_endpoints = log-ingestion={url} log-search={url} auth={url}\n"
            f"[destination audit]\nform = oci-logging\ntarget = {fake_oci.LOG}\nevents = {events}\n"
            f"[destination file]\nform = json-lines\npath = {self.file}\nevents = {events}\n")

    def sizes(self):
        """Both destinations keep the same checkpoints, and the file is read more easily."""
        notes = verify_store.witnesses(self.file.read_text())
        sent = {e["id"] for e in self.cloud.log if e["type"] == "warder.store"}
        self.assertEqual(len(sent), len(set(notes)))
        return sorted({int(note.splitlines()[1]) for note in notes})

    def test_a_place_without_checkpoints_and_one_that_refuses(self):
        self.host.start()
        self.host.stop()
        self.cloud.log.clear()
        self.assertIn("no checkpoint is kept there", self.host.run("verify", "--against", "oci", status=6))
        self.cloud.faults = [(403, "NotAllowed", {})]
        self.assertIn("'read log-content'", self.host.run("verify", "--against", "oci", status=5))
        self.cloud.faults = [(429, "TooManyRequests", {})]
        self.assertIn("too many requests", self.host.run("verify", "--against", "oci", status=4))


if __name__ == "__main__":
    unittest.main()
