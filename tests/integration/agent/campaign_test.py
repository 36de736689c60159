"""Campaign of a whole agent by seeds: its helper, its history, two logs and a destination, killed or out of memory at moments that
the seed draws. Each round draws what ends it:

  killed    before the n-th call that writes, syncs, renames, removes, cuts or sends (inject.cpp), the start included
  helper    the same for the firewall helper, the agent on its feet
  memory    the n-th allocation fails (C08): the agent drops nothing that a start does not make up for, or ends by itself
  signal    SIGKILL or SIGTERM once all was judged, or at once

and what happens meanwhile: lines of both logs, some of them in halves; rotations; old logs compressed while the agent is away; the
table taken out of the kernel by another program. At the end an agent without a fault goes through what is left, and a model that
knows the written lines and nothing of the agent says what must be there: each finding once, each ban once, the kernel and the
history with the same bans and the same ends, every event at the destination, a history that verifies. In between, whatever the
kernel drops must be somebody whom the lines written so far ban.

The suite runs the seeds below; `tests/run campaign` runs 24, and SEEDS="3 17" in the environment chooses. A seed that fails says
which, and does the same again up to the scheduling of threads and processes."""
import collections
import ipaddress
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness import World, until
from ledger import CADDY, JAILS, MAXRETRY, SAME_END, SSHD, WatchedLog, agent_bans, failed_login, kernel_bans, prefix_of, request

INJECT = os.environ["INJECT"]
SEEDS = [int(word) for word in os.environ.get("SEEDS", "1 2").split()]
ROUNDS = 6
LIMIT = 120
MARK = re.compile(r"[0-9a-z]+-line-\d+\b")


class Log(WatchedLog):
    """A watched log, what was written to it, and whom that bans."""

    def __init__(self, world, jail, name):
        super().__init__(world, jail, name)
        self.lines = []  # of each line its mark and what it is counted for

    def write(self, chance, number):
        data = b""
        for _ in range(number):
            mark = f"{self.jail[:4]}-line-{len(self.lines)}"
            n = chance.randrange(1, 60)
            address = f"192.0.2.{n}" if chance.random() < 0.7 else f"2001:db8:0:{n:x}::{chance.randrange(1, 9)}"
            self.lines.append((mark, prefix_of(address)))
            data += self.line(mark, address)
        self.append_all_but(chance.randrange(1, 40) if chance.random() < 0.3 else 0, data)

    def line(self, mark, address):
        return failed_login(mark, address, 1000 + len(self.lines)) if self.jail == SSHD else request(f"/{mark}", address, 404)

    def findings(self):
        """The marks of what is recorded: a line of who is banned already is counted and no event."""
        seen = collections.Counter()
        found = []
        for mark, prefix in self.lines[:-1] if self.rest else self.lines:
            seen[prefix] += 1
            if seen[prefix] <= MAXRETRY[self.jail]:
                found.append(mark)
        return found

    def banned(self):
        seen = collections.Counter(prefix for _, prefix in self.lines)
        return {(self.jail, prefix) for prefix, count in seen.items() if count >= MAXRETRY[self.jail]}


