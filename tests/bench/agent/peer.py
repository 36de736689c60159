"""fail2ban, as installed, with a configuration, socket and database of its own in a temporary folder."""
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

INSTALLED = pathlib.Path("/etc/fail2ban")


def is_there():
    return shutil.which("fail2ban-server") is not None and INSTALLED.exists()


class Fail2ban:
    def __init__(self, jail, prefix=(), filters=None):
        """`jail` is the text of jail.local; `prefix` is put before each command (ip netns exec …)."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-peer-"))
        shutil.copytree(INSTALLED, self.folder / "etc", dirs_exist_ok=True)
        shutil.rmtree(self.folder / "etc/jail.d")
        (self.folder / "etc/fail2ban.local").write_text(
            "[Definition]\nlogtarget = " + str(self.folder / "f2b.log") + "\nsyslogsocket = none\n"
            f"socket = {self.folder}/f2b.sock\npidfile = {self.folder}/f2b.pid\n"
            f"dbfile = {self.folder}/f2b.sqlite3\n")
        (self.folder / "etc/jail.local").write_text(jail)
        for name, text in (filters or {}).items():
            (self.folder / f"etc/filter.d/{name}.conf").write_text(text)
        self.prefix = list(prefix)
        self.process = subprocess.Popen(
            [*self.prefix, "fail2ban-server", "-c", str(self.folder / "etc"), "-s",
             str(self.folder / "f2b.sock"), "-p", str(self.folder / "f2b.pid"), "-f", "start"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, *words):
        done = subprocess.run(["fail2ban-client", "-s", str(self.folder / "f2b.sock"), *words],
                              capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def log(self):
        path = self.folder / "f2b.log"
        return path.read_text(errors="backslashreplace") if path.exists() else ""

    def wait(self, condition, limit=300.0, pause=0.05):
        """Seconds since the server was started when the condition came true."""
        end = time.monotonic() + limit
        while not condition(self):
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"fail2ban: never came\n{self.log()[-2000:]}")
            time.sleep(pause)
        return time.monotonic()

    def found(self, jail):
        for line in self.client("status", jail).splitlines():
            if "Total failed" in line:
                return int(line.split()[-1])
        return -1
