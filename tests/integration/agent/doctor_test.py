"""warder doctor at a running agent: a healthy one, and one broken stage after the other."""
import json
import os
import subprocess
import time
import unittest

from harness import World, until


class Doctor(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.world.make_vault()
        self.world.start_helper()
        self.world.watch_sshd(maxretry=3)
        self.log = self.world.folder / "logs/auth.log"
        os.chown(self.log, 65534, -1)
        self.world.start_agent()

    def examine(self, *words):
        done = self.world.warder("--json", "doctor", *words, check=False)
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if answer["healthy"] else 1, done.stdout)
        return answer["stages"]

    def stage(self, name, *words):
        found = [s for s in self.examine(*words) if s["stage"] == name]
        self.assertTrue(found, name)
        return found[0]

    def findings(self):
        return len(self.world.events("--kind", "finding"))

    def attack(self, addresses):
        before = self.findings()
        self.world.write_attacks(addresses)
        until(lambda: self.findings() == before + len(addresses), "findings")

    def kernel(self):
        return subprocess.run(
            self.world.in_host("nft", "list", "table", "inet", "warder"),
            capture_output=True, text=True, check=True).stdout

    def test_a_healthy_jail_is_good_at_every_stage_and_nobody_is_banned(self):
        self.attack(["198.51.100.66", "203.0.113.9"])
        stages = self.examine("sshd")
        self.assertEqual({s["verdict"] for s in stages}, {"good"}, stages)
        self.assertEqual(
            [s["stage"] for s in stages if s["jail"] == "sshd"],
            ["log", "position", "date", "match", "address", "count", "firewall", "marked line",
             "decision", "kernel", "commit"])
        marked = [s for s in stages if s["stage"] == "marked line"][0]
        self.assertIn("192.0.2.254", marked["found"])
        self.assertIn("dated now", marked["found"])
        # The probe left nothing behind: no ban, no count, no element, no line.
        self.assertEqual(self.world.ask("bans")["total"], 0)
        self.assertEqual(self.world.ask("explain", "192.0.2.254")["counting"], [])
        self.assertNotIn("192.0.2", self.kernel())
        self.assertNotIn("192.0.2", self.log.read_text())
        self.assertEqual(self.findings(), 2)
        self.assertTrue(any("doctor" in e["message"] for e in self.world.events("--kind", "agent")))
        text = self.world.warder("doctor").stdout
        self.assertIn("nothing is broken", text)

    def test_looking_only_leaves_the_kernel_alone(self):
        stages = self.examine("sshd", "--look-only")
        self.assertNotIn("kernel", [s["stage"] for s in stages])
        self.assertFalse(any("doctor" in e["message"] for e in self.world.events("--kind", "agent")))

    def test_a_log_that_may_not_be_read_is_told_with_the_group(self):
        os.chown(self.log, 0, 4)  # adm
        self.log.chmod(0o640)
        broken = self.stage("log", "sshd")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("nobody may not", broken["cause"])
        self.assertIn("SupplementaryGroups=adm", broken["remedy"])

    def test_a_folder_on_the_way_that_keeps_the_agent_out(self):
        folder = self.world.folder / "logs"
        os.chown(folder, 0, 0)
        folder.chmod(0o700)
        broken = self.stage("log", "sshd")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("may not enter", broken["cause"])

    def test_a_log_that_was_rotated_away(self):
        self.attack(["198.51.100.66"])
        self.log.rename(self.log.with_name("auth.log.1"))
        broken = self.stage("log", "sshd")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("rotated away", broken["cause"])

    def test_a_log_that_is_nowhere(self):
        self.log.unlink()
        broken = self.stage("log", "sshd")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("no file matches", broken["found"])

    def test_dates_of_another_zone_are_off_by_a_constant(self):
        date = time.strftime("%b %e %H:%M:%S", time.gmtime(time.time() - 2 * 3600))
        with open(self.log, "a", encoding="ascii") as out:
            out.write(f"{date} host sshd[9]: Failed password for root from 198.51.100.66 port 4 ssh2\n")
        broken = self.stage("date", "sshd")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("off by a constant -2h", broken["cause"])
        self.assertIn("logtimezone", broken["remedy"])

    def test_findings_that_all_blame_one_private_address(self):
        self.attack(["10.0.0.2"] * 3)
        broken = self.stage("address", "sshd")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("blame 10.0.0.2", broken["found"])
        self.assertIn("trusted_proxies", broken["remedy"])

    def test_lines_that_never_match_are_told_with_the_place(self):
        date = time.strftime("%b %e %H:%M:%S", time.gmtime())
        with open(self.log, "a", encoding="ascii") as out:
            out.write(f"{date} host sshd[9]: Failed passwort for root from 198.51.100.66 port 4 ssh2\n")
        told = self.stage("match", "sshd")
        self.assertEqual(told["verdict"], "notice")
        self.assertIn("comes near", told["cause"])

    def test_a_firewall_that_is_away(self):
        self.world.helper.terminate()
        self.world.helper.wait()
        until(lambda: self.world.ask("status")["firewall"]["state"] == "detect only", "detect only")
        stages = self.examine("sshd")
        self.assertEqual({s["stage"] for s in stages if s["verdict"] == "broken"},
                         {"firewall", "kernel"})

    def test_no_jail_of_that_name_and_no_agent(self):
        broken = self.stage("jail", "nginx")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("warder reload", broken["remedy"])
        self.world.stop_agent()
        broken = self.stage("agent")
        self.assertEqual(broken["verdict"], "broken")
        self.assertIn("systemctl status warder", broken["remedy"])


if __name__ == "__main__":
    unittest.main()
