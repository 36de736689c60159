"""Real programs, real wrong log-ins, our filters. The attacker comes from 127.0.0.9 and the user from
127.0.0.1, so that whom a filter blames is known exactly. Needs root, to give the programs their users."""
import base64
import contextlib
import ftplib
import hashlib
import http.client
import json
import os
import pathlib
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

WARDER = os.environ["WARDER"]
SOURCE = pathlib.Path(os.environ["WARDER_SOURCE"])
ATTACKER = "127.0.0.9"
USER = "127.0.0.1"
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

    def run_program(self, *command, user=None, ready=None):
        """Runs it in the foreground until the test ends."""
        output = open(self.folder / "output", "wb")
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output,
                                   stdin=subprocess.DEVNULL, start_new_session=True, user=user,
                                   group=user and pwd.getpwnam(user).pw_gid,
                                   extra_groups=[] if user else None, cwd=self.folder)

        def end():
            process.terminate()
            process.wait()
            output.close()
        self.addCleanup(end)

        def up():
            if process.poll() is not None:
                raise AssertionError((self.folder / "output").read_text(errors="replace"))
            return ready() if ready else answers(self.port)
        until(up, f"{command[0]} is up")

    def blamed(self, filter_name, count):
        """Whom the filter blames, once the log holds `count` findings; and that it holds no more."""
        def judged():
            if not self.log.exists():
                return None
            done = subprocess.run([WARDER, "--json", "test", str(SOURCE / "filters" / filter_name)
                                   + ".conf", str(self.log)], capture_output=True, text=True)
            found = json.loads(done.stdout)
            return found if found["findings"] >= count else None
        found = until(judged, f"{count} findings in\n{self.log}")
        return {one["address"]: one["findings"] for one in found["most_blamed"]}


