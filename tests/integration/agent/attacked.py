"""What tests of faults share: an agent whose jail is attacked, and how it is told that every ban is in force and every line counts once."""
import re
import subprocess
import unittest

from harness import SSHD_JAIL, World, until


class Attacked(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.written = 0

    def watch(self, maxretry=1, logs="auth.log"):
        jail = SSHD_JAIL.format(folder=self.world.folder, maxretry=maxretry)
        self.world.write("jail.local", jail.replace("logs/auth.log", f"logs/{logs}") + "ipv4.widen = none\n")
        (self.world.folder / "logs/auth.log").touch()

    def attack(self, count, network="192.0.2"):
        """Lines of so many addresses, each one failure."""
        self.world.write_attacks(f"{network}.{1 + (self.written + i) % 250}" for i in range(count))
        self.written += count

    def banned(self):
        """The addresses that the agent says are banned."""
        return {ban["address"] for ban in self.world.ask("bans")["bans"]}

    def held(self):
        """The addresses that the kernel drops."""
        table = subprocess.run(self.world.in_host("nft", "list", "table", "inet", "warder"),
                               text=True, capture_output=True, check=True).stdout
        return set(re.findall(r"192\.0\.2\.\d+", table))

    def findings(self):
        return self.world.events("--kind", "finding")

    def assert_counted_once(self):
        findings = until(lambda: len(found := self.findings()) >= self.written and found,
                         f"{self.written} findings")
        self.assertEqual(len(findings), self.written)
        self.assertEqual(len({finding["detail"]["at"] for finding in findings}), self.written)
        self.assertEqual(self.world.warder("verify").returncode, 0)

    def end_of(self, process):
        """The exit status of a process that ends by itself."""
        process.wait(60)
        self.world.processes.remove(process)
        return process.returncode
