"""Incidents of a running agent: told, told on when nobody acknowledges them, held at night, ended; over
kill -9, with rules that change while it runs, and with hostile text in every field."""
import datetime
import json
import signal
import unittest

from harness import Receiver, World, until

HOSTILE = "\u202e\x1b[31m\"'}]\\<script>alert(1)</script>\r\nBcc: victim@example.org %s {0} $(id) `id`\x00"


class Alerts(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.world.make_vault()
        self.receivers = {}
        self.addCleanup(lambda: [receiver.close() for receiver in self.receivers.values()])
        self.world.start_helper()

    def destinations(self, **extra):
        """Each with a receiver of its own; the document is taken while the agent runs."""
        for name in extra:
            if name not in self.receivers:
                self.receivers[name] = Receiver(self.world.host)
        self.world.put("webhooks", {name: r.url for name, r in self.receivers.items()})
        self.world.put("alerts", {
            name: {"form": "generic", "url": f"vault:webhooks/{name}", "allow_private": "127.0.0.1",
                   "digest": "0s", **keys} for name, keys in extra.items()})

    def told(self, name):
        return self.receivers[name].messages()

    def texts(self, name):
        return [message.get("message") or message["text"] for message in self.told(name)]

    def send(self, kind, text, *words):
        self.world.warder("alerts", "send", kind, *words, stdin=text)

    def incidents(self, *words):
        return self.world.ask("alerts", "list", *words)["incidents"]

    def test_told_on_until_somebody_acknowledges(self):
        world = self.world
        self.destinations(ops={}, pager={"escalation_after": "1s", "escalation_times": "20",
                                         "severity": "high"})
        world.start_agent(enforcing=False)
        self.send("warning", "the queue is long", "--incident", "queue")
        self.send("critical", "the door is open\nsecond line", "--incident", "door")
        until(lambda: "the door is open" in self.texts("ops"), "the first line told")
        until(lambda: any("not acknowledged" in text for text in self.texts("pager")),
              "the second line told")
        world.stop_agent(signal.SIGKILL)
        world.start_agent(enforcing=False)
        count = len(self.told("pager"))
        until(lambda: len(self.told("pager")) > count, "told on after kill -9")
        # Not what the second line does not want.
        self.assertFalse([text for text in self.texts("pager") if "queue" in text])
        door = [one for one in self.incidents() if one["name"] == "report/security/door"][0]
        self.assertEqual(self.incidents()[0]["number"], door["number"])  # the worst first
        self.assertEqual(door["severity"], "critical")
        self.assertEqual({told["destination"] for told in door["told"]}, {"ops", "pager"})
        self.assertTrue(door["coming"])
        self.assertIn("not acknowledged", [e for e in world.events("--kind", "incident")][0]["message"])

        said = world.warder("alerts", "ack", str(door["number"]), "--note", HOSTILE.replace("\0", ""))
        self.assertEqual(said.stdout, f"incident {door['number']} (report/security/door) is "
                                      "acknowledged by root\n")
        door = [one for one in self.incidents() if one["number"] == door["number"]][0]
        self.assertEqual(door["coming"], [])
        self.assertEqual(door["acknowledged"]["by"], "root")
        event = [e for e in world.events("--kind", "incident") if "acknowledged incident" in e["message"]]
        self.assertEqual(len(event), 1)
        self.assertEqual(event[0]["detail"]["uid"], 0)
        self.assertEqual(event[0]["detail"]["number"], door["number"])
        for character in "\u202e\x1b\r\n":
            self.assertNotIn(character, event[0]["message"] + event[0]["detail"]["note"])
            self.assertNotIn(character, world.warder("alerts", "list").stdout.replace("\n", ""))
        until(lambda: any("acknowledged incident" in text for text in self.texts("pager")),
              "the second line hears that it is known")
        again = world.warder("alerts", "ack", "report/security/door").stdout
        self.assertIn("is already acknowledged by root", again)

        # The other one is as open as before.
        self.assertNotIn("acknowledged", [o for o in self.incidents() if "queue" in o["name"]][0])
        self.send("critical", "closed", "--incident", "door", "--over")
        until(lambda: "closed" in self.texts("pager"), "the end, told to the second line")
        self.assertEqual([o["name"] for o in self.incidents()], ["report/security/queue"])
        refused = world.warder("alerts", "ack", str(door["number"]), check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(refused.stderr, f"warder: incident {door['number']} has ended (over)\n")
        self.send("critical", "open again", "--incident", "door")
        until(lambda: len(self.incidents()) == 2, "the same thing as another incident")
        refused = world.warder("alerts", "ack", str(door["number"]), check=False)
        self.assertIn("; the same is open again as", refused.stderr)
        unknown = world.warder("alerts", "ack", "report/security/dor", check=False)
        self.assertEqual(unknown.returncode, 6)
        self.assertIn("`warder alerts list` shows them", unknown.stderr)
        self.assertEqual(world.warder("verify").returncode, 0)

    def test_held_at_night_over_kill_and_told_as_one(self):
        world = self.world
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = datetime.timedelta(hours=1)
        night = f"{now - 2 * hour:%H:%M}-{now + 2 * hour:%H:%M}"
        day = f"{now - 4 * hour:%H:%M}-{now - 2 * hour:%H:%M}"
        quiet = {"quiet_hours": night, "quiet_timezone": "UTC"}
        self.destinations(ops=quiet, pager={"escalation_after": "1s"})
        world.start_agent(enforcing=False)
        self.send("warning", "first of the night")
        self.send("backup", "second of the night")
        self.send("critical", "the house burns")
        until(lambda: self.texts("ops"), "what goes through")
        self.assertEqual(self.texts("ops"), ["the house burns"])
        until(lambda: any("the house burns" in text for text in self.texts("pager")), "told on")
        # Nobody can acknowledge what is held, so nobody is told on of it.
        held = [one for one in self.incidents() if one["severity"] != "critical"]
        self.assertEqual(len(held), 2)
        for one in held:
            self.assertEqual(one["told"][0]["state"], "waiting")
            self.assertGreater(one["coming"][0]["due"], f"{now + hour:%Y-%m-%dT%H:%M:%S}")
        until(lambda: world.destination("ops")["pending"] == 2, "the receipt of what went through")
        world.stop_agent(signal.SIGKILL)
        world.start_agent(enforcing=False)
        world.warder("alerts", "test", "ops")
        self.assertEqual(len(self.told("ops")), 2)  # a test is never held
        self.assertEqual(world.destination("ops")["pending"], 2)
        # Other hours, while it runs: it is day now, and what happened is told as what it is.
        self.destinations(ops={**quiet, "quiet_hours": day}, pager={"escalation_after": "1s"})
        until(lambda: world.destination("ops")["pending"] == 0, "the night told")
        self.assertIn("second of the night", self.texts("ops"))

    def test_rules_that_cannot_be_are_refused_and_change_nothing(self):
        world = self.world
        self.destinations(ops={})
        world.start_agent(enforcing=False)
        self.destinations(ops={"quiet_hours": "22:00-22:00"})
        until(lambda: any("refused" in e["message"] for e in world.events("--kind", "config")),
              "a refusal")
        refusal = [e["message"] for e in world.events("--kind", "config") if "refused" in e["message"]]
        self.assertIn("begins when it ends", refusal[-1])
        self.destinations(ops={"quiet_hours": "22:00-07:00", "quiet_timezone": "Europe/Berlinn"})
        until(lambda: any("Berlinn" in e["message"] for e in world.events("--kind", "config")),
              "another refusal")
        self.send("warning", "still told")
        until(lambda: "still told" in self.texts("ops"), "an alert by the old rules")

    def test_each_kind_has_a_test_and_can_be_sent(self):
        world = self.world
        self.destinations(ops={})
        world.start_agent(enforcing=False)
        for kind in ("security", "backup", "integrity", "monitor"):
            world.warder("alerts", "test", "--kind", kind)
            self.assertIn(f"a test alert ({kind}):", self.texts("ops")[-1])
        for word, kind, severity in (
                ("info", "security", "info"), ("warning", "security", "warning"),
                ("critical", "security", "critical"), ("security", "security", "high"),
                ("backup", "backup", "high"), ("integrity", "integrity", "critical"),
                ("monitor", "monitor", "warning")):
            self.send(word, f"sent as {word}: " + HOSTILE)
            event = until(lambda: [e for e in world.events() if e["message"].startswith(f"sent as {word}:")],
                          "the event")[0]
            self.assertEqual((event["kind"], event["severity"]), (kind, severity))
            for character in "\u202e\x1b\r\n\0":
                self.assertNotIn(character, event["message"])
                self.assertNotIn(character, event["detail"]["incident"])
        wrong = world.warder("alerts", "send", "loud", stdin="x", check=False)
        self.assertEqual((wrong.returncode, wrong.stderr), (
            1, "warder: 'loud' is no kind of alert; info, notice, warning, critical, security, backup, "
               "integrity or monitor\n"))
        # The same with other numbers is the same incident.
        for count in (3, 17):
            self.send("security", f"ALERT: {count} secrets updated in {count}h")
        until(lambda: [one for one in self.incidents()
                       if one["name"] == "report/security/ALERT: # secrets updated in #h"
                       and one["events"] == 2], "one incident of two")


if __name__ == "__main__":
    unittest.main()
