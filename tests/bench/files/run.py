"""Full scans of file integrity beside AIDE: the same trees, SHA-256 of everything, in the same run.

    WARDER=build/release/agent/warder python3 tests/bench/files/run.py [--large 2000] [--small 50000] [--times 3] [--folder DIR]

Both read from the page cache (each tree is read once before), so what is compared is the work of the programs, not of a
disk. Printed: seconds, processor seconds, MB and files a processor second, peak memory. AIDE is the package `aide`."""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("WARDER_SOURCE", pathlib.Path(__file__).resolve().parents[3]))
WARDER = pathlib.Path(os.environ["WARDER"]).resolve()


def make_tree(folder, count, size, seed):
    """`count` files of about `size` bytes, a hundred a folder, nothing that compresses or repeats."""
    chance = random.Random(seed)
    total = 0
    for number in range(count):
        path = folder / f"{number // 100:05}" / f"file{number:07}"
        path.parent.mkdir(parents=True, exist_ok=True)
        length = max(1, int(chance.expovariate(1 / size)))
        total += length
        path.write_bytes(chance.randbytes(length))
    return total


def measured(argv):
    """Seconds, processor seconds and peak memory in MB of a program; its status and output.

    The peak is VmHWM as it was last seen: ru_maxrss would count this program, which forks."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.DEVNULL)
        status_file = pathlib.Path(f"/proc/{process.pid}/status")
        peak = 0.0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid != 0:
                break
            lines = status_file.read_text()
            if "VmHWM:" in lines and lines.startswith(f"Name:\t{pathlib.Path(argv[0]).name[:15]}\n"):
                peak = max(peak, int(lines.split("VmHWM:")[1].split()[0]) / 1024)
            time.sleep(0.002)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        output.seek(0)
        return (seconds, usage.ru_utime + usage.ru_stime, peak, process.returncode, output.read())


class Agent:
    """Makes the baseline; the scans that are measured are `warder files check`, a process each."""

    def __init__(self, folder, tree):
        self.config = folder / "warder.conf"
        (folder / "state").mkdir()
        (folder / "jail.conf").write_text(
            f"[files tree]\nenabled = yes\npaths = {tree}\nbudget = 0\nwatch = no\nexpected = none\n"
            "every = 1d\nquick_every = 0s\n")
        self.config.write_text(
            f"[agent]\nname = bench.example\nstate = {folder}/state\nfilters = {SOURCE}/filters\n"
            f"jails = {folder}/jail\n[store]\npath = {folder}/state/warder.db\n"
            f"[vault]\npath = {folder}/none\nkey_file = {folder}/none.key\n"
            f"[firewall]\nbackend = none\n[api]\nsocket = {folder}/control.sock\n")
        self.process = subprocess.Popen([WARDER, "--config", self.config, "run"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        while self.rows()[0].get("baseline") is None:
            time.sleep(0.05)
        self.first = time.monotonic() - began
        # The thread in the agent, scanning: its peak over all that the agent does.
        self.run("files", "scan", "tree")
        before = self.rows()[0]["full"]
        while self.rows()[0]["full"] == before:
            time.sleep(0.05)
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        self.peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.stored = sum(path.stat().st_size for path in (folder / "state").glob("warder.db*"))

    def run(self, *words):
        return subprocess.run([WARDER, "--config", self.config, "--json", *words], capture_output=True,
                              text=True)

    def rows(self):
        done = self.run("files", "list")
        return json.loads(done.stdout)["files"] if done.returncode == 0 else [{}]

    def scan(self):
        *figures, status, output = measured([WARDER, "--config", self.config, "--json", "files", "check", "tree"])
        answer = json.loads(output)
        assert status == 0 and answer["good"], answer
        return figures

    def quick(self):
        *figures, status, _ = measured([WARDER, "--config", self.config, "--json", "files", "check", "tree", "--quick"])
        assert status == 0
        return figures


class Aide:
    def __init__(self, folder, tree):
        self.config = folder / "aide.conf"
        self.config.write_text(
            f"database_in=file:{folder}/aide.db\ndatabase_out=file:{folder}/aide.new\n"
            f"gzip_dbout=no\nR=ftype+p+l+u+g+s+sha256\n{tree} R\n")
        began = time.monotonic()
        done = subprocess.run(["aide", "--config", self.config, "--init"], stdout=subprocess.DEVNULL)
        self.first = time.monotonic() - began
        assert done.returncode == 0
        shutil.move(folder / "aide.new", folder / "aide.db")
        self.stored = (folder / "aide.db").stat().st_size

    def scan(self):
        *figures, status, _ = measured(["aide", "--config", self.config, "--check"])
        assert status == 0, "AIDE found changes"
        return figures


def report(name, scans, files, megabytes):
    wall, processor = (min(one[i] for one in scans) for i in range(2))
    peak = max(one[2] for one in scans)
    print(f"  {name:22} {wall:8.2f} s  {processor:8.2f} processor s  {megabytes / processor:8.0f} MB/s"
          f"  {files / processor:9.0f} files/s  {peak:7.1f} MB", flush=True)
    return processor


def compare(name, count, size, options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-bench-", dir=options.folder))
    try:
        tree = folder / "tree"
        tree.mkdir()
        megabytes = make_tree(tree, count, size, 1) / 1e6
        files = count + (count + 99) // 100 + 1
        print(f"{name}: {count} files, {megabytes:.0f} MB; a processor second, least of {options.times}")
        ours = Agent(folder, tree)
        peer = Aide(folder, tree) if shutil.which("aide") else None
        scans = {"warder": [], "quick": [], "aide": []}
        for _ in range(options.times):
            scans["warder"].append(ours.scan())
            scans["quick"].append(ours.quick())
            if peer:
                scans["aide"].append(peer.scan())
        mine = report("warder, full", scans["warder"], files, megabytes)
        report("warder, quick", scans["quick"], files, megabytes)
        if peer:
            other = report("AIDE", scans["aide"], files, megabytes)
            print(f"  AIDE takes {other / mine:.2f} times the processor time; baseline made in {ours.first:.1f} s "
                  f"and {peer.first:.1f} s, {ours.stored / 1e6:.1f} and {peer.stored / 1e6:.1f} MB stored")
        else:
            print("  AIDE is not installed (apt-get install aide): nothing to compare with")
        print(f"  the whole agent while it scans: at most {ours.peak:.1f} MB")
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=2000, help="files of 500 KB")
    parser.add_argument("--small", type=int, default=50_000, help="files of 4 KB")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where the trees are made")
    options = parser.parse_args()
    compare("large files", options.large, 500_000, options)
    compare("small files", options.small, 4_000, options)


if __name__ == "__main__":
    sys.exit(main())
