"""A server program that a test starts on loopback, kills, and starts again where it was: its folder, its log, its port, its end."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path(os.environ.get("HOME") or "/root") / ".cache"
    return pathlib.Path(base) / "warder-tests"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificates(folder):
    """An authority and a server certificate for 127.0.0.1, by openssl(1)."""
    def run(*words):
        subprocess.run(["openssl", *words], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("server", "client"):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN=test {name}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:client.example\n"
                                            "extendedKeyUsage=serverAuth,clientAuth\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class ServerProcess:
    """A server that is ended by its process id when its block ends. One made of it says what it runs (`command`) and whether it
    answers (`answers`). Its port is the kernel's choice, once, so that it comes back where it was."""

    # What a question raises while the server is not there, beside what the operating system says.
    not_yet = ()

    def __init__(self, name):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"warder-{name}-"))
        self.port = free_port()
        self.process = None

    @property
    def ca(self):
        return self.folder / "ca.pem"

    def environment(self):
        return {"HOME": str(self.folder), "PATH": os.environ["PATH"]}

    def start(self):
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen([str(word) for word in self.command()], stdout=self.log, stderr=self.log, cwd=self.folder,
                                        env=self.environment())
        self.until(self.answers, "the server answers")

    def until(self, condition, what, limit=60):
        """Waits for a condition that the server brings about; the limit only ends a hopeless wait."""
        end = time.monotonic() + limit
        while True:
            try:
                value = condition()
                if value:
                    return value
            except (OSError, *self.not_yet):
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"never: {what}\n" + (self.folder / "server.log").read_text()[-3000:])
            time.sleep(0.02)

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()
        self.log.close()
        self.process = None

    def close(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
