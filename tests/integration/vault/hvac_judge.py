"""hvac, the usual Python client of HashiCorp Vault, as the judge: it writes what warder reads and reads what warder writes, at a
real server."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import hvac  # noqa: E402
from world import READER, Host, Server  # noqa: E402


class Hvac(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bao = Server(tls=True)
        cls.addClassCleanup(cls.bao.close)
        cls.bao.mount_kv("old", 1)

    def setUp(self):
        self.client = hvac.Client(url=self.bao.url, token=self.bao.token, verify=str(self.bao.ca))
        self.host = Host()
        self.addCleanup(self.host.close)
        self.configure()

    def configure(self, more=""):
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\n{more}\n")

    def warder(self, *words, **how):
        return self.host.run(*words, environment={"VAULT_TOKEN": self.bao.token}, **how)

    def test_what_it_writes_is_read_and_the_other_way_round(self):
        kv = self.client.secrets.kv
        document = {"sshd": {"enabled": True, "maxretry": 3, "comment": "Bärbel \u2028 \"quoted\"", "n": 9007199254740992}}
        kv.v2.create_or_update_secret("warder/jails", secret=document, mount_point="secret")
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), document)
        changed = {**document, "nginx-http-auth": {"enabled": False}}
        self.warder("vault", "put", "jails", stdin=json.dumps(changed))
        read = kv.v2.read_secret_version("warder/jails", mount_point="secret", raise_on_deleted_version=True)
        self.assertEqual((read["data"]["data"], read["data"]["metadata"]["version"]), (changed, 2))
        # Check-and-set of both kinds of writers.
        with self.assertRaises(hvac.exceptions.InvalidRequest):
            kv.v2.create_or_update_secret("warder/jails", secret={}, cas=1, mount_point="secret")
        kv.v2.create_or_update_secret("warder/jails", secret={"a": 1}, cas=2, mount_point="secret")
        rows = json.loads(self.warder("--json", "vault", "history", "jails"))
        self.assertEqual([row["version"] for row in rows], [3, 2, 1])
        # Soft deletion, undeletion and destruction as the other one sees them.
        self.warder("vault", "delete", "jails", "--recoverable")
        with self.assertRaises(hvac.exceptions.InvalidPath):
            kv.v2.read_secret_version("warder/jails", mount_point="secret", raise_on_deleted_version=True)
        kv.v2.undelete_secret_versions("warder/jails", versions=[3], mount_point="secret")
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {"a": 1})
        kv.v2.destroy_secret_versions("warder/jails", versions=[3], mount_point="secret")
        self.assertIn("destroyed", self.warder("vault", "get", "jails", status=6))

    def test_kv_version_1(self):
        self.configure("mount = old")
        kv = self.client.secrets.kv.v1
        kv.create_or_update_secret("warder/alerts", secret={"ops": {"form": "ntfy"}}, mount_point="old")
        self.assertEqual(json.loads(self.warder("vault", "get", "alerts")), {"ops": {"form": "ntfy"}})
        self.warder("vault", "put", "alerts", stdin='{"ops": {"form": "slack"}}')
        self.assertEqual(kv.read_secret("warder/alerts", mount_point="old")["data"], {"ops": {"form": "slack"}})

    def test_logins_and_policies_that_it_sets_up_are_used(self):
        self.client.sys.create_or_update_policy("hvac-reader", READER)
        self.client.sys.enable_auth_method("approle")
        self.client.auth.approle.create_or_update_approle("hvac", token_policies=["hvac-reader"])
        role_id = self.client.auth.approle.read_role_id("hvac")["data"]["role_id"]
        secret_id = self.client.auth.approle.generate_secret_id("hvac")["data"]["secret_id"]
        self.client.secrets.kv.v2.create_or_update_secret("warder/settings", secret={"agent": {"log_level": "debug"}},
                                                         mount_point="secret")
        got = self.host.run("vault", "get", "settings", environment={"VAULT_ROLE_ID": role_id, "VAULT_SECRET_ID": secret_id})
        self.assertEqual(json.loads(got), {"agent": {"log_level": "debug"}})
        # And the other way round: what `warder vault setup` made lets hvac in, with exactly these rights.
        self.warder("vault", "setup", "--role", "made-here")
        made = hvac.Client(url=self.bao.url, verify=str(self.bao.ca))
        made.auth.approle.login(self.client.auth.approle.read_role_id("made-here")["data"]["role_id"],
                                (self.host.folder / "vault.secret-id").read_text())
        read = made.secrets.kv.v2.read_secret_version("warder/settings", mount_point="secret", raise_on_deleted_version=True)
        self.assertEqual(read["data"]["data"], {"agent": {"log_level": "debug"}})
        with self.assertRaises(hvac.exceptions.Forbidden):
            made.secrets.kv.v2.create_or_update_secret("warder/settings", secret={}, mount_point="secret")

    def test_transit(self):
        self.warder("vault", "setup", "--transit", "sealing", "--role", "sealer")
        key = self.client.secrets.transit.generate_data_key("sealing", key_type="plaintext")["data"]
        opened = self.client.secrets.transit.decrypt_data("sealing", ciphertext=key["ciphertext"])["data"]
        self.assertEqual(opened["plaintext"], key["plaintext"])


if __name__ == "__main__":
    unittest.main()
