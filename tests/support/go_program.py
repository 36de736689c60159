"""Server programs that tests build of Go modules, on the first use, into a folder outside of the source. The folder of the
source holds go.mod and go.sum, so that every module is the one its sum says, and main.go where a program is one of our own."""
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

from server_process import cache_folder

SKIPPED = 77
NO_NETWORK = r"dial tcp|no such host|proxyconnect|connection (refused|reset)|i/o timeout|TLS handshake|50\d "


class NotHere(Exception):
    """The program cannot be built on this machine; says why."""


def go(what, source):
    """The path of a `go` as new as go.mod asks for."""
    needed = tuple(int(n) for n in re.search(r"^go (\d+)\.(\d+)", (source / "go.mod").read_text(), re.M).groups())
    places = [os.environ.get("WARDER_GO"), shutil.which("go"), "/usr/local/go/bin/go",
              *sorted(map(str, pathlib.Path("/usr/lib").glob("go-*/bin/go")), reverse=True)]
    seen = []
    for place in dict.fromkeys(places):
        if place and os.access(place, os.X_OK):
            said = subprocess.run([place, "version"], capture_output=True, text=True, check=True).stdout
            seen.append(f"{place}: {said.strip()}")
            if tuple(int(n) for n in re.search(r"go(\d+)\.(\d+)", said).groups()) >= needed:
                return place
    raise NotHere(f"building {what} takes Go {'.'.join(map(str, needed))} or newer on PATH, in /usr/local/go or named by "
                  f"WARDER_GO; found: {'; '.join(seen) or 'none'}")


def build(what, source, name, package="."):
    """The path of the program NAME_server; built on the first use, by one process at a time. `package`: what to build, where it is
    no program of ours but one of a module as it is."""
    compiler = go(what, source)
    text = "".join(file.read_text() for file in sorted([source / "go.mod", source / "go.sum", *source.glob("*.go")]))
    text += subprocess.run([compiler, "version"], capture_output=True, text=True, check=True).stdout
    text += "" if package == "." else package
    folder = cache_folder() / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"{name}_server"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            fetched = subprocess.run([compiler, "list", "-mod=readonly", "-deps", package], cwd=source, capture_output=True, text=True)
            if fetched.returncode and re.search(NO_NETWORK, fetched.stderr):
                raise NotHere(f"the modules of {what} cannot be fetched: {fetched.stderr.strip()[-500:]}")
            subprocess.run([compiler, "build", "-mod=readonly", "-ldflags=-s -w", "-o", f"{program}.new", package],
                           cwd=source, check=True)
            os.rename(f"{program}.new", program)
    return program


def or_skip(binary):
    """What `binary` gives; ends the test as skipped where the program cannot be had."""
    try:
        return binary()
    except NotHere as error:
        print(f"SKIPPED: {error}", file=sys.stderr)
        sys.exit(SKIPPED)
