#!/usr/bin/env python3
"""A soak: the whole agent for as long as told, with mixed traffic and, at moments that the seed draws, rotations, reloads, outages
and restarts. Root, for the network namespaces.

  WARDER=build/release/agent/warder WARDER_SOURCE=. WARDER_BENCH_TOOLS=build/release/tests/bench \\
      python3 tests/bench/agent/soak.py --hours 72 --out soak.csv [--seed N]

A model that knows the written lines and nothing of the agent says what must be there: each line of an attacker a finding once, each
ban once, both at each destination once (by key), the kernel with the bans of the history, a history that verifies. Each attacker has
addresses of its own, so that what is to come of a line does not depend on when it is judged. Memory, descriptors and threads of
agent and helper must be flat: rows of the second quarter of the time beside those of the last. Whatever differs is told with
seed and moment; the exit status is 1 then. SIGINT and SIGTERM end it early, with the last checks made.

The seed draws the lines in their order and the disturbances with their moments; what the processes make of it is theirs."""
import argparse
import collections
import csv
import heapq
import ipaddress
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from bench_world import BenchWorld, median, memory_mb
from harness import Receiver
from ledger import CADDY, JAILS, MAXRETRY, SAME_END, SSHD, WatchedLog, agent_bans, failed_login, kernel_bans, prefix_of, request

BANTIMES = (120, 180, 240)  # seconds; a reload changes from one to another
FINDTIME = 600
ATTACKING = 0.03  # of the lines
TICK = 0.2
OLD_LOGS = 6
FORGED = "192.0.2.66"  # in lines that make it look like the attacker
MARK = re.compile(r"(?:sshd|cadd)-line-\d+\b")
LONGEST_AWAY = 25  # seconds of an agent or a helper; shorter than a ban, so that who is banned still is
LATE = 120  # seconds for a line to be an event at a destination, when nothing is away
LATE_ONCE_BACK = 700  # the same behind an outage: the longest pause between two attempts, and a share of it
PERSISTS = 20  # seconds that kernel and history may differ
REMEMBERED = 200_000  # keys, to tell a repeated event from a doubled one
ROTATED = 32 << 20  # bytes of the destination's file
YOUNG = 90  # seconds of a process, after which what its start needed is given back
LONG_LIFE = 1500  # seconds that a process may live in any case
FEWEST_ROWS = 12  # of one life, to judge it by itself

CONFIGURATION = """
[destination file]
form = json-lines
path = {folder}/state/events.jsonl
events = finding ban
"""


class SoakWorld(BenchWorld):
    def start(self, words, log):
        # A SIGINT of the terminal is for this program alone.
        return super().start(["setsid", *words], log)


class Receipts:
    """What is due at a destination, and what has come."""

    def __init__(self, name, tell):
        self.name = name
        self.tell = tell
        self.due = {}  # a finding's mark, or jail and prefix of a ban: (its prefix, when it was written), the oldest first
        self.seen = collections.OrderedDict()  # the newest keys and what they were for
        self.findings = self.bans = self.repeated = 0
        self.disturbed = 0.0  # when it or the agent was away last

    def take(self, message):
        """Whether it is new."""
        kind = message["kind"]
        prefix = ipaddress.ip_network(message["address"], strict=False)
        marks = set(MARK.findall(message["message"])) if kind == "finding" else {(message["jail"], prefix)}
        if len(marks) != 1:
            self.tell(f"{self.name}: a finding of no line: {message}")
            return False
        what = marks.pop()
        if message["key"] in self.seen:
            self.repeated += 1
            if time.monotonic() - self.disturbed > LATE_ONCE_BACK:
                self.tell(f"{self.name}: told again although nothing was away: {message}")
            return False
        self.seen[message["key"]] = what
        if len(self.seen) > REMEMBERED:
            self.seen.popitem(last=False)
        if what not in self.due:
            self.tell(f"{self.name}: not due, or a second time: {message}")
            return False
        wanted, _ = self.due.pop(what)
        if prefix != wanted and prefix_of(prefix.network_address) != wanted:
            self.tell(f"{self.name}: {what} is of {wanted}: {message}")
        if kind == "finding":
            self.findings += 1
        else:
            self.bans += 1
        return True

    def late(self, limit):
        """What ought to have come."""
        if time.monotonic() - self.disturbed < limit:
            return []
        return [(what, prefix) for what, (prefix, written) in self.due.items() if time.monotonic() - written > limit]


