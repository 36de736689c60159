"""The main job: a real Caddy is attacked, the attacker's packets are dropped, the history is in the
database, the alert is delivered, and the rules came from the vault."""
import unittest

from harness import (ATTACKER, HOST_FOR_ATTACKER, HOST_FOR_VISITOR, VISITOR, Receiver, World, until)

FORGED = "203.0.113.99"


def jails(world, **changes):
    jail = {"enabled": True, "filter": "vaultwarden-auth",
            "logpath": f"{world.folder}/caddy/access.log", "port": "80,443,8080",
            "protocol": "tcp", "maxretry": 5, "findtime": 600, "bantime": 3600}
    return {"vaultwarden-sqlite-auth": {**jail, **changes}}


class Attack(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.world.make_vault()
        self.receiver = Receiver(self.world.host)
        self.addCleanup(self.receiver.close)
        self.world.put("webhooks", {"ops": self.receiver.url})
        self.world.put("alerts", {"ops": {"form": "generic", "url": "vault:webhooks/ops",
                                  "allow_private": "127.0.0.1", "digest": "0s"}})
        self.world.put("jails", jails(self.world))
        self.world.start_helper()
        self.world.start_agent()
        self.world.start_caddy()

    def attack(self, most=2_000):
        """Guesses until nothing comes back; how many answers came."""
        for answers in range(most):
            if self.world.sign_in(self.world.attacker, HOST_FOR_ATTACKER, forged=FORGED,
                                  limit=1.0) is None:
                return answers
        self.fail(f"{most} guesses and no ban\n{self.world.log('agent.log')}")

    def test_attacker_is_banned_and_nobody_else(self):
        world = self.world
        answers = self.attack()
        self.assertGreaterEqual(answers, 5)
        self.assertEqual(world.get(world.visitor, HOST_FOR_VISITOR), 200)

        # The history: exactly the findings that were answered before the ban, then the ban.
        bans = until(lambda: world.events("--kind", "ban"), "a ban in the history")
        self.assertEqual([(b["address"], b["jail"]) for b in bans],
                         [(ATTACKER, "vaultwarden-sqlite-auth")])
        findings = world.events("--kind", "finding")
        self.assertEqual({f["address"] for f in findings}, {ATTACKER})
        self.assertEqual(len(findings), 5)
        self.assertTrue(bans[0]["detail"]["in_effect"])

        # The kernel dropped real packets of the attacker.
        known = world.ask("explain", ATTACKER)
        self.assertTrue(known["bans"][0]["in_kernel"])
        self.assertGreater(known["bans"][0]["packets_dropped"], 0)
        # Nobody else is blamed, least of all who stands in a forged header.
        self.assertEqual(world.ask("explain", FORGED)["events_total"], 0)
        self.assertEqual(world.ask("explain", VISITOR)["events_total"], 0)
        self.assertEqual([b["address"] for b in world.ask("bans")["bans"]], [ATTACKER])

        # The alert came, once, and says who.
        until(lambda: ATTACKER in self.receiver.texts(), "the webhook")
        self.assertEqual(self.receiver.texts().count('"kind": "ban"'), 1)
        # The history is what was signed.
        self.assertEqual(world.warder("verify").returncode, 0)

    def test_open_connection_dies_with_the_ban(self):
        world = self.world
        client = world.socket_in(world.attacker)
        self.addCleanup(client.close)
        client.settimeout(1.0)
        client.connect((HOST_FOR_ATTACKER, 80))
        request = (b"POST /identity/connect/token HTTP/1.1\r\nHost: vault\r\n"
                   b"Content-Length: 0\r\n\r\n")
        answers = 0
        with self.assertRaises(TimeoutError):
            # Requests pass until the agent has read of the fifth; the bound ends a hopeless wait.
            for _ in range(20_000):
                client.sendall(request)
                self.assertIn(b"400", client.recv(65536).split(b"\r\n")[0])
                answers += 1
        self.assertGreaterEqual(answers, 5)

    def test_unban_lets_in_again(self):
        world = self.world
        self.attack()
        self.assertEqual(world.warder("unban", ATTACKER).stdout, "1 ban lifted\n")
        self.assertEqual(world.get(world.attacker, HOST_FOR_ATTACKER), 200)
        self.assertEqual(world.warder("unban", ATTACKER, check=False).returncode, 6)
        until(lambda: world.events("--kind", "unban"), "the unban in the history")

    def test_a_ban_by_hand(self):
        world = self.world
        self.assertEqual(world.get(world.visitor, HOST_FOR_VISITOR), 200)
        world.warder("ban", VISITOR, "--for", "1h")
        self.assertIsNone(world.get(world.visitor, HOST_FOR_VISITOR, limit=0.5))
        # Own addresses are refused in the helper, whatever the caller says.
        refused = world.warder("ban", HOST_FOR_VISITOR, check=False)
        self.assertEqual(refused.returncode, 5)
        self.assertIn("an address of this host", refused.stderr)
        everybody = world.warder("ban", "0.0.0.0/0", check=False)
        self.assertEqual(everybody.returncode, 5)

    def test_outside_flush_is_repaired(self):
        import subprocess
        world = self.world
        self.attack()
        # As often as it happens; each time once.
        for times in (1, 2, 3):
            subprocess.run(world.in_host("nft", "flush", "ruleset"), check=True)
            until(lambda: world.ask("status")["firewall"]["repairs"] >= times, "the repair")
            self.assertIsNone(world.get(world.attacker, HOST_FOR_ATTACKER, limit=0.5))
            self.assertEqual(world.ask("status")["firewall"]["repairs"], times)
        until(lambda: [e for e in world.events("--kind", "firewall")
                       if "were put back" in e["message"]], "the event about it")

    def test_rules_change_in_the_vault(self):
        world = self.world
        # A wrong document changes nothing and says why.
        world.put("jails", jails(world, maxretry="many"))
        refused = until(lambda: [e for e in world.events("--kind", "config")
                                 if "maxretry" in e["message"]], "the refusal")
        self.assertIn("many", refused[0]["message"])
        jail = [j for j in world.ask("status")["jails"] if j["name"] == "vaultwarden-sqlite-auth"]
        self.assertEqual(jail[0]["maxretry"], 5)
        # A right one runs at once, without a restart.
        world.put("jails", jails(world, maxretry=2))

        def running():
            jail = [j for j in world.ask("status")["jails"]
                    if j["name"] == "vaultwarden-sqlite-auth"]
            return jail[0]["maxretry"] == 2

        until(running, "the new limit")
        # However many requests pass before the packets are dropped: two findings decided it.
        self.attack()
        until(lambda: world.events("--kind", "ban"), "a ban in the history")
        self.assertEqual(len(world.events("--kind", "finding")), 2)


if __name__ == "__main__":
    unittest.main()
