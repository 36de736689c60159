"""Starting with many running bans: how soon lines are judged, how long until all bans are in force, and
what that costs in memory; and a flush by another program."""
import signal
import subprocess
import time

from bench_world import BenchWorld, cpu_seconds, memory_mb, others_who_listen
from throughput import JAIL

SETTINGS = {"firewall": {"max_elements": 4194304}}
# Each question is a process that takes a processor from agent or helper for its start.
PAUSE = 0.1


def processor(world):
    return cpu_seconds(world.agent.pid), cpu_seconds(world.helper.pid)


def heard(world, before):
    """Ends the remark of a row whose time would have been shorter on a machine by itself."""
    others = max(before, others_who_listen(world.helper.pid))
    return f"; {others} other namespaces listen to nf_tables, which slows it" if others else ""


def measure(table, world, what):
    others = others_who_listen(world.helper.pid)
    before = cpu_seconds(world.helper.pid)
    ready = world.launch()
    table.add(f"{what}: judging lines", ready, "s")
    status = world.wait_status(lambda status: status["firewall"]["state"] == "enforcing", PAUSE)
    enforcing = time.monotonic() - world.started
    agent, helper = processor(world)
    table.add(f"{what}: enforcing", enforcing, "s",
              f"{status['bans']:,} bans; processor: agent {agent:.1f} s, helper {helper - before:.1f} s" +
              heard(world, others))
    for name, process in (("agent", world.agent), ("helper", world.helper)):
        table.add(f"{what}: {name}, memory then", memory_mb(process.pid), "MB",
                  f"at most {memory_mb(process.pid, 'VmHWM'):.1f}")


def flush(table, world, what):
    before, others = processor(world), others_who_listen(world.helper.pid)
    begin = time.monotonic()
    subprocess.run(world.in_host("nft", "delete", "table", "inet", "warder"), check=True)
    flushed = time.monotonic()
    # A machine that is busy may hear of the flush in two parts.
    world.wait_status(lambda status: status["firewall"]["repairs"] >= 1 and
                      status["firewall"]["state"] == "enforcing", PAUSE)
    after = processor(world)
    table.add(f"{what}: flushed, all back", time.monotonic() - flushed, "s",
              f"the flush itself took {flushed - begin:.1f} s; processor: agent "
              f"{after[0] - before[0]:.1f} s, helper {after[1] - before[1]:.1f} s" + heard(world, others))


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
            flush(table, world, f"{bans:,} bans")
