"""in_venv.py PACKAGE==VERSION... -- SCRIPT [ARG...]

Runs a Python script with packages of the Python index, which are installed on the first use into a
folder outside of the source (one for each set of packages, by one process at a time).
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys


def interpreter(packages):
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path(os.environ.get("HOME") or "/root") / ".cache"
    name = hashlib.sha256(repr((sys.version, packages)).encode()).hexdigest()[:16]
    folder = pathlib.Path(base) / "warder-tests" / f"venv-{name}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run([folder / "bin/pip", "install", "--quiet",
                            "--disable-pip-version-check", *packages], check=True)
            (folder / "complete").touch()
    return folder / "bin/python"


def main(words):
    split = words.index("--")
    python = interpreter(words[:split])
    os.execv(python, [str(python), *words[split + 1:]])


if __name__ == "__main__":
    main(sys.argv[1:])
