"""Debian's own sshd jail on a running fail2ban-server and on warder: equal bans over a day of attacks
in every mode of the stock filter, and `warder compare --follow` beside both."""
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from server_test import Server, bans_after
from support import WARDER, Agent, Folder, until

STOCK = "/etc/fail2ban"
MODES = ("normal", "ddos", "extra", "aggressive")
# Only where logs, database and socket lie, and that no firewall is touched; everything else of the
# jail and all of its filter is the package's.
LOCAL = """
[DEFAULT]
action =
bantime = 2d
findtime = 6h
backend = polling
ignoreself = no
[sshd]
enabled = true
logpath = {log}
"""
MODE = """
[sshd-{mode}]
enabled = true
filter = sshd[mode={mode}]
logpath = {log}
"""
LAST = "203.0.113.200"


def session(source, who):
    """The lines of one connection, as sshd writes them."""
    port = source.randint(1024, 65000)
    user = source.choice(["root", "admin", "git", "oracle", "a b", "from 192.0.2.1"])
    kind = source.random()
    known = f"Failed password for {user} from {who} port {port} ssh2"
    unknown = f"Failed password for invalid user {user} from {who} port {port} ssh2"
    closed = f"Connection closed by authenticating user {user} {who} port {port} [preauth]"
    if kind < 0.25:
        return [known] * source.randint(1, 3) + [closed]
    if kind < 0.45:
        return [f"Invalid user {user} from {who} port {port}",
                "pam_unix(sshd:auth): check pass; user unknown",
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
                f"rhost={who}", unknown,
                f"Received disconnect from {who} port {port}:11: Bye Bye [preauth]",
                f"Disconnected from invalid user {user} {who} port {port} [preauth]"]
    if kind < 0.52:
        return [f"Connection from {who} port {port} on 198.51.100.250 port 22", known,
                f"Accepted password for {user} from {who} port {port} ssh2"]
    if kind < 0.58:
        return [f"error: maximum authentication attempts exceeded for {user} from {who} port {port} "
                "ssh2 [preauth]",
                f"Disconnecting authenticating user {user} {who} port {port}: Too many "
                "authentication failures [preauth]"]
    if kind < 0.64:
        return [f"Connection from {who} port {port} on 198.51.100.250 port 22",
                f"Connection closed by {who} port {port} [preauth]"]
    if kind < 0.70:
        return [f"banner exchange: Connection from {who} port {port}: invalid format",
                f"Bad protocol version identification 'GET / HTTP/1.1' from {who} port {port}"]
    if kind < 0.76:
        return [f"Did not receive identification string from {who} port {port}"]
    if kind < 0.82:
        return [f"Unable to negotiate with {who} port {port}: no matching key exchange method found. "
                "Their offer: diffie-hellman-group1-sha1 [preauth]"]
    if kind < 0.88:
        return [f"User {user} from {who} not allowed because not listed in AllowUsers",
                f"Failed none for invalid user {user} from {who} port {port} ssh2"]
    if kind < 0.92:
        return [f"Timeout before authentication for {who} port {port}"]
    return [f"Accepted publickey for deploy from {who} port {port} ssh2: ED25519 SHA256:x",
            "pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)"]


def day(source, now, sessions):
    attackers = [f"192.0.2.{i}" for i in range(1, 150)] + [f"2001:db8::{i:x}" for i in range(1, 40)]
    fast = attackers[::6]
    stamps = sorted(source.sample(range(now - 80000, now - 200), sessions))
    for pid, stamp in enumerate(stamps, 1000):
        who = source.choice(fast if source.random() < 0.4 else attackers)
        for text in session(source, who):
            yield line(stamp, pid, text)


def line(stamp, pid, text):
    return time.strftime("%b %e %H:%M:%S", time.gmtime(stamp)) + f" web sshd[{pid}]: {text}"


def failures(stamp, who, pid):
    return [line(stamp + i, pid + i, f"Failed password for root from {who} port 4022 ssh2")
            for i in range(5)]


def write_configuration(folder, log):
    directory = folder.path / "etc"
    shutil.copytree(STOCK, directory)
    folder.write("etc/jail.local", LOCAL.format(log=log)
                 + "".join(MODE.format(mode=mode, log=log) for mode in MODES))
    folder.write("etc/fail2ban.local", f"""
[Definition]
logtarget = {folder.path}/f2b.log
socket = {folder.path}/f2b.sock
pidfile = {folder.path}/f2b.pid
dbfile = {folder.path}/f2b.sqlite3
dbpurgeage = 30d
""")
    return directory


class StockSshd(unittest.TestCase):
    maxDiff = None

    def test_bans_of_a_day_are_equal(self):
        with Folder() as folder:
            now = int(time.time())
            recorded = list(day(random.Random(7), now, 3000)) + failures(now - 60, LAST, 90000)
            log = folder.write("auth.log", "\n".join(recorded) + "\n")
            directory = write_configuration(folder, log)
            jails = ["sshd"] + [f"sshd-{mode}" for mode in MODES]
            with Server(folder, directory) as server:
                until(lambda: len(server.rows(f"SELECT jail FROM bans WHERE ip = '{LAST}'"))
                      == len(jails), "fail2ban reads the log")

                def settled():
                    rows = server.rows("SELECT jail, ip, timeofban FROM bans")
                    held = [server.client("get", jail, "banip").stdout.split() for jail in jails]
                    return len(rows) == sum(map(len, held)) and sorted(rows)
                theirs = until(settled, "fail2ban has stored its bans")
                with Agent(folder, directory) as agent:
                    ours = bans_after(agent, len(recorded))
                    self.assertEqual(theirs, ours)
                    for jail in jails:
                        self.assertGreater(sum(one[0] == jail for one in theirs), 20, jail)
                    print(f"{len(ours)} bans of {len(recorded)} lines are equal")
                    self.follow(folder, agent, server, log, len(theirs))

    def follow(self, folder, agent, server, log, bans):
        output = folder.path / "compare.out"
        with open(output, "w") as told:
            compare = subprocess.Popen(
                [WARDER, "--config", str(agent.config), "--json", "compare", "--follow", "--log",
                 str(server.log), "--since", "2d", "--patience", "30s"], stdout=told)
            try:
                # Seen by both: nothing to tell.
                both = "203.0.113.50"
                with open(log, "a") as file:
                    file.write("\n".join(failures(int(time.time()) - 5, both, 95000)) + "\n")
                until(lambda: both in server.log.read_text(), "fail2ban bans whom both see")
                until(lambda: any(event["address"] == both for event in agent.events("would-ban")),
                      "warder bans whom both see")
                # Banned by one side alone, while it is followed.
                server.client("set", "sshd", "banip", "203.0.113.77")
                until(lambda: "203.0.113.77" in output.read_text(), "the difference is told")
            finally:
                os.kill(compare.pid, signal.SIGINT)
                status = compare.wait()
        self.assertEqual(status, 1)
        lines = [json.loads(text) for text in output.read_text().splitlines()]
        self.assertEqual([(one["agreement"], one["jail"], one["address"]) for one in lines[:-1]],
                         [("only fail2ban", "sshd", "203.0.113.77")])
        self.assertEqual(lines[-1]["summary"]["total"],
                         {"equal": bans + 1 + len(MODES), "other_time": 0, "only_fail2ban": 1,
                          "only_warder": 0, "not_compared": 0})


if __name__ == "__main__":
    unittest.main()
