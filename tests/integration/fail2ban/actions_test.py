"""Actions of a fail2ban configuration on a running agent: its mail goes through the relay, its plain
command runs with the address in its arguments, its ignorecommand is asked; import-fail2ban says so."""
import json
import socketserver
import threading
import time
import unittest

from support import Agent, Folder, configuration, report, until, warder

JAIL = """
[DEFAULT]
enabled = true
backend = polling
usedns = no
bantime = 10m
findtime = 10m
maxretry = 3
[app]
filter = app
logpath = {folder}/app.log
ignorecommand = {folder}/ours <ip> '%(__name__)s'
action = banner[name=web, tool="{folder}/banner"]
         sendmail[dest="ops@example.org", sender="f2b@<fq-hostname>"]
         slack
         piped
"""


class Relay(socketserver.ThreadingTCPServer):
    """Takes mail on loopback and keeps it: just enough of RFC 5321."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.mails = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Conversation(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 relay.example ESMTP")
        to = []
        while line := self.rfile.readline():
            word = line.decode().strip()
            if word.upper().startswith("RCPT TO:"):
                to.append(word[8:])
            if word.upper() == "QUIT":
                self.say("221 bye")
                return
            if word.upper() != "DATA":
                self.say("250 relay.example")
                continue
            self.say("354 go on")
            text = b""
            while (part := self.rfile.readline()) not in (b".\r\n", b""):
                text += part
            self.server.mails.append((to, text.decode()))
            to = []
            self.say("250 taken")


def write(folder):
    folder.write("etc/jail.conf", JAIL.format(folder=folder.path))
    folder.write("etc/filter.d/app.conf",
                 "[Definition]\nfailregex = ^\\s*login failed from <HOST>$\n")
    folder.write("etc/action.d/banner.conf",
                 "[Definition]\nactionstart = true\n"
                 "actionban = <tool> add --jail=<name> '<ip>' <bantime> 'a \"b\" c'\n"
                 "actionunban = <tool> del <ip>\n[Init]\nname = default\n")
    folder.write("etc/action.d/sendmail.conf", "[Definition]\nactionban = printf x | mail <dest>\n")
    folder.write("etc/action.d/slack.conf",
                 "[Definition]\nactionban = curl -d '<ip>' https://hooks.slack.com/services/T/B/K\n")
    folder.write("etc/action.d/piped.conf", "[Definition]\nactionban = echo <ip> | tee -a /x\n")
    for name, body in (("banner", 'printf "%s|" "$@" >> "$(dirname "$0")/banned"\n'
                                  'cat >> "$(dirname "$0")/json"\n'),
                       ("ours", 'test "$1" = 192.0.2.50 && test "$2" = app\n')):
        folder.write(name, "#!/bin/sh\nPATH=/usr/bin:/bin\n" + body).chmod(0o700)
    folder.write("app.log", "")
    return folder.path / "etc"


class Actions(unittest.TestCase):
    maxDiff = None

    def test_the_report_names_each(self):
        with Folder() as folder:
            directory = write(folder)
            found = report(directory)
            self.assertEqual(found["summary"]["jails"], {"runs": 0, "differs": 0, "refused": 1, "left_out": 0})
            remarks = {one["subject"]: one for one in found["jails"][0]["remarks"]
                       if one["verdict"] == "refused"}
            self.assertEqual(list(remarks), ["action piped"])
            self.assertEqual(remarks["action piped"]["text"],
                             "its commands are not run: '|', more than one command, needs a shell")
            shown = {one["name"]: one for one in found["destinations"]}
            self.assertEqual({name: one["in_use"] for name, one in shown.items()},
                             {"fail2ban-banner-app": True, "fail2ban-mail-ops-example.org": False,
                              "fail2ban-slack": False})
            self.assertEqual(shown["fail2ban-banner-app"]["keys"]["argv"].split("\n"),
                             [str(folder.path / "banner"), "add", "--jail=web", "<ip>", "<bantime>",
                              'a "b" c'])
            text = warder("import-fail2ban", directory, config="/nonexistent").stdout
            self.assertIn("url = vault:webhooks/slack", text)
            self.assertNotIn("hooks.slack.com", text)  # the address is a secret

            # What is shown is what an agent's configuration takes.
            shown_text = text[text.index("  a destination that runs"):text.index("jails: ")]
            blocks = "\n".join(part.removeprefix("    ") for part in shown_text.splitlines()
                               if not part.startswith("  a destination"))
            (folder.path / "jails").mkdir()
            config = folder.write("own.conf",
                                  configuration(folder, "state", directory).replace(
                                      f"fail2ban_configuration = {directory}\n", "") + blocks)
            self.assertIn("3 destinations", warder("check", config=config).stdout)

    def test_a_running_agent_mails_runs_and_asks(self):
        relay = Relay()
        with Folder() as folder:
            directory = write(folder)
            agent = Agent(folder, directory)
            text = agent.config.read_text().replace("[store]", "fail2ban_skip_actions = piped\n"
                                                    f"fail2ban_mail_server = smtp://127.0.0.1:"
                                                    f"{relay.port}\n[store]", 1)
            agent.config.write_text(text)
            with agent:
                until(lambda: (status := agent.status()) and not status["catching_up"],
                      "the agent is up")
                with open(folder.path / "app.log", "a") as log:
                    for address in ("192.0.2.50", "192.0.2.7"):
                        for _ in range(3):
                            log.write(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
                                      + f" login failed from {address}\n")
                banned = folder.path / "banned"
                told = folder.path / "json"
                until(lambda: told.exists() and told.read_text().endswith("\n"), "the command runs")
                self.assertEqual(banned.read_text(), 'add|--jail=web|192.0.2.7|600|a "b" c|')
                told = json.loads(told.read_text())
                self.assertEqual((told["kind"], told["address"], told["jail"]),
                                 ("would-ban", "192.0.2.7", "app"))
                until(lambda: relay.mails, "the mail arrives")
                status = agent.status()
                self.assertEqual(status["side"]["ignored_by_command"], 3)
                self.assertEqual(sorted(one["name"] for one in status["destinations"]),
                                 ["fail2ban-banner-app", "fail2ban-mail-ops-example.org"])
            self.assertEqual([to for to, _ in relay.mails], [["<ops@example.org>"]])
            self.assertIn("From: warder <f2b@test.example>", relay.mails[0][1])
            self.assertIn("192.0.2.7", relay.mails[0][1].replace("=\r\n", ""))
        relay.shutdown()
        relay.server_close()


if __name__ == "__main__":
    unittest.main()
