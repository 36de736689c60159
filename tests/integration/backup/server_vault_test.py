"""The runbook of src/backup/README.md with a vault in the network: a real OpenBao or HashiCorp Vault, and on the empty machine the
variables VAULT_* of a role that may do no more than read."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "vault")]
from backup_test import PASSPHRASE, WARDER, Case, Host, run  # noqa: E402
from world import READER, Server  # noqa: E402


class ServerVault(Case):
    def setUp(self):
        super().setUp()
        self.bao = Server(tls=True)
        self.addCleanup(self.bao.close)
        self.bao.policy("reader", READER)
        self.role, self.secret = self.bao.approle("reader", ["reader"])
        self.store = self.folder / "outside"
        self.store.mkdir()

    def host(self, name):
        host = Host(self.folder / name, more="storage = disk", storage=f"[storage disk]\nkind = directory\npath = {self.store}")
        secret = host.folder / "secret-id"
        secret.touch(mode=0o600)
        secret.write_text(self.secret)
        host.config.write_text(host.config.read_text().replace("name = host.example", f"name = {name}").replace(
            "[backup vw]", f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\nrole_id = {self.role}\n"
                           f"secret_id = file:{secret}\n[backup vw]"))
        return host

    def operator(self, host, *words, **more):
        return host(*words, env={"PATH": os.environ["PATH"], "HOME": str(host.folder), "USER": "ann", "VAULT_TOKEN": self.bao.token}, **more)

    def test_the_identity_of_a_reader_is_enough(self):
        host = self.host("host.example")
        self.operator(host, "vault", "put", "settings", input=json.dumps({"backup_passphrase": PASSPHRASE}))
        host("backup", "now")
        # A host's own role reads; whoever configures it publishes.
        refused = host("backup", "publish", check=False)
        self.assertEqual(refused.returncode, 5, refused.stdout)
        self.assertIn("nothing was published", refused.stderr)
        self.operator(host, "backup", "publish")
        host.identity = lambda folder: {"VAULT_ENABLED": "true", "VAULT_ADDR": self.bao.url, "VAULT_CACERT": str(self.bao.ca),
                                        "VAULT_ROLE_ID": self.role, "VAULT_SECRET_ID": self.secret}
        self.recovers(host)

    def test_several_hosts_share_a_vault(self):
        hosts = [self.host(name) for name in ("a.example", "b.example")]
        self.operator(hosts[0], "vault", "put", "settings", input=json.dumps({"backup_passphrase": PASSPHRASE}))
        hosts[0]("backup", "now")
        for host in hosts:
            self.operator(host, "backup", "publish")
        again = self.operator(hosts[0], "backup", "publish").stdout
        self.assertEqual(again, "the vault's document recovery holds all of a.example already\n")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "VAULT_ENABLED": "true", "VAULT_ADDR": self.bao.url,
                       "VAULT_CACERT": str(self.bao.ca), "VAULT_TOKEN": self.bao.token}
        words = (WARDER, "--config", self.folder / "none.conf", "backup", "restore", "vw", "--to", self.folder / "restored")
        asked = subprocess.run([str(w) for w in words], capture_output=True, text=True, env=environment)
        self.assertEqual(asked.returncode, 6, asked.stderr)
        self.assertIn("say which host's backups are meant with --host: a.example, b.example", asked.stderr)
        done = run(*words, "--host", "a.example", "--from-storage", env=environment)
        self.assertIn("where the backups of a.example lie is taken from the vault", done.stderr)
        self.assertTrue((self.folder / "restored").exists())


if __name__ == "__main__":
    unittest.main(defaultTest="ServerVault")
