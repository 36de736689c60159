"""What the tests of real programs share. The attacker comes from 127.0.0.9 and the user from 127.0.0.1,
so that whom a filter blames is known exactly. Needs root, to give the programs their users."""
import contextlib
import fcntl
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

WARDER = os.environ["WARDER"]
SOURCE = pathlib.Path(os.environ["WARDER_SOURCE"])
UNPACKED = pathlib.Path(os.environ["WARDER_UNPACKED"])
HERE = pathlib.Path(__file__).resolve().parent
ATTACKER = "127.0.0.9"
USER = "127.0.0.1"
VICTIM = "198.51.100.9"  # whom hostile texts speak of; nobody may be blamed for it
SECRET = "right horse"


def free_port():
    with socket.socket() as one:
        one.bind((USER, 0))
        return one.getsockname()[1]


def until(condition, what, limit=60.0):
    """Polls; the limit only ends a test that hangs."""
    end = time.monotonic() + limit
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit} s")
        time.sleep(0.02)
    return result


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection((USER, port), timeout=5):
        return True
    return False


def unpacked(*packages):
    """The files of Debian packages that cannot be installed side by side, or would take the place of
    what this machine runs. Fetched once, into the build's folder."""
    UNPACKED.mkdir(parents=True, exist_ok=True)
    folder = UNPACKED / packages[0]
    with open(UNPACKED / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        with tempfile.TemporaryDirectory(dir=UNPACKED) as temporary:
            fetch = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
            done = subprocess.run(fetch, cwd=temporary, capture_output=True, text=True)
            if done.returncode != 0:  # the lists may be older than what the servers have
                subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)
                subprocess.run(fetch, cwd=temporary, check=True, capture_output=True)
            tree = pathlib.Path(temporary) / "tree"
            for package in pathlib.Path(temporary).glob("*.deb"):
                subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
            # An owner's folder in front of /lib would hide where that leads.
            for name in ("lib", "bin", "sbin"):
                if (tree / name).is_dir():
                    shutil.copytree(tree / name, tree / "usr" / name, symlinks=True,
                                    dirs_exist_ok=True)
                    shutil.rmtree(tree / name)
            tree.chmod(0o755)
            tree.rename(folder)
    return folder


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-programs."))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = free_port()
        self.log = self.folder / "log"

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def run_program(self, *command, user=None, ready=None, kill=False):
        """Runs it in the foreground until the test ends."""
        output = open(self.folder / "output", "ab")
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output,
                                   stdin=subprocess.DEVNULL, start_new_session=True, user=user,
                                   group=user and pwd.getpwnam(user).pw_gid,
                                   extra_groups=[] if user else None, cwd=self.folder)

        def end():
            process.kill() if kill else process.terminate()
            process.wait()
            output.close()
        self.addCleanup(end)

        def up():
            if process.poll() is not None:
                raise AssertionError("it ended")
            return ready() if ready else answers(self.port)
        try:
            until(up, f"{command[0]} is up")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None
        return process

    def said(self):
        return "\n".join(path.read_text(errors="replace")
                         for path in (self.folder / "prepared", self.folder / "output", self.log)
                         if path.exists())

    def run_apart(self, folders, prepare, *command, ready=None):
        """Runs it with a root of its own, in front of which lie the folders of unpacked packages; for
        what writes to the system log or needs users and files at fixed places."""
        # unshare(1) itself takes no SIGTERM; when it is gone, so is all that it started.
        return self.run_program("unshare", "--mount", "--pid", "--fork", "--kill-child", HERE / "enter",
                                self.folder, " ".join(map(str, folders)), prepare, *command, ready=ready, kill=True)

    def run_syslog(self):
        """rsyslogd, with the form of Debian 12 in `log` and that of Debian 13 in `log.iso`."""
        configuration = self.write("rsyslog.conf", f"""
            module(load="imuxsock" SysSock.Use="off")
            input(type="imuxsock" Socket="{self.folder}/devlog")
            action(type="omfile" file="{self.log}" template="RSYSLOG_TraditionalFileFormat")
            action(type="omfile" file="{self.log}.iso" template="RSYSLOG_FileFormat")
            """)
        folder = unpacked("rsyslog", "libestr0", "libfastjson4", "liblognorm5")
        self.run_apart([folder], ":", "/usr/sbin/rsyslogd", "-n", "-f", configuration, "-i", "NONE",
                       ready=lambda: (self.folder / "devlog").exists())

    def judged(self, filter_name, log, *parameters):
        words = [word for one in parameters for word in ("-p", one)]
        done = subprocess.run([WARDER, "--json", "test", SOURCE / "filters" / f"{filter_name}.conf", log,
                               *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def blamed(self, filter_name, count, *parameters, log=None):
        """Whom the filter blames, once the log holds `count` findings; and that it holds no more. The
        other form of the log, where there is one, must say the same."""
        log = log or self.log

        def enough():
            if not log.exists():
                return None
            found = self.judged(filter_name, log, *parameters)
            return found if found["findings"] >= count else None
        try:
            found = until(enough, f"{count} findings", 20)
        except AssertionError as error:
            text = log.read_text(errors="replace") if log.exists() else "no log"
            raise AssertionError(f"{error} of {filter_name} {parameters} in\n{text}") from None
        result = {one["address"]: one["findings"] for one in found["most_blamed"]}
        other = log.with_name(log.name + ".iso")
        if other.exists():
            again = self.judged(filter_name, other, *parameters)
            self.assertEqual({one["address"]: one["findings"] for one in again["most_blamed"]}, result)
        return result
