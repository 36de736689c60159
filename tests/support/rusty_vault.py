"""RustyVault for tests: a second implementation of the vault's API (its sources share nothing with HashiCorp's), of the crate
rusty_vault. Building it takes 300 crates and most of an hour, so no test does that: `rvault` is used where it is on PATH, where
WARDER_RVAULT names it, or where this put it:

    cargo install rusty_vault --version 0.2.1 --locked --root ~/.cache/warder-tests/rusty_vault-0.2.1

It serves KV 1, tokens, AppRole and userpass; it has no policies over its API, no sys/health, no sys/capabilities-self, no
sys/internal/ui/mounts and no renewal of a token by itself. Before it is initialised sys/seal-status is an error there."""
import os
import shutil

from go_program import NotHere
from openbao import OpenBao
from server_process import ServerProcess, cache_folder

VERSION = "0.2.1"


def binary():
    built = cache_folder() / f"rusty_vault-{VERSION}"
    for place in (os.environ.get("WARDER_RVAULT"), shutil.which("rvault"), built / "bin/rvault"):
        if place and os.access(place, os.X_OK):
            return place
    raise NotHere("no test against RustyVault is run: there is no `rvault` on PATH; to have one: "
                  f"cargo install rusty_vault --version {VERSION} --locked --root {built}")


class RustyVault(OpenBao):
    product = "rusty_vault"

    def __init__(self):
        ServerProcess.__init__(self, "rusty")
        self.tls = False
        self.token = None
        self.keys = []
        (self.folder / "rvault.hcl").write_text(
            f'storage "file" {{\n  path = "{self.folder}/data"\n}}\n'
            f'listener "tcp" {{\n  address = "127.0.0.1:{self.port}"\n  tls_disable = true\n}}\n'
            f'api_addr = "{self.url}"\nlog_level = "info"\nlog_format = "{{date}} {{req.path}}"\n'
            f'pid_file = "{self.folder}/pid"\nwork_dir = "{self.folder}"\ndaemon = false\n')
        try:
            self.start()
            made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            self.keys, self.token = made["keys"], made["root_token"]
            self.unseal()
        except BaseException:
            self.close()
            raise

    def command(self):
        return [binary(), "server", "--config", self.folder / "rvault.hcl"]

    def answers(self):
        return "initialized" in self.call("GET", "sys/init")

    def unseal(self):
        for key in self.keys:
            self.call("PUT", "sys/unseal", {"key": key})
        self.until(lambda: not self.call("GET", "sys/seal-status")["sealed"], "the server is unsealed")

    def seal(self):
        self.call("PUT", "sys/seal")
