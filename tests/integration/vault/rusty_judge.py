"""warder against RustyVault, which speaks the vault's API by sources of its own: what warder takes for the API is not only what one
family of servers does. KV 1, tokens, AppRole and userpass; what it lacks is named, not guessed."""
import json
import unittest

from world import SOURCE, Host
import go_program
import rusty_vault

go_program.or_skip(rusty_vault.binary)

FEW = {"sshd": {"enabled": True, "maxretry": 7}}


class Rusty(unittest.TestCase):
    def setUp(self):
        self.server = rusty_vault.RustyVault()
        self.addCleanup(self.server.close)
        self.host = Host()
        self.addCleanup(self.host.close)

    def configure(self, login, version="kv_version = 1\n"):
        self.host.configure(f"provider = vault\naddress = {self.server.url}\nplain_http = yes\ninterval = 1s\n{version}{login}")

    def by_token(self, **how):
        self.configure(f"token = file:{self.host.secret_file('token', self.server.token)}", **how)

    def by_approle(self):
        self.server.call("POST", "sys/auth/approle", {"type": "approle"})
        self.server.call("POST", "auth/approle/role/warder", {"token_policies": "warder", "token_ttl": "6s"})
        role = self.server.call("GET", "auth/approle/role/warder/role-id")["data"]["role_id"]
        secret = self.server.call("POST", "auth/approle/role/warder/secret-id", {})["data"]["secret_id"]
        self.configure(f"role_id = {role}\nsecret_id = file:{self.host.secret_file('secret-id', secret)}")

    def test_documents_by_every_verb(self):
        self.by_token()
        host = self.host
        host.run("vault", "put", "jails", stdin=json.dumps(FEW))
        self.assertEqual(self.server.call("GET", "secret/warder/jails")["data"], FEW)
        self.assertEqual(json.loads(host.run("vault", "get", "jails")), FEW)
        self.assertIn("jails", host.run("vault", "list"))
        self.server.call("POST", "secret/warder/hooks", {"ops": "https://hooks.example.org/canary"})
        self.assertEqual(host.run("vault", "get", "hooks", "--key", "ops").strip(), "https://hooks.example.org/canary")
        self.assertNotIn("canary", host.run("vault", "show", "hooks"))
        host.run("vault", "delete", "jails")
        self.assertIn("there is no such document", host.run("vault", "get", "jails", status=6))

    def test_what_it_cannot_be_asked_is_no_failure_and_is_told(self):
        self.by_approle()
        done = self.host.run("vault", "test")
        self.assertRegex(done, r"good  vault +\S+ answers, without sys/health\n")
        self.assertRegex(done, r"good  login +approle warder \(policies default, warder\), until ")
        self.assertIn("good  place        secret/warder, KV version 1\n", done)
        self.assertIn("?     rights       this server tells nobody which rights he has", done)
        self.assertEqual([row["good"] for row in self.host.json("vault", "test")], [True, True, True, None])
        self.assertIn("this server tells nobody which rights he has", self.host.run("vault", "policies", "check", status=6))

    def test_what_it_does_not_tell_is_asked_of_the_operator(self):
        self.by_token(version="")
        self.assertIn("say so: kv_version = 1 or 2", self.host.run("vault", "get", "jails", status=3))
        setup = self.host.run("vault", "setup", status=1)
        self.assertIn("keeps no policies over its API", setup)
        self.assertNotIn("approle/", self.server.call("GET", "sys/auth")["data"])

    def test_userpass_and_a_wrong_password(self):
        self.server.call("POST", "sys/auth/userpass", {"type": "userpass"})
        self.server.call("POST", "auth/userpass/users/bob", {"password": "right", "ttl": "600"})
        self.server.call("POST", "secret/warder/jails", FEW)
        for password, status in (("right", 0), ("wrong", 5)):
            self.configure(f"username = bob\npassword = file:{self.host.secret_file(password, password)}")
            said = self.host.run("vault", "get", "jails", status=status)
        self.assertIn("the vault refuses the login", said)
        self.assertIn("invalid username or password", said)

    def test_an_agent_over_the_ends_of_its_tokens_and_a_seal(self):
        self.by_approle()
        jail = {"sshd": {"enabled": True, "backend": "auto", "journalmatch": "", "filter": "sshd", "maxretry": 7,
                         "logpath": f"{self.host.folder}/auth.log"}}
        self.server.call("POST", "secret/warder/jails", jail)
        self.host.start()
        self.host.until(lambda: self.host.jails().get("sshd", {}).get("maxretry") == 7, "the document runs")

        def changes(limit):
            jail["sshd"]["maxretry"] = limit
            self.server.call("POST", "secret/warder/jails", jail)
            self.host.until(lambda: self.host.jails()["sshd"]["maxretry"] == limit, f"the change to {limit} runs")

        # Its tokens end after six seconds and cannot be renewed by themselves: there is a new login each time.
        for limit in range(8, 14):
            changes(limit)
        self.server.seal()
        self.host.until(lambda: self.host.status()["vault"]["state"] == "stale", "the seal is seen")
        self.assertEqual(self.host.jails()["sshd"]["maxretry"], 13)
        self.server.unseal()
        changes(20)


if __name__ == "__main__":
    unittest.main()
