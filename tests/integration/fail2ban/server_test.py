"""A running fail2ban-server and warder with equal jails over a recorded day of attacks: equal bans."""
import calendar
import itertools
import json
import random
import sqlite3
import subprocess
import time
import unittest

from support import Agent, Folder, configuration, until, warder

FILTER = """
[Definition]
failregex = ^\\s*app\\[\\d+\\]: login failed for <F-USER>\\S+</F-USER> from <HOST>$
            ^\\s*app\\[\\d+\\]: probe of \\S+ by <ADDR>(?: again)?$
ignoreregex = for root-backup from
"""
DAEMON = """
[INCLUDES]
before = words.conf
[Definition]
prefregex = ^\\s*<F-MLFID>%(_daemon)s\\[\\d+\\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$
failregex = ^refused <HOST>(?: port \\d+)?$
            ^<F-NOFAIL>connect</F-NOFAIL> from <HOST>$
            ^bad password <F-USER>\\S+</F-USER>$
ignoreregex =
"""
JAIL = """
[DEFAULT]
bantime = 2d
findtime = 1d
maxretry = 5
backend = polling
usedns = no
action =
ignoreself = no
ignoreip = 192.0.2.250 198.51.100.0/28
enabled = true
[app]
filter = app
logpath = {log}
[app-strict]
filter = app[x=y]
maxretry = 2
findtime = 26h
logpath = {log}
[daemon]
filter = daemon
maxretry = 4
logpath = {log} head
"""


LAST = "203.0.113.200"


def attack_day(source, now, count):
    """`count` lines with dates of the last day, rising: attackers of every patience, and noise."""
    attackers = [f"192.0.2.{i}" for i in range(1, 120)] + [f"198.51.100.{i}" for i in range(1, 40)]
    attackers += [f"2001:db8::{i:x}" for i in range(1, 20)] + ["192.0.2.250"]
    fast = attackers[:30]
    sessions = itertools.count(10000)
    start = now - 85000
    stamps = sorted(source.sample(range(start, now - 100), count))
    for stamp in stamps:
        who = source.choice(fast if source.random() < 0.3 else attackers)
        kind = source.random()
        if kind < 0.25:
            text = f"app[{source.randint(1, 9)}]: login failed for user{source.randint(1, 5)} from {who}"
        elif kind < 0.35:
            text = f"app[7]: probe of /x by {who}{source.choice(['', ' again'])}"
        elif kind < 0.40:
            text = f"app[8]: login failed for root-backup from {who}"
        elif kind < 0.50:
            text = f"netd[{next(sessions)}]: refused {who} port {source.randint(1, 9999)}"
        elif kind < 0.70:
            # A session of its own; its lines follow each other at once, since fail2ban forgets one
            # after five minutes of its own clock, which a recording cannot move.
            session = next(sessions)
            text = f"netd[{session}]: connect from {who}"
            for _ in range(source.randint(0, 3)):
                yield dated(stamp, text)
                text = f"netd[{session}]: bad password user{source.randint(1, 3)}"
        elif kind < 0.75:
            text = f"app[9]: login failed for x from {who} and more"
        elif kind < 0.78:
            text = "app[9]: login failed for x from 999.1.1.1.1"
        else:
            text = f"other[1]: all is well with {who}"
        yield dated(stamp, text)


def dated(stamp, text):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(stamp)) + " " + text


class Server:
    """fail2ban-server with socket, database, pid and log of its own."""

    def __init__(self, folder, directory):
        self.folder = folder
        self.directory = directory
        self.socket = folder.path / "f2b.sock"
        self.database = folder.path / "f2b.sqlite3"
        self.log = folder.path / "f2b.log"

    def client(self, *words):
        return subprocess.run(
            ["/usr/bin/fail2ban-client", "-c", str(self.directory), "-s", str(self.socket),
             "-p", str(self.folder.path / "f2b.pid"), *words],
            capture_output=True, text=True)

    def __enter__(self):
        self.output = open(self.folder.path / "server.out", "w")
        self.process = subprocess.Popen(
            ["/usr/bin/fail2ban-server", "-f", "-c", str(self.directory), "-s", str(self.socket),
             "-p", str(self.folder.path / "f2b.pid"), "start"],
            stdout=self.output, stderr=self.output)

        def up():
            if self.process.poll() is not None:
                raise AssertionError((self.folder.path / "server.out").read_text())
            return "pong" in self.client("ping").stdout
        until(up, "fail2ban-server answers")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.output.close()

    def rows(self, sql):
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def write_configuration(folder, log, jail=JAIL):
    directory = folder.path / "etc"
    folder.write("etc/jail.conf", jail.format(log=log))
    folder.write("etc/filter.d/app.conf", FILTER)
    folder.write("etc/filter.d/daemon.conf", DAEMON)
    folder.write("etc/filter.d/words.conf", "[DEFAULT]\n_daemon = netd\n")
    folder.write("etc/fail2ban.conf", f"""
[Definition]
loglevel = INFO
logtarget = {folder.path}/f2b.log
syslogsocket = auto
socket = {folder.path}/f2b.sock
pidfile = {folder.path}/f2b.pid
dbfile = {folder.path}/f2b.sqlite3
dbpurgeage = 30d
dbmaxmatches = 10
[Thread]
stacksize = 0
""")
    return directory


def seconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def bans_after(agent, lines):
    """What the agent would have banned when it has read that many lines: (jail, address, second)."""
    def done():
        status = agent.status()
        return (status and not status["catching_up"]
                and status["lines"] >= lines and status)
    status = until(done, "warder has read the log")
    would = sum(jail["bans"] for jail in status["jails"])
    events = until(lambda: (found := agent.events("would-ban")) and
                   len(found) == would and found, "warder has stored its decisions")
    return sorted((event["jail"], event["address"], seconds(event["time"])) for event in events)


class Days(unittest.TestCase):
    maxDiff = None

    def test_bans_of_a_day_are_equal(self):
        with Folder() as folder:
            now = int(time.time())
            recorded = list(attack_day(random.Random(4), now, 6000))
            recorded += [dated(now - 50 + i, f"app[1]: login failed for last from {LAST}")
                         for i in range(5)]
            recorded += [dated(now - 40 + i, f"netd[{i}]: refused {LAST}") for i in range(4)]
            log = folder.write("day.log", "\n".join(recorded) + "\n")
            directory = write_configuration(folder, log)
            with Server(folder, directory) as server:
                # Read in order: when the last attacker is banned by all jails, all was read.
                until(lambda: len(server.rows(
                    f"SELECT jail FROM bans WHERE ip = '{LAST}'")) == 3, "fail2ban reads the log")
                theirs = until(lambda: self.settled(server), "fail2ban has stored its bans")
                with Agent(folder, directory) as agent:
                    ours = bans_after(agent, len(recorded))
                    self.assertEqual(theirs, ours)
                    for jail in ("app", "app-strict", "daemon"):
                        self.assertGreater(sum(one[0] == jail for one in theirs), 10, jail)
                    print(f"{len(ours)} bans of {len(recorded)} lines are equal")
                    self.compare(agent, server, len(theirs))
            self.take_over(folder, directory, len(theirs) + 1)  # with the one by hand

    def settled(self, server):
        rows = server.rows("SELECT jail, ip, timeofban FROM bans")
        status = [server.client("get", jail, "banip").stdout.split()
                  for jail in ("app", "app-strict", "daemon")]
        return len(rows) > 0 and len(rows) == sum(map(len, status)) and sorted(rows)

    def compare(self, agent, server, bans):
        for words in (("--log", server.log), ("--database", server.database)):
            done = warder("--json", "compare", *words, "--since", "2d", config=agent.config,
                          check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            told = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(told[0]["summary"]["total"],
                             {"equal": bans, "other_time": 0, "only_fail2ban": 0, "only_warder": 0,
                              "not_compared": 0})
        # A ban of one side alone is told with the lines behind it.
        server.client("set", "app", "banip", "203.0.113.77")
        until(lambda: "Ban 203.0.113.77" in server.log.read_text(), "banned by hand")
        done = warder("compare", "--log", server.log, "--since", "2d", config=agent.config,
                      check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("only fail2ban: jail app, 203.0.113.77", done.stdout)
        self.assertIn("the agent found no line of this address", done.stdout)

    def take_over(self, folder, directory, bans):
        # A database of its own, so that nothing of the run above is in it.
        (folder.path / "state2").mkdir(mode=0o700)
        config = folder.write("warder2.conf", configuration(folder, "state2", directory))
        text = warder("import-fail2ban", directory, "--database", folder.path / "f2b.sqlite3",
                      config=config).stdout
        self.assertIn(f"would take over: {bans} still running", text)
        self.assertIn("nothing was changed", text)
        self.assertFalse((folder.path / "state2" / "warder.db").exists())
        text = warder("import-fail2ban", directory, "--apply", config=config).stdout
        self.assertIn(f"taken over: {bans} still running", text)
        self.assertIn("read from byte", text)
        text = warder("import-fail2ban", directory, "--apply", config=config).stdout
        self.assertIn("taken over: 0 still running, 0 ended (for their counts), 0 for the history",
                      text)
        rows = warder("events", "--sql", "SELECT count(*) FROM bans", config=config).stdout
        self.assertIn(str(bans), rows)


if __name__ == "__main__":
    unittest.main()
