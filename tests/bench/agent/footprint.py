"""What the agent takes while nothing happens, and how soon it is there."""
import os
import sqlite3
import subprocess
import time

import logs
from bench_world import (AGENT_UID, BenchWorld, cpu_seconds, median, memory_mb, switches_by_thread, until,
                         voluntary_switches, who_woke)
from peer import Fail2ban, is_there
from restart import SETTINGS
from throughput import JAIL, peer_jail

IDLE_SECONDS = 5
WATCHED_QUIET = 10  # seconds without a wake-up, after which what the start caused is over
WATCHED_SECONDS = 120
TRACKED = 200_000
MANY_BANS = 1_000_000
AFTER_FLOOD = 65  # seconds until what a flood needed is given back


def start(table, runs):
    times, memory = [], []
    with BenchWorld() as world:
        log = world.folder / "logs/auth.log"
        log.touch()
        world.write("jail.local", JAIL.format(name="sshd", filter="sshd", log=log))
        world.start_helper()
        for _ in range(runs):
            times.append(world.launch() * 1000)
            world.wait_status(lambda status: status["firewall"]["state"] == "enforcing")
            memory.append(memory_mb(world.agent.pid))
            world.stop_agent()
        bare = []
        for _ in range(runs):
            begin = time.monotonic()
            world.start(world.in_host(*world.as_agent("env", "true")), "true.log").wait()
            bare.append((time.monotonic() - begin) * 1000)
        table.add("start to watching", median(times) - median(bare), "ms",
                  f"less {median(bare):.0f} ms of entering the namespace; {runs} starts")
        table.add("memory, idle, agent", median(memory), "MB")
        table.add("memory, idle, helper", memory_mb(world.helper.pid), "MB")

        world.launch()
        world.wait_status(lambda status: not status["catching_up"])
        # A new interface's IPv6 addresses are only taken after a second; the agent is told of that.
        until(lambda: "tentative" not in subprocess.run(
            world.in_host("ip", "-6", "address"), check=True, capture_output=True, text=True).stdout,
            "addresses that are settled")
        time.sleep(1)
        for name, process in (("agent", world.agent), ("helper", world.helper)):
            before = voluntary_switches(process.pid), cpu_seconds(process.pid)
            time.sleep(IDLE_SECONDS)
            table.add(f"idle wake-ups in {IDLE_SECONDS} s, {name}",
                      voluntary_switches(process.pid) - before[0], "",
                      f"{cpu_seconds(process.pid) - before[1]:.2f} s of processor time")
        if is_there():
            begin = time.monotonic()
            with Fail2ban(peer_jail("sshd", log)) as peer:
                peer.wait(lambda peer: peer.found("sshd") >= 0, pause=0.01)
                table.add("fail2ban: start to watching", (time.monotonic() - begin) * 1000, "ms",
                          "asked with its own client")
                table.add("fail2ban: memory, idle", memory_mb(peer.process.pid), "MB", "1 jail")
                before = voluntary_switches(peer.process.pid)
                time.sleep(IDLE_SECONDS)
                table.add(f"fail2ban: idle wake-ups in {IDLE_SECONDS} s",
                          voluntary_switches(peer.process.pid) - before, "", "1 jail")


WATCHED = """
[monitor vw]
enabled = yes
database = {data}/db.sqlite3
"""
SECOND_LINE = """
[destination ops]
form = json-lines
path = {folder}/logs/events.jsonl
[destination night]
form = command
argv = /bin/true
[destination pager]
form = generic
url = file:{folder}/logs/none
escalation_after = 15m
quiet_hours = 22:00-07:00
quiet_timezone = Europe/Berlin
[backup vw]
database = {data}/db.sqlite3
encryption = none
unencrypted = yes
schedule = daily 03:00
"""


def is_quiet(pid):
    before = voluntary_switches(pid)
    time.sleep(WATCHED_QUIET)
    return voluntary_switches(pid) == before


def watching(table):
    """The same with all checks of a database as they are by default, a backup a day, three destinations
    and an incident that waits for an acknowledgement; an hour's checks take a minute to come round."""
    with BenchWorld() as world:
        data = world.folder / "data"
        data.mkdir()
        live = sqlite3.connect(data / "db.sqlite3")
        live.execute("CREATE TABLE t(a)")
        live.close()
        for path in (data, data / "db.sqlite3"):
            os.chown(path, AGENT_UID, -1)
        log = world.folder / "logs/auth.log"
        log.touch()
        world.write("jail.local", JAIL.format(name="sshd", filter="sshd", log=log) +
                    WATCHED.format(data=data))
        world.configure(SECOND_LINE.format(folder=world.folder, data=data))
        world.start_helper()
        world.launch()
        world.wait_status(lambda status: not status["catching_up"])
        world.warder("alerts", "send", "security", stdin="the door is open")
        # The first checks are made at once, in a process of their own.
        until(lambda: world.events("--kind", "integrity"), "the first checks")
        until(lambda: is_quiet(world.agent.pid), "an agent that sleeps", 600)
        before = switches_by_thread(world.agent.pid), cpu_seconds(world.agent.pid)
        time.sleep(WATCHED_SECONDS)
        after = switches_by_thread(world.agent.pid)
        table.add("memory, idle, with checks, backups and an open incident",
                  memory_mb(world.agent.pid), "MB",
                  f"at most {memory_mb(world.agent.pid, 'VmHWM'):.1f}")
        table.add(f"wake-ups in {WATCHED_SECONDS} s with checks, backups and an open incident",
                  sum(after.values()) - sum(before[0].values()), "",
                  f"{who_woke(before[0], after)}; "
                  f"{cpu_seconds(world.agent.pid) - before[1]:.2f} s of processor time")


def with_much(table):
    """A million bans, and as many sources counted as a jail has room for."""
    with BenchWorld(SETTINGS) as world:
        log = world.folder / "logs/auth.log"
        log.touch()
        world.write("jail.local", JAIL.format(name="sshd", filter="sshd", log=log))
        world.fill_bans("sshd", MANY_BANS)
        world.start_helper()
        world.launch()
        world.wait_status(lambda status: status["firewall"]["state"] == "enforcing")
        date = logs.stamp()
        with open(log, "a", encoding="ascii") as out:
            for number in range(TRACKED):
                out.write(f"{date} web sshd[{number % 30000}]: Failed password for root from "
                          f"{10 + number // 65536}.{number // 256 % 256}.{number % 256}.9 "
                          "port 40022 ssh2\n")
        status = world.wait_status(lambda status: status["lines"] >= TRACKED and
                                   status["store"]["queued_bytes"] == 0)
        jail = next(jail for jail in status["jails"] if jail["name"] == "sshd")
        told = memory_mb(world.agent.pid)
        time.sleep(AFTER_FLOOD)
        table.add("memory with 1M bans and 200k sources, agent", memory_mb(world.agent.pid), "MB",
                  f"{jail['sources']:,} sources; at once {told:.1f}, "
                  f"at most {memory_mb(world.agent.pid, 'VmHWM'):.1f}")
        table.add("memory with 1M bans and 200k sources, helper", memory_mb(world.helper.pid), "MB",
                  f"at most {memory_mb(world.helper.pid, 'VmHWM'):.1f}")
