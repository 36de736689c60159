"""A small world for tests of the whole agent: hosts in network namespaces of their own, a real
Caddy, the agent without a capability, its firewall helper, and whatever receives its alerts.

Every process is ended by its id and every namespace removed when the world ends."""
import contextlib
import ctypes
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

WARDER = os.environ["WARDER"]
SOURCE = pathlib.Path(os.environ["WARDER_SOURCE"])
AGENT_UID = 65534  # nobody
HOST_FOR_ATTACKER = "198.51.100.1"
ATTACKER = "198.51.100.66"
HOST_FOR_VISITOR = "203.0.113.1"
VISITOR = "203.0.113.7"

CADDYFILE = """{
	admin off
	auto_https off
}
:80 {
	log {
		output file {$WORLD}/access.log
		format json
	}
	@signin {
		method POST
		path /identity/connect/token
	}
	respond @signin `{"ErrorModel":{"Message":"Username or password is incorrect. Try again","Object":"error"},"ExceptionMessage":null,"ExceptionStackTrace":null,"InnerExceptionMessage":null,"Message":"Username or password is incorrect. Try again","Object":"error","ValidationErrors":{"":["Username or password is incorrect. Try again"]},"error":"","error_description":""}` 400
	respond "vault" 200
}
"""


SSHD_JAIL = """
[sshd]
enabled = yes
backend = auto
journalmatch =
filter = sshd
logpath = {folder}/logs/auth.log
port = 22
maxretry = {maxretry}
findtime = 1d
bantime = 1h
"""


def until(condition, what, limit=60.0):
    """Waits for a condition that another process brings about; the limit only ends a hopeless wait."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.01)


def enter(namespace):
    """Moves the calling thread into a network namespace (setns(2))."""
    clone_newnet = 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/var/run/netns/{namespace}", "rb") as handle:
        if libc.setns(handle.fileno(), clone_newnet) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


class QuietServer(http.server.HTTPServer):
    def handle_error(self, *_):
        pass  # an agent that was killed does not wait for its answer


class Receiver:
    """Receives webhooks inside a network namespace (a thread that has entered it). A given port
    lets one come back where another was."""

    def __init__(self, namespace, port=0, status=204):
        self.bodies = []  # of the requests that were answered with success
        self.requests = 0
        self.status = status
        self.answering = threading.Event()  # cleared: requests are taken, answers held back
        self.answering.set()
        ready = threading.Event()

        def serve():
            enter(namespace)
            outer = self

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                    if outer.status < 300:
                        outer.bodies.append(json.loads(body))
                    outer.requests += 1
                    outer.answering.wait()
                    self.send_response(outer.status)
                    self.end_headers()

                def log_message(self, *_):
                    pass

            self.server = QuietServer(("127.0.0.1", port), Handler)
            ready.set()
            self.server.serve_forever()

        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()
        ready.wait()

    def messages(self):
        return [message for body in list(self.bodies) for message in body["messages"]]

    @property
    def port(self):
        return self.server.server_port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook/canary-webhook-token"

    def texts(self):
        return json.dumps(self.bodies)

    def close(self):
        self.answering.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class PlainAgent:
    """An agent of this user in a folder of its own, without firewall or network; events go to a file, too."""

    def __init__(self, name, under=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"warder-{name}-"))
        (self.folder / "state").mkdir()
        self.under = under  # words before the agent's own
        self.agent = None

    def configure(self, jails, store=""):
        (self.folder / "jail.conf").write_text(jails)
        (self.folder / "warder.conf").write_text(
            f"[agent]\nname = host.example\nstate = {self.folder}/state\n"
            f"filters = {SOURCE}/filters\njails = {self.folder}/jail\n"
            f"[store]\npath = {self.folder}/state/warder.db\n{store}\n"
            f"[vault]\npath = {self.folder}/none\nkey_file = {self.folder}/none.key\n"
            f"[firewall]\nbackend = none\n[api]\nsocket = {self.folder}/control.sock\n"
            f"[destination file]\nform = json-lines\npath = {self.folder}/events.jsonl\n")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.agent = subprocess.Popen([*self.under, WARDER, "--config", self.folder / "warder.conf", "run"],
                                          stdout=subprocess.DEVNULL, stderr=log)
        try:
            until(lambda: self.run("status").returncode == 0, "the agent answers")
        except AssertionError:
            print((self.folder / "log").read_text())
            self.end()
            raise

    def run(self, *words, stdin=None):
        return subprocess.run([WARDER, "--config", self.folder / "warder.conf", *words],
                              input=stdin, capture_output=True, text=True)

    def events(self, *words):
        done = self.run("--json", "events", *words)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def shipped(self):
        path = self.folder / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def stop(self, how=signal.SIGTERM):
        self.agent.send_signal(how)
        self.agent.wait()

    def end(self):
        if self.agent.poll() is None:
            self.stop()
        subprocess.run(["rm", "-rf", self.folder], check=True)


class World:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-world-"))
        self.folder.chmod(0o755)
        tag = f"{os.getpid()}-{id(self) % 9973}"
        self.host = f"warder-t-host-{tag}"
        self.attacker = f"warder-t-attacker-{tag}"
        self.visitor = f"warder-t-visitor-{tag}"
        self.processes = []
        self.said = []  # all that commands printed
        self.agent_groups = []
        self.connections = 1000  # process ids in written logs
        self.stack = contextlib.ExitStack()
        self.agent = None
        self.helper = None
        self.before_agent = []  # words before the agent's own: another scheduler, a preloaded library
        self.before_helper = []  # and before the helper's
        for name in ("state", "caddy", "run", "logs"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, AGENT_UID, -1)
        for namespace in (self.host, self.attacker, self.visitor):
            subprocess.run(["ip", "netns", "add", namespace], check=True)
            self.stack.callback(subprocess.run, ["ip", "netns", "del", namespace], check=False)
            subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
        self.wire(self.attacker, ATTACKER, HOST_FOR_ATTACKER, "to-attacker")
        self.wire(self.visitor, VISITOR, HOST_FOR_VISITOR, "to-visitor")
        self.write("jail.conf", "")
        self.configure()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.stack.close()
        shutil.rmtree(self.folder)

    def wire(self, namespace, peer, here, interface):
        for words in (
            ["-n", self.host, "link", "add", interface, "type", "veth", "peer", "name", "eth0",
             "netns", namespace],
            ["-n", self.host, "addr", "add", f"{here}/24", "dev", interface],
            ["-n", self.host, "link", "set", interface, "up"],
            ["-n", namespace, "addr", "add", f"{peer}/24", "dev", "eth0"],
            ["-n", namespace, "link", "set", "eth0", "up"],
            ["-n", namespace, "route", "add", "default", "via", here],
        ):
            subprocess.run(["ip", *words], check=True)

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def configure(self, extra=""):
        self.write("warder.conf", f"""
