"""`warder vault` against a real OpenBao or HashiCorp Vault: every verb, every login, TLS, and who may not."""
import json
import subprocess
import unittest

from world import READER, Host, Proxy, Server


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bao = Server(tls=True)
        cls.bao.policy("warder", READER)

    @classmethod
    def tearDownClass(cls):
        cls.bao.close()

    def setUp(self):
        self.host = Host(f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\nprefix = {self.id().split('.')[-1]}\n")
        self.addCleanup(self.host.close)
        self.admin = {"VAULT_TOKEN": self.bao.token}

    def run_as_admin(self, *words, **how):
        return self.host.run(*words, environment=self.admin, **how)

    def test_documents_and_their_versions(self):
        run = self.run_as_admin
        self.assertEqual(run("vault", "list"), "the vault is empty\n")
        self.assertEqual(run("vault", "put", "webhooks/ops", "--comment", "first", stdin='{"slack": "canary-1", "n": 7}'),
                         "webhooks/ops is now version 1\n")
        self.assertEqual(run("vault", "put", "webhooks/ops", stdin='{"slack": "canary-2"}'), "webhooks/ops is now version 2\n")
        self.assertEqual(run("vault", "get", "webhooks/ops", "--key", "slack"), "canary-2")
        self.assertEqual(json.loads(run("vault", "get", "webhooks/ops", "--version", "1")), {"slack": "canary-1", "n": 7})
        self.assertEqual([row["name"] for row in json.loads(run("--json", "vault", "list"))], ["webhooks/ops"])
        history = json.loads(run("--json", "vault", "history", "webhooks/ops"))
        self.assertEqual([(row["version"], row["comment"]) for row in history], [(2, ""), (1, "first")])
        self.assertTrue(history[1]["author"])
        shown = run("vault", "show", "webhooks/ops")
        self.assertIn("slack", shown)
        self.assertNotIn("canary", shown)
        output = self.host.folder / "out"
        run("vault", "get", "webhooks/ops", "--output", output)
        self.assertEqual(output.stat().st_mode & 0o777, 0o600)
        # What the vault's own tools write is read, and the other way round.
        self.assertEqual(self.bao.call("GET", f"secret/data/{self.id().split('.')[-1]}/webhooks/ops")["data"]["data"],
                         {"slack": "canary-2"})

    def test_deleting_for_good_and_not(self):
        run = self.run_as_admin
        run("vault", "put", "jails", stdin='{"sshd": {"maxretry": 3}}')
        run("vault", "delete", "--recoverable", "jails")
        self.assertIn("deleted on purpose", run("vault", "get", "jails", status=6))
        self.assertEqual(run("vault", "list"), "the vault is empty\n")
        run("vault", "undelete", "jails")
        self.assertEqual(json.loads(run("vault", "get", "jails")), {"sshd": {"maxretry": 3}})
        run("vault", "delete", "jails")
        self.assertIn("destroyed on purpose", run("vault", "get", "jails", status=6))
        self.assertEqual(run("vault", "put", "jails", stdin="{}"), "jails is now version 2\n")

    def test_an_unknown_authority_and_a_wrong_address(self):
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\n")
        self.assertIn("unknown authority", self.run_as_admin("vault", "list", status=5))
        self.host.configure(f"provider = vault\naddress = http://127.0.0.1:{self.bao.port}\n")
        self.assertIn("the server speaks TLS; write https://", self.run_as_admin("vault", "list", status=3))
        folder = self.host.folder / "ca.d"
        folder.mkdir()
        (folder / "ours.pem").write_text(self.bao.ca.read_text())
        subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\nprefix = ca-folder\n")
        listed = self.host.run("vault", "list", environment={**self.admin, "VAULT_CAPATH": str(folder)})
        self.assertIn("the vault is empty", listed)
        # The seeds' variables, and a certificate that is not checked on this machine.
        self.host.configure("")
        listed = self.host.run("vault", "list", environment={
            **self.admin, "VAULT_ENABLED": "true", "VAULT_ADDR": self.bao.url, "VAULT_SKIP_VERIFY": "true",
            "VAULT_MOUNT_PATH": "secret", "VAULT_KV_VERSION": "2"})
        self.assertIn("the vault is empty", listed)

    def test_every_login(self):
        bao, prefix = self.bao, self.id().split(".")[-1]
        bao.policy("reader", READER.replace("warder/*", f"{prefix}/*"))
        bao.call("POST", f"secret/data/{prefix}/jails", {"data": {"a": 1}})
        common = f"provider = vault\naddress = {bao.url}\nca_file = {bao.ca}\nprefix = {prefix}\n"
        role_id, secret_id = bao.approle("reader", ["reader"])
        id_file = self.host.secret_file("secret-id", secret_id + "\n")
        self.host.configure(common + f"role_id = {role_id}\nsecret_id = file:{id_file}")
        self.assertEqual(self.host.run("vault", "get", "jails"), '{"a":1}')
        # By the seeds' variables.
        self.host.configure(common)
        self.assertEqual(self.host.run("vault", "get", "jails", environment={"VAULT_ROLE_ID": role_id, "VAULT_SECRET_ID": secret_id}),
                         '{"a":1}')
        self.assertIn("the vault refuses the login",
                      self.host.run("vault", "get", "jails", status=5, environment={"VAULT_ROLE_ID": role_id, "VAULT_SECRET_ID": "wrong"}))
        # Rights end where the policy ends.
        self.host.configure(common + f"role_id = {role_id}\nsecret_id = file:{id_file}")
        self.assertIn("has no right to write", self.host.run("vault", "put", "jails", stdin="{}", status=5))
        # A wrapped SecretID: used once, its file removed.
        wrapped = bao.call("POST", "auth/approle/role/reader/secret-id", {}, headers={"X-Vault-Wrap-TTL": "120"})["wrap_info"]["token"]
        wrap_file = self.host.secret_file("wrapped", wrapped)
        self.host.configure(common + f"role_id = {role_id}\nsecret_id = file:{wrap_file}\nsecret_id_wrapped = yes\n"
                            "secret_id_path = auth/approle/role/reader/secret-id")
        self.assertEqual(self.host.run("vault", "get", "jails"), '{"a":1}')
        self.assertFalse(wrap_file.exists())
        self.host.secret_file("wrapped", wrapped)
        self.assertIn("somebody else has the secret", self.host.run("vault", "get", "jails", status=5))
        # Userpass.
        bao.call("POST", "sys/auth/userpass", {"type": "userpass"})
        bao.call("POST", "auth/userpass/users/guard", {"password": "canary-password", "token_policies": ["reader"]})
        password = self.host.secret_file("password", "canary-password")
        self.host.configure(common + f"username = guard\npassword = file:{password}")
        self.assertEqual(self.host.run("vault", "get", "jails"), '{"a":1}')
        # A TLS client certificate.
        bao.call("POST", "sys/auth/cert", {"type": "cert"})
        bao.call("POST", "auth/cert/certs/guard", {"certificate": (bao.folder / "ca.pem").read_text(),
                                                   "token_policies": ["reader"]})
        self.host.configure(common + f"client_certificate = {bao.folder}/client.pem\nclient_key = {bao.folder}/client.key\ncert_role = guard")
        self.assertEqual(self.host.run("vault", "get", "jails"), '{"a":1}')
        # Each of these commands gave its session back.
        sessions = [entry for entry in bao.audit() if entry["type"] == "response"]
        logins = [e for e in sessions if e["request"]["path"].endswith(("/login", "/login/guard")) and e.get("response", {}).get("auth")]
        ends = [e for e in sessions if e["request"]["path"] == "auth/token/revoke-self" and not e.get("error")]
        self.assertGreaterEqual(len(logins), 6)
        self.assertEqual(len(logins), len(ends))

    def test_kv_version_1_is_found_out(self):
        self.bao.mount_kv("old", 1)
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\nmount = old\n")
        run = self.run_as_admin
        run("vault", "put", "jails", stdin='{"sshd": {"maxretry": 3}}')
        self.assertEqual(self.bao.call("GET", "old/warder/jails")["data"], {"sshd": {"maxretry": 3}})
        self.assertEqual(json.loads(run("vault", "get", "jails")), {"sshd": {"maxretry": 3}})
        self.assertIn("jails", run("vault", "list"))
        run("vault", "delete", "jails")
        self.assertIn("there is no such document", run("vault", "get", "jails", status=6))

    def test_through_the_socket_of_a_proxy(self):
        self.bao.call("POST", "secret/data/warder/proxied", {"data": {"a": 1}})
        proxy = Proxy(self.bao, *self.bao.approle("proxy", ["warder"]))
        self.addCleanup(proxy.close)
        self.host.configure("provider = vault\n")
        self.host.until(lambda: "authentication successful" in proxy.text() and proxy.socket.exists(), "the proxy is in")
        got = self.host.until(lambda: self.host.run("vault", "get", "proxied", environment={"VAULT_PROXY_ADDR": f"unix://{proxy.socket}"}),
                              "an answer through the proxy")
        self.assertEqual(got, '{"a":1}')

    def test_a_sealed_vault_says_so(self):
        with Server() as bao:
            self.host.configure(f"provider = vault\naddress = {bao.url}\n")
            admin = {"VAULT_TOKEN": bao.token}
            self.host.run("vault", "put", "jails", stdin="{}", environment=admin)
            bao.seal()
            self.assertIn("the vault is sealed; its operators must unseal it",
                          self.host.run("vault", "get", "jails", status=4, environment=admin))
            bao.unseal()
            self.assertEqual(self.host.run("vault", "get", "jails", environment=admin), "{}")
            bao.kill()
            self.assertIn("Connection refused", self.host.run("vault", "get", "jails", status=4, environment=admin))
            bao.start()
            bao.unseal()
            self.assertEqual(self.host.run("vault", "get", "jails", environment=admin), "{}")


class Namespaces(unittest.TestCase):
    """OpenBao's; the community edition of Vault has none."""

    def setUp(self):
        self.bao = Server(tls=True)
        self.addCleanup(self.bao.close)
        self.host = Host(f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\n")
        self.addCleanup(self.host.close)
        self.admin = {"VAULT_TOKEN": self.bao.token}

    def test_a_namespace(self):
        self.bao.call("POST", "sys/namespaces/team1")
        self.bao.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, headers={"X-Vault-Namespace": "team1/"})
        self.bao.until(lambda: self.bao.call("GET", "secret/config", headers={"X-Vault-Namespace": "team1/"}), "the mount is ready")
        admin = {**self.admin, "VAULT_NAMESPACE": "team1/"}
        self.host.run("vault", "put", "jails", stdin='{"team": 1}', environment=admin)
        self.assertEqual(self.host.run("vault", "get", "jails", environment=admin), '{"team":1}')
        self.assertIn("there is no such document", self.host.run("vault", "get", "jails", status=6, environment=self.admin))


if __name__ == "__main__":
    unittest.main()