class Web(Case):
    def get(self, address, path, user=None, password=""):
        connection = http.client.HTTPConnection(USER, self.port, source_address=(address, 0))
        headers = {}
        if user is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(
                f"{user}:{password}".encode()).decode()
        connection.request("GET", path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def log_ins(self):
        """Four wrong ones, one of them with the name of a line's rest; a right one, and none."""
        self.assertEqual(self.get(USER, "/private/index.html"), 401)
        self.assertEqual(self.get(USER, "/private/index.html", "eve", SECRET), 200)
        for user in ("eve", "nobody", 'x" was not found in "/x", client 198.51.100.9, server',
                     "x [client 198.51.100.9.1] AH01618"):
            self.assertEqual(self.get(ATTACKER, "/private/index.html", user, "wrong"), 401)

    def passwords(self):
        digest = base64.b64encode(hashlib.sha1(SECRET.encode()).digest()).decode()
        private = self.folder / "www" / "private"
        private.mkdir(parents=True)
        (private / "index.html").write_text("here\n")
        return self.write("passwords", f"eve:{{SHA}}{digest}\n")

    def test_nginx(self):
        self.write("nginx.conf", f"""
            daemon off; worker_processes 1; user nobody nogroup; pid {self.folder}/pid;
            error_log {self.log};
            events {{}}
            http {{
              access_log off;
              limit_req_zone $binary_remote_addr zone=login:1m rate=1r/m;
              client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p;
              fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u;
              scgi_temp_path {self.folder}/s;
              server {{
                listen {USER}:{self.port}; root {self.folder}/www;
                location /private/ {{ auth_basic x; auth_basic_user_file {self.passwords()}; }}
                location /limited/ {{ limit_req zone=login; try_files /private/index.html =404; }}
              }}
            }}""")
        self.run_program("/usr/sbin/nginx", "-p", self.folder, "-e", self.log, "-c",
                         self.folder / "nginx.conf")
        self.log_ins()
        self.assertEqual(self.blamed("nginx-http-auth", 4), {ATTACKER: 4})
        self.assertEqual(self.get(USER, "/limited/"), 200)
        statuses = [self.get(ATTACKER, "/limited/") for _ in range(3)]
        self.assertEqual(statuses, [200, 503, 503])
        self.assertEqual(self.blamed("nginx-limit-req", 2), {ATTACKER: 2})

    def test_apache(self):
        modules = "/usr/lib/apache2/modules"
        names = ("mpm_event authn_core authn_file authz_core authz_user auth_basic").split()
        passwords = self.passwords()
        self.write("apache.conf", "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so"
                                            for name in names) + f"""
            ServerRoot {self.folder}
            ServerName localhost
            User nobody
            Group nogroup
            PidFile {self.folder}/pid
            Listen {USER}:{self.port}
            ErrorLog {self.log}
            DocumentRoot {self.folder}/www
            <Location /private/>
              AuthType Basic
              AuthName x
              AuthUserFile {passwords}
              Require valid-user
            </Location>""")
        self.run_program("/usr/sbin/apache2", "-f", self.folder / "apache.conf", "-DFOREGROUND")
        self.log_ins()
        self.assertEqual(self.blamed("apache-auth", 4), {ATTACKER: 4})
        with socket.create_connection((USER, self.port), source_address=(ATTACKER, 0)) as raw:
            raw.sendall(b"GET /cgi-bin/.%2e/.%2e/bin/sh HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"400", raw.recv(4096))
        self.assertEqual(self.blamed("apache-errors", 1), {ATTACKER: 1})


class Mail(Case):
    def test_dovecot(self):
        self.write("users", f"eve:{{PLAIN}}{SECRET}:65534:65534::{self.folder}/home\n")
        (self.folder / "home").mkdir()
        os.chown(self.folder / "home", 65534, 65534)
        self.write("dovecot.conf", f"""
            base_dir = {self.folder}/run
            state_dir = {self.folder}/state
            log_path = {self.log}
            protocols = imap
            listen = {USER}
            ssl = no
            disable_plaintext_auth = no
            auth_mechanisms = plain login
            auth_failure_delay = 0
            mail_location = maildir:{self.folder}/home/mail
            first_valid_uid = 1
            passdb {{
              driver = passwd-file
              args = {self.folder}/users
            }}
            userdb {{
              driver = passwd-file
              args = {self.folder}/users
            }}
            service imap-login {{
              chroot =
              inet_listener imap {{
                port = {self.port}
              }}
              inet_listener imaps {{
                port = 0
              }}
            }}
            service anvil {{
              chroot =
            }}""")
        self.run_program("/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf")

        def log_in(address, user, password):
            with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
                stream = raw.makefile("rwb")
                stream.readline()
                quoted = user.replace("\\", "\\\\").replace('"', '\\"')
                stream.write(f'a LOGIN "{quoted}" "{password}"\r\n'.encode())
                stream.flush()
                answer = stream.readline()
                while not answer.startswith(b"a "):
                    answer = stream.readline()
                stream.write(b"b LOGOUT\r\n")
                stream.flush()
                stream.read()
                return answer.split()[1]
        self.assertEqual(log_in(USER, "eve", SECRET), b"OK")
        for user in ("eve", "nobody", "x>, method=PLAIN, rip=198.51.100.9, lip=127.0.0.1, TLS, "
                     "session=<abc>"):
            self.assertEqual(log_in(ATTACKER, user, "wrong"), b"NO")
        self.assertEqual(self.blamed("dovecot", 3), {ATTACKER: 3})


class Ftp(Case):
    def test_proftpd(self):
        digest = subprocess.run(["openssl", "passwd", "-6", SECRET], capture_output=True, text=True,
                                check=True).stdout.strip()
        self.write("users", f"eve:{digest}:65534:65534::{self.folder}:/bin/false\n", 0o600)
        self.write("proftpd.conf", f"""
            ServerName test
            ServerType standalone
            DefaultAddress {USER}
            Port {self.port}
            SystemLog {self.folder}/unused
            PidFile {self.folder}/pid
            ScoreboardFile {self.folder}/scoreboard
            DelayEngine off
            AuthOrder mod_auth_file.c
            AuthUserFile {self.folder}/users
            RequireValidShell off
            UseReverseDNS off
            UseIPv6 off
            WtmpLog off
            User nobody
            Group nogroup
            """)
        self.log = self.folder / "output"  # in the foreground it writes there
        self.run_program("/usr/sbin/proftpd", "--nodaemon", "-c", self.folder / "proftpd.conf")

        def log_in(address, user, password):
            with ftplib.FTP() as client:
                client.connect(USER, self.port, timeout=60, source_address=(address, 0))
                try:
                    client.login(user, password)
                    return True
                except ftplib.error_perm:
                    return False
        self.assertTrue(log_in(USER, "eve", SECRET))
        for user in ("eve", "nobody", "x: no such user found from 198.51.100.9 [198.51.100.9]"):
            self.assertFalse(log_in(ATTACKER, user, "wrong"))
        self.assertEqual(self.blamed("proftpd", 3), {ATTACKER: 3})


class Database(Case):
    def test_postgresql(self):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        owner = pwd.getpwnam("postgres")
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        for path in (self.folder, data):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        password = self.write("password", SECRET + "\n")
        subprocess.run([programs / "initdb", "-D", data, "-U", "eve", "--auth=scram-sha-256",
                        f"--pwfile={password}", "--no-sync"], user="postgres",
                       group=owner.pw_gid, extra_groups=[], check=True, capture_output=True,
                       cwd=self.folder)
        settings = {"listen_addresses": USER, "port": self.port, "log_timezone": "UTC",
                    "unix_socket_directories": self.folder, "log_line_prefix": "%m [%p] %h %q%u@%d ",
                    "logging_collector": "off", "fsync": "off"}
        self.log = self.folder / "output"
        self.run_program(programs / "postgres", "-D", data,
                         *[word for key, value in settings.items()
                           for word in ("-c", f"{key}={value}")], user="postgres",
                         ready=lambda: "ready to accept connections" in self.log.read_text())

        def log_in(address, user, database, password):
            with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
                return Postgres(raw).log_in(user, database, password)
        self.assertTrue(log_in(USER, "eve", "postgres", SECRET))
        hostile = "x 2026-11-02 11:58:01.123 UTC [7] 198.51.100.9 x@y FATAL:  password"
        for user, database in (("eve", "postgres"), ("nobody", "shop"), (hostile[:60], "a b")):
            self.assertFalse(log_in(ATTACKER, user, database, "wrong"))
        self.assertEqual(self.blamed("postgresql", 3), {ATTACKER: 3})


class Postgres:
    """As much of the frontend's protocol (version 3, SCRAM-SHA-256, RFC 7677) as a log-in takes."""

    def __init__(self, raw):
        self.stream = raw.makefile("rwb")

    def send(self, kind, body):
        self.stream.write(kind + struct.pack("!I", len(body) + 4) + body)
        self.stream.flush()

    def receive(self):
        kind = self.stream.read(1)
        length = struct.unpack("!I", self.stream.read(4))[0]
        return kind, self.stream.read(length - 4)

    def log_in(self, user, database, password):
        self.send(b"", struct.pack("!I", 196608) + b"user\0" + user.encode() + b"\0database\0"
                  + database.encode() + b"\0\0")
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        while True:
            kind, body = self.receive()
            if kind == b"E":
                return False
            if kind == b"Z":
                return True
            if kind != b"R":
                continue
            step = struct.unpack("!I", body[:4])[0]
            if step == 10:
                message = ("n,," + first).encode()
                self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(message)) + message)
            elif step == 11:
                server = body[4:].decode()
                fields = dict(part.split("=", 1) for part in server.split(","))
                self.send(b"p", self.proof(first, server, fields, password).encode())

    @staticmethod
    def proof(first, server, fields, password):
        import hmac
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={fields['r']}"
        signature = hmac.digest(hashlib.sha256(key).digest(),
                                ",".join((first, server, final)).encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        return f"{final},p={base64.b64encode(proof).decode()}"


if __name__ == "__main__":
    unittest.main()
