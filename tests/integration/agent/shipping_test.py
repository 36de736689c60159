"""Alerts arrive: after an outage, after a crash, in order, and once for who looks at their key."""
import json
import signal
import unittest

from harness import Receiver, World, until

HOSTILE_NAMES = [
    b'"', b"\\", b'\\"}\n'.replace(b"\n", b"n"), b'x","kind":"unban","y":"', b"\x1b[2J\x1b[31m",
    b"\x00nul", b"\xff\xfe not utf-8", b"\xed\xa0\x80 half a surrogate", "\u202edrowssap".encode(),
    "\u2028line\u2029paragraph".encode(), b"a\rb\x0bc\x0cd\x85e", b"{}", b"%s%n%x", b"</script>",
    b"x" * 3000, "\U0001f512".encode()[:3],
]


def attackers(first, count):
    return [f"198.51.100.{first + i}" for i in range(count)]


class Shipping(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.world.make_vault()
        self.world.watch_sshd()
        self.receivers = []
        self.addCleanup(lambda: [receiver.close() for receiver in self.receivers])
        self.world.start_helper()

    def receiver(self, **options):
        self.receivers.append(Receiver(self.world.host, **options))
        return self.receivers[-1]

    def away(self, receiver):
        self.receivers.remove(receiver)
        receiver.close()

    def send_to(self, receiver):
        world = self.world
        world.put("webhooks", {"ops": receiver.url})
        world.put("alerts", {"ops": {"form": "generic", "url": "vault:webhooks/ops",
                                     "allow_private": "127.0.0.1", "digest": "0s"}})

    def bans(self):
        return self.world.events("--kind", "ban")

    def assert_told_once(self, messages):
        """Every ban of the history was told, in its order, and a repetition has the same key."""
        keys = {}
        first = []
        for message in messages:
            if message["kind"] != "ban":
                continue
            if message["key"] not in keys:
                first.append(message["id"])
            keys.setdefault(message["key"], message)
            self.assertEqual(keys[message["key"]]["id"], message["id"])
        self.assertEqual(first, [ban["id"] for ban in self.bans()])
        self.assertEqual(len(keys), len(first))

    def test_what_happens_in_an_outage_is_told_after_it(self):
        world = self.world
        receiver = self.receiver()
        self.send_to(receiver)
        self.away(receiver)
        world.start_agent()
        world.write_attacks(attackers(10, 30))
        until(lambda: len(self.bans()) == 30, "the bans, which wait for no destination")
        until(lambda: world.destination("ops")["last_error"], "a failed attempt")
        self.assertGreaterEqual(world.destination("ops")["pending"], 30)
        self.assertEqual(world.destination("ops")["delivered"], 0)
        world.stop_agent(signal.SIGKILL)
        world.write_attacks(attackers(50, 10))
        world.start_agent()
        until(lambda: len(self.bans()) == 40, "the bans of what was written meanwhile")
        back = self.receiver(port=receiver.port)
        until(lambda: world.destination("ops")["pending"] == 0, "an empty outbox", limit=60)
        self.assert_told_once(back.messages())
        self.assertEqual(world.destination("ops")["last_error"], "")
        self.assertEqual(world.destination("ops")["dead"], 0)

    def test_killed_between_delivery_and_receipt(self):
        world = self.world
        receiver = self.receiver()
        self.send_to(receiver)
        world.start_agent()
        receiver.answering.clear()
        world.write_attacks(attackers(10, 5))
        until(lambda: len(self.bans()) == 5 and receiver.messages(), "a request without an answer")
        world.stop_agent(signal.SIGKILL)
        receiver.answering.set()
        told = {message["key"] for message in receiver.messages()}
        world.start_agent()
        until(lambda: world.destination("ops")["pending"] == 0, "an empty outbox")
        messages = receiver.messages()
        again = [message["key"] for message in messages]
        for key in told:
            self.assertEqual(again.count(key), 2)
        self.assert_told_once(messages)

    def test_dead_letters_are_shown_and_revived(self):
        world = self.world
        receiver = self.receiver(status=400)
        self.send_to(receiver)
        world.start_agent()
        world.write_attacks(attackers(10, 5))
        until(lambda: len(self.bans()) == 5, "the bans")
        until(lambda: world.destination("ops")["dead"] >= 5
              and world.destination("ops")["pending"] == 0, "dead letters")
        self.assertEqual(receiver.messages(), [])
        dead = world.destination("ops")["dead"]
        row = [line.split() for line in world.warder("status").stdout.splitlines()
               if line.startswith("ops ")]
        self.assertEqual(row[0][-3:], ["0", str(dead), "0"])
        self.assertEqual(world.warder("alerts", "retry", "opps", check=False).stderr,
                         "warder: no destination is named 'opps'; warder status lists them\n")
        receiver.status = 204
        self.assertEqual(world.warder("alerts", "retry", "ops").stdout,
                         f"to be tried again: {dead} dead letters\n")
        until(lambda: world.destination("ops")["dead"] == 0
              and world.destination("ops")["pending"] == 0, "their delivery")
        self.assert_told_once(receiver.messages())
        self.assertEqual(world.warder("alerts", "retry", "ops").stdout,
                         "to be tried again: 0 dead letters\n")

    def test_json_lines_of_hostile_names(self):
        world = self.world
        path = world.folder / "logs/events.jsonl"
        world.put("alerts", {"file": {"form": "json-lines", "path": str(path), "events": "all"}})
        world.watch_sshd(maxretry=3)
        world.start_agent()
        for number, name in enumerate(HOSTILE_NAMES):
            world.write_attacks([f"198.51.100.{10 + number}"], user=name)
        world.write_attacks(["203.0.113.9"])  # the mark at the end
        until(lambda: world.events("--address", "203.0.113.9"), "the last line")
        until(lambda: world.destination("file")["pending"] == 0, "an empty outbox")
        # Split at line feeds only, and strict about what is UTF-8 and JSON.
        rows = path.read_bytes().decode("utf-8", "strict").split("\n")
        self.assertEqual(rows.pop(), "")
        events = [json.loads(row) for row in rows]
        for row in rows:
            self.assertFalse([c for c in row if ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0], row)
        history = {event["id"]: event for event in world.events()}
        told = [event["id"] for event in events]
        self.assertEqual(len(told), len(set(told)))
        self.assertEqual([i for i in history if i in set(told)], told)
        findings = {i for i, event in history.items() if event["kind"] == "finding"}
        # A name that is cut or holds what no line has may give no finding, but never a wrong one.
        self.assertGreaterEqual(len(findings), len(HOSTILE_NAMES) - 2)
        self.assertEqual(findings - set(told), set())
        self.assertEqual({event["kind"] for event in events} & {"unban", "ban"}, set())
        blamed = {history[i]["address"] for i in findings}
        self.assertLessEqual(blamed, {f"198.51.100.{10 + n}" for n in range(len(HOSTILE_NAMES))}
                             | {"203.0.113.9"})
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)


if __name__ == "__main__":
    unittest.main()
