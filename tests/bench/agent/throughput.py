"""Lines a second of the whole agent on one core: reading, judging, counting, storing, checkpoints."""
import time

import logs
from bench_world import BenchWorld, SOURCE, cpu_seconds, median
from peer import Fail2ban, is_there

AGENT_CORE = 0
PEER_CADDY_LINES = 20_000
PEER_SSHD_LINES = 40_000

CADDY_FILTER = """
[Definition]
format = json
time = ts
address = request.client_ip, request.remote_ip
peer = request.remote_ip
forwarded = request.headers.X-Forwarded-For
field.method = request.method
field.host = request.host
field.uri = request.uri
field.status = status

condition =
    probe: path(request.uri) =~ '^/probe{pattern}/' and status in (400..498)
ignore =
    path(request.uri) in ('/favicon.ico', '/robots.txt')
    exists user_id and user_id != ''

[Samples]
match =
    198.51.100.7 | {match}reject =
    {reject}"""

JAIL = """
[{name}]
enabled = yes
backend = auto
journalmatch =
filter = {filter}
logpath = {log}
port = 80,443
maxretry = 5
findtime = 1h
bantime = 1h
ipv4.widen = none
"""

PEER_CADDY = """[Definition]
failregex = ^.*"client_ip":"<HOST>".*"uri":"/probe\\d+/[^"]*".*"status":4\\d\\d
datepattern = "ts":{EPOCH}
"""


def peer_jail(name, log):
    return (f"[DEFAULT]\nbackend = polling\naction =\nbanaction =\nusedns = no\n"
            f"[{name}]\nenabled = true\nlogpath = {log}\nmaxretry = 100000\nfindtime = 1d\n")


def pattern_of(jail, jails):
    return {1: r"\d+", 10: rf"\d*{jail}", 100: str(jail)}[jails]


def caddy_filters(world, jails):
    folder = world.folder / "filters"
    folder.mkdir()
    text = ""
    for jail in range(jails):
        match = logs.caddy_line(1795348744.9, "198.51.100.7", "GET", "h.example", f"/probe{jail}/x",
                                404)
        reject = logs.caddy_line(1795348744.9, "198.51.100.7", "GET", "h.example", "/probe", 404)
        (folder / f"caddy-bench{jail}.conf").write_text(CADDY_FILTER.format(
            pattern=pattern_of(jail, jails), match=match, reject=reject))
        text += JAIL.format(name=f"caddy-bench{jail}", filter=f"caddy-bench{jail}", log=world.log_file)
    return text


class JudgingWorld(BenchWorld):
    """Reads one log from its beginning; nothing is banned in a kernel."""

    def __init__(self, log_file, make_jails):
        super().__init__()
        self.log_file = log_file
        self.write("warder.local",
                   f"[agent]\nfilters = {self.folder}/filters\n    {SOURCE}/filters\n"
                   "[firewall]\nbackend = none\n[source]\nstart_at = head\n")
        self.write("jail.local", make_jails(self))


def judge(log_file, make_jails, lines):
    """(lines a second by the clock until judged, the same by processor time until stored, findings,
    bytes of the database an event in it)"""
    with JudgingWorld(log_file, make_jails) as world:
        world.launch(AGENT_CORE)
        start = time.monotonic()
        before = cpu_seconds(world.agent.pid)
        world.wait_status(lambda status: status["lines"] >= lines)
        judged = time.monotonic() - start
        status = world.wait_status(lambda status: status["store"]["queued_bytes"] == 0)
        processor = cpu_seconds(world.agent.pid) - before
        findings = sum(jail["counted"] for jail in status["jails"])
        if status["store"]["unrecorded"]:
            print("not recorded at first:", status["store"]["unrecorded"])
        world.stop_agent()
        return lines / judged, lines / max(processor, 0.01), findings, world.bytes_an_event()


