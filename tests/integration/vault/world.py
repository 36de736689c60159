"""One host beside a real OpenBao or HashiCorp Vault: its configuration, its commands, its agent. Nothing of it needs root: no
firewall. VAULT_PRODUCT says which of the two servers `Server` is."""
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from openbao import OpenBao, Proxy, Refused, free_port  # noqa: E402,F401
import go_program  # noqa: E402
import hashicorp_vault  # noqa: E402

Server = OpenBao
if os.environ.get("VAULT_PRODUCT") == "vault":
    go_program.or_skip(hashicorp_vault.binary)
    Server = hashicorp_vault.Vault

WARDER = os.environ["WARDER"]
SOURCE = pathlib.Path(os.environ["WARDER_SOURCE"])
READER = ('path "secret/data/warder/*" { capabilities = ["read"] }\n'
          'path "secret/metadata/warder/*" { capabilities = ["read", "list"] }\n')


class Host:
    def __init__(self, vault="", name="web-1"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-vault-"))
        (self.folder / "state").mkdir()
        (self.folder / "auth.log").write_text("")
        self.agent = None
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        self.configure(vault, name)

    def configure(self, vault, name="web-1", jails=""):
        """`jails`: the text of jail.local, over the jails that ship."""
        if jails:
            (self.folder / "jail.local").write_text(jails)
        (self.folder / "warder.conf").write_text(
            f"[agent]\nname = {name}\nstate = {self.folder}/state\nfilters = {SOURCE}/filters\njails = {SOURCE}/jails\n  {self.folder}/jail\n"
            f"[api]\nsocket = {self.folder}/socket\n[store]\npath = {self.folder}/state/warder.db\n"
            f"[firewall]\nbackend = none\n[vault]\nkey_file = {self.folder}/vault.key\n"
            f"path = {self.folder}/vault.sealed\ncopies = {self.folder}/copies\n{vault}\n")

    def secret_file(self, name, text):
        path = self.folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return path

    def run(self, *words, stdin="", status=0, environment=None, output=None):
        """Standard output of a command that must end with `status`; with another one than 0 standard error, unless `output` says
        "stdout"."""
        done = subprocess.run([WARDER, "--config", self.folder / "warder.conf", *words], input=stdin, text=True,
                              capture_output=True, timeout=120, env={**self.environment, **(environment or {})})
        if done.returncode != status:
            raise AssertionError(f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stderr if status and output != "stdout" else done.stdout

    def json(self, *words, **how):
        return json.loads(self.run("--json", *words, **how))

    def start(self, environment=None):
        self.log = open(self.folder / "agent.log", "ab")
        self.agent = subprocess.Popen([WARDER, "--config", self.folder / "warder.conf", "run"], stdout=self.log,
                                      stderr=self.log, env={**self.environment, **(environment or {})})
        self.until(lambda: self.status(), "the agent answers")

    def status(self):
        return self.json("status")

    def jails(self):
        return {jail["name"]: jail for jail in self.status()["jails"]}

    def events(self, kind):
        return [event["message"] for event in (json.loads(line) for line in
                self.run("--json", "events", "--kind", kind).splitlines())]

    def until(self, condition, what, limit=60):
        """Waits for a condition that another process brings about; the limit only ends a hopeless wait."""
        end = time.monotonic() + limit
        last = None
        while time.monotonic() < end:
            try:
                last = condition()
                if last:
                    return last
            except AssertionError as error:
                last = error
            if self.agent is not None and self.agent.poll() is not None:
                break
            time.sleep(0.02)
        log = self.folder / "agent.log"
        raise AssertionError(f"never: {what}\nlast: {last}\n" + (log.read_text()[-3000:] if log.exists() else ""))

    def stop(self, how=signal.SIGTERM):
        self.agent.send_signal(how)
        self.agent.wait(timeout=60)
        self.agent = None
        with open(self.folder / "state/lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a program that was just being started may hold it for a moment
        self.log.close()

    def close(self):
        if self.agent is not None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def everything_written(folder):
    """The bytes of all files below a folder, with their names."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()
