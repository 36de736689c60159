"""From the write of the line that completes a ban to the first packet dropped, with real packets."""
import subprocess

from bench_world import BenchWorld, TOOLS, median, percentile, scheduled
from peer import Fail2ban, is_there
from throughput import JAIL

RECEIVER = "10.9.255.254"
BESIDE = 10_000  # lines a second


class PacketWorld(BenchWorld):
    def __init__(self, attackers):
        super().__init__()
        self.log_file = self.folder / "logs/auth.log"
        self.log_file.touch()
        self.write("jail.local", JAIL.format(name="sshd", filter="sshd", log=self.log_file)
                   .replace("port = 80,443", "port = 0:65535\nprotocol = udp")
                   .replace("maxretry = 5", "maxretry = 1"))
        batch = "".join(f"addr add 10.9.{number}.66/16 dev eth0\n" for number in range(attackers))
        subprocess.run(["ip", "-n", self.host, "addr", "add", f"{RECEIVER}/16", "dev",
                        "to-attacker"], check=True)
        subprocess.run(["ip", "-n", self.attacker, "-batch", "-"], input=batch, text=True, check=True)

    def latencies(self, bans, beside, patience):
        """Milliseconds, and how many bans never came."""
        done = subprocess.run(
            self.in_host(str(TOOLS / "agent/bench_drop_latency"), f"/var/run/netns/{self.attacker}",
                         RECEIVER, str(self.log_file), str(bans), str(beside), str(patience)),
            stdout=subprocess.PIPE, text=True, check=True)
        times = [int(word) for word in done.stdout.split()]
        return [time / 1000 for time in times if time >= 0], times.count(-1)


def report(table, what, times, lost):
    if not times:
        table.add(f"{what}: none came", lost, "bans")
        return
    table.add(f"{what}, p50", median(times), "ms", f"{len(times)} bans" +
              (f", {lost} never came" if lost else ""))
    table.add(f"{what}, p99", percentile(times, 0.99), "ms", f"longest {max(times):.2f}")


def run(table, bans):
    for beside, name in ((0, "idle"), (BESIDE, f"{BESIDE:,} lines/s beside")):
        with PacketWorld(bans) as world:
            world.start_helper()
            world.launch()
            world.wait_status(lambda status: status["firewall"]["state"] == "enforcing")
            before = [scheduled(process.pid) for process in (world.agent, world.helper)]
            report(table, f"line written to packet dropped, {name}",
                   *world.latencies(bans, beside, 60))
            if beside == 0:
                # What of a latency is ours: the rest is others, who had the processor.
                for who, process, (ran, waited) in zip(("agent", "helper"),
                                                       (world.agent, world.helper), before):
                    now = scheduled(process.pid)
                    table.add(f"of it {who}: processor, a ban", (now[0] - ran) / bans * 1000, "ms",
                              f"and {(now[1] - waited) / bans * 1000:.2f} ms ready, waiting for one")
    if is_there():
        with PacketWorld(20) as world:
            jail = (f"[DEFAULT]\nbackend = auto\nusedns = no\nbanaction = nftables[type=allports]\n"
                    f"[sshd]\nenabled = true\nlogpath = {world.log_file}\nmaxretry = 1\n"
                    "findtime = 1d\nbantime = 1h\nprotocol = udp\n")
            with Fail2ban(jail, prefix=world.in_host()) as peer:
                peer.wait(lambda peer: peer.found("sshd") >= 0)
                report(table, "fail2ban: line written to packet dropped, idle",
                       *world.latencies(20, 0, 1500))
