"""What the tests against the installed fail2ban share."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

WARDER = os.environ["WARDER"]


class Folder:
    """A folder of the test's own, removed at the end."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="warder-f2b."))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


def warder(*words, config=None, check=True):
    command = [WARDER]
    if config is not None:
        command += ["--config", str(config)]
    done = subprocess.run(command + [str(word) for word in words], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def report(directory, *words, config="/nonexistent/warder.conf"):
    return json.loads(warder("--json", "import-fail2ban", directory, *words, config=config).stdout)


def until(condition, what, limit=60.0):
    """Polls; the limit only ends a test that hangs."""
    end = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit} s")
        time.sleep(0.02)


def configuration(folder, state, directory):
    """A main configuration whose every path lies in the folder."""
    return f"""
[agent]
name = test.example
state = {folder.path}/{state}
jails = {folder.path}/jails
fail2ban_configuration = {directory}
[store]
path = {folder.path}/{state}/warder.db
[vault]
path = {folder.path}/{state}/vault.sealed
key_file = {folder.path}/{state}/vault.key
mark = {folder.path}/{state}/vault.mark
[firewall]
backend = none
"""


class Agent:
    """`warder run` that decides and bans nobody: the jails have no action of the kernel."""

    def __init__(self, folder, directory):
        self.folder = folder
        for name in ("state", "jails", "run"):
            (folder.path / name).mkdir(mode=0o700, exist_ok=True)
        self.config = folder.write("warder.conf", configuration(folder, "state", directory)
                                   + f"[api]\nsocket = {folder.path}/run/socket\n")

    def __enter__(self):
        self.output = open(self.folder.path / "agent.log", "w")
        self.process = subprocess.Popen([WARDER, "--config", str(self.config), "run"],
                                        stdout=self.output, stderr=self.output)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.output.close()

    def status(self):
        if self.process.poll() is not None:
            raise AssertionError((self.folder.path / "agent.log").read_text())
        done = warder("--json", "status", config=self.config, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def events(self, kind):
        # What the pipeline handed over may not be on disk yet; the caller polls.
        text = warder("--json", "events", "--kind", kind, "--limit", 100000, "--oldest-first",
                      config=self.config, check=False).stdout
        return [json.loads(line) for line in text.splitlines()]
