"""Transit (server_checks.cpp), and the set-up of a whole vault by `warder vault setup`, against a real server."""
import contextlib
import json
import os
import pty
import sqlite3
import subprocess
import unittest

from world import READER, WARDER, Host, Refused, Server


class WholeVault(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bao = Server(tls=True)

    @classmethod
    def tearDownClass(cls):
        cls.bao.close()

    def setUp(self):
        self.host = Host(f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\n")
        self.addCleanup(self.host.close)
        self.admin = {"VAULT_TOKEN": self.bao.token}

    def test_transit(self):
        bao = self.bao
        self.host.run("vault", "setup", "--transit", "backup", "--role", "transit", environment=self.admin)
        done = subprocess.run([os.environ["CHECKS"]], capture_output=True, text=True,
                              env={**os.environ, "VAULT_ADDR": bao.url, "VAULT_CACERT": str(bao.ca), "VAULT_TOKEN": bao.token})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_setup_writes_the_least_rights_and_they_suffice(self):
        bao = self.bao
        said = self.host.run("vault", "setup", "--role", "guard", "--trail", "guard-audit", environment=self.admin)
        snippet = said[said.index("[vault]"):].replace("\n    ", "\n")
        id_file = self.host.folder / "vault.secret-id"
        self.assertEqual(id_file.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(id_file.read_text(), said)
        self.assertIn(f"ca_file = {bao.ca}\n", snippet)
        self.assertIn("\naudit_devices = file\n", snippet)
        self.host.configure(snippet[len("[vault]\n"):snippet.index("\n\n")])
        # Again and for one thing more, it takes nothing away: the SecretID stays good, and the trail.
        secret_id = id_file.read_text()
        self.assertIn("still good", self.host.run("vault", "setup", "--role", "guard", "--audit-device", "file", environment=self.admin))
        self.assertEqual(id_file.read_text(), secret_id)
        self.assertIn("exactly", self.host.run("vault", "policies", "check", "--trail", "guard-audit", "--audit-device", "file"))
        bao.call("POST", "secret/data/warder/settings", {"data": {"backup_passphrase": "canary-long-enough"}})
        for words in (("vault", "policies", "check", "--trail", "guard-audit"), ("vault", "test", "--trail", "guard-audit")):
            self.assertIn("exactly", self.host.run(*words))
        good = self.host.json("vault", "test", "--backup-passphrase", "--trail", "guard-audit")
        self.assertEqual([row["what"] for row in good if not row["good"]], [])
        self.assertEqual({row["what"] for row in good}, {"vault", "clock", "login", "place", "rights", "passphrase"})
        # The trail: written once, never changed, never read.
        entered = bao.call("POST", "auth/approle/login", {
            "role_id": bao.call("GET", "auth/approle/role/guard/role-id")["data"]["role_id"], "secret_id": id_file.read_text()})
        token = entered["auth"]["client_token"]
        self.assertEqual(entered["auth"]["metadata"]["host"], "web-1")
        event = {"data": {"kind": "ban"}}
        bao.call("POST", "guard-audit/data/events/1", event, token=token)
        for method, path in (("POST", "guard-audit/data/events/1"), ("DELETE", "guard-audit/metadata/events/1"),
                             ("GET", "guard-audit/data/events/1"), ("POST", "secret/data/warder/jails")):
            with self.assertRaises(Refused, msg=f"{method} {path}") as refused:
                bao.call(method, path, event if method == "POST" else None, token=token)
            self.assertEqual(refused.exception.status, 403)
        # Too many rights, and too few.
        self.assertIn("the policy root", self.failing_output("vault", "policies", "check", environment=self.admin))
        bao.policy("guard", 'path "secret/data/warder/*" { capabilities = ["read", "delete"] }\n'
                            'path "sys/policies/acl/*" { capabilities = ["update"] }\n')
        problems = json.loads(self.failing_output("--json", "vault", "policies", "check"))
        self.assertEqual({(p["kind"], p["path"]) for p in problems},
                         {("too much", "secret/data/warder/*"), ("missing", "secret/metadata/warder/*"),
                          ("missing", "sys/audit-hash/file"),
                          ("too much", "sys/policies/acl/warder-probe")})

    def asked(self, answers, status=0):
        """What `vault setup` says on a terminal on which these lines are typed."""
        ours, its = pty.openpty()
        process = subprocess.Popen([WARDER, "--config", self.host.folder / "warder.conf", "vault", "setup"], stdin=its,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**self.host.environment, **self.admin})
        os.close(its)
        os.write(ours, "".join(line + "\n" for line in answers).encode())
        said = process.communicate(timeout=60)[0]
        os.close(ours)
        self.assertEqual(process.returncode, status, said)
        return said

    def test_setup_asks_on_a_terminal(self):
        policies = lambda: set(self.bao.call("LIST", "sys/policies/acl")["data"]["keys"])
        before = policies()
        said = self.asked(["", "", "", "", "", ""], status=1)  # nobody said yes
        self.assertIn("nothing was changed", said)
        self.assertEqual(policies(), before)
        # Names that are none are asked for again; an empty answer takes what stands in brackets.
        said = self.asked(["a role", "typed", "none", "../x", "file", "", f"{self.host.folder}/typed-id", "yes"])
        self.assertIn("'a role' is no name", said)
        self.assertIn("'../x' is no name", said)
        self.assertEqual(policies() - before, {"typed", "typed-writer"})
        self.assertEqual((self.host.folder / "typed-id").stat().st_mode & 0o777, 0o600)
        policy = self.bao.call("GET", "sys/policies/acl/typed")["data"]["policy"]
        self.assertIn('path "sys/audit-hash/file"', policy)
        self.assertNotIn("/data/events/", policy)
        self.assertNotIn("transit", policy)
        snippet = said[said.index("    [vault]"):].replace("\n    ", "\n")
        self.host.configure(snippet[len("    [vault]\n"):snippet.index("\n\n")])
        self.assertIn("exactly", self.host.run("vault", "policies", "check"))
        # What follows is typed no more: the terminal is gone in the middle.
        self.assertIn("nothing was changed", self.asked(["\x04"], status=1))

    def test_setup_tells_what_it_takes_from_a_policy_that_was_changed(self):
        setup = ("vault", "setup", "--role", "changed")
        self.assertNotIn("besides", self.host.run(*setup, environment=self.admin))
        policy = self.bao.call("GET", "sys/policies/acl/changed")["data"]["policy"]
        self.bao.policy("changed", policy + 'path "transit/sign/other" { capabilities = ["update"] }\n')
        self.assertIn("had these besides, which are not in the new text; what you gave it yourself belongs in a policy of its own:\n"
                      "  transit/sign/other\n", self.host.run(*setup, environment=self.admin))
        # A SecretID that was taken back is replaced.
        id_file = self.host.folder / "vault.secret-id"
        secret_id = id_file.read_text()
        self.bao.call("POST", "auth/approle/role/changed/secret-id/destroy", {"secret_id": secret_id})
        self.assertIn("its SecretID lies in", self.host.run(*setup, environment=self.admin))
        self.assertNotEqual(id_file.read_text(), secret_id)

    def test_setup_without_a_token_or_with_too_weak_a_one_says_what_to_do(self):
        common = f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\n"
        self.host.configure(common)
        for name, environment in (("none", {}), ("weak", {"VAULT_TOKEN": self.bao.call(
                "POST", "auth/token/create", {"no_default_policy": False, "policies": ["default"]})["auth"]["client_token"]})):
            with self.subTest(name):
                said = self.host.run("vault", "setup", environment=environment, status=5)
                self.assertIn("sudo --preserve-env=VAULT_TOKEN warder vault setup\n", said)
                self.assertIn("VAULT_TOKEN_FILE=", said)
        self.assertIn("has no right to read sys/mounts", said)
        self.assertIn("change sys/mounts, sys/auth, sys/policies/acl and auth/approle", said)

    def test_a_backup_under_a_key_of_transit_is_opened_again(self):
        bao, database = self.bao, self.host.folder / "data.sqlite3"
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.executescript("CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('one'), ('two');")
        self.host.run("vault", "setup", "--transit", "backups", "--role", "keeper", environment=self.admin)
        role_id = bao.call("GET", "auth/approle/role/keeper/role-id")["data"]["role_id"]
        self.host.configure(f"provider = vault\naddress = {bao.url}\nca_file = {bao.ca}\nrole_id = {role_id}\n"
                            f"secret_id = file:{self.host.folder}/vault.secret-id\n"
                            f"[backup app]\ndatabase = {database}\ndata_key = backups\n")
        self.assertIn("exactly", self.host.run("vault", "policies", "check", "--transit", "backups"))
        self.host.run("backup", "now", "app")
        # Another process: nothing but the manifest and the vault has the key.
        bao.call("POST", "transit/keys/backups/rotate")
        restored = self.host.folder / "restored.sqlite3"
        self.host.run("backup", "restore", "app", "--to", restored)
        with contextlib.closing(sqlite3.connect(restored)) as connection:
            self.assertEqual(connection.execute("SELECT v FROM t").fetchall(), [("one",), ("two",)])
        # Bound to what it is for: without that, the vault opens it for nobody.
        manifest = json.loads(next((self.host.folder / "state/backups/app").glob("app-*.json")).read_text())
        with self.assertRaises(Refused) as refused:
            bao.call("POST", "transit/decrypt/backups", {"ciphertext": manifest["key"]["wrapped"]})
        self.assertEqual(refused.exception.status, 400)
        # The configuration says by itself which keys are needed: to be compared with, and to be set up.
        config = self.host.folder / "warder.conf"
        config.write_text(config.read_text().replace("provider = vault\n", "provider = vault\ncosign = witness\n"))
        bao.policy("keeper", READER)
        said = self.host.run("vault", "policies", "check", status=1, output="stdout")
        for path in ("decrypt/backups", "encrypt/backups", "sign/witness"):
            self.assertRegex(said, rf"missing +transit/{path} +has no right to update")
        self.assertRegex(said, r"missing +transit/keys/witness +has no right to read")
        self.host.run("vault", "setup", "--role", "keeper", environment=self.admin)
        self.assertIn("exactly", self.host.run("vault", "policies", "check"))
        self.host.run("backup", "now", "app")

    def failing_output(self, *words, environment=None):
        done = subprocess.run([os.environ["WARDER"], "--config", self.host.folder / "warder.conf", *words], capture_output=True,
                              text=True, env={**self.host.environment, **(environment or {})})
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stdout

    def test_the_words_of_the_scripts(self):
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\nprefix = words\n")
        def run(*words, **how):
            return self.host.run("vault", *words, environment=self.admin, **how)
        env = self.host.secret_file("settings.env", "# old\nexport BACKUP_PASSPHRASE='canary pass'\nDOMAIN=vault.example.org\n")
        self.assertEqual(run("migrate-from-env", env), "settings is now version 1: 2 new, 0 changed, 0 as they were\n")
        self.assertEqual(run("migrate-from-env", env), "settings has all of it already, at version 1\n")
        self.assertEqual(run("get", "settings", "--key", "BACKUP_PASSPHRASE"), "canary pass")
        self.assertEqual(run("update", "--security-config", stdin="FAIL2BAN_MAXRETRY=5\nDOMAIN=other.example\n"),
                         "settings is now version 2: 1 new, 1 changed, 0 as they were\n")
        self.assertEqual(run("update", "--security-sqlite", stdin='{"thresholds": {"a": 1}}'), "security is now version 1\n")
        self.assertEqual(run("update", "--performance-config", stdin='{"b": 1}'), "performance is now version 1\n")
        self.assertEqual(run("update-backup-config", stdin='{"c": 1}'), "backup is now version 1\n")
        self.assertIn("no JSON object", run("update", "--security-sqlite", stdin="[1]", status=1))
        self.assertIn("good  backup", run("test", "--sqlite-config"))
        self.assertIn("has fewer than 16 characters", self.failing_output("vault", "test", "--backup-passphrase", environment=self.admin))
        # A new secret, the old one beside it; who changed what.
        said = run("rotate", "settings/BACKUP_PASSPHRASE", "--every", "30d", "--overlap", "0s")
        self.assertIn("settings is now version 3", said)
        self.assertEqual(len(run("get", "settings", "--key", "BACKUP_PASSPHRASE")), 40)
        self.assertEqual(run("rotate", "--due"), "")
        rotation = json.loads(run("get", "rotation"))
        rotation["settings/BACKUP_PASSPHRASE"]["last"] = "2020-01-01T00:00:00Z"
        run("put", "rotation", stdin=json.dumps(rotation))
        self.assertIn("has a new secret", run("rotate", "--due"))
        changes = self.host.json("vault", "audit", "--key", "BACKUP_PASSPHRASE", "--days", "1", environment=self.admin)
        self.assertEqual([(c["version"], c["what"]) for c in changes], [(4, "changed"), (3, "changed"), (1, "set")])
        self.assertEqual(changes[0]["comment"], "rotated BACKUP_PASSPHRASE")
        whole = self.host.json("vault", "audit", "--days", "1", environment=self.admin)
        self.assertEqual({c["document"] for c in whole}, {"settings", "security", "performance", "backup", "rotation"})
        self.assertNotIn("canary", json.dumps(whole))


if __name__ == "__main__":
    unittest.main()
