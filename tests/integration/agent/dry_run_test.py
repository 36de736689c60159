"""A configuration without a fault that would ban half of those who come: the agent tries it on the last hour's lines first."""
import json
import time
import unittest

from harness import PlainAgent, until

SHOP = {"enabled": True, "filter": "caddy-shop", "maxretry": 5, "findtime": "1h", "bantime": "1h"}
FILTER = """[Definition]
format = json
address = ip
time = ts
condition = bad: status {} 401

[Samples]
match = 192.0.2.1 | {{"ts":1785578400,"ip":"192.0.2.1","status":401}}
reject = {{"ts":1785578400,"ip":"192.0.2.1","status":404}}
"""


class DryRun(unittest.TestCase):
    def setUp(self):
        self.agent = PlainAgent("dry-run")
        self.addCleanup(lambda: self.agent.agent and self.agent.end())
        self.agent.configure("")
        self.log = self.agent.folder / "shop.log"
        with open(self.log, "w") as log:
            for visitor in range(1, 41):
                for request in range(3):  # one visitor in four mistypes a password once
                    status = 401 if visitor % 4 == 0 and request == 0 else 200
                    log.write(json.dumps({"ts": time.time() - 600 + request, "ip": f"198.51.100.{visitor}", "status": status}) + "\n")
        self.ok("vault", "setup")

    def ok(self, *words, **more):
        done = self.agent.run(*words, **more)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def put(self, document, **content):
        self.ok("vault", "put", document, stdin=json.dumps(content))

    def shop(self, **more):
        return {**SHOP, "logpath": str(self.log), **more}

    def jail(self):
        jails = json.loads(self.ok("--json", "status"))["jails"]
        return next((jail for jail in jails if jail["name"] == "shop"), None)

    def told(self, words):
        return [event for event in self.agent.events("--kind", "config") if words in event["message"]]

    def filters(self, test):
        folder = self.agent.folder / "filters"
        folder.mkdir(exist_ok=True)
        (folder / "caddy-shop.conf").write_text(FILTER.format(test))
        text = (self.agent.folder / "warder.conf").read_text()
        if str(folder) not in text:
            (self.agent.folder / "warder.conf").write_text(text.replace("filters = ", f"filters = {folder}\n ", 1))

    def test_a_document_that_would_ban_most_visitors_is_refused_until_it_is_accepted(self):
        """F06"""
        self.filters("==")
        self.put("jails", shop=self.shop())
        self.agent.start()
        self.assertEqual(self.jail()["maxretry"], 5)
        # Stricter and still sane: one visitor in four.
        self.put("jails", shop=self.shop(maxretry=1))
        until(lambda: self.jail()["maxretry"] == 1, "the sane document runs")
        self.assertEqual(self.told("refused"), [])

        # Every request counts: no fault in its form, and all visitors but those banned already would go.
        self.filters("<=")
        refused = self.agent.run("reload")
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn("30 of the 40 sources", refused.stderr)
        self.assertIn("jail shop 30 (198.51.100.1, 198.51.100.2, 198.51.100.3, 198.51.100.5, 198.51.100.6, ...)", refused.stderr)
        self.assertIn("warder reload --accept 'shop'", refused.stderr)
        self.put("jails", shop=self.shop(maxretry=2))
        until(lambda: len(self.told("refused")) == 2, "the document is refused with an event")
        [by_vault] = self.told("refused (the vault changed)")
        self.assertEqual(by_vault["severity"], "high")
        self.assertIn("30 of the 40 sources", by_vault["message"])
        self.assertEqual(self.jail()["maxretry"], 1)
        self.assertEqual(self.told("jails shop")[0]["message"].count("maxretry 5 -> 1"), 1)

        # Meant so: accepted by name, once; then it is what runs.
        self.assertEqual(self.agent.run("reload", "--accept", "other").returncode, 6)  # there is no such jail
        self.assertEqual(self.agent.run("reload", "--accept", "manual").returncode, 3)
        self.ok("reload", "--accept", "manual, shop")
        self.assertEqual(self.jail()["maxretry"], 2)
        self.ok("reload")

    def test_the_bound_is_the_operators(self):
        self.filters("<=")
        self.put("jails", shop=self.shop(enabled=False))
        self.agent.start()
        self.put("settings", agent={"dry_run_accept": "shop"})
        self.put("jails", shop=self.shop(maxretry=1))
        until(self.jail, "the accepted jail runs")
        self.put("jails", shop=self.shop(enabled=False))
        until(lambda: not self.jail(), "the jail is gone")
        self.put("settings", agent={"dry_run_sources": 41})
        self.put("jails", shop=self.shop(maxretry=2))
        until(self.jail, "with so few sources the jail runs")
        self.assertEqual(self.told("refused"), [])

    def test_at_start_it_is_a_warning_and_once(self):
        self.filters("<=")
        self.put("jails", shop=self.shop(maxretry=1))
        self.agent.start()
        until(lambda: self.told("what was started with runs, but"), "a warning")
        [warning] = self.told("what was started with runs, but")
        self.assertEqual(warning["severity"], "warning")
        self.assertIn("40 of the 40 sources", warning["message"])
        self.assertTrue(self.jail())
        self.agent.stop()
        self.agent.start()
        self.ok("reload")
        self.assertEqual(len(self.told("what was started with runs, but")), 1)

    def test_what_waits_for_a_restart_is_told(self):
        """A reload says which of the changed keys it did not put to work"""
        self.agent.start()
        configuration = self.agent.folder / "warder.conf"
        text = configuration.read_text()
        self.assertEqual(self.ok("reload"), "the new configuration is running\n")
        configuration.write_text(text.replace("[store]\n", "[store]\nretention_events = 5000\n", 1))
        waiting = "[store] retention_events takes effect when the agent is restarted (systemctl restart warder)\n"
        self.assertEqual(self.ok("reload"), "the new configuration is running\n" + waiting)
        self.assertEqual(json.loads(self.ok("--json", "reload")), {"waiting_for_restart": ["[store] retention_events"]})
        until(lambda: self.told("these take effect when the agent is restarted: [store] retention_events"), "the event")
        configuration.write_text(text)
        self.assertEqual(self.ok("reload"), "the new configuration is running\n")
        configuration.write_text(text.replace("[store]\n", "[store]\nretention_events = 5000\n", 1))
        self.agent.stop()
        self.agent.start()
        self.assertEqual(self.ok("reload"), "the new configuration is running\n")


if __name__ == "__main__":
    unittest.main()