[agent]
name = test.example
state = {self.folder}/state
filters = {SOURCE}/filters
jails = {self.folder}/jail

[store]
path = {self.folder}/state/warder.db

[vault]
path = {self.folder}/state/vault.sealed
key_file = {self.folder}/state/vault.key
mark = {self.folder}/state/vault.mark

[firewall]
helper_socket = {self.folder}/run/firewall.sock

[api]
socket = {self.folder}/run/control.sock
{extra}
""")

    def as_agent(self, *words):
        groups = f"--groups={','.join(self.agent_groups)}" if self.agent_groups else "--clear-groups"
        return ["setpriv", "--reuid", str(AGENT_UID), "--regid", "nogroup", groups,
                "--bounding-set=-all", *words]

    def in_host(self, *words):
        return ["ip", "netns", "exec", self.host, *words]

    def start(self, words, log):
        with open(self.folder / log, "ab") as out:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.processes.append(process)
        return process

    # The agent.

    def warder(self, *words, check=True, stdin=None):
        done = subprocess.run(
            [WARDER, "--config", str(self.folder / "warder.conf"), *words],
            input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=60)
        self.said.append((words, done.stdout + done.stderr))
        if check and done.returncode != 0:
            raise AssertionError(f"warder {' '.join(words)}: {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}\n{self.log('agent.log')}")
        return done

    def ask(self, *words):
        return json.loads(self.warder("--json", *words).stdout)

    def events(self, *words):
        out = self.warder("--json", "events", "--limit", "1000000", "--oldest-first", *words).stdout
        return [json.loads(line) for line in out.splitlines()]

    def log(self, name):
        path = self.folder / name
        return path.read_text(errors="backslashreplace") if path.exists() else ""

    def make_vault(self):
        subprocess.run(self.as_agent(WARDER, "--config", str(self.folder / "warder.conf"), "vault",
                                     "setup"), check=True, stdout=subprocess.DEVNULL)

    def put(self, document, content):
        return self.warder("vault", "put", document, stdin=json.dumps(content))

    def start_helper(self):
        socket_path = self.folder / "run/firewall.sock"
        socket_path.unlink(missing_ok=True)
        self.helper = self.start(
            self.in_host("setpriv", "--reuid", str(AGENT_UID), "--regid", "nogroup",
                         "--clear-groups", "--inh-caps", "+net_admin", "--ambient-caps",
                         "+net_admin", "--bounding-set=-all,+net_admin", *self.before_helper, WARDER,
                         "--config", str(self.folder / "warder.conf"), "firewall-helper", "--client",
                         "nobody"), "helper.log")
        until(socket_path.exists, "the helper's socket")

    def start_agent(self, enforcing=True):
        self.agent = self.start(
            self.in_host(*self.as_agent(*self.before_agent, WARDER, "--config",
                                        str(self.folder / "warder.conf"), "run")), "agent.log")

        def up():
            if self.agent.poll() is not None:
                raise AssertionError(f"the agent ended:\n{self.log('agent.log')}")
            done = self.warder("--json", "status", check=False)
            return done.returncode == 0 and (
                not enforcing or json.loads(done.stdout)["firewall"]["state"] == "enforcing")

        until(up, "a running agent:\n" + self.log("agent.log"))

    def write_attacks(self, addresses, user="root"):
        """A failed login of each address, in the log that SSHD_JAIL watches."""
        with open(self.folder / "logs/auth.log", "ab") as out:
            for address in addresses:
                self.connections += 1
                date = time.strftime("%b %e %H:%M:%S", time.gmtime()).encode()
                name = user if isinstance(user, bytes) else user.encode()
                out.write(b"%s host sshd[%d]: Failed password for %s from %s port 4 ssh2\n" % (
                    date, self.connections, name, address.encode()))

    def watch_sshd(self, maxretry=1):
        self.write("jail.local", SSHD_JAIL.format(folder=self.folder, maxretry=maxretry))
        (self.folder / "logs/auth.log").touch()

    def destination(self, name):
        """What status says of a destination."""
        return [d for d in self.ask("status")["destinations"] if d["name"] == name][0]

    def stop_agent(self, how=signal.SIGTERM):
        self.agent.send_signal(how)
        self.agent.wait(30)
        return self.agent.returncode

    # The web server and its clients.

    def start_caddy(self):
        self.write("Caddyfile", CADDYFILE)
        self.start(
            self.in_host("setpriv", "--reuid", str(AGENT_UID), "--regid", "nogroup",
                         "--clear-groups", "--inh-caps", "+net_bind_service", "--ambient-caps",
                         "+net_bind_service", "env", f"HOME={self.folder}/caddy",
                         f"WORLD={self.folder}/caddy", "caddy", "run", "--config",
                         str(self.folder / "Caddyfile"), "--adapter", "caddyfile"), "caddy.log")
        until(lambda: self.get(self.visitor, HOST_FOR_VISITOR) == 200, "an answer of Caddy")

    def get(self, namespace, address, path="/", limit=2.0):
        """Status of a GET; 0 when refused, None when nothing came back in time."""
        return self.request(namespace, address,
                            f"GET {path} HTTP/1.1\r\nHost: vault\r\nConnection: close\r\n\r\n", limit)

    def sign_in(self, namespace, address, forged=None, limit=2.0):
        """Status of a sign-in with a wrong password, or None."""
        body = "grant_type=password&username=admin&password=wrong"
        header = f"X-Forwarded-For: {forged}\r\n" if forged else ""
        return self.request(
            namespace, address,
            f"POST /identity/connect/token HTTP/1.1\r\nHost: vault\r\nConnection: close\r\n{header}"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}", limit)

    def request(self, namespace, address, text, limit):
        with self.socket_in(namespace) as client:
            client.settimeout(limit)
            try:
                client.connect((address, 80))
                client.sendall(text.encode())
                answer = client.recv(65536)
            except TimeoutError:
                return None
            except ConnectionRefusedError:
                return 0
            return int(answer.split()[1]) if answer else None

    def socket_in(self, namespace, kind=socket.SOCK_STREAM):
        """A socket of another namespace: made by a thread that is in it for that long."""
        made = []

        def make():
            enter(namespace)
            made.append(socket.socket(socket.AF_INET, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]
