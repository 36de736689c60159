"""[vault] rotate = yes: the agent itself replaces secrets that are due in a real server, and says so when it may not."""
import json
import unittest

from world import READER, Host, Server

WRITER = READER + 'path "secret/data/warder/*" { capabilities = ["create", "read", "update"] }\n' \
                  'path "secret/metadata/warder/*" { capabilities = ["read", "list", "update", "patch"] }\n'
PLAN = {"webhooks/token": {"every": "30d", "overlap": "1d", "last": "2020-01-01T00:00:00Z"}}


class Rotation(unittest.TestCase):
    def setUp(self):
        self.bao = Server()
        self.addCleanup(self.bao.close)
        self.bao.call("POST", "secret/data/warder/webhooks", {"data": {"token": "canary-old", "n": 7}})
        self.bao.call("POST", "secret/data/warder/rotation", {"data": PLAN})

    def start(self, policy):
        self.bao.policy("agent", policy)
        role_id, secret_id = self.bao.approle("agent", ("agent",))
        self.host = Host()
        self.addCleanup(self.host.close)
        file = self.host.secret_file("secret-id", secret_id)
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\ninterval = 1s\nrotate = yes\nrole_id = {role_id}\n"
                            f"secret_id = file:{file}")
        self.host.start()

    def read(self, name):
        return self.bao.call("GET", f"secret/data/warder/{name}")["data"]

    def told(self, words):
        return self.host.until(lambda: [text for text in self.host.events("vault") if words in text], words)

    def test_what_is_due_is_replaced_once(self):
        self.start(WRITER)
        self.told("webhooks/token has a new secret")
        webhooks = self.read("webhooks")
        self.assertEqual(webhooks["metadata"]["version"], 2)
        self.assertEqual((webhooks["data"]["token_previous"], webhooks["data"]["n"]), ("canary-old", 7))
        self.assertRegex(webhooks["data"]["token"], "^[A-Za-z0-9]{40}$")
        # The next one, planned while the agent runs, is taken at the next look; the first is left alone.
        self.host.until(lambda: self.read("rotation")["metadata"]["version"] == 2, "the plan is written back")
        plan = self.read("rotation")["data"]
        self.assertNotEqual(plan["webhooks/token"]["last"], PLAN["webhooks/token"]["last"])
        self.bao.call("POST", "secret/data/warder/other", {"data": {"key": "x"}})
        self.bao.call("POST", "secret/data/warder/rotation", {"data": {**plan, "other/key": {"every": "1d", "overlap": "0s"}}})
        self.told("other/key has a new secret")
        self.host.stop()
        self.assertEqual(self.read("webhooks")["metadata"]["version"], 2)
        self.assertEqual(sorted(self.read("other")["data"]), ["key"])
        self.assertNotIn("canary", json.dumps(self.host.events("vault")))

    def test_without_the_right_to_write_it_is_told_once(self):
        self.start(READER)
        self.told("webhooks/token was not rotated")
        self.assertIn("no right to write", self.told("was not rotated")[0])
        self.bao.call("POST", "secret/data/warder/settings", {"data": {"agent": {"log_level": "debug"}}})
        self.host.until(lambda: self.host.events("config"), "a later look")
        self.assertEqual(len(self.told("was not rotated")), 1)
        self.assertEqual(self.read("webhooks")["metadata"]["version"], 1)

    def test_policies_check_says_the_rights_it_takes(self):
        self.start(READER)
        self.told("was not rotated")
        said = self.host.run("vault", "policies", "check", status=1, output="stdout")
        policy = said.split("Add to its policy:\n\n")[1]
        for path in ("data/warder/webhooks", "data/warder/rotation", "metadata/warder/webhooks", "metadata/warder/rotation"):
            self.assertIn(f'path "secret/{path}" {{', policy)
        # With what it says the next look replaces what is due.
        self.bao.policy("agent", READER + policy)
        self.assertIn("exactly", self.host.run("vault", "policies", "check"))
        self.assertEqual(self.host.run("vault", "rotate", "--due").count("has a new secret"), 1)
        self.assertEqual(self.read("webhooks")["metadata"]["version"], 2)


if __name__ == "__main__":
    unittest.main()
