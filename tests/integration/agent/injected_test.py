"""What goes wrong below the agent, let happen by a library that is preloaded into it (inject.cpp): a
disk that stands still, has no quota or inodes left or is read-only, no memory, a line that ends the
process, a processor that others use. Bans come all the same or the agent ends so that the next start
goes on; every line counts once, and it is said."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import unittest

from attacked import Attacked
from harness import until

INJECT = os.environ["INJECT"]
LIMIT = 10000  # a jail that counts and never bans


class Injected(Attacked):
    def setUp(self):
        super().setUp()
        self.faults = self.world.folder / "faults"
        self.faults.mkdir()
        self.library = self.world.folder / "inject.so"
        shutil.copy(INJECT, self.library)  # where the agent's user can read it
        self.library.chmod(0o755)
        self.inject()
        self.world.make_vault()
        self.world.start_helper()

    def inject(self, *more):
        self.world.before_agent = ["env", f"LD_PRELOAD={self.library}",
                                   f"WARDER_INJECT={self.faults}",
                                   f"WARDER_INJECT_BELOW={self.world.folder}/state/warder.db", *more]

    def test_a_disk_that_stands_still_delays_no_ban(self):
        """D09: no sync returns"""
        world = self.world
        self.watch()
        world.start_agent()
        self.attack(1)
        until(lambda: len(world.events("--kind", "finding")) == 1, "one finding on disk")
        (self.faults / "hold-sync").touch()
        for bans in range(10, 250, 40):
            self.attack(bans + 1 - self.written)
            until(lambda: len(self.held()) == self.written, "bans while no sync returns")
        self.assertEqual(len(world.events("--kind", "finding")), 1)  # nothing came to the disk
        (self.faults / "hold-sync").unlink()
        self.assert_counted_once()

    def refused(self, fault, words):
        """D02"""
        world = self.world
        self.watch()
        world.start_agent()
        self.attack(3)
        until(lambda: len(world.events("--kind", "finding")) == 3, "three findings on disk")
        (self.faults / fault).touch()
        self.attack(10)
        until(lambda: world.ask("status")["store"]["state"] == "degraded", "it is noticed")
        self.assertIn(words, world.ask("status")["store"]["reason"])
        self.attack(5)
        until(lambda: len(self.banned()) == self.written, "bans that are not recorded")
        (self.faults / fault).unlink()
        until(lambda: world.ask("status")["store"]["state"] == "running", "a store that writes", 60)
        self.assert_counted_once()

    def test_no_quota(self):
        self.refused("edquot", "quota")

    def test_a_read_only_disk(self):
        self.refused("erofs", "")

    def test_no_inode_is_left(self):
        """D02: nothing can be created when the history is opened"""
        world = self.world
        self.watch()
        (self.faults / "no-inode").touch()
        agent = world.start(world.in_host(*world.as_agent(
            *world.before_agent, os.environ["WARDER"], "--config", str(world.folder / "warder.conf"),
            "run")), "agent.log")
        self.assertNotIn(self.end_of(agent), (0, -signal.SIGSEGV, -signal.SIGABRT))
        self.assertIn("warder.db", world.log("agent.log"))
        (self.faults / "no-inode").unlink()
        world.start_agent()
        self.attack(3)
        until(lambda: len(self.banned()) == 3, "three bans")
        self.assert_counted_once()

    def test_a_line_that_ends_the_agent_is_passed_over_in_the_end(self):
        """C12"""
        world = self.world
        self.watch()
        world.start_agent()
        self.attack(1)
        until(lambda: len(self.banned()) == 1, "a ban")
        log = world.folder / "logs/auth.log"
        poison_at = log.stat().st_size
        with open(log, "ab") as out:
            out.write(b"Nov 25 10:00:00 host sshd[1]: this-record-is-poison from 192.0.2.99\n")
        self.attack(2)
        for _ in range(3):
            self.assertEqual(self.end_of(world.agent), -signal.SIGSEGV)
            world.agent = world.start(world.in_host(*world.as_agent(
                *world.before_agent, os.environ["WARDER"], "--config",
                str(world.folder / "warder.conf"), "run")), "agent.log")
        until(lambda: (done := world.warder("--json", "status", check=False)).returncode == 0,
              "an agent that stays")
        until(lambda: len(self.banned()) == 3, "what stands behind the line")
        told = [e["message"] for e in world.events("--kind", "source") if "ended the agent" in e["message"]]
        self.assertEqual(len(told), 1)
        self.assertIn(f"the line at offset {poison_at} ", told[0])
        self.assert_counted_once()
        self.assertEqual(world.stop_agent(), 0)

    def test_no_memory_at_any_allocation(self):
        """C08: one allocation fails, at the start or later; a number that fails is a seed to keep"""
        world = self.world
        self.watch(LIMIT)
        world.start_agent()
        self.attack(5)
        self.assert_counted_once()
        world.stop_agent()
        numbers = random.Random(8)
        for round_ in range(24):
            number = int(10 ** numbers.uniform(0, 5.3))
            self.inject(f"WARDER_INJECT_MALLOC={number}")
            agent = world.start(world.in_host(*world.as_agent(
                *world.before_agent, os.environ["WARDER"], "--config",
                str(world.folder / "warder.conf"), "run")), "agent.log")
            self.attack(3)

            def settled():
                if agent.poll() is not None:
                    return "ended"
                done = world.warder("--json", "events", "--kind", "finding", "--limit", "1000000",
                                    check=False)
                return done.returncode == 0 and len(done.stdout.splitlines()) == self.written

            with self.subTest(allocation=number):
                until(settled, f"an end or all findings after allocation {number} failed", 60)
                if agent.poll() is None:
                    agent.send_signal(signal.SIGTERM)
                self.assertGreaterEqual(self.end_of(agent), 0, world.log("agent.log")[-2000:])
        self.inject()
        world.start_agent()
        self.assert_counted_once()

    def test_a_limit_of_memory(self):
        """C09: the agent ends when it may have no more; bans stay, and the next start goes on"""
        world = self.world
        self.watch()
        world.start_agent()
        self.attack(3)
        until(lambda: len(self.banned()) == 3, "three bans")
        peak = re.search(r"VmPeak:\s+(\d+) kB",
                         pathlib.Path(f"/proc/{world.agent.pid}/status").read_text())
        world.stop_agent()
        world.before_agent += ["prlimit", f"--as={(int(peak[1]) + 1024) * 1024}"]
        world.start_agent()
        # So many sources that it needs more.
        self.world.write_attacks(f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}"
                                 for n in range(40000))

        def came_to_an_end():
            # It may end between the two looks: no answer is none yet.
            bans = world.warder("--json", "bans", check=False)
            return world.agent.poll() is not None or (
                bans.returncode == 0 and len(json.loads(bans.stdout)["bans"]) > 40000)

        until(came_to_an_end, "an end", 120)
        if world.agent.poll() is not None:
            self.assertGreaterEqual(self.end_of(world.agent), 0, world.log("agent.log")[-2000:])
        self.assertLessEqual({"192.0.2.1", "192.0.2.2", "192.0.2.3"}, self.held())
        if world.agent.poll() is None:
            world.stop_agent()
        self.inject()
        world.start_agent()
        self.written += 40000
        self.assert_counted_once()

    def test_a_processor_that_others_use(self):
        """C11: two busy loops of a higher priority on the agent's only processor"""
        world = self.world
        self.watch()
        world.before_agent += ["taskset", "-c", "0", "nice", "-n", "5"]
        for _ in range(2):
            world.start(["taskset", "-c", "0", "sh", "-c", "while :; do :; done"], "loop.log")
        world.start_agent()
        for _ in range(20):
            self.attack(10)
            until(lambda: len(self.banned()) == self.written, "bans beside busy loops", 60)
        self.assert_counted_once()


if __name__ == "__main__":
    unittest.main()
