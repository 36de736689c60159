"""run.py WARDER [MEBIBYTES]: a backup of a generated Vaultwarden database by warder, by the shell pipe and by restic, in one run.

Figures are wall seconds, MB/s of the database's size, processor seconds and peak resident memory of the largest process. warder's
time is told with and without the trial restore, which the others do not do. Then the p99 of a writer's commits with and without a
backup beside it.
"""
import os
import pathlib
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration" / "backup"))
import vaultwarden_database  # noqa: E402


def measured(name, command, size, env=None):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(["/usr/bin/time", "-f", "PEAK %M", "sh", "-c", command], capture_output=True, text=True, env=env)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0, done.stdout + done.stderr
    peak = int(re.search(r"PEAK (\d+)", done.stderr)[1]) / 1024
    print(f"{name:<40} {wall:7.1f} s {size / wall / 1e6:7.1f} MB/s  {cpu:6.1f} s cpu  {peak:6.1f} MiB peak", flush=True)
    return done.stdout, wall


def p99(database, seconds):
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        connection.execute("INSERT INTO event VALUES(hex(randomblob(16)), 1, NULL, '2026-11-25', NULL)")
        times.append(time.monotonic() - began)
        time.sleep(0.001)
    connection.close()
    return sorted(times)[int(len(times) * 0.99)] * 1000, len(times)


def main():
    warder, mebibytes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
    folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-bench-"))
    try:
        database = folder / "db.sqlite3"
        vaultwarden_database.make(database, mebibytes)
        size = database.stat().st_size
        passphrase = folder / "pass"
        passphrase.write_text("a passphrase of the benchmark\n")
        passphrase.chmod(0o600)
        (folder / "state").mkdir()
        config = folder / "warder.conf"
        config.write_text(f"[agent]\nstate = {folder}/state\n[backup vw]\ndatabase = {database}\npassphrase = file:{passphrase}\n")
        print(f"{size / 1e6:.0f} MB, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        said, wall = measured("warder backup now (with trial restore)", f"{warder} --config {config} backup now", size)
        proof = float(re.search(r"restored for trial in\s+([\d.]+) s", said)[1])
        print(f"{'  of this without the trial':<40} {wall - proof:7.1f} s {size / (wall - proof) / 1e6:7.1f} MB/s")
        (file,) = (folder / "state/backups/vw").glob("*.gpg")
        print(f"{'  size':<40} {file.stat().st_size / 1e6:7.1f} MB")
        gpg = f"gpg --homedir {folder} --batch --pinentry-mode loopback --passphrase-file {passphrase}"
        measured("sqlite3 .backup | gzip | gpg", f"sqlite3 {database} '.backup {folder}/copy' && gzip -c {folder}/copy | "
                 f"{gpg} --symmetric --cipher-algo AES256 -o {folder}/pipe.gpg && rm {folder}/copy", size)
        print(f"{'  size':<40} {(folder / 'pipe.gpg').stat().st_size / 1e6:7.1f} MB")
        environment = os.environ | {"RESTIC_PASSWORD_FILE": str(passphrase), "RESTIC_REPOSITORY": f"{folder}/restic"}
        subprocess.run(["restic", "init", "-q"], check=True, env=environment)
        measured("sqlite3 .backup, restic", f"sqlite3 {database} '.backup {folder}/copy' && restic backup -q --no-cache {folder}/copy",
                 size, environment)
        measured("warder backup restore", f"{warder} --config {config} backup restore vw --to {folder}/restored", size)
        measured("gpg | gunzip", f"{gpg} -q -d {folder}/pipe.gpg | gunzip > {folder}/plain", size)
        alone, count = p99(database, 5)
        runner = threading.Thread(target=lambda: subprocess.run([warder, "--config", config, "backup", "now"], stdout=subprocess.DEVNULL))
        runner.start()
        beside, count_beside = p99(database, 5)
        runner.join()
        print(f"p99 of a commit: {alone:.2f} ms alone ({count}), {beside:.2f} ms beside a backup ({count_beside})")
    finally:
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
