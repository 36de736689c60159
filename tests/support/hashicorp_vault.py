"""A real HashiCorp Vault server for tests: its own Go module, served by tests/integration/vault/go_server, which is built on the
first use (some 400 modules are fetched; several minutes of two processors) into a folder outside of the source.

    python3 hashicorp_vault.py      # builds it; ends with 77 ("skipped") where no Go is new enough or its modules cannot be had

The class is used like OpenBao. What differs: audit devices are enabled by the API, there are no namespaces, and the audit
devices are of the types file and socket."""
import pathlib
import sys
import tempfile

import go_program
from go_program import SKIPPED, NotHere
from openbao import OpenBao, free_port, make_certificates

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "integration/vault/go_server"


def binary():
    """The path of the server program."""
    return go_program.build("HashiCorp Vault", SOURCE, "vault")


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
