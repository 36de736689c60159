#!/usr/bin/env python3
"""Figures of the whole agent: prints a table and judges nothing. Root, for the network namespaces.

  WARDER=build/release/agent/warder WARDER_SOURCE=. WARDER_BENCH_TOOLS=build/release/tests/bench \\
      python3 tests/bench/agent/run.py [throughput latency restart footprint] [--runs N] [--scale F]
"""
import argparse
import os
import pathlib
import tempfile

import footprint
import latency
import restart
import throughput
from bench_world import Table

GROUPS = ("throughput", "latency", "restart", "footprint")


def main():
    words = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all")
    words.add_argument("--runs", type=int, default=3, help="of which the median is shown")
    words.add_argument("--bans", type=int, default=120, help="for the latency")
    words.add_argument("--scale", type=float, default=1.0, help="of the logs' million lines")
    words.add_argument("--markdown", type=pathlib.Path, help="write the table there, too")
    chosen = words.parse_args()
    groups = chosen.groups or GROUPS
    if unknown := set(groups) - set(GROUPS):
        words.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    # The agent has core 0 where it is measured on one core; what asks it stays away from there.
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, everywhere - {throughput.AGENT_CORE} or everywhere)
    table = Table()
    if "footprint" in groups:
        footprint.start(table, max(chosen.runs, 5))
        footprint.watching(table)
    if "throughput" in groups:
        with tempfile.TemporaryDirectory(prefix="warder-bench-") as folder:
            path = pathlib.Path(folder)
            path.chmod(0o755)
            throughput.run(table, path, chosen.runs, chosen.scale)
    os.sched_setaffinity(0, everywhere)
    if "latency" in groups:
        latency.run(table, chosen.bans)
    if "restart" in groups:
        restart.run(table, (100_000, 1_000_000))
    if "footprint" in groups:
        footprint.with_much(table)
    if chosen.markdown:
        chosen.markdown.write_text(table.markdown() + "\n")


if __name__ == "__main__":
    main()
