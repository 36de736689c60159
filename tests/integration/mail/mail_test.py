"""E-mail alerts: the agent against a real SMTP server (aiosmtpd) with TLS and log-in; what arrives is
read by Python's email package."""
import email
import email.policy
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

WARDER = os.environ["WARDER"]
SOURCE = pathlib.Path(os.environ["WARDER_SOURCE"])
PASSWORD = "canary-smtp-7b1c"


class Inbox:
    """What the server took, and how it answers."""

    def __init__(self):
        self.arrived = threading.Condition()
        self.mails = []
        self.answers = []  # one an attempt; empty: take it

    async def handle_DATA(self, server, session, envelope):
        with self.arrived:
            if self.answers:
                answer = self.answers.pop(0)
                self.arrived.notify_all()
                return answer
            self.mails.append((envelope, session))
            self.arrived.notify_all()
        return "250 taken"

    def wait_for(self, condition):
        with self.arrived:
            if not self.arrived.wait_for(condition, timeout=60):
                raise AssertionError("no mail came")


def log_in(server, session, envelope, mechanism, data):
    good = data.login == b"ops" and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=False)  # the server says 535


class Server(Controller):
    def __init__(self, inbox, context=None, implicit=False, auth=False):
        self.context, self.implicit, self.auth = context, implicit, auth
        super().__init__(inbox, hostname="127.0.0.1", port=0,
                         ssl_context=context if implicit else None)

    def factory(self):
        return SMTP(self.handler, hostname="mail.test", enable_SMTPUTF8=False,
                    tls_context=None if self.implicit else self.context,
                    require_starttls=self.context is not None and not self.implicit,
                    authenticator=log_in if self.auth else None,
                    auth_required=self.auth,
                    # Of TLS from the first byte it does not know.
                    auth_require_tls=self.auth and not self.implicit)

    def _trigger_server(self):
        # The port is the kernel's choice, known only now.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class MailTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tls = pathlib.Path(tempfile.mkdtemp(prefix="warder-mail-tls-"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout",
             cls.tls / "key.pem", "-out", cls.tls / "cert.pem"], check=True, capture_output=True)
        cls.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cls.context.load_cert_chain(cls.tls / "cert.pem", cls.tls / "key.pem")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.tls)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-mail-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.inbox = Inbox()
        (self.folder / "jails").mkdir()
        (self.folder / "password").touch(mode=0o600)
        (self.folder / "password").write_text(PASSWORD)

    def serve(self, **how):
        server = Server(self.inbox, **how)
        server.start()
        self.addCleanup(server.stop)
        return server.port

    def start_agent(self, server, extra="", ca="ca_file = {tls}/cert.pem\n"):
        config = self.folder / "warder.conf"
        config.write_text(
            f"[agent]\nname = web-1\nstate = {self.folder}\nfilters = {SOURCE}/filters\n"
            f"jails = {self.folder}/jails\n[api]\nsocket = {self.folder}/socket\n"
            f"[store]\npath = {self.folder}/warder.db\n[firewall]\nbackend = none\n"
            f"[vault]\npath = {self.folder}/vault\nkey_file = {self.folder}/vault.key\n"
            f"[destination ops]\nform = mail\nserver = {server}\nfrom = warder@example.org\n"
            f"to = ops@example.org second@example.org\ndigest = 0\n"
            + ca.format(tls=self.tls) + extra)
        self.log = open(self.folder / "agent.log", "w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        agent = subprocess.Popen([WARDER, "--config", str(config), "run"], stderr=self.log,
                                 stdout=self.log)
        self.addCleanup(self.stop_agent, agent)
        while self.warder("status").returncode != 0:
            if agent.poll() is not None:
                self.log.seek(0)
                self.fail(self.log.read())
        return agent

    def stop_agent(self, agent):
        if agent.poll() is None:
            agent.send_signal(signal.SIGTERM)
            agent.wait(timeout=60)

    def wait_for_reason(self, words):
        """Until status tells why the destination fails."""
        limit = time.monotonic() + 60
        while words not in self.warder("--json", "status").stdout:
            self.assertLess(time.monotonic(), limit, self.warder("--json", "status").stdout)

    def warder(self, *words, stdin=None):
        return subprocess.run([WARDER, "--config", str(self.folder / "warder.conf"), *words],
                              input=stdin, capture_output=True, text=True, timeout=60)

    def alert(self):
        done = self.warder("alerts", "test")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def first(self):
        self.inbox.wait_for(lambda: self.inbox.mails)
        envelope, session = self.inbox.mails[0]
        return envelope, session, email.message_from_bytes(envelope.content,
                                                           policy=email.policy.default)

    def assert_no_canary(self):
        for file in self.folder.rglob("*"):
            if file.is_file() and file.name != "password":
                self.assertNotIn(PASSWORD.encode(), file.read_bytes(), file)

    def test_what_arrives_reads_well(self):
        port = self.serve()
        self.start_agent(f"smtp://127.0.0.1:{port}")
        self.alert()
        envelope, _, mail = self.first()
        self.assertEqual(envelope.mail_from, "warder@example.org")
        self.assertEqual(envelope.rcpt_tos, ["ops@example.org", "second@example.org"])
        self.assertTrue(mail["Subject"].startswith("[web-1] "), mail["Subject"])
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertFalse(mail.defects)
        self.assertEqual(mail.get_content_type(), "multipart/alternative")
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        for part in ("EVENT", "DETAILS", "NEXT STEPS", "web-1"):
            self.assertIn(part, text)
        self.assertIn("Next steps", html)
        self.assertTrue(all(len(line) < 998 for line in envelope.content.splitlines()))

    def test_hostile_text_stays_text(self):
        """In what happened, in an incident's name and in a note: no header, no markup, no thread of another."""
        port = self.serve()
        self.start_agent(f"smtp://127.0.0.1:{port}")
        hostile = ("\u202e\x1b[2J</td></table><script>alert(1)</script><img src=x onerror=alert(2)>\r\nBcc: victim@example.org"
                   "\r\n\r\n.\r\n--warder-\r\n&amp; =?UTF-8?Q?x?= %s ' \" \u2028")
        sent = self.warder("alerts", "send", "security", "--incident", "door " + hostile, stdin=hostile + "\nsecond line")
        self.assertEqual(sent.returncode, 0, sent.stderr)
        self.inbox.wait_for(lambda: self.inbox.mails)
        known = self.warder("alerts", "ack", "1", "--note", hostile)
        self.assertEqual(known.returncode, 0, known.stderr)
        self.inbox.wait_for(lambda: len(self.inbox.mails) == 2)
        mails = [email.message_from_bytes(envelope.content, policy=email.policy.default) for envelope, _ in self.inbox.mails]
        for (envelope, _), mail in zip(self.inbox.mails, mails):
            self.assertEqual(envelope.rcpt_tos, ["ops@example.org", "second@example.org"])
            self.assertFalse(mail.defects)
            self.assertEqual(sorted(mail.keys()), sorted((
                "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
                "X-Warder-Severity", "MIME-Version", "Content-Type")))
            self.assertEqual([part.get_content_type() for part in mail.iter_parts()], ["text/plain", "text/html"])
            text = mail.get_body(("plain",)).get_content()
            html = mail.get_body(("html",)).get_content()
            for part in (text, html, mail["Subject"]):
                for character in "\u202e\x1b\u2028":
                    self.assertNotIn(character, part)
            for markup in ("<script", "<img", "</td></table><"):
                self.assertNotIn(markup, html.lower().replace("</td></tr></table>", ""))
            self.assertIn("&lt;script&gt;", html)
        # One thread: the acknowledgement stands behind what it is about.
        self.assertEqual(mails[0]["In-Reply-To"], mails[1]["In-Reply-To"])
        self.assertIn("acknowledged incident 1", mails[1].get_body(("plain",)).get_content())

    def test_a_password_goes_over_tls_only_and_is_nowhere_else(self):
        for scheme, implicit in (("smtp", False), ("smtps", True)):
            with self.subTest(scheme):
                self.inbox.mails.clear()
                port = self.serve(context=self.context, implicit=implicit, auth=True)
                agent = self.start_agent(f"{scheme}://127.0.0.1:{port}",
                                         f"username = ops\npassword = file:{self.folder}/password\n")
                self.alert()
                _, session, _ = self.first()
                self.assertTrue(session.authenticated)
                self.stop_agent(agent)
                self.assert_no_canary()

    def test_a_relay_on_this_host_that_wants_tls_is_told_how_to_get_it(self):
        port = self.serve(context=self.context)
        self.start_agent(f"smtp://127.0.0.1:{port}")
        self.warder("alerts", "test")
        self.wait_for_reason("answered 530: it takes mail only over TLS or after a log-in; name it by the host name of its certificate")
        self.assertEqual(self.inbox.mails, [])

    def test_a_user_name_may_be_a_reference_as_the_password_is(self):
        name = self.folder / "name"
        name.touch(mode=0o600)
        name.write_text("ops")
        port = self.serve(context=self.context, implicit=True, auth=True)
        self.start_agent(f"smtps://127.0.0.1:{port}", f"username = file:{name}\npassword = file:{self.folder}/password\n")
        self.alert()
        _, session, _ = self.first()
        self.assertTrue(session.authenticated)
        self.assert_no_canary()

    def test_user_name_and_password_come_from_the_vault(self):
        (self.folder / "password").unlink()
        (self.folder / "warder.conf").write_text(
            f"[vault]\npath = {self.folder}/vault\nkey_file = {self.folder}/vault.key\n")
        for words, document in ((("setup",), None), (("put", "mail"), json.dumps({"user": "ops", "password": PASSWORD}))):
            done = self.warder("vault", *words, stdin=document)
            self.assertEqual(done.returncode, 0, done.stderr)
        port = self.serve(context=self.context, implicit=True, auth=True)
        self.start_agent(f"smtps://127.0.0.1:{port}", "username = vault:mail/user\npassword = vault:mail/password\n")
        self.alert()
        _, session, _ = self.first()
        self.assertTrue(session.authenticated)
        self.assert_no_canary()

    def test_a_refused_log_in_is_told_and_kept(self):
        port = self.serve(context=self.context, implicit=True, auth=True)
        (self.folder / "password").write_text("wrong")
        self.start_agent(f"smtps://127.0.0.1:{port}",
                         f"username = ops\npassword = file:{self.folder}/password\n")
        self.warder("alerts", "test")
        self.wait_for_reason("does not take the user name and password")
        self.assertEqual(self.inbox.mails, [])

    def test_not_now_is_tried_again_and_a_refusal_is_a_dead_letter(self):
        port = self.serve()
        self.inbox.answers = ["451 come back later"]
        self.start_agent(f"smtp://127.0.0.1:{port}")
        self.warder("alerts", "test")
        self.first()
        self.assertEqual(self.inbox.answers, [])

    def test_a_server_that_proves_nothing_gets_nothing(self):
        for scheme, implicit, words in (("smtps", True, "its certificate is signed by itself"),
                                        ("smtp", None, "offers no TLS (STARTTLS)")):
            with self.subTest(scheme):
                context = self.context if implicit else None
                port = self.serve(context=context, implicit=bool(implicit))
                agent = self.start_agent(f"{scheme}://127.0.0.1:{port}",
                                         f"username = ops\npassword = file:{self.folder}/password\n",
                                         ca="")
                self.warder("alerts", "test")
                self.wait_for_reason(words)
                self.stop_agent(agent)
                self.assertEqual(self.inbox.mails, [])


if __name__ == "__main__":
    unittest.main()
