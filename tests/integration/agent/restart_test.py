"""Stop, crash and restart: bans stay in force, no line is missed, none counts twice."""
import random
import signal
import time
import unittest

from harness import ATTACKER, HOST_FOR_ATTACKER, World, until

SSHD = ("{date} host sshd[{pid}]: Failed password for invalid user u{n} from {address} port 4 "
        "ssh2\n")


def jail_text(world, maxretry=5):
    return f"""
[sshd]
enabled = yes
backend = auto
journalmatch =
filter = sshd
logpath = {world.folder}/logs/auth.log
port = 22
maxretry = {maxretry}
findtime = 1d
bantime = 1h
"""


class Restart(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.world.make_vault()
        self.world.start_helper()
        self.log = self.world.folder / "logs/auth.log"
        self.written = 0

    def write_lines(self, addresses):
        with open(self.log, "a", encoding="ascii") as out:
            for address in addresses:
                date = time.strftime("%b %e %H:%M:%S", time.gmtime())
                out.write(SSHD.format(date=date, pid=1000 + self.written, n=self.written, address=address))
                self.written += 1

    def findings(self):
        return self.world.events("--kind", "finding")

    def test_kill_at_any_moment_counts_every_line_once(self):
        world = self.world
        world.write("jail.local", jail_text(world, maxretry=10000))
        self.log.touch()
        world.start_agent()
        chance = random.Random(20261102)
        for _ in range(12):
            self.write_lines(f"198.51.100.{chance.randrange(2, 250)}"
                             for _ in range(chance.randrange(1, 400)))
            # Killed while it reads, commits or idles, wherever it is by then.
            world.stop_agent(signal.SIGKILL)
            self.write_lines(f"198.51.100.{chance.randrange(2, 250)}"
                             for _ in range(chance.randrange(0, 50)))
            world.start_agent()
        until(lambda: len(self.findings()) >= self.written, f"{self.written} findings")
        findings = self.findings()
        self.assertEqual(len(findings), self.written)
        self.assertEqual(len({f["id"] for f in findings}), self.written)
        users = sorted(int(f["detail"]["user"][1:]) for f in findings)
        self.assertEqual(users, list(range(self.written)))
        self.assertEqual(world.warder("verify").returncode, 0)

    def test_count_survives_a_restart(self):
        world = self.world
        world.write("jail.local", jail_text(world))
        self.log.touch()
        world.start_agent()
        self.write_lines([ATTACKER] * 4)
        until(lambda: len(self.findings()) == 4, "four findings")
        self.assertEqual(world.stop_agent(), 0)
        world.start_agent()
        self.assertEqual(world.ask("bans")["bans"], [])
        self.write_lines([ATTACKER])
        bans = until(lambda: world.ask("bans")["bans"], "the ban with the fifth line")
        self.assertEqual([b["address"] for b in bans], [ATTACKER])

    def test_ban_outlives_the_agent_and_is_taken_over(self):
        world = self.world
        world.write("jail.local", jail_text(world).replace("port = 22", "port = 80"))
        self.log.touch()
        world.start_agent()
        world.start_caddy()
        self.assertEqual(world.get(world.attacker, HOST_FOR_ATTACKER), 200)
        self.write_lines([ATTACKER] * 5)
        until(lambda: world.ask("bans")["bans"], "the ban")
        self.assertIsNone(world.get(world.attacker, HOST_FOR_ATTACKER, limit=0.5))
        for how in (signal.SIGTERM, signal.SIGKILL):
            world.stop_agent(how)
            self.assertIsNone(world.get(world.attacker, HOST_FOR_ATTACKER, limit=0.5))
            world.start_agent()
            self.assertIsNone(world.get(world.attacker, HOST_FOR_ATTACKER, limit=0.5))
        self.assertEqual(len(world.events("--kind", "ban")), 1)
        self.assertEqual([b["address"] for b in world.ask("bans")["bans"]], [ATTACKER])

    def test_rotated_and_compressed_while_stopped(self):
        import gzip
        world = self.world
        world.write("jail.local", jail_text(world, maxretry=10000))
        self.log.touch()
        world.start_agent()
        self.write_lines(["198.51.100.2"] * 10)
        until(lambda: len(self.findings()) == 10, "ten findings")
        world.stop_agent()
        self.write_lines(["198.51.100.3"] * 5)
        with gzip.open(f"{self.log}.2.gz", "wb") as out:
            out.write(self.log.read_bytes())
        self.log.unlink()
        self.write_lines(["198.51.100.4"] * 5)
        self.log.rename(f"{self.log}.1")
        self.write_lines(["198.51.100.5"] * 5)
        world.start_agent()
        until(lambda: len(self.findings()) >= 25, "all lines of the three files")
        self.assertEqual(len(self.findings()), 25)

    def test_helper_dies_and_comes_back(self):
        world = self.world
        world.write("jail.local", jail_text(world).replace("port = 22", "port = 80"))
        self.log.touch()
        world.start_agent()
        world.start_caddy()
        world.helper.kill()
        world.helper.wait()
        # Bans are decided without it, and said to be without effect.
        self.write_lines([ATTACKER] * 5)
        until(lambda: world.ask("bans")["bans"], "the decision")
        until(lambda: world.ask("status")["firewall"]["state"] == "detect only", "detect only")
        self.assertEqual(world.get(world.attacker, HOST_FOR_ATTACKER), 200)
        world.start_helper()
        until(lambda: world.ask("status")["firewall"]["state"] == "enforcing", "enforcing")
        self.assertIsNone(world.get(world.attacker, HOST_FOR_ATTACKER, limit=0.5))


if __name__ == "__main__":
    unittest.main()
