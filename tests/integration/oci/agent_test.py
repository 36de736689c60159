"""The agent whose rules come from a cloud on loopback: changed there, running here; a metadata service that comes late, a policy that
is taken away, a profile that is gone."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vault"))
import fake_oci  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from world import Host  # noqa: E402


class Agent(unittest.TestCase):
    def setUp(self):
        self.cloud = fake_oci.Cloud()
        self.serve()
        self.host = Host()
        self.addCleanup(self.host.close)
        key, key_id = self.cloud.add_user()
        self.host.secret_file("key.pem", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                           serialization.NoEncryption()).decode())
        self.profile = self.host.folder / "oci_config"
        self.profile.write_text(f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nuser={fake_oci.USER}\nfingerprint={key_id.split('/')[2]}\n"
                                f"region=eu-frankfurt-1\nkey_file={self.host.folder}/key.pem\n")
        self.configure()

    def serve(self, port=0):
        self.server = fake_oci.Server(self.cloud, port)
        self.addCleanup(lambda server=self.server: server.close() if server is self.server else None)

    def configure(self, extra=""):
        url = self.server.url
        self.host.configure(f"provider = oci\ninterval = 1s\noci_config = {self.profile}\noci_vault = {fake_oci.VAULT}\n"
                            f"oci_compartment = {fake_oci.COMPARTMENT}\noci_key = {fake_oci.KEY}\n"
                            f"oci_endpoints = secrets={url} vaults={url} auth={url}\n{extra}")

    def write(self, maxretry):
        self.host.run("vault", "put", "jails", stdin=f'''{{"sshd": {{"enabled": true, "backend": "auto", "journalmatch": "",
            "filter": "sshd", "port": "22", "logpath": "{self.host.folder}/auth.log", "maxretry": {maxretry}}}}}''')

    def running(self, maxretry):
        self.host.until(lambda: self.host.jails().get("sshd", {}).get("maxretry") == maxretry, f"maxretry {maxretry} runs")

    def vault(self, state):
        return self.host.until(lambda: (lambda v: v["state"] == state and v["text"])(self.host.status()["vault"]), f"the vault is {state}")

    def test_a_policy_that_is_taken_away_takes_no_rules_along(self):
        self.write(3)
        self.host.start()
        self.running(3)
        # OCI says the same of what is not there and of what one may not see.
        self.cloud.hidden = True
        self.assertIn("OCI does not tell which", self.vault("stale"))
        for _ in range(2):
            self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)
            self.host.stop()
            self.host.start()
            self.vault("stale")
        self.cloud.hidden = False
        self.vault("good")
        self.write(4)
        self.running(4)
        # What is really gone is gone.
        self.host.run("vault", "delete", "jails")
        self.host.until(lambda: "sshd" not in self.host.jails(), "the rules are gone")

    def test_a_profile_that_is_gone_takes_no_rules_along(self):
        self.write(3)
        self.host.start()
        self.running(3)
        self.host.stop()
        text = self.profile.read_text()
        self.profile.unlink()
        self.host.start()
        self.assertIn("make it with oci setup config", self.vault("stale"))
        self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)
        self.profile.write_text(text)
        self.vault("good")
        self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)

    def test_a_metadata_service_that_comes_late(self):
        self.write(3)
        self.cloud.make_instance()
        self.profile.unlink()
        self.configure("oci_auth = instance\n")
        port, environment = self.server.port, {"OCI_METADATA_BASE_URL": self.server.url + "/opc/v2"}
        self.server.close()
        # Nobody answers, and there is no copy: the files alone count, and that is told.
        self.host.start(environment)
        self.vault("stale")
        self.assertNotIn("sshd", self.host.jails())
        self.serve(port)
        self.running(3)
        self.vault("good")


if __name__ == "__main__":
    unittest.main()
