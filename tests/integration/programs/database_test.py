"""Databases."""
import base64
import contextlib
import hashlib
import os
import pathlib
import pwd
import socket
import struct
import subprocess
import unittest

from case import ATTACKER, SECRET, USER, VICTIM, Case, until


class Database(Case):
    def test_postgresql(self):
        self.postgresql("%m [%p] %h ", 5)

    def test_postgresql_with_names_in_the_prefix(self):
        """Nothing is found, for a name with a line break makes a line there."""
        self.postgresql("%m [%p] %h %q%u@%d ", 0)
        self.assertRegex(self.log.read_text(), rf"(?m)^2026-11-02 11:58:01 UTC \[7\] {VICTIM} a@b FATAL")

    def test_postgresql_as_json(self):
        """Names with line breaks move nothing."""
        self.postgresql("", 5, "postgresql-json", logging_collector="on", log_destination="jsonlog",
                        log_directory=self.folder, log_filename="server.log")

    def postgresql(self, prefix, findings, log_filter="postgresql", **more):
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
                    "unix_socket_directories": self.folder, "log_line_prefix": prefix,
                    "logging_collector": "off", "fsync": "off", **more}
        self.log = self.folder / ("server.json" if more else "output")
        self.run_program(programs / "postgres", "-D", data,
                         *[word for key, value in settings.items()
                           for word in ("-c", f"{key}={value}")], user="postgres",
                         ready=lambda: self.log.exists() and "ready to accept connections" in self.log.read_text())

        def log_in(address, user, database, password):
            with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
                return Postgres(raw).log_in(user, database, password)
        self.assertTrue(log_in(USER, "eve", "postgres", SECRET))
        hostile = f"x 2026-11-02 11:58:01 UTC [7] {VICTIM} FATAL:  password"
        # Names that make a whole line together, and a message with one.
        broken = (f"x\n2026-11-02 11:58:01 UTC [7] {VICTIM} a",
                  'b FATAL:  password authentication failed for user "x"')
        for user, database in (("eve", "postgres"), ("nobody", "shop"), (hostile, "a b"), broken):
            self.assertFalse(log_in(ATTACKER, user, database, "wrong"))
        # Something else than its protocol.
        with socket.create_connection((USER, self.port), source_address=(ATTACKER, 0)) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            raw.recv(1)
        until(lambda: self.log.read_text().count("no pg_hba.conf entry") >= 4, "four in the log")
        until(lambda: "invalid length of startup packet" in self.log.read_text(), "the fifth in the log")
        self.assertEqual(self.blamed(log_filter, findings), {ATTACKER: findings} if findings else {})

    def test_mariadb(self):
        owner = pwd.getpwnam("nobody")
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        self.log = self.folder / "error.log"  # a name without an ending would be given one
        self.log.touch()
        for path in (self.folder, data, self.log):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        started = self.write("start.sql", f"CREATE USER eve@'%' IDENTIFIED BY '{SECRET}';\n")
        server = ("/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", "--user=nobody")
        tables = "".join((pathlib.Path("/usr/share/mysql") / name).read_text() for name in (
            "mysql_system_tables.sql", "mysql_performance_tables.sql",
            "mysql_system_tables_data.sql"))
        subprocess.run([*server, "--bootstrap"], input=f"CREATE DATABASE mysql;\nUSE mysql;\n{tables}",
                       text=True, check=True, capture_output=True, cwd=self.folder)
        self.run_program(*server, f"--bind-address={USER}", f"--port={self.port}", f"--socket={self.folder}/s",
                         f"--pid-file={self.folder}/pid", f"--log-error={self.log}",
                         f"--init-file={started}", "--skip-name-resolve",
                         ready=lambda: "ready for connections" in self.log.read_text())

        def log_in(address, user, password):
            with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
                return mariadb_log_in(raw, user, password)
        self.assertTrue(log_in(USER, "eve", SECRET))
        quoted = f"x'@'{VICTIM}' (using password: YES)"
        broken = f"x\n2026-11-02 11:58:01 7 [Warning] Access denied for user 'y'@'{VICTIM}' " \
                 "(using password: YES)\n"
        for user in ("eve", "nobody", quoted, broken):
            self.assertFalse(log_in(ATTACKER, user, "wrong"))
        self.assertFalse(log_in(ATTACKER, "eve", ""))
        # A name with a line break makes a line of its own, and of that nobody can tell whose it is.
        self.assertRegex(self.log.read_text(), rf"(?m)^2026-11-02 .*'{VICTIM}' \(using password: YES\)$")
        self.assertEqual(self.blamed("mariadb", 5, "forged-lines=accepted"), {ATTACKER: 4, VICTIM: 1})

    def test_redis(self):
        self.run_program("/usr/bin/redis-server", "--bind", USER, "--port", self.port, "--save", "",
                         "--protected-mode", "no",
                         "--logfile", self.log, "--dir", self.folder)

        def send(address, request):
            with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
                raw.sendall(request)
                with contextlib.suppress(ConnectionResetError):
                    return raw.recv(4096)
        self.assertEqual(send(USER, b"PING\r\n"), b"+PONG\r\n")
        send(ATTACKER, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        send(ATTACKER, f"GET / HTTP/1.1\r\nHost: {VICTIM}:1 aborted.\r\n\r\n".encode())
        until(lambda: "SECURITY ATTACK" in self.log.read_text(), "the attack in the log")
        # Debian 12's release (7.0) does not say who it was; 7.2 does.
        self.assertIn("Connection aborted.", self.log.read_text())
        self.assertEqual(self.blamed("redis", 0), {})


def mariadb_log_in(raw, user, password):
    """The client's half of protocol 10 with mysql_native_password."""
    stream = raw.makefile("rwb")

    def receive():
        head = stream.read(4)
        return head[3], stream.read(int.from_bytes(head[:3], "little"))

    def send(number, body):
        stream.write(len(body).to_bytes(3, "little") + bytes([number]) + body)
        stream.flush()

    def proof(salt):
        if not password:
            return b""
        once = hashlib.sha1(password.encode()).digest()
        mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
        return bytes(a ^ b for a, b in zip(once, mask))
    number, greeting = receive()
    rest = greeting[greeting.index(b"\0") + 1:]
    salt = rest[4:12] + rest[31:43]
    # Protocol 4.1, secure connection, names of methods.
    capabilities = 0x200 | 0x8000 | 0x80000
    answer = proof(salt)
    send(number + 1, struct.pack("<IIB23x", capabilities, 1 << 24, 45) + user.encode() + b"\0"
         + bytes([len(answer)]) + answer + b"mysql_native_password\0")
    number, body = receive()
    if body[:1] == b"\xfe":
        send(number + 1, proof(body[body.index(b"\0") + 1:-1]))
        number, body = receive()
    return body[:1] == b"\0"


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