class Attacker:
    """Comes with maxretry lines, sometimes with more while banned, and sometimes again once the ban is over."""

    def __init__(self, jail, address):
        self.jail = jail
        self.address = address
        self.lines = 0


class Traffic:
    """Lines in the order that the seed gives; a line's time is its number by the rate, whenever it is written."""

    def __init__(self, seed, rate, soak):
        self.chance = random.Random(f"traffic {seed}")
        self.rate = rate
        self.soak = soak
        self.logs = {SSHD: WatchedLog(soak.world, SSHD, "auth.log"), CADDY: WatchedLog(soak.world, CADDY, "access.log")}
        self.lines = 0
        self.marks = 0
        self.people = 0
        self.planned = []  # of lines of attackers: when, order, who, whether it is due
        self.order = 0

    def plan(self, when, attacker, due):
        self.order += 1
        heapq.heappush(self.planned, (when, self.order, attacker, due))

    def address(self, jail):
        self.people += 1
        n = self.people
        if self.chance.random() < 0.7:
            return str(ipaddress.ip_address((10 << 24) + ((jail == CADDY) << 23) + n % (1 << 23)))
        return str(ipaddress.ip_address((0x20010db8 << 96) + ((jail == CADDY) << 95) + (n << 64) + self.chance.randrange(1, 1 << 32)))

    def come(self, when, attacker):
        chance = self.chance
        for _ in range(MAXRETRY[attacker.jail]):
            when += chance.expovariate(1 / 2)
            self.plan(when, attacker, True)
        for _ in range(chance.choice((0, 0, 1, 3))):
            when += 0.2
            self.plan(when, attacker, False)
        if chance.random() < 0.1:
            self.plan(when + max(BANTIMES) + chance.randrange(60, 120), attacker, None)

    def write(self, until):
        """All lines up to this second of the soak."""
        chance, data = self.chance, {SSHD: [], CADDY: []}
        now = time.time()
        while self.lines < until * self.rate:
            when = self.lines / self.rate
            if self.planned and self.planned[0][0] <= when:
                _, _, attacker, due = heapq.heappop(self.planned)
                if due is None:
                    if not self.soak.may_return(attacker):
                        continue
                    self.come(when, attacker)
                    continue
                data[attacker.jail].append(self.attack(attacker.jail, attacker, due, now))
            elif chance.random() < ATTACKING / 4:
                jail = chance.choice((SSHD, CADDY))
                attacker = Attacker(jail, self.address(jail))
                if chance.random() < 0.25:
                    self.plan(when, attacker, True)  # somebody mistyped
                else:
                    self.come(when, attacker)
                continue
            else:
                jail = chance.choice((SSHD, CADDY))
                data[jail].append(self.benign(jail, now))
            self.lines += 1
        for jail, lines in data.items():
            if lines:
                self.logs[jail].append_all_but(chance.randrange(1, 40) if chance.random() < 0.2 else 0, b"".join(lines))

    def attack(self, jail, attacker, due, now):
        mark = f"{jail[:4]}-line-{self.marks}"
        self.marks += 1
        attacker.lines += due
        if due:
            self.soak.line_is_due(mark, attacker)
        # What an attacker may choose: a copy of a line's end, bytes that are no text, control characters.
        trick = self.chance.random() < 0.1
        if jail == SSHD:
            user = mark.encode() + (f" from {FORGED} port 22 ssh2\r\x1b[2J".encode() + b"\xff\xfe\x00" if trick else b"")
            return failed_login(user, attacker.address, 1000 + self.marks % 4_000_000, now)
        forged = {"headers": {"X-Forwarded-For": [FORGED], "User-Agent": [f'","remote_ip":"{FORGED}","a":"\x1b']}} if trick else {}
        return request(f"/{mark}", attacker.address, 404, now, **forged)

    def benign(self, jail, now):
        visitor = f"172.16.{self.chance.randrange(256)}.{self.chance.randrange(1, 255)}"
        if jail == CADDY:
            page = self.chance.choice(("/", "/api/sync", "/icons/x.png", "/favicon.ico"))
            return request(page, visitor, self.chance.choice((200, 200, 304)), now)
        date = time.strftime("%b %e %H:%M:%S", time.gmtime(now))
        words = self.chance.choice((f"Accepted publickey for alice from {visitor} port 40022 ssh2: ED25519 SHA256:abc",
                                    f"Received disconnect from {visitor} port 40022:11: disconnected by user",
                                    "pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)",
                                    f"Failed to look at {FORGED}, which is no failed login"))
        return f"{date} host sshd[{self.chance.randrange(1000, 30000)}]: {words}\n".encode()

    def hostile(self, jail):
        """Lines of which nothing may come."""
        chance, log = self.chance, self.logs[jail]
        log.finish()
        long = b"Failed password for " * 50_000
        log.append(chance.choice((
            long + b"\n", b"\xff\xfe\xed\xa0\x80" * 500 + b"\n", b"\x00" * 100 + b"\n", b"\n" * 1000, b'{"request":' * 2000 + b"\n",
            f'{{"msg":"Failed password for root from {FORGED} port 4 ssh2"}}\n'.encode() * 20,
            request("/" + "x" * 1_000_000, "172.16.0.9", 200) if jail == CADDY else long + f"from {FORGED} port 4 ssh2\n".encode())))


