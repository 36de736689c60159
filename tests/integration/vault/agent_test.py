"""The agent whose rules come from a real server: changed there, running here; sealed, killed, revoked, restarted."""
import pathlib
import signal
import unittest

from world import READER, Host, Refused, Server, everything_written

JAIL = {"enabled": True, "backend": "auto", "journalmatch": "", "filter": "sshd", "port": "22", "findtime": "1d", "bantime": "1h"}


class Agent(unittest.TestCase):
    def setUp(self):
        self.bao = Server(tls=True)
        self.addCleanup(self.bao.close)
        self.bao.policy("warder", READER)
        self.host = Host()
        self.addCleanup(self.host.close)
        self.log_in()

    def log_in(self, **role):
        role_id, secret_id = self.bao.approle(**role)
        id_file = self.host.secret_file("secret-id", secret_id)
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\nca_file = {self.bao.ca}\ninterval = 1s\n"
                            f"role_id = {role_id}\nsecret_id = file:{id_file}")

    def jail(self, maxretry, **more):
        return {"sshd": {**JAIL, "logpath": f"{self.host.folder}/auth.log", "maxretry": maxretry, **more}}

    def write(self, name, document):
        self.bao.call("POST", f"secret/data/warder/{name}", {"data": document})

    def running(self, maxretry):
        self.host.until(lambda: self.host.jails().get("sshd", {}).get("maxretry") == maxretry, f"maxretry {maxretry} runs")

    def test_rules_change_live_by_host_over_shared_ones(self):
        self.write("jails", self.jail(3))
        self.host.start()
        self.running(3)
        self.write("jails", self.jail(4))
        self.running(4)
        self.write("hosts/web-1/jails", {"sshd": {"maxretry": 9}})
        self.running(9)
        self.write("hosts/web-2/jails", {"sshd": {"maxretry": 1}})  # another host's
        self.write("jails", self.jail(5))
        # A document that is wrong is refused whole, and what runs goes on.
        self.write("hosts/web-1/jails", {"sshd": {"maxretry": "many"}})
        self.host.until(lambda: any("configuration refused" in text and "maxretry" in text for text in self.host.events("config")),
                        "the wrong document is told")
        self.assertEqual(self.host.jails()["sshd"]["maxretry"], 9)
        self.bao.call("DELETE", "secret/metadata/warder/hosts/web-1/jails")
        self.running(5)
        # Nothing is read again while nothing changes: only versions are asked for.
        def reads():
            return sum(e["request"]["path"] == "secret/data/warder/jails" for e in self.bao.audit() if e["type"] == "response")
        def polls():
            return sum(e["request"]["path"] == "secret/metadata/warder/jails" for e in self.bao.audit() if e["type"] == "response")
        before, polled = reads(), polls()
        self.host.until(lambda: polls() >= polled + 3, "three polls")
        self.assertEqual(reads(), before)
        # The session is given back at the end.
        self.host.stop()
        self.assertEqual(self.bao.audit()[-1]["request"]["path"], "auth/token/revoke-self")

    def test_sealed_killed_and_away_at_the_start(self):
        self.write("jails", self.jail(3))
        self.host.start()
        self.running(3)
        self.bao.seal()
        state = self.host.until(lambda: (lambda v: v["state"] == "stale" and v)(self.host.status()["vault"]), "the state is stale")
        self.assertIn("the vault is sealed", state["text"])
        self.assertIn("stale since", state["text"])
        self.assertIn("vault      stale since", self.host.run("status"))
        self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)
        self.host.until(lambda: any("cannot be read" in text for text in self.host.events("vault")), "an event tells it")
        # The host starts anew with the vault sealed, then gone: with the copies it kept.
        for away in (lambda: None, self.bao.kill):
            away()
            self.host.stop(signal.SIGKILL)
            self.host.start()
            self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)
            self.host.until(lambda: self.host.status()["vault"]["state"] == "stale", "the state is stale")
        self.bao.start()
        self.bao.unseal()
        self.host.until(lambda: self.host.status()["vault"]["state"] == "good", "the vault is back")
        self.host.until(lambda: any("can be read again" in text for text in self.host.events("vault")), "an event tells it")
        self.write("jails", self.jail(6))
        self.running(6)

    def test_short_sessions_and_revoked_ones(self):
        self.log_in(token_ttl="3s", token_max_ttl="6s")
        self.write("jails", self.jail(3))
        self.host.start()
        self.running(3)

        def logins():
            return [e for e in self.bao.audit() if e["type"] == "response" and e["request"]["path"] == "auth/approle/login"]

        def renewals():
            return [e for e in self.bao.audit() if e["type"] == "response" and e["request"]["path"] == "auth/token/renew-self"]
        # Renewed before it ends, replaced when it can grow no more, and never sent when it is over.
        self.host.until(lambda: renewals() and len(logins()) >= 3, "a renewal and new logins")
        accessor = logins()[-1]["response"]["auth"]["accessor"]
        # Revoked in mid-run: logged in again, nothing lost.
        for found in self.bao.call("LIST", "auth/token/accessors")["data"]["keys"]:
            try:
                about = self.bao.call("POST", "auth/token/lookup-accessor", {"accessor": found})["data"]
                if about["display_name"] == "approle":
                    self.bao.call("POST", "auth/token/revoke-accessor", {"accessor": found})
            except Refused as gone:  # a session of three seconds that ended since they were listed
                self.assertIn("invalid accessor", str(gone))
        self.write("jails", self.jail(7))
        self.running(7)
        self.assertNotEqual(logins()[-1]["response"]["auth"]["accessor"], accessor)

    def test_a_start_that_finds_wrong_documents_goes_on_with_those_that_ran(self):
        self.write("jails", self.jail(3))
        self.host.start()
        self.running(3)
        self.write("jails", self.jail("many"))
        self.host.until(lambda: any("configuration refused" in text for text in self.host.events("config")), "it is refused")
        for how in (signal.SIGTERM, signal.SIGKILL):
            self.host.stop(how)
            self.host.start()
            self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)
            self.host.until(lambda: any("those that ran last go on" in text for text in self.host.events("config")), "that is told")
        self.write("jails", self.jail(4))
        self.running(4)
        # What was taken away on purpose does not come back.
        self.bao.call("DELETE", "secret/metadata/warder/jails")
        self.host.until(lambda: "sshd" not in self.host.jails(), "the rules are gone")
        self.host.stop()
        self.host.start()
        self.assertNotIn("sshd", self.host.jails())

    def test_a_login_that_is_gone_takes_no_rules_away(self):
        self.log_in(token_ttl="3s", token_max_ttl="4s")
        self.write("jails", self.jail(3))
        id_file = self.host.folder / "secret-id"
        secret_id = id_file.read_text()
        self.host.start()
        self.running(3)
        id_file.unlink()
        state = self.host.until(lambda: (lambda v: v["state"] == "stale" and v)(self.host.status()["vault"]), "the state is stale")
        self.assertIn("reading the secret: No such file or directory", state["text"])
        self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)
        # The copies are as they were, too.
        self.host.stop(signal.SIGKILL)
        self.host.start()
        self.assertEqual(self.host.jails()["sshd"]["maxretry"], 3)
        self.host.until(lambda: self.host.status()["vault"]["state"] == "stale", "the state is stale")
        for words in (("get", "jails"), ("put", "jails"), ("list",), ("history", "jails"), ("delete", "jails"), ("policies", "check")):
            self.assertIn("No such file", self.host.run("vault", *words, stdin="{}", status=3))
        self.assertIn("BAD   login", self.host.run("vault", "test", status=3, output="stdout"))
        self.host.secret_file("secret-id", secret_id)
        self.host.until(lambda: self.host.status()["vault"]["state"] == "good", "the vault is back")
        self.write("jails", self.jail(4))
        self.running(4)

    def test_canaries_stay_in(self):
        canaries = ["canary-slack-5d2c", (self.host.folder / "secret-id").read_text()]
        self.write("webhooks", {"slack": f"https://127.0.0.1:9/{canaries[0]}"})
        self.write("alerts", {"ops": {"form": "generic", "url": "vault:webhooks/slack", "allow_private": "127.0.0.1"}})
        self.write("jails", self.jail(3))
        self.host.start()
        self.running(3)
        self.host.until(lambda: any(d["name"] == "ops" for d in self.host.status()["destinations"]), "the destination runs")
        # The destination's secret is resolved when something is sent; nobody listens there.
        sent = self.host.run("alerts", "test", status=1)
        process = pathlib.Path(f"/proc/{self.host.agent.pid}")
        environment, command = ((process / name).read_bytes() for name in ("environ", "cmdline"))
        outputs = [sent] + [self.host.run(*words) for words in (("status",), ("events",), ("vault", "list"), ("vault", "show", "webhooks"),
                                                       ("vault", "history", "webhooks"), ("check",))]
        self.host.run("reload")
        self.host.stop()
        for canary in canaries:
            self.assertNotIn(canary.encode(), environment + command)
            for text in outputs:
                self.assertNotIn(canary, text)
            for path, content in everything_written(self.host.folder):
                if path.name != "secret-id":
                    self.assertNotIn(canary.encode(), content, path)
        # Copies are there, sealed, and readable by their owner only.
        copies = sorted(path.name for path in (self.host.folder / "copies").iterdir())
        self.assertIn("webhooks.sealed", copies)
        for path in (self.host.folder / "copies").iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)


if __name__ == "__main__":
    unittest.main()
