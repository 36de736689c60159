"""A real HashiCorp Vault server for tests: its own Go module, served by tests/integration/vault/go_server, which is built on the
first use (some 400 modules are fetched; several minutes of two processors) into a folder outside of the source.

    python3 hashicorp_vault.py      # builds it; ends with 77 ("skipped") where no Go is new enough or its modules cannot be had

The class is used like OpenBao. What differs: audit devices are enabled by the API, there are no namespaces, and the audit
devices are of the types file and socket."""
import pathlib

import go_program
from openbao import OpenBao
from server_process import ServerProcess, free_port, make_certificates

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "integration/vault/go_server"


def binary():
    """The path of the server program."""
    return go_program.build("HashiCorp Vault", SOURCE, "vault")


class Vault(OpenBao):
    product = "vault"

    def __init__(self, tls=False, initialise=True, audit=True, devices=()):
        ServerProcess.__init__(self, "hashicorp")
        (self.folder / "data").mkdir()
        self.tls = tls
        self.cluster_port = free_port()
        self.audit_log = self.folder / "audit.log"
        self.token = None
        self.keys = []
        if tls:
            make_certificates(self.folder)
        self.set_up(initialise)
        if initialise and audit:
            self.call("POST", "sys/audit/file", {"type": "file", "options": {"file_path": str(self.audit_log)}})
        for number, (kind, options) in enumerate(devices):
            self.call("POST", f"sys/audit/{kind}-{number}", {"type": kind, "options": options})

    def add_audit_device(self, name, path, **options):
        self.call("POST", f"sys/audit/{name}", {"type": "file", "options": {"file_path": str(path), **options}})

    def remove_audit_device(self, name):
        self.call("DELETE", f"sys/audit/{name}")

    def command(self):
        words = [binary(), "--listen", f"127.0.0.1:{self.port}", "--cluster", f"127.0.0.1:{self.cluster_port}",
                 "--data", self.folder / "data"]
        if self.tls:
            words += ["--certificate", self.folder / "server.pem", "--key", self.folder / "server.key",
                      "--authority", self.folder / "ca.pem"]
        return words


if __name__ == "__main__":
    print(f"HashiCorp Vault: {go_program.or_skip(binary)}")
