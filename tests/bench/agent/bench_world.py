"""The world of the integration tests, with what measuring needs: an agent on one core, and what the
kernel knows of a process."""
import collections
import contextlib
import json
import math
import os
import pathlib
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TZ"] = "UTC"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration/agent"))
from harness import AGENT_UID, SOURCE, WARDER, World, until  # noqa: E402

# The agent watches the folders above its logs, so files that others make beside them wake it: in /tmp
# that is what would be measured.
tempfile.tempdir = "/var/tmp"
TOOLS = pathlib.Path(os.environ["WARDER_BENCH_TOOLS"])
TICKS = os.sysconf("SC_CLK_TCK")
LONG = 600.0
NETLINK_NETFILTER = 12  # <linux/netlink.h>
NFNLGRP_NFTABLES = 1 << (7 - 1)  # <linux/netfilter/nfnetlink.h>, as a bit of the mask of groups

median = statistics.median


def percentile(values, share):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid, field="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(field)


def switches_by_thread(pid):
    """How often each thread went to sleep of itself, so how often it was woken: by number and name."""
    switches = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                switches[task.name, (task / "comm").read_text().strip()] = int(line.split()[1])
    return switches


def voluntary_switches(pid):
    """Of all threads."""
    return sum(switches_by_thread(pid).values())


def who_woke(before, after):
    """What came between two calls of switches_by_thread(), the most woken first, for a reader."""
    more = collections.Counter()
    for (number, name), count in after.items():
        more[name] += count - before.get((number, name), 0)
    return ", ".join(f"{name} {count}" for name, count in more.most_common() if count) or "none"


def others_who_listen(pid):
    """How many network namespaces other than the process's have somebody who listens to changes of nf_tables.
    The kernel asks over all namespaces whether anybody does (netlink_has_listeners()), and then makes a message
    of each element that comes or goes: which doubles what a ban costs it."""
    own = os.readlink(f"/proc/{pid}/ns/net")
    seen, listen = {own}, 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            namespace = os.readlink(process / "ns/net")
            if namespace in seen:
                continue
            seen.add(namespace)
            sockets = [line.split() for line in (process / "net/netlink").read_text().splitlines()[1:]]
        except OSError:
            continue  # it has ended
        listen += any(int(protocol) == NETLINK_NETFILTER and int(groups, 16) & NFNLGRP_NFTABLES
                      for _, protocol, _, groups, *_ in sockets)
    return listen


def scheduled(pid):
    """Seconds that the first thread of a process ran, and that it was ready and waited for a processor."""
    run, wait, _ = pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return int(run) / 1e9, int(wait) / 1e9


class BenchWorld(World):
    """`settings` go into warder.local: a section's name to its keys."""

    def __init__(self, settings=None, jails=""):
        super().__init__()
        text = ""
        for section, keys in (settings or {}).items():
            text += f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        self.write("warder.local", text)
        self.write("jail.local", jails)

    def launch(self, core=None):
        """Starts the agent; seconds until it says READY on the socket that systemd would give."""
        path = str(self.folder / "run/notify.sock")
        pathlib.Path(path).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            os.chmod(path, 0o666)
            notify.settimeout(LONG)
            pinned = [] if core is None else ["taskset", "-c", str(core)]
            self.started = time.monotonic()
            # Namespace and user are changed before the clock of the agent starts; env is last.
            self.agent = self.start(
                [*pinned, *self.in_host(*self.as_agent("env", f"NOTIFY_SOCKET={path}", WARDER,
                                                       "--config",
                                                       str(self.folder / "warder.conf"), "run"))],
                "agent.log")
            while True:
                try:
                    if b"READY=1" in notify.recv(4096):
                        return time.monotonic() - self.started
                except TimeoutError as error:
                    raise AssertionError(f"the agent never came:\n{self.log('agent.log')}") from error

    def wait_status(self, condition, pause=0.02):
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            done = self.warder("--json", "status", check=False)
            if done.returncode == 0:
                status = json.loads(done.stdout)
                if condition(status):
                    return status
            time.sleep(pause)
        raise AssertionError(f"never came\n{done.stdout}{done.stderr}{self.log('agent.log')}")

    def bytes_an_event(self):
        path = self.folder / "state/warder.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            events = database.execute("SELECT count(*) FROM event").fetchone()[0]
        return path.stat().st_size / max(1, events)

    def fill_bans(self, jail, bans):
        database = self.folder / "state/warder.db"
        subprocess.run([TOOLS / "agent/bench_fill_store", database, jail, str(bans)], check=True)
        for path in (self.folder / "state").glob("warder.db*"):
            os.chown(path, AGENT_UID, -1)


class Table:
    """Figures as they come: what, how much, of which runs."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, unit, note=""):
        shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
        self.rows.append((what, shown, unit, note))
        print(f"{what:<58} {shown:>12} {unit:<10} {note}", flush=True)

    def markdown(self):
        lines = ["| what | figure | unit | note |", "|---|---:|---|---|"]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines)
