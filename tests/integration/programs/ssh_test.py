"""OpenSSH's server with PAM and the system log: passwords, keys, names, connections that are given up."""
import contextlib
import os
import socket
import subprocess
import unittest

import paramiko

from case import ATTACKER, SECRET, USER, VICTIM, Case

PREPARE = """
mkdir -p /run/sshd
sed -i 's/pam_unix.so/& nodelay/' /etc/pam.d/common-auth
useradd --create-home --shell /bin/sh --password '{digest}' warder-eve
"""
# Names as an attacker writes them: copies of what sshd writes behind names, and breaks of a line. What
# follows a colon is taken off by sshd (a login style), so that no copy of a whole line can be a name.
HOSTILE = (f"x from {VICTIM} port 22 ssh2",
           f"x {VICTIM} port 22 [preauth]",
           f"x\nsshd[1] Failed password for root from {VICTIM} port 22 ssh2",
           f"x\r\x1b[2K\u2028 from {VICTIM} port 22 ssh2",
           f"Nov  2 11:58:01 web sshd[7]: Invalid user y from {VICTIM} port 22")


class Ssh(Case):
    def setUp(self):
        super().setUp()
        digest = subprocess.run(["openssl", "passwd", "-6", SECRET], capture_output=True, text=True,
                                check=True).stdout.strip()
        self.key("host")
        self.run_syslog()
        configuration = self.write("sshd_config", f"""
            ListenAddress {USER}:{self.port}
            HostKey {self.folder}/host
            PidFile none
            UsePAM yes
            PasswordAuthentication yes
            KbdInteractiveAuthentication yes
            PermitRootLogin no
            MaxAuthTries 2
            UseDNS no
            """)
        self.run_apart([], PREPARE.format(digest=digest), "/usr/sbin/sshd", "-D", "-f", configuration,
                       ready=lambda: self.log.exists() and "Server listening" in self.log.read_text())

    def key(self, name):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name],
                       check=True)
        return self.folder / name

    def log_in(self, address, user, password, *options):
        ask = self.write("ask", f"#!/bin/sh\necho '{password}'\n", 0o755)
        command = ["ssh", "-F", "none", "-p", str(self.port), "-l", user, "-o", f"BindAddress={address}",
                   *options, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                   "-o", "PreferredAuthentications=password", "-o", "IdentityFile=none",
                   "-o", "IdentityAgent=none", "-o", "NumberOfPasswordPrompts=1", USER, "true"]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "SSH_ASKPASS": str(ask),
                                   "SSH_ASKPASS_REQUIRE": "force"})
        if done.returncode != 0:
            self.assertRegex(done.stderr, "Permission denied|Too many|closed|Unable to negotiate")
        return done.returncode == 0

    def guess_as(self, user):
        """A wrong password for a name that ssh(1) would not send."""
        with (socket.create_connection((USER, self.port), source_address=(ATTACKER, 0)) as raw,
              paramiko.Transport(raw) as client):
            client.start_client(timeout=60)
            with self.assertRaises(paramiko.AuthenticationException):
                client.auth_password(user, "wrong", fallback=False)

    def test_passwords(self):
        self.assertTrue(self.log_in(USER, "warder-eve", SECRET))
        for user in ("warder-eve", "root", "nobody-there"):
            self.assertFalse(self.log_in(ATTACKER, user, "wrong"))
        for user in HOSTILE:
            self.guess_as(user)
        for mode in ("normal", "ddos", "aggressive"):
            self.assertEqual(self.blamed("sshd", 3 + len(HOSTILE), f"mode={mode}"),
                             {ATTACKER: 3 + len(HOSTILE)})

    def test_prompts(self):
        """keyboard-interactive, where PAM asks; three wrong answers in one connection are cut short."""
        asked = ("-o", "PreferredAuthentications=keyboard-interactive", "-o",
                 "NumberOfPasswordPrompts=3")
        self.assertTrue(self.log_in(USER, "warder-eve", SECRET, *asked))
        for user in ("warder-eve", HOSTILE[0]):
            self.assertFalse(self.log_in(ATTACKER, user, "wrong", *asked))
        # Two answers of each.
        self.assertEqual(self.blamed("sshd", 4), {ATTACKER: 4})

    def test_keys_that_are_refused(self):
        key = self.key("key")
        only = ("-o", f"IdentityFile={key}", "-o", "PreferredAuthentications=publickey")
        for user in ("warder-eve", "nobody-there"):
            self.assertFalse(self.log_in(ATTACKER, user, "", *only))
        # A key that is refused is a mistake of honest people too; a name that does not exist counts.
        self.assertEqual(self.blamed("sshd", 1), {ATTACKER: 1})
        self.assertEqual(self.blamed("sshd", 2, "mode=aggressive"), {ATTACKER: 2})

    def test_connections_that_are_no_log_ins(self):
        for said in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                     f"SSH-2.0-x from {VICTIM} port 22\r\n".encode() + b"\0" * 64,
                     f"Failed password for root from {VICTIM} port 22 ssh2\r\n".encode()):
            with socket.create_connection((USER, self.port), source_address=(ATTACKER, 0)) as raw:
                raw.sendall(said)
                raw.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    while raw.recv(4096):
                        pass
        self.assertFalse(self.log_in(ATTACKER, "root", "", "-o",
                                     "KexAlgorithms=diffie-hellman-group14-sha1"))
        self.assertEqual(self.blamed("sshd", 5, "mode=ddos"), {ATTACKER: 5})
        self.assertEqual(self.blamed("sshd", 0), {})


if __name__ == "__main__":
    unittest.main()