class Campaign(unittest.TestCase):
    def begin(self, seed):
        self.chance = random.Random(seed)
        self.world = world = self.enterContext(World())
        world.configure(f"[destination file]\nform = json-lines\npath = {world.folder}/state/events.jsonl\n"
                        "events = finding, ban\nseverity = info\n")
        world.write("jail.local", JAILS.format(folder=world.folder, findtime="1d", bantime="1h"))
        world.make_vault()
        self.library = world.folder / "inject.so"
        shutil.copy(INJECT, self.library)  # where the agent's user can read it
        self.library.chmod(0o755)
        self.logs = [Log(world, SSHD, "auth.log"), Log(world, CADDY, "access.log")]
        self.told = []  # what each round was, for the report of a failure
        self.ends = collections.Counter()

    def inject(self, **faults):
        return ["env", f"LD_PRELOAD={self.library}", *(f"WARDER_INJECT_{name}={value}" for name, value in faults.items())]

    # What is asked of the agent and of the kernel.

    def events(self, kind):
        """Empty when the agent is away: nothing is known then."""
        done = self.world.warder("--json", "events", "--limit", "1000000", "--oldest-first", "--kind", kind, check=False)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []

    def due(self):
        """The marks of the findings that the lines written so far make."""
        return [mark for log in self.logs for mark in log.findings()]

    def wanted(self):
        return set().union(*(log.banned() for log in self.logs))

    def assert_nobody_else_is_banned(self):
        self.assertLessEqual(set(kernel_bans(self.world)), self.wanted())

    # One round.

    def launch(self, words):
        world = self.world
        world.agent = world.start(world.in_host(*world.as_agent(
            *words, os.environ["WARDER"], "--config", str(world.folder / "warder.conf"), "run")), "agent.log")

    def start_helper(self, words=()):
        world = self.world
        world.before_helper = list(words)
        world.start_helper()

    def end_helper(self):
        self.world.helper.kill()
        self.world.helper.wait()
        self.world.processes.remove(self.world.helper)

    def drawn(self, most):
        """A number up to `most`, small ones as likely as large ones."""
        return int(most ** self.chance.random())

    def act(self):
        world, chance = self.world, self.chance
        for _ in range(chance.randrange(1, 6)):
            what = chance.choices(("write", "rotate", "take"), (8, 2, 1))[0]
            log = chance.choice(self.logs)
            if what == "write":
                log.write(chance, self.drawn(150))
            elif what == "rotate":
                log.rotate()
            else:
                subprocess.run(world.in_host("nft", "flush", "ruleset"), check=True)
            self.told.append(what)

    def round(self):
        world, chance = self.world, self.chance
        how = chance.choices(("killed", "helper", "memory", "signal"), (5, 2, 3, 2))[0]
        number = self.drawn({"killed": 600, "helper": 400, "memory": 200000}.get(how, 1))
        self.told.append(f"| {how} {number}")
        if how == "helper":
            self.end_helper()
            # The first calls of a helper are those that make its socket, which start_helper() waits for.
            self.start_helper(self.inject(KILL=20 + number))
        self.launch(self.inject(KILL=number) if how == "killed" else self.inject(MALLOC=number) if how == "memory" else [])
        self.act()
        if chance.random() < 0.7:
            self.until_judged_or_over()
        ends = [-signal.SIGKILL] if how == "killed" else []
        if world.agent.poll() is None:
            last = chance.choice((signal.SIGKILL, signal.SIGTERM))
            ends += [0, -last]  # so SIGTERM ends who has not come to wait for signals
            world.agent.send_signal(last)
        status = world.agent.wait(60)
        world.processes.remove(world.agent)
        # Without memory it may give up, but by itself.
        self.assertTrue(status in ends or (how == "memory" and status > 0),
                        f"ended with {status}:\n{world.log('agent.log')[-3000:]}")
        self.ends[f"agent {'killed' if status == -signal.SIGKILL else 'stopped' if status in (0, -signal.SIGTERM) else 'gave up'}"] += 1
        self.assert_nobody_else_is_banned()
        if world.helper.poll() is not None:
            self.ends["helper killed"] += 1
            world.processes.remove(world.helper)
            self.start_helper()
        for log in self.logs:
            if chance.random() < 0.3:
                log.write(chance, self.drawn(40))
            if chance.random() < 0.2:
                log.compress()

    def until_judged_or_over(self):
        world = self.world
        due = len(self.due())
        until(lambda: world.agent.poll() is not None or len(self.events("finding")) >= due, "all lines judged, or an end", LIMIT)

    # The end.

    def assert_all_is_as_the_model_says(self):
        world = self.world
        for log in self.logs:
            log.finish()
        # The helper may still have its end before it.
        self.end_helper()
        self.start_helper()
        world.start_agent()
        due = self.due()
        until(lambda: len(self.events("finding")) >= len(due), f"{len(due)} findings", LIMIT)
        marks = collections.Counter(mark for finding in self.events("finding") for mark in set(MARK.findall(json.dumps(finding))))
        self.assertEqual(marks, collections.Counter(due))

        wanted = self.wanted()
        until(lambda: agent_bans(world).keys() == wanted == kernel_bans(world).keys(), "the bans of the model, in the agent and in the kernel")
        told = collections.Counter((event["jail"], ipaddress.ip_network(event["address"])) for event in self.events("ban"))
        self.assertEqual(told, collections.Counter(wanted))
        before = time.time()
        held = kernel_bans(world)
        after = time.time()
        for ban, end in agent_bans(world).items():
            with self.subTest(ban=ban):
                self.assertGreaterEqual(end, before + held[ban] - SAME_END - 1)
                self.assertLessEqual(end, after + held[ban] + SAME_END + 1)

        every = {event["id"] for kind in ("finding", "ban") for event in self.events(kind)}
        shipped = world.folder / "state/events.jsonl"
        until(lambda: every <= {json.loads(line)["id"] for line in shipped.read_text().splitlines()}, "every event shipped", LIMIT)
        self.assertEqual(world.warder("verify").returncode, 0)
        self.assertEqual(world.stop_agent(), 0)
        self.assertEqual(kernel_bans(world).keys(), wanted)

    def run_seed(self, seed):
        self.begin(seed)
        self.start_helper()
        # A log that is met for the first time is read from its end.
        self.world.start_agent()
        self.world.stop_agent()
        self.world.processes.remove(self.world.agent)
        try:
            for _ in range(ROUNDS):
                self.round()
            self.assert_all_is_as_the_model_says()
        except BaseException:
            print(f"seed {seed}: {' '.join(self.told)}", flush=True)
            raise
        print(f"seed {seed}: {', '.join(f'{end} {times}' for end, times in sorted(self.ends.items()))}; {sum(len(log.lines) for log in self.logs)} "
              f"lines, {len(self.due())} findings, {len(self.wanted())} bans: none lost, none doubled", flush=True)


for one in SEEDS:
    setattr(Campaign, f"test_seed_{one}", lambda self, seed=one: self.run_seed(seed))

if __name__ == "__main__":
    unittest.main()
