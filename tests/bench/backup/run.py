"""run.py WARDER [MEBIBYTES] [--only PART...]: backups of a generated Vaultwarden database by warder and by others, in one run.

The others: the shell pipe, vaultwarden-backup's way (sqlite3 .backup and 7z -tzip -mx=9, as its backup.sh says) and restic. Figures
are wall seconds, MB/s of the database's size, processor seconds and the peak resident memory of the largest process. warder's time
is told with and without the trial restore, which the others do not do. What was restored is compared row by row and byte by byte,
and the run fails when anything differs. Last the p99 of a writer's commits, alone and beside a backup.

In the part load a writer commits without a pause but for a millisecond while the backup is made, the newest is verified, and what
is restored must have its commits up to one and none after, and every other row.

Parts: warder, pipe, zip, restic, dump, writer, load; all of them by default. TMPDIR says where; five times the size is needed.
"""
import argparse
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

PARTS = ["warder", "pipe", "zip", "restic", "dump", "writer", "load"]


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


def stored(path):
    print(f"{'  size':<40} {path.stat().st_size / 1e6:7.1f} MB", flush=True)


def compare(database, other, bytes_too):
    """Every row of every table, by its rowid, each value with its type; then the files themselves."""
    began = time.monotonic()
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.execute("ATTACH ? AS other", (f"file:{other}?mode=ro",))
    schema = "SELECT type, name, tbl_name, sql FROM {}.sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1, 2"
    ours = connection.execute(schema.format("main")).fetchall()
    assert ours == connection.execute(schema.format("other")).fetchall(), "the schemas differ"
    rows = 0
    for table in (name for kind, name, _, _ in ours if kind == "table"):
        counts = [connection.execute(f'SELECT count(*) FROM {which}."{table}"').fetchone()[0] for which in ("main", "other")]
        columns = [r[1] for r in connection.execute(f'PRAGMA main.table_info("{table}")')]
        same = " AND ".join(f'a."{c}" IS b."{c}" AND typeof(a."{c}") = typeof(b."{c}")' for c in columns)
        (equal,) = connection.execute(
            f'SELECT count(*) FROM main."{table}" a CROSS JOIN other."{table}" b ON a.rowid = b.rowid WHERE {same}').fetchone()
        assert counts == [equal, equal], f"{table}: {counts[0]} rows, {counts[1]} restored, {equal} equal"
        rows += equal
    connection.close()
    told = f"{rows} rows equal"
    if bytes_too:
        # Of the header, the change counter (24-27), the schema cookie (40-43) and who counted (92-99) are those of the copy.
        done = subprocess.run(["cmp", "-l", str(database), str(other)], capture_output=True, text=True)
        differing = {int(line.split()[0]) - 1 for line in done.stdout.splitlines()}
        assert differing <= set(range(24, 28)) | set(range(40, 44)) | set(range(92, 100)), sorted(differing)[:10]
        told += ", and byte by byte but for the header's counters"
    print(f"{'  compared':<40} {time.monotonic() - began:7.1f} s: {told}", flush=True)


def commits(database, until):
    """The times of a writer's commits, one about every millisecond, until it is told to end; in milliseconds."""
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    connection.execute("PRAGMA synchronous=NORMAL")
    times = []
    while not until():
        began = time.monotonic()
        connection.execute("INSERT INTO event VALUES(hex(randomblob(16)), 1, NULL, '2026-11-25', NULL)")
        times.append((time.monotonic() - began) * 1000)
        time.sleep(0.001)
    connection.close()
    return sorted(times)


class Writer(threading.Thread):
    """Commits numbered rows until it is told to end; `count` of them are there for certain."""

    def __init__(self, database):
        super().__init__()
        self.database, self.count, self.ending = database, 0, threading.Event()

    def run(self):
        connection = sqlite3.connect(self.database, timeout=60, isolation_level=None)
        connection.execute("PRAGMA synchronous=NORMAL")
        while not self.ending.is_set():
            connection.execute("INSERT INTO event VALUES(?, 1, NULL, '2026-11-25', NULL)", (f"w{self.count:015}",))
            self.count += 1
            time.sleep(0.001)
        connection.close()


def loaded(warder, config, database, restored, size):
    writer = Writer(database)
    writer.start()
    try:
        while writer.count == 0:
            time.sleep(0.01)
        before = writer.count
        measured("warder backup now, beside a writer", f"{warder} --config {config} backup now", size)
        after = writer.count
        measured("  warder backup verify, beside a writer", f"{warder} --config {config} backup verify", size)
    finally:
        writer.ending.set()
        writer.join()
    measured("  warder backup restore, checked", f"{warder} --config {config} backup restore vw --to {restored}", size)
    connection = sqlite3.connect(restored)
    numbers = [int(uuid[1:]) for (uuid,) in connection.execute("SELECT uuid FROM event WHERE uuid LIKE 'w%' ORDER BY rowid")]
    connection.close()
    assert numbers == list(range(len(numbers))), "a commit is missing"
    # What was committed before it began is in it, and nothing that was after it ended; one may have been on its way.
    assert before <= len(numbers) <= after + 1, (before, len(numbers), after)
    print(f"{'  of the writer':<40} {len(numbers)} commits in it, {before} before it began, {after} when it ended", flush=True)
    for path in (database, restored):
        connection = sqlite3.connect(path)
        connection.execute("DELETE FROM event WHERE uuid LIKE 'w%'")
        connection.commit()
        connection.close()
    compare(database, restored, bytes_too=False)
    restored.unlink()


