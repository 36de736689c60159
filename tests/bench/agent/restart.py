"""Starting with many running bans: how long until they are in force, and what it costs in memory."""
import signal
import time

from bench_world import BenchWorld, cpu_seconds, memory_mb
from throughput import JAIL

SETTINGS = {"firewall": {"max_elements": 4194304}}


def measure(table, world, what):
    helper_before = cpu_seconds(world.helper.pid)
    ready = world.launch()
    processor = cpu_seconds(world.agent.pid), cpu_seconds(world.helper.pid) - helper_before
    status = world.wait_status(lambda status: status["firewall"]["state"] == "enforcing")
    world.wait_status(lambda status: not status["catching_up"])
    settled = time.monotonic() - world.started
    table.add(f"{what}: enforcing", ready, "s",
              f"{status['bans']:,} bans; processor: agent {processor[0]:.1f} s, "
              f"helper {processor[1]:.1f} s")
    table.add(f"{what}: compared with the kernel, too", settled, "s")
    for name, process in (("agent", world.agent), ("helper", world.helper)):
        table.add(f"{what}: {name}, memory then", memory_mb(process.pid), "MB",
                  f"at most {memory_mb(process.pid, 'VmHWM'):.1f}")


def run(table, counts):
    for bans in counts:
        with BenchWorld(SETTINGS) as world:
            log = world.folder / "logs/auth.log"
            log.touch()
            world.write("jail.local", JAIL.format(name="sshd", filter="sshd", log=log))
            world.fill_bans("sshd", bans)
            world.start_helper()
            measure(table, world, f"start with {bans:,} bans, kernel empty")
            world.stop_agent(signal.SIGTERM)
            measure(table, world, f"start with {bans:,} bans, kernel has them")
