"""A host whose vault is a cloud on loopback, and its commands."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import fake_oci
from cryptography.hazmat.primitives import serialization

WARDER = os.environ["WARDER"]
CANARY = "canary-in-oci-7f3b"


class OciTest(unittest.TestCase):
    """Each test has a cloud, a user of it with a key, and a configuration that names both."""
    def setUp(self):
        self.cloud = fake_oci.Cloud()
        self.server = fake_oci.Server(self.cloud)
        self.addCleanup(self.server.close)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-oci-"))
        self.addCleanup(shutil.rmtree, self.folder)
        key, self.key_id = self.cloud.add_user()
        self.pem = key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        self.key_file = self.folder / "key.pem"
        self.key_file.touch(mode=0o600)
        self.key_file.write_bytes(self.pem)
        fingerprint = self.key_id.split("/")[2]
        self.oci_config = self.folder / "oci_config"
        self.oci_config.write_text(
            f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nuser={fake_oci.USER}\n"
            f"fingerprint={fingerprint}\nregion=eu-frankfurt-1\nkey_file={self.key_file}\n")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        self.configure()

    def configure(self, extra="", layout=None):
        layout = layout or (f"oci_vault = {fake_oci.VAULT}\n"
                            f"oci_compartment = {fake_oci.COMPARTMENT}\noci_key = {fake_oci.KEY}\n")
        self.config = self.folder / "warder.conf"
        self.config.write_text(
            f"[agent]\nstate = {self.folder}\n[api]\nsocket = {self.folder}/socket\n"
            f"[vault]\nprovider = oci\ncopies = {self.folder}/copies\n"
            f"oci_config = {self.oci_config}\n{layout}"
            f"oci_endpoints = secrets={self.server.url} vaults={self.server.url} "
            f"auth={self.server.url}\n{extra}")

    def warder(self, *words, stdin=None, status=0, env=None, output=None):
        """What the command says: on standard output where it ends well or `output` says so, else on standard error."""
        done = subprocess.run([WARDER, "--config", str(self.config), *words], input=stdin,
                              capture_output=True, text=True, timeout=60,
                              env={**self.environment, **(env or {})})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn(CANARY, done.stderr)
        return done.stdout if status == 0 or output == "stdout" else done.stderr