def checks(database):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    connection.close()
    return ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] + [f"SELECT count(*) FROM [{name}]" for name in tables]


def p99(times):
    return times[int(len(times) * 0.99)]


def main():
    words = argparse.ArgumentParser()
    words.add_argument("warder")
    words.add_argument("mebibytes", type=int, nargs="?", default=500)
    words.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    words = words.parse_args()
    warder = os.path.abspath(words.warder)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-bench-"))
    try:
        database = folder / "db.sqlite3"
        vaultwarden_database.make(database, words.mebibytes)
        size = database.stat().st_size
        passphrase = folder / "pass"
        passphrase.write_text("a passphrase of the benchmark\n")
        passphrase.chmod(0o600)
        (folder / "state").mkdir()
        config = folder / "warder.conf"

        def configure(formats):
            config.write_text(f"[agent]\nstate = {folder}/state\n[backup vw]\ndatabase = {database}\nformats = {formats}\n"
                              f"passphrase = file:{passphrase}\n")
            shutil.rmtree(folder / "state/backups", ignore_errors=True)

        print(f"{size / 1e6:.0f} MB, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
        restored = folder / "restored"
        for part, formats, name in (("warder", "binary", ""), ("dump", "sql_dump", " of the SQL dump")):
            if part not in words.only:
                continue
            configure(formats)
            said, wall = measured(f"warder backup now{name}", f"{warder} --config {config} backup now", size)
            proof = float(re.search(r"restored for trial in\s+([\d.]+) s", said)[1])
            print(f"{'  of this without the trial':<40} {wall - proof:7.1f} s {size / (wall - proof) / 1e6:7.1f} MB/s", flush=True)
            (file,) = (folder / "state/backups/vw").glob("*.gpg")
            stored(file)
            measured("  warder backup restore, checked", f"{warder} --config {config} backup restore vw --to {restored}", size)
            compare(database, restored, bytes_too=part == "warder")
            restored.unlink()
        gpg = f"gpg --homedir {folder} --batch --pinentry-mode loopback --passphrase-file {passphrase}"
        copy = f"sqlite3 {database} '.backup {folder}/copy'"
        if "pipe" in words.only:
            measured("sqlite3 .backup | gzip | gpg",
                     f"{copy} && gzip -c {folder}/copy | {gpg} --symmetric --cipher-algo AES256 -o {folder}/pipe.gpg && rm {folder}/copy", size)
            stored(folder / "pipe.gpg")
            unpack = f"{gpg} -q -d {folder}/pipe.gpg | gunzip > {restored}"
            measured("  gpg -d | gunzip, unchecked", unpack, size)
            restored.unlink()
            # What warder's restore does besides: digests of both, SQLite's checks, every row counted, on disk at the end.
            measured("  the same, checked by sqlite3 and flushed",
                     f"sha256sum -b {folder}/pipe.gpg && {unpack} && sha256sum -b {restored} && "
                     f"sqlite3 {restored} \"{';'.join(checks(database))}\" && sync {restored}", size)
            restored.unlink()
            (folder / "pipe.gpg").unlink()
        if "restic" in words.only:
            environment = os.environ | {"RESTIC_PASSWORD_FILE": str(passphrase), "RESTIC_REPOSITORY": f"{folder}/restic"}
            subprocess.run(["restic", "init", "-q"], check=True, env=environment)
            measured("sqlite3 .backup, restic", f"{copy} && restic backup -q --no-cache {folder}/copy && rm {folder}/copy", size, environment)
            print(f"{'  size':<40} {sum(f.stat().st_size for f in (folder / 'restic').rglob('*') if f.is_file()) / 1e6:7.1f} MB")
            measured("  restic restore, unchecked", f"restic restore -q --no-cache latest --target {folder}/out", size, environment)
            shutil.rmtree(folder / "out")
            shutil.rmtree(folder / "restic")
        if "zip" in words.only:
            # Its image gives the passphrase to 7z in argv; nobody else is on this machine's benchmark.
            measured("sqlite3 .backup, 7z -tzip -mx=9",
                     f"{copy} && 7z a -tzip -mx=9 -p\"$(cat {passphrase})\" {folder}/copy.zip {folder}/copy > /dev/null && rm {folder}/copy", size)
            stored(folder / "copy.zip")
            measured("  7z x, unchecked", f"7z x -p\"$(cat {passphrase})\" -o{folder}/out {folder}/copy.zip > /dev/null", size)
            shutil.rmtree(folder / "out")
            (folder / "copy.zip").unlink()
        if "writer" in words.only:
            configure("binary")
            end = time.monotonic() + 10
            alone = commits(database, lambda: time.monotonic() > end)
            runner = threading.Thread(
                target=lambda: subprocess.run([warder, "--config", config, "backup", "now", "--full-speed"], stdout=subprocess.DEVNULL, check=True))
            runner.start()
            beside = commits(database, lambda: not runner.is_alive())
            runner.join()
            print(f"p99 of a commit: {p99(alone):.2f} ms alone ({len(alone)}), {p99(beside):.2f} ms beside a backup ({len(beside)}); "
                  f"longest {alone[-1]:.0f} and {beside[-1]:.0f} ms")
        if "load" in words.only:
            configure("binary")
            loaded(warder, config, database, restored, size)
    finally:
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
