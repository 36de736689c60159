"""A real HashiCorp Vault server for tests: its own Go module, served by tests/integration/vault/go_server, which is built on the
first use (some 400 modules are fetched; several minutes of two processors) into a folder outside of the source.

    python3 hashicorp_vault.py      # builds it; ends with 77 ("skipped") where no Go is new enough or its modules cannot be had

The class is used like OpenBao. What differs: audit devices are enabled by the API, there are no namespaces, and the audit
devices are of the types file and socket."""
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from openbao import OpenBao, cache_folder, free_port, make_certificates

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "integration/vault/go_server"
SKIPPED = 77
NO_NETWORK = r"dial tcp|no such host|proxyconnect|connection (refused|reset)|i/o timeout|TLS handshake|50\d "


class NotHere(Exception):
    """The server cannot be built on this machine; says why."""


def needed():
    """The version of Go that go.mod asks for, as numbers."""
    return tuple(int(n) for n in re.search(r"^go (\d+)\.(\d+)", (SOURCE / "go.mod").read_text(), re.M).groups())


def go():
    """The path of a new enough `go`."""
    places = [os.environ.get("WARDER_GO"), shutil.which("go"), "/usr/local/go/bin/go",
              *sorted(map(str, pathlib.Path("/usr/lib").glob("go-*/bin/go")), reverse=True)]
    seen = []
    for place in dict.fromkeys(places):
        if place and os.access(place, os.X_OK):
            said = subprocess.run([place, "version"], capture_output=True, text=True, check=True).stdout
            seen.append(f"{place}: {said.strip()}")
            if tuple(int(n) for n in re.search(r"go(\d+)\.(\d+)", said).groups()) >= needed():
                return place
    raise NotHere(f"building HashiCorp Vault takes Go {'.'.join(map(str, needed()))} or newer on PATH, in /usr/local/go or named by "
               f"WARDER_GO; found: {'; '.join(seen) or 'none'}")


def binary():
    """The path of the server program; built on the first use, by one process at a time."""
    compiler = go()
    text = "".join((SOURCE / name).read_text() for name in ("go.mod", "go.sum", "main.go"))
    text += subprocess.run([compiler, "version"], capture_output=True, text=True, check=True).stdout
    folder = cache_folder() / f"vault-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "vault_server"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            fetched = subprocess.run([compiler, "list", "-mod=readonly", "-deps", "."], cwd=SOURCE, capture_output=True, text=True)
            if fetched.returncode and re.search(NO_NETWORK, fetched.stderr):
                raise NotHere(f"the modules of HashiCorp Vault cannot be fetched: {fetched.stderr.strip()[-500:]}")
            subprocess.run([compiler, "build", "-mod=readonly", "-ldflags=-s -w", "-o", f"{program}.new", "."],
                           cwd=SOURCE, check=True)
            os.rename(f"{program}.new", program)
    return program


class Vault(OpenBao):
    product = "vault"

    def __init__(self, tls=False, initialise=True, audit=True, devices=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-hashicorp-"))
        (self.folder / "data").mkdir()
        self.tls = tls
        self.port = free_port()
        self.cluster_port = free_port()
        self.audit_log = self.folder / "audit.log"
        self.process = None
        self.token = None
        self.keys = []
        if tls:
            make_certificates(self.folder)
        self.set_up(initialise)
        if initialise and audit:
            self.call("POST", "sys/audit/file", {"type": "file", "options": {"file_path": str(self.audit_log)}})
        for number, (kind, options) in enumerate(devices):
            self.call("POST", f"sys/audit/{kind}-{number}", {"type": kind, "options": options})

    def command(self):
        words = [binary(), "--listen", f"127.0.0.1:{self.port}", "--cluster", f"127.0.0.1:{self.cluster_port}",
                 "--data", self.folder / "data"]
        if self.tls:
            words += ["--certificate", self.folder / "server.pem", "--key", self.folder / "server.key",
                      "--authority", self.folder / "ca.pem"]
        return words


def main():
    try:
        print(f"HashiCorp Vault: {binary()}")
    except NotHere as error:
        print(f"SKIPPED: no test against HashiCorp Vault is run: {error}", file=sys.stderr)
        sys.exit(SKIPPED)


if __name__ == "__main__":
    main()