class Life:
    """A process from one start to its end."""

    def __init__(self):
        self.number = 0
        self.since = None  # when it was found working; None while it is away
        self.launched = 0.0
        self.back = None  # when it is to be started again

    def working(self, seconds=0.0):
        return self.since is not None and time.monotonic() - self.since >= seconds


class Soak:
    def __init__(self, chosen, world):
        self.chosen = chosen
        self.world = world
        self.seed = chosen.seed
        self.seconds = chosen.hours * 3600
        self.begin = time.monotonic()
        self.written = 0.0  # the second in which the last line was written
        self.ended = None  # by a signal: its number
        self.broken = []
        self.notes = collections.deque(maxlen=25)
        self.did = collections.Counter()
        self.chance = random.Random(f"disturbances {self.seed}")
        self.agent, self.helper = Life(), Life()
        self.file = Receipts("file", self.tell)
        self.ops = Receipts("ops", self.tell)
        self.file_offset = 0
        self.running = {}  # of the bans that the file told: when they end
        self.lifted = {}
        self.manual = 0
        self.differs = {}  # between kernel, agent and model: since when
        self.bantime = BANTIMES[0]
        self.rows = []
        self.next_row = self.next_look = self.next_collect = 0.0
        self.next_verify = 150.0
        self.next_disturbance = 20.0
        self.next_end = {"agent": self.drawn_life(), "helper": self.drawn_life()}
        self.ops_back = None
        self.receiver = None

    # What is told.

    def elapsed(self):
        return time.monotonic() - self.begin

    def note(self, words):
        self.notes.append(f"{self.elapsed():.1f} {words}")
        if self.chosen.verbose:
            print(f"# {self.notes[-1]}", flush=True)

    def tell(self, words):
        self.broken.append(words)
        if len(self.broken) > 50:
            return
        print(f"BROKEN at {self.elapsed():.1f} s of seed {self.seed}: {words}\n  before it: {'; '.join(self.notes)}", flush=True)
        if len(self.broken) == 1 and self.chosen.out:
            kept = pathlib.Path(f"{self.chosen.out}.broken")
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.world.folder, kept, ignore=lambda *_: ("run", "vault.key"))
            print(f"  the world as it was then: {kept}", flush=True)

    # The model.

    def line_is_due(self, mark, attacker):
        now = time.monotonic()
        prefix = prefix_of(attacker.address)
        last = attacker.lines % MAXRETRY[attacker.jail] == 0
        for receipts in (self.file, self.ops):
            receipts.due[mark] = prefix, now
            if last:
                receipts.due[attacker.jail, prefix] = prefix, now

    def may_return(self, attacker):
        ban = attacker.jail, prefix_of(attacker.address)
        over = ban not in self.file.due and ban not in self.ops.due and ban not in self.lifted and (
            self.running.get(ban, 0) < time.time() - 10)
        self.did["attackers that came again" if over else "attackers that did not come again"] += 1
        return over

    def collect(self):
        path = self.world.folder / "state/events.jsonl"
        rolled = path.with_name("events.jsonl.1")
        if rolled.exists() and path.exists():
            self.take_lines(rolled)
            rolled.unlink()
            self.file_offset = 0
        elif path.exists() and self.file_offset > ROTATED:
            path.rename(rolled)
        self.take_lines(rolled if rolled.exists() else path)
        bodies = self.receiver.bodies if self.receiver else []
        while bodies:
            for message in bodies.pop(0)["messages"]:
                if message["kind"] in ("finding", "ban"):
                    self.ops.take(message)

    def take_lines(self, path):
        if not path.exists():
            return
        with open(path, "rb") as lines:
            lines.seek(self.file_offset)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self.file_offset += len(line)
                message = json.loads(line)
                if message.get("kind") in ("finding", "ban") and self.file.take(message) and message["kind"] == "ban":
                    ban = message["jail"], ipaddress.ip_network(message["address"])
                    self.running[ban] = message["detail"]["end"] / 1e6

    # Agent, helper and destination.

    def launch_agent(self):
        world = self.world
        world.agent = world.start(world.in_host(*world.as_agent(
            os.environ["WARDER"], "--config", str(world.folder / "warder.conf"), "run")), "agent.log")
        self.agent.launched = time.monotonic()
        self.agent.number += 1
        self.agent.back = None

    def launch_helper(self):
        self.world.start_helper()
        self.helper.number += 1
        self.helper.since = self.helper.launched = time.monotonic()
        self.helper.back = None

    def status(self):
        done = self.world.warder("--json", "status", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def disturbed(self, *whom):
        for receipts in whom or (self.file, self.ops):
            receipts.disturbed = time.monotonic()
        self.differs.clear()

    def drawn_life(self):
        """Short ones as likely as long ones. Long enough for retention, which comes ten minutes after a start."""
        least, most = min(60.0, self.seconds / 10), max(self.seconds / 4, LONG_LIFE)
        return self.elapsed() + least * math.exp(self.chance.random() * math.log(most / least))

    def end(self, name, how, away):
        life, process = getattr(self, name), getattr(self.world, name)
        process.send_signal(how)
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            self.tell(f"{name} does not end on {how.name}")
            process.kill()
            status = process.wait()
        if status != (0 if how == signal.SIGTERM else -how):
            self.tell(f"{name} ended with {status} on {how.name}: {self.world.log(f'{name}.log')[-2000:]}")
        self.world.processes.remove(process)
        life.since = None
        life.back = time.monotonic() + away
        self.disturbed()
        self.did[f"{name} {how.name}"] += 1
        self.note(f"{name} {how.name}, away {away:.1f} s")

    def keep_alive(self):
        """Starts who was ended, and sees who ended of itself."""
        now = time.monotonic()
        for name, launch in (("helper", self.launch_helper), ("agent", self.launch_agent)):
            life = getattr(self, name)
            if life.back is not None:
                if now >= life.back:
                    launch()
                    self.disturbed()
            elif (process := getattr(self.world, name)).poll() is not None:
                self.world.processes.remove(process)
                self.tell(f"{name} ended by itself with {process.returncode}: {self.world.log(f'{name}.log')[-2000:]}")
                life.since = None
                life.back = now + 1
        if self.agent.back is None and self.agent.since is None:
            if self.status():
                self.agent.since = time.monotonic()
                self.note(f"agent answers after {self.agent.since - self.agent.launched:.2f} s")
                self.disturbed()
            elif now - self.agent.launched > 60:
                self.tell(f"the agent does not answer: {self.world.log('agent.log')[-2000:]}")
                self.agent.launched = now
        if self.ops_back is not None:
            self.disturbed(self.ops)
            if now >= self.ops_back:
                self.ops_returns()

    def ops_goes(self, how, away):
        self.ops_back = time.monotonic() + away
        if how == "closed":
            self.collect()
            port = self.receiver.port
            self.receiver.close()
            self.collect()
            self.receiver = None
            self.port = port
        elif how == "refusing":
            self.receiver.status = 503
        else:
            self.receiver.answering.clear()

    def ops_returns(self):
        self.ops_back = None
        if self.receiver is None:
            self.receiver = Receiver(self.world.host, port=self.port)
        self.receiver.status = 204
        self.receiver.answering.set()
        self.disturbed(self.ops)
        self.note("destination back")

    # Disturbances. All that is drawn is drawn before anything is looked at, so that the next ones are the same.

    def disturb(self):
        chance = self.chance
        self.next_disturbance += chance.expovariate(1 / self.chosen.every)
        what = chance.choices(("rotate", "truncate", "compress", "reload", "flush", "away", "operator", "hostile"),
                              (4, 3, 3, 2, 2, 1, 8, 4))[0]
        log = self.traffic.logs[chance.choice((SSHD, CADDY))]
        number, other = chance.random(), chance.random()
        self.did[what] += 1
        self.note(f"{what} {log.jail} {number:.3f}")
        world = self.world
        if what in ("rotate", "truncate"):
            log.rotate() if what == "rotate" else log.copy_and_truncate()
            log.forget(OLD_LOGS)
            if number < 0.3:
                log.compress()
        elif what == "compress":
            log.compress()
        elif what == "reload":
            self.bantime = BANTIMES[int(number * len(BANTIMES))]
            world.write("jail.local", JAILS.format(folder=world.folder, findtime=FINDTIME + int(other * 60), bantime=self.bantime))
            if self.agent.working() and (done := world.warder("reload", check=False)).returncode != 0:
                self.tell(f"reload: {done.returncode} {done.stdout}{done.stderr}")
        elif what == "flush":
            subprocess.run(world.in_host("nft", "flush", "ruleset"), check=True)
            self.differs.clear()
        elif what == "away":
            if self.ops_back is None:
                self.ops_goes(("closed", "refusing", "silent")[int(number * 3)], min(30 + other * 150, self.seconds / 10))
        elif what == "hostile":
            self.traffic.hostile(log.jail)
        elif self.agent.working():
            self.operate(number, other)

    def operate(self, number, other):
        world = self.world
        if number < 0.4:
            self.manual += 1
            ban = "manual", ipaddress.ip_network(f"100.64.{self.manual // 256 % 64}.{self.manual % 256}/32")
            words = ["ban", str(ban[1].network_address), "--for", f"{60 + int(other * 120)}s"]
            for receipts in (self.file, self.ops):
                receipts.due[ban] = ban[1], time.monotonic()
        elif number < 0.55:
            steady = [ban for ban, end in self.running.items() if time.time() + 20 < end < time.time() + self.bantime - 30]
            if not steady:
                return
            ban = steady[int(other * len(steady))]
            words = ["unban", str(ban[1])]
            self.lifted[ban] = time.time()
            self.running.pop(ban)
        else:
            someone = next(iter(self.running), ("", "192.0.2.9"))[1]
            words = (["status"], ["events", "--limit", "200"], ["bans"], ["explain", str(someone)])[int(other * 4)]
        done = world.warder(*words, check=False)
        self.note(" ".join(words))
        if done.returncode != 0:
            self.tell(f"warder {' '.join(words)}: {done.returncode} {done.stdout[-300:]}{done.stderr[-300:]}")

    # Invariants.

    def look(self):
        """Kernel, agent and model agree, or do in a moment."""
        if not (self.agent.working(5) and self.helper.working(5)):
            return
        self.collect()
        before = set(self.agent_bans_or_nothing())
        now = time.time()
        held = kernel_bans(self.world)
        bans = self.agent_bans_or_nothing()
        self.collect()
        after = time.time()
        found = set()
        for ban, end in bans.items():
            if end < after + 3:
                continue
            if ban in before and ban not in held:
                found.add(("in the history and not in the kernel", ban))
            elif ban in held and not now + held[ban] - SAME_END - 1 <= end <= after + held[ban] + SAME_END + 1:
                found.add(("ends at different times", ban))
            if ban not in self.running and ban not in self.file.due:
                found.add(("banned by nothing that was written", ban))
        found |= {("in the kernel and not in the history", ban) for ban, left in held.items()
                  if left > 3 and ban not in bans and ban not in before}
        for ban, end in self.running.items():
            if end > after + 3 and ban not in bans:
                found.add(("told as a ban and not running", ban))
            elif ban in bans and abs(bans[ban] - end) > SAME_END:
                found.add(("ends other than told", ban))
        self.differs = {what: self.differs.get(what, time.monotonic()) for what in found}
        for what, since in list(self.differs.items()):
            if time.monotonic() - since > PERSISTS:
                self.tell(f"{what[0]}: {what[1]}")
                self.differs[what] = math.inf  # told once
        self.running = {ban: end for ban, end in self.running.items() if end > after - 60}
        self.lifted = {ban: when for ban, when in self.lifted.items() if when > after - 1200}
        for receipts in (self.file, self.ops):
            late = receipts.late(LATE if receipts is self.file else LATE_ONCE_BACK)
            if late:
                self.tell(f"{receipts.name}: {len(late)} did not come, the first: {late[:3]}")
            for what, _ in late:
                del receipts.due[what]

    def agent_bans_or_nothing(self):
        try:
            return agent_bans(self.world)
        except AssertionError as error:
            self.tell(f"bans: {error}")
            return {}

    def verify(self):
        done = self.world.warder("verify", check=False)
        self.did["verify"] += 1
        if done.returncode != 0:
            self.tell(f"verify: {done.returncode} {done.stdout[-1000:]}{done.stderr[-1000:]}")

    def compare_history(self):
        """What the history still has was told, and the newest of what was told is in the history, each once."""
        events = [event for kind in ("finding", "ban") for event in self.world.events("--kind", kind)]
        what = collections.Counter(mark for event in events if event["kind"] == "finding" for mark in MARK.findall(event["message"]))
        if doubled := [mark for mark, times in what.items() if times > 1]:
            self.tell(f"{len(doubled)} lines are in the history twice, the first: {doubled[:3]}")
        keys = {f"file-{event['id']}" for event in events}
        if untold := keys - self.file.seen.keys():
            self.tell(f"{len(untold)} events of the history were not told, the first: {sorted(untold)[:3]}")
        newest = list(self.file.seen)[-self.chosen.retention // 4:]
        if missing := [key for key in newest if key not in keys]:
            self.tell(f"{len(missing)} events that were told are not in the history, the first: {missing[:3]}")

    # Rows.

    def row(self):
        world = self.world
        row = {"elapsed": round(self.elapsed(), 1), "lines": self.traffic.lines, "findings": self.file.findings, "bans": self.file.bans}
        status = self.status() if self.agent.working() else None
        row["running"] = status["bans"] if status else ""
        for name in ("agent", "helper"):
            life, process = getattr(self, name), getattr(world, name)
            try:
                assert life.working()
                folder = pathlib.Path(f"/proc/{process.pid}")
                figures = (memory_mb(process.pid), memory_mb(process.pid, "VmHWM"), len(list((folder / "fd").iterdir())),
                           len(list((folder / "task").iterdir())))
            except (AssertionError, OSError):
                figures = ("",) * 4
            for what, figure in zip(("rss", "hwm", "fds", "threads"), figures):
                row[f"{name}_{what}"] = round(figure, 1) if isinstance(figure, float) else figure
        state = world.folder / "state"
        row["database_kb"] = sum(path.stat().st_size for path in (state / "warder.db", state / "warder.db-wal") if path.exists()) // 1024
        row["outbox"] = sum(one["pending"] for one in status["destinations"]) if status else ""
        row["agent_life"], row["helper_life"] = self.agent.number, self.helper.number
        row["agent_age"] = round(time.monotonic() - self.agent.since) if self.agent.working() else ""
        row["helper_age"] = round(time.monotonic() - self.helper.since) if self.helper.working() else ""
        if status:
            for one in status["destinations"]:
                if one["dead"]:
                    self.tell(f"destination {one['name']} has {one['dead']} dead letters")
        if not self.rows:
            print(",".join(row), flush=True)
        self.rows.append(row)
        print(",".join(str(value) for value in row.values()), flush=True)
        if self.chosen.out:
            with open(self.chosen.out, "w" if len(self.rows) == 1 else "a", newline="", encoding="ascii") as out:
                csv.writer(out).writerows([row.keys(), row.values()] if len(self.rows) == 1 else [row.values()])

    def judge_flatness(self):
        whole = self.written
        for name in ("agent", "helper"):
            rows = [row for row in self.rows if row["elapsed"] <= whole and row[f"{name}_rss"] != "" and row[f"{name}_age"] >= YOUNG]
            early = [row for row in rows if whole / 4 <= row["elapsed"] < whole / 2]
            late = [row for row in rows if row["elapsed"] >= whole * 3 / 4]
            self.compare(name, "over lives", early, late)
            for life in sorted({row[f"{name}_life"] for row in rows}):
                own = [row for row in rows if row[f"{name}_life"] == life]
                if len(own) >= FEWEST_ROWS:
                    n = len(own)
                    self.compare(name, f"in life {life} ({n} rows)", own[n // 4:n // 2], own[n * 3 // 4:])

    def compare(self, name, where, early, late):
        if not early or not late:
            print(f"{name} {where}: too few rows to compare", flush=True)
            return
        for what in ("rss", "fds", "threads"):
            first, last = ([row[f"{name}_{what}"] for row in rows] for rows in (early, late))
            before, after = median(first), median(last)
            # What is lost raises every row; what is open at times raises some.
            grew = after > before * 1.1 + 2 if what == "rss" else after > before and min(last) > min(first)
            words = f"{name} {what} {where}: median {before:g} in the second quarter, {after:g} in the last ({after - before:+.1f})"
            print(words, flush=True)
            if grew:
                self.tell(f"grew: {words}")

    # The whole.

    def run(self):
        world, chosen = self.world, self.chosen
        self.receiver = Receiver(world.host)
        world.configure(CONFIGURATION.format(folder=world.folder))
        world.write("jail.local", JAILS.format(folder=world.folder, findtime=FINDTIME, bantime=self.bantime))
        self.traffic = Traffic(self.seed, chosen.rate, self)
        world.make_vault()
        world.put("webhooks", {"ops": self.receiver.url})
        world.put("alerts", {"ops": {"form": "generic", "url": "vault:webhooks/ops", "allow_private": "127.0.0.1", "digest": "0s",
                                     "events": "finding ban", "severity": "info"}})
        self.launch_helper()
        # A log that is met for the first time is read from its end.
        world.start_agent()
        self.agent.number, self.agent.since = 1, time.monotonic()
        self.begin = time.monotonic()
        while self.elapsed() < self.seconds and self.ended is None:
            now = self.elapsed()
            self.traffic.write(now)
            self.keep_alive()
            for name in ("agent", "helper"):
                if now >= self.next_end[name]:
                    self.next_end[name] = self.drawn_life()
                    how = signal.SIGTERM if name == "agent" and self.chance.random() < 0.5 else signal.SIGKILL
                    away = LONGEST_AWAY * self.chance.random() ** 3
                    if getattr(self, name).working():
                        self.end(name, how, away)
            if now >= self.next_disturbance:
                self.disturb()
            if now >= self.next_collect:
                self.next_collect = now + 1
                self.collect()
            if now >= self.next_look:
                self.look()
                self.next_look = self.elapsed() + (3 if self.differs else 20)
            if now >= self.next_verify and self.agent.working():
                self.next_verify = now + 300
                self.verify()
            if now >= self.next_row:
                self.next_row += chosen.row
                self.row()
            world.said.clear()
            time.sleep(max(0.0, TICK - (self.elapsed() - now)))
        self.finish()

    def finish(self):
        world = self.world
        self.written = self.elapsed()
        self.note("the end" if self.ended is None else f"the end by {self.ended.name}")
        for log in self.traffic.logs.values():
            log.finish()
        if self.ops_back is not None:
            self.ops_returns()
        for name in ("agent", "helper"):
            if getattr(self, name).back is not None:
                getattr(self, name).back = 0.0
        end = time.monotonic() + LATE_ONCE_BACK
        while time.monotonic() < end and (self.file.due or self.ops.due or not self.agent.working(5) or not self.helper.working(5)):
            self.keep_alive()
            self.collect()
            time.sleep(TICK)
        for receipts in (self.file, self.ops):
            if receipts.due:
                self.tell(f"{receipts.name}: {len(receipts.due)} never came, the first: {list(receipts.due.items())[:3]}")
        end = time.monotonic() + PERSISTS + 10
        self.look()
        while self.differs and time.monotonic() < end:
            time.sleep(2)
            self.look()
        self.verify()
        self.compare_history()
        self.row()
        held = kernel_bans(world)
        self.end("agent", signal.SIGTERM, 0)
        after = kernel_bans(world)
        if lost := [ban for ban, left in held.items() if left > 30 and ban not in after]:
            self.tell(f"{len(lost)} bans left the kernel with the agent, the first: {lost[:3]}")
        self.verify()
        self.judge_flatness()
        did = ", ".join(f"{what} {times}" for what, times in sorted(self.did.items()))
        print(f"seed {self.seed}, {self.elapsed():.0f} s: {did}\n{self.traffic.lines} lines, {self.file.findings} findings, {self.file.bans} "
              f"bans; at the destinations {self.file.repeated} and {self.ops.repeated} repeated with the same key; "
              f"{len(self.broken)} broken", flush=True)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--hours", type=float, default=72)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1_000_000))
    words.add_argument("--rate", type=float, default=300, help="lines a second")
    words.add_argument("--every", type=float, default=20, help="seconds between two disturbances, on average")
    words.add_argument("--row", type=float, default=60, help="seconds between two rows")
    words.add_argument("--retention", type=int, default=6000, help="events that the history keeps")
    words.add_argument("--out", type=pathlib.Path, help="a CSV file for the rows; beside it the world where something broke")
    words.add_argument("--verbose", action="store_true", help="each disturbance, too")
    chosen = words.parse_args()
    print(f"seed {chosen.seed}, {chosen.hours:g} hours, {chosen.rate:g} lines/s", flush=True)
    settings = {"store": {"retention_events": chosen.retention, "checkpoint_interval": "1min", "checkpoint_events": 1000}}
    with SoakWorld(settings) as world:
        soak = Soak(chosen, world)

        def stop(number, _):
            soak.ended = signal.Signals(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        try:
            soak.run()
        except BaseException:
            print(f"at {soak.elapsed():.1f} s of seed {soak.seed}: {'; '.join(soak.notes)}\n{world.log('agent.log')[-2000:]}", flush=True)
            raise
        finally:
            if soak.receiver:
                soak.receiver.close()
        return 1 if soak.broken else 0


if __name__ == "__main__":
    sys.exit(main())
