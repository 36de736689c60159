"""The installed fail2ban's configuration, run by the agent: its stock banaction is a ban in the kernel
that drops the attacker's real packets on the jail's ports, its plain command runs with the address and
the number of failures, and an unban lets both back."""
import shutil
import unittest

from harness import ATTACKER, HOST_FOR_ATTACKER, HOST_FOR_VISITOR, World, until

JAIL = """
[DEFAULT]
backend = polling
[sshd]
enabled = true
logpath = {folder}/logs/auth.log
port = 22,80
maxretry = 3
bantime = 1h
banaction = {banaction}
action = %(action_)s
         told[folder="{folder}/logs"]
"""
TOLD = """
[Definition]
actionban = /usr/bin/touch <folder>/banned-<ip>-<failures>
actionunban = /usr/bin/touch <folder>/free-<ip>
"""


class Fail2banActions(unittest.TestCase):
    def ban(self, banaction):
        world = self.enterContext(World())
        world.make_vault()
        world.start_helper()
        world.start_caddy()
        theirs = world.folder / "fail2ban"
        shutil.copytree("/etc/fail2ban", theirs)
        for file in (theirs / "jail.d").glob("*.conf"):
            file.unlink()  # Debian's own choice of jails
        (theirs / "jail.local").write_text(JAIL.format(folder=world.folder, banaction=banaction))
        (theirs / "action.d/told.conf").write_text(TOLD)
        world.write("warder.local", f"[agent]\nfail2ban_configuration = {theirs}\n")
        (world.folder / "logs/auth.log").touch()
        world.start_agent()
        self.assertEqual(world.get(world.attacker, HOST_FOR_ATTACKER), 200)
        world.write_attacks([ATTACKER] * 2)
        until(lambda: len(world.events("--kind", "finding")) == 2, "two findings")
        self.assertEqual(world.get(world.attacker, HOST_FOR_ATTACKER), 200)
        world.write_attacks([ATTACKER])
        until((world.folder / f"logs/banned-{ATTACKER}-3").exists, "the command of the ban")
        self.assertIsNone(world.get(world.attacker, HOST_FOR_ATTACKER))
        self.assertEqual(world.get(world.visitor, HOST_FOR_VISITOR), 200)
        world.warder("unban", ATTACKER)
        until((world.folder / f"logs/free-{ATTACKER}").exists, "the command of the unban")
        self.assertEqual(world.get(world.attacker, HOST_FOR_ATTACKER), 200)

    def test_nftables(self):
        self.ban("nftables-multiport")

    def test_iptables(self):
        self.ban("iptables-multiport")

    def test_ipset(self):
        self.ban("iptables-ipset-proto6")


if __name__ == "__main__":
    unittest.main()