def report(table, what, log_file, make_jails, lines, runs):
    results = [judge(log_file, make_jails, lines) for _ in range(runs)]
    speed = median(result[0] for result in results)
    table.add(what, speed, "lines/s",
              f"{median(result[1] for result in results):,.0f} a processor second; "
              f"{results[0][2]:,} findings")
    return speed, results[0]


def peer_speed(name, log_file, lines, findings, filters=None):
    with Fail2ban(peer_jail(name, log_file), filters=filters) as peer:
        peer.wait(lambda peer: "pong" in peer.client("ping"))
        start = time.monotonic()
        peer.wait(lambda peer: peer.found(name) >= findings)
        return lines / (time.monotonic() - start)


def sshd_jail(world):
    (world.folder / "filters").mkdir()
    return JAIL.format(name="sshd", filter="sshd", log=world.log_file)


def run(table, folder, runs, scale):
    caddy, sshd = folder / "caddy.log", folder / "auth.log"
    caddy_lines, sshd_lines = int(logs.CADDY_LINES * scale), int(logs.SSHD_LINES * scale)
    logs.caddy_normal(caddy, caddy_lines)
    for jails in (1, 10, 100):
        speed, _ = report(table, f"Caddy JSON, {jails} filters", caddy,
                               lambda world, jails=jails: caddy_filters(world, jails), caddy_lines, runs)
    hostile = folder / "caddy-hostile.log"
    logs.caddy_hostile(hostile, caddy_lines // 2)
    bad, _ = report(table, "Caddy JSON, 100 filters, hostile lines", hostile,
                    lambda world: caddy_filters(world, 100), caddy_lines // 2, runs)
    scaled = hostile.stat().st_size / (caddy_lines // 2) / (caddy.stat().st_size / caddy_lines)
    table.add("Caddy hostile : normal, by lines", bad / speed, "", f"lines are {scaled:.1f} times as long")
    flood = folder / "caddy-flood.log"
    logs.caddy_normal(flood, caddy_lines // 10, findings_one_in=1)
    _, result = report(table, "Caddy JSON, 100 filters, every line a finding", flood,
                       lambda world: caddy_filters(world, 100), caddy_lines // 10, runs)
    table.add("stored bytes an event, Caddy", result[3], "bytes",
              "whole database")

    logs.sshd_normal(sshd, sshd_lines)
    speed, _ = report(table, "sshd text, the shipped filter", sshd, sshd_jail, sshd_lines, runs)
    hostile = folder / "auth-hostile.log"
    logs.sshd_hostile(hostile, sshd_lines // 2)
    bad, _ = report(table, "sshd text, hostile lines", hostile, sshd_jail, sshd_lines // 2, runs)
    scaled = hostile.stat().st_size / (sshd_lines // 2) / (sshd.stat().st_size / sshd_lines)
    table.add("sshd hostile : normal, by lines", bad / speed, "", f"lines are {scaled:.1f} times as long")

    flood = folder / "auth-flood.log"
    logs.sshd_normal(flood, sshd_lines // 10, findings_one_in=1)
    _, result = report(table, "sshd text, every line a finding", flood, sshd_jail,
                       sshd_lines // 10, runs)
    table.add("stored bytes an event, sshd", result[3], "bytes",
              "whole database")

    if is_there():
        piece = folder / "peer-caddy.log"
        logs.caddy_normal(piece, PEER_CADDY_LINES)
        table.add("fail2ban: Caddy JSON, 1 filter",
                  peer_speed("bench-caddy", piece, PEER_CADDY_LINES, PEER_CADDY_LINES // 100,
                             {"bench-caddy": PEER_CADDY}), "lines/s", "one run")
        piece = folder / "peer-auth.log"
        logs.sshd_normal(piece, PEER_SSHD_LINES)
        table.add("fail2ban: sshd text",
                  peer_speed("sshd", piece, PEER_SSHD_LINES, PEER_SSHD_LINES // 100), "lines/s",
                  "one run")
