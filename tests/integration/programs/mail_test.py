"""Mail servers: refused log-ins and refused mail."""
import base64
import os
import signal
import socket
import unittest

from case import ATTACKER, SECRET, USER, VICTIM, Case, answers, free_port, unpacked, until


class Mail(Case):
    def run_dovecot(self, sign_in):
        self.write("users", f"eve:{{PLAIN}}{SECRET}:65534:65534::{self.folder}/home\n")
        (self.folder / "home").mkdir()
        os.chown(self.folder / "home", 65534, 65534)
        self.write("dovecot.conf", f"""
            base_dir = {self.folder}/run
            state_dir = {self.folder}/state
            log_path = {self.folder}/dovecot.log
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
            service auth {{
              {sign_in}
            }}
            service imap-login {{
              chroot =
              inet_listener imap {{
                port = {self.imap_port}
              }}
              inet_listener imaps {{
                port = 0
              }}
            }}
            service anvil {{
              chroot =
              unix_listener anvil-auth-penalty {{
                mode = 0
              }}
            }}""")
        self.dovecot = self.run_program("/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf",
                         ready=lambda: answers(self.imap_port))

    def setUp(self):
        super().setUp()
        self.imap_port = free_port()

    def test_dovecot(self):
        self.log = self.folder / "dovecot.log"
        self.run_dovecot("")

        def log_in(address, user, password):
            with socket.create_connection((USER, self.imap_port),
                                          source_address=(address, 0)) as raw:
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
        for user in ("eve", "nobody", f"x>, method=PLAIN, rip={VICTIM}, lip=127.0.0.1, TLS, "
                     "session=<abc>"):
            self.assertEqual(log_in(ATTACKER, user, "wrong"), b"NO")
        self.assertEqual(self.blamed("dovecot", 3), {ATTACKER: 3})

    def send(self, address, *commands, helo="client.example.com"):
        """The answers' codes to the commands, EHLO and QUIT left out."""
        codes = []
        with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
            stream = raw.makefile("rwb")

            def answer():
                while (line := stream.readline())[3:4] == b"-":
                    pass
                return int(line[:3] or 0)
            answer()
            for command in (f"EHLO {helo}", *commands, "QUIT"):
                stream.write(command.encode() + b"\r\n")
                stream.flush()
                codes.append(answer())
        return codes[1:-1]

    def plain(self, user, password):
        return "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()

    def attacks(self, hostile):
        """Four wrong log-ins, and one that is let in and sends a mail to elsewhere; relaying that is
        refused, four times with texts that copy the log's; a mail that comes in."""
        self.assertEqual(self.send(USER, self.plain("eve", SECRET), "MAIL FROM:<eve@example.org>",
                                   "RCPT TO:<a@example.net>"), [235, 250, 250])
        self.assertEqual(self.send(USER, "MAIL FROM:<a@example.net>", "RCPT TO:<eve@example.org>"),
                         [250, 250])
        for user in ("eve", "nobody", hostile):
            self.assertEqual(self.send(ATTACKER, self.plain(user, "wrong")), [535])
        # Dovecot's line protocol has no room for it.
        self.assertIn(self.send(ATTACKER, self.plain(f"x\n{hostile}", "wrong")), ([535], [454]))
        login = [base64.b64encode(word.encode()).decode() for word in (hostile, "wrong")]
        self.assertIn(535, self.send(ATTACKER, "AUTH LOGIN", *login))
        for sender, recipient, helo in (("a@example.com", "b@example.net", "x"),
                                        (f'"{hostile}"@example.com', "b@example.net", "x"),
                                        ("", f'"{hostile}"@example.net', f"[{VICTIM}]")):
            codes = self.send(ATTACKER, f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", helo=helo)
            self.assertEqual(codes[0], 250)
            self.assertIn(codes[1], (550, 554))

    def test_postfix(self):
        sign_in = free_port()
        self.run_dovecot(f"inet_listener {{\n address = {USER}\n port = {sign_in}\n }}")
        self.run_syslog()
        self.write("recipients", "eve@example.org yes\n")
        self.write("main.cf", f"""
compatibility_level = 3.6
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
queue_directory = /var/spool/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.org
mydestination = example.org
mynetworks =
inet_interfaces = {USER}
inet_protocols = ipv4
alias_maps =
local_recipient_maps = texthash:{self.folder}/recipients
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{USER}:{sign_in}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_error_sleep_time = 0
defer_transports = local, smtp
""")
        self.write("master.cf", f"""
{USER}:{self.port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
""")
        self.run_apart([unpacked("postfix")], f"""
groupadd postdrop
useradd --system --no-create-home postfix
cp {self.folder}/main.cf {self.folder}/master.cf /etc/postfix/
mkdir -p /var/spool/postfix /var/lib/postfix
chown postfix /var/lib/postfix
""", "/usr/sbin/postfix", "start-fg")
        self.attacks(f"NOQUEUE: reject: RCPT from unknown[{VICTIM}]: 554 5.7.1")
        self.assertEqual(self.send(ATTACKER, "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>"),
                         [250, 550])
        self.assertEqual(self.blamed("postfix", 4), {ATTACKER: 4})
        self.assertEqual(self.blamed("postfix", 5, "mode=auth"), {ATTACKER: 5})
        self.assertEqual(self.blamed("postfix", 9, "mode=aggressive"), {ATTACKER: 9})
        # When nobody can be asked about passwords, nobody has sent a wrong one.
        os.killpg(self.dovecot.pid, signal.SIGKILL)
        until(lambda: not answers(sign_in), "the sign-in's process ends")
        self.assertNotIn(235, self.send(USER, self.plain("eve", SECRET)))
        until(lambda: "authentication server" in self.log.read_text(), "the fault in the log")
        self.assertEqual(self.blamed("postfix", 5, "mode=auth"), {ATTACKER: 5})

    def test_exim(self):
        self.write("exim4.conf", f"""
primary_hostname = mail.example.org
daemon_smtp_ports = {self.port}
local_interfaces = {USER}
log_file_path = {self.folder}/%slog
spool_directory = {self.folder}/spool
keep_environment =
auth_advertise_hosts = *
acl_smtp_rcpt = check_rcpt
queue_only = true
begin acl
check_rcpt:
  accept authenticated = *
  require message = relay not permitted
          domains = example.org
  require verify = recipient
  accept
begin routers
all:
  driver = accept
  local_parts = eve
  transport = nowhere
begin transports
nowhere:
  driver = appendfile
  file = /dev/null
begin authenticators
plain_server:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{eve}}}}{{eq{{$auth3}}{{{SECRET}}}}}}}}}
  server_set_id = $auth2
login_server:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{eve}}}}{{eq{{$auth2}}{{{SECRET}}}}}}}}}
  server_set_id = $auth1
""", 0o640)
        self.log = self.folder / "mainlog"
        self.run_apart([unpacked("exim4-daemon-light", "libgnutls-dane0", "libunbound8", "libidn12")],
                       f"""
getent passwd Debian-exim || useradd --system --no-create-home Debian-exim
mkdir -p /etc/exim4
cp {self.folder}/exim4.conf /etc/exim4/
chgrp Debian-exim /etc/exim4/exim4.conf
mkdir {self.folder}/spool
chown Debian-exim {self.folder} {self.folder}/spool
""", "/usr/sbin/exim4", "-bdf")
        self.attacks(f"login_server authenticator failed for (x) [{VICTIM}]: 535 Incorrect "
                     "authentication data")
        self.assertEqual(self.send(ATTACKER, "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>"),
                         [250, 550])
        self.assertEqual(self.blamed("exim", 8), {ATTACKER: 8})
        self.assertEqual(self.blamed("exim", 9, "mode=aggressive"), {ATTACKER: 9})


if __name__ == "__main__":
    unittest.main()
