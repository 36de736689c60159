"""All stock filters of the installed fail2ban on its own sample logs, repeated, and 100 filters on one
log: bench_stock_filters beside fail2ban, in one run on one machine. Prints a table; judges nothing.

    python3 tests/bench/fail2ban/stock_filters.py build/release/tests/bench/fail2ban/bench_stock_filters
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

FILTERS = pathlib.Path("/etc/fail2ban/filter.d")
HERE = pathlib.Path(__file__).parent


def sample_logs():
    files = subprocess.run(["dpkg", "-L", "fail2ban"], capture_output=True, text=True,
                           check=True).stdout.split("\n")
    return pathlib.Path(next(file for file in files if file.endswith("/tests/files/logs")))


def repeated(source, count):
    lines = [line for path in source for line in
             path.read_text(encoding="utf-8", errors="replace").splitlines()
             if line and not line.startswith("#")]
    return "".join(lines[i % len(lines)] + "\n" for i in range(count)) if lines else ""


def measure(command, listing):
    done = subprocess.run(command, input=listing, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}


def main():
    words = argparse.ArgumentParser()
    words.add_argument("program")
    words.add_argument("--lines", type=int, default=2000, help="of each filter's log")
    words.add_argument("--together", type=int, default=1000, help="of the log for 100 filters")
    words.add_argument("--times", type=int, default=10, help="as many lines more for warder")
    given = words.parse_args()
    logs = sample_logs()
    names = sorted(path.stem for path in FILTERS.glob("*.conf") if (logs / path.stem).is_file())
    with tempfile.TemporaryDirectory() as folder:
        listing = {1: "", given.times: ""}
        for times in listing:
            for name in names:
                text = repeated([logs / name], given.lines * times)
                if text:
                    path = pathlib.Path(folder, f"{name}.{times}")
                    path.write_text(text)
                    listing[times] += f"each {name} {path}\n"
            path = pathlib.Path(folder, f"together.{times}")
            path.write_text(repeated([logs / "sshd", logs / "postfix", logs / "dovecot",
                                      logs / "nginx-http-auth"], given.together * times))
            listing[times] += f"together {path}\n"
        ours = measure([given.program, str(FILTERS)], listing[given.times])
        # The interpreter of the package.
        theirs = measure(["/usr/bin/python3", str(HERE / "peer.py")], listing[1])

    def rate(one):
        return one["lines"] / max(one["seconds"], 1e-6)

    print(f"{'filter':28} {'warder':>12} {'fail2ban':>12} {'times':>7}   lines/s of processor time")
    factors = []
    for name in [one for one in ours if one in theirs]:
        factor = rate(ours[name]) / rate(theirs[name])
        if name != "together":
            factors.append(factor)
        title = "100 filters on one log" if name == "together" else name
        print(f"{title:28} {rate(ours[name]):12,.0f} {rate(theirs[name]):12,.0f} {factor:7.1f}")
    alone = [one for name, one in ours.items() if name != "together"]
    print(f"\n{len(factors)} filters: {min(factors):.1f} to {max(factors):.1f} times as fast, median "
          f"{statistics.median(factors):.1f}")
    print(f"lines/s over all filters: warder "
          f"{sum(o['lines'] for o in alone) / sum(o['seconds'] for o in alone):,.0f}, fail2ban "
          f"{sum(o['lines'] for n, o in theirs.items() if n != 'together') / sum(o['seconds'] for n, o in theirs.items() if n != 'together'):,.0f}")
    print(f"loading {len(alone)} filters: {sum(one['load_ms'] for one in alone):.1f} ms; joining them "
          f"as 100: {ours['together']['build_ms']:.1f} ms")


if __name__ == "__main__":
    main()
