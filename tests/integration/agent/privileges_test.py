"""Who may ask, who may order, and what agent and helper may do themselves."""
import os
import signal
import subprocess
import unittest

from harness import ATTACKER, VISITOR, WARDER, World, until

CAP_NET_ADMIN = 1 << 12  # capabilities(7)


def capabilities(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {name: int(fields[name], 16)
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


class Privileges(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.world.watch_sshd()
        # Groups that every Debian has; the agent's user can give its socket to one that it is in.
        self.world.write("warder.local", "[api]\ngroup = users\nadmin_group = staff\n")
        self.world.agent_groups = ["users"]
        self.world.start_helper()
        self.world.start_agent()
        self.socket = self.world.folder / "run/control.sock"

    def command_as(self, uid, groups, *words):
        who = ["setpriv", "--reuid", str(uid), "--regid", str(uid),
               f"--groups={groups}" if groups else "--clear-groups"]
        return subprocess.run([*who, WARDER, "--config", str(self.world.folder / "warder.conf"),
                               *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, timeout=60)

    def test_who_may_ask_and_who_may_order(self):
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o660)
        # A member of the socket's group may look, at everything, and change nothing.
        for words in (["status"], ["bans"], ["explain", VISITOR]):
            looked = self.command_as(4242, "users", *words)
            self.assertEqual((looked.returncode, looked.stderr), (0, ""), words)
        for words in (["ban", VISITOR], ["unban", VISITOR], ["reload"], ["alerts", "test"],
                      ["alerts", "retry", "x"]):
            refused = self.command_as(4242, "users", *words)
            self.assertEqual(refused.returncode, 5, words)
            self.assertEqual(refused.stdout, "")
            self.assertRegex(refused.stderr,
                             r"^warder: '[a-z-]+' needs the admin role; run it with sudo, or ask "
                             r"for membership of the group named in \[api\] admin_group\n$")
        self.assertEqual(self.world.ask("bans")["bans"], [])
        # Who is in no group is not even heard.
        stranger = self.command_as(4243, "", "status")
        self.assertEqual(stranger.returncode, 5)
        self.assertEqual(stranger.stderr, f"warder: this user may not use {self.socket}; run with "
                                          "sudo, or join the socket's group\n")
        # A member of the admin group may order.
        ordered = self.command_as(4244, "users,staff", "ban", VISITOR, "--for", "1h")
        self.assertEqual((ordered.returncode, ordered.stdout), (0, f"{VISITOR} is banned\n"))
        until(lambda: [b["address"] for b in self.world.ask("bans")["bans"]] == [VISITOR], "it")

    def test_a_second_agent_is_refused_and_harms_nothing(self):
        world = self.world
        world.write_attacks([ATTACKER])
        until(lambda: len(world.ask("bans")["bans"]) == 1, "the ban")

        def names():
            # The first agent checks its history in a folder of that name, now or a moment later.
            return sorted({p.name for p in (world.folder / "state").iterdir()} - {"monitor"})

        before = names()
        second = subprocess.run(
            world.in_host(*world.as_agent(WARDER, "--config", str(world.folder / "warder.conf"),
                                          "run")),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((second.returncode, second.stdout), (1, ""))
        self.assertEqual(second.stderr, f"warder: another agent runs on {world.folder}/state; stop "
                                        "it first (systemctl stop warder)\n")
        self.assertEqual(names(), before)
        # The first goes on: it answers, it bans, its history holds.
        world.write_attacks(["198.51.100.67"])
        until(lambda: len(world.ask("bans")["bans"]) == 2, "a further ban")
        self.assertEqual(world.ask("status")["firewall"]["state"], "enforcing")
        self.assertEqual(world.warder("verify").returncode, 0)
        self.assertEqual(world.stop_agent(signal.SIGTERM), 0)

    def test_capabilities(self):
        self.assertEqual(set(capabilities(self.world.agent).values()), {0})
        helper = capabilities(self.world.helper)
        self.assertEqual((helper["CapEff"], helper["CapPrm"]), (CAP_NET_ADMIN, CAP_NET_ADMIN))
        self.assertEqual({name: value & ~CAP_NET_ADMIN for name, value in helper.items()},
                         dict.fromkeys(helper, 0))
        for process in (self.world.agent, self.world.helper):
            self.assertNotEqual(os.stat(f"/proc/{process.pid}").st_uid, 0)

    def test_a_helper_that_is_given_more_lets_it_go(self):
        world = self.world
        socket = world.folder / "rich.sock"
        rich = world.start(world.in_host(WARDER, "--config", str(world.folder / "warder.conf"),
                                         "firewall-helper", "--client", "nobody", "--listen",
                                         str(socket)), "rich.log")
        until(socket.exists, "the helper's socket:\n" + world.log("rich.log"))
        held = capabilities(rich)
        self.assertEqual((held["CapEff"], held["CapPrm"]), (CAP_NET_ADMIN, CAP_NET_ADMIN))


if __name__ == "__main__":
    unittest.main()
