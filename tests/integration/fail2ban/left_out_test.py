"""Jails that fail2ban does not run either: the installed fail2ban says which those are, and how it
fares with them. And an agent with such a jail: it tells, runs the others, and loses none that runs;
its log like fail2ban's, read by fail2ban's own recidive filter."""
import json
import re
import subprocess
import unittest

from server_test import write_configuration
from support import Agent, Folder, report, until, warder

AS_THERE = "the jail is left out, as in fail2ban"
NO_START = "the jail is left out; fail2ban itself does not start with it"
NO_EFFECT = "the jail is left out; in fail2ban it runs and finds nothing"

JAIL = """
[DEFAULT]
backend = polling
action =
enabled = true
systemd_if_nologs = no
ignoreself = no
[bad]
filter = bad
logpath = {log}
[fine]
filter = app
logpath = {log}
"""
GOOD = "[Definition]\nfailregex = ^bad <HOST>$\n"
# What is wrong: options of the jail, its filter, an action; and how it fares.
FAULTS = {
    "no filter file": ("filter = nothing", GOOD, "", AS_THERE),
    "filter is no name with parameters": ("filter = bad[x = 1]", GOOD, "", AS_THERE),
    "no action file": ("action = nothing", GOOD, "", AS_THERE),
    "action is no name with parameters": ("action = odd[x = 1]", GOOD, "[Definition]\n", AS_THERE),
    "a name that there is not, filter": ("filter = %(nope)s", GOOD, "", NO_START),
    "a name that there is not, action": ("action = %(nope)s", GOOD, "", NO_START),
    "a name that there is not, enabled": ("enabled = %(nope)s", GOOD, "", NO_START),
    "a name that there is not, findtime": ("findtime = %(nope)s", GOOD, "", NO_START),
    "a name that there is not, failregex": ("", "[Definition]\nfailregex = %(nope)s <HOST>\n", "", NO_START),
    "a name that there is not, actionban": ("action = odd", GOOD, "[Definition]\nactionban = %(nope)s\n",
                                            NO_START),
    "a tag that refers to itself": ("", "[Definition]\nfailregex = <a> <HOST>\na = <b>\nb = <a>\n", "",
                                    NO_START),
    "a filter without sections": ("", "failregex = ^bad <HOST>$\n", "", NO_START),
    "an option twice": ("", GOOD + "failregex = ^b <HOST>$\n", "", NO_START),
    "an action without sections": ("action = odd", GOOD, "actionban = x\n", NO_START),
    "a word behind a path": ("logpath = /var/log/a /var/log/b", GOOD, "", NO_START),
    "a group not closed": ("", "[Definition]\nfailregex = ^bad (<HOST>$\n", "", NO_START),
    "nobody captured": ("", "[Definition]\nfailregex = ^bad$\n", "", NO_START),
    "an address twice": ("", "[Definition]\nfailregex = ^<HOST> <HOST>$\n", "", NO_START),
    "a wrong ignoreregex": ("", GOOD + "ignoreregex = x**\n", "", NO_START),
    "a wrong prefregex": ("", GOOD + "prefregex = [\n", "", NO_START),
    "a wrong failregex of the jail": ("failregex = )", GOOD, "", NO_START),
    "no filter": ("filter =", GOOD, "", NO_EFFECT),
    "no failregex": ("", "[Definition]\nignoreregex = x\n", "", NO_EFFECT),
    "an empty failregex": ("", "[Definition]\nfailregex =\n", "", NO_EFFECT),
    "an empty logpath": ("logpath =", GOOD, "", NO_START),
    "no logpath": ("", GOOD, "", NO_EFFECT),
}
# Wrong for nobody but us.
OURS = ["^bad (?>x) <HOST>$", "^bad x++ <HOST>$", "^bad x{1,1001} <HOST>$"]


class LeftOut(unittest.TestCase):
    def started_by_fail2ban(self, folder, directory):
        def client(*words):
            return subprocess.run(["/usr/bin/fail2ban-client", "-c", str(directory), *words],
                                  capture_output=True, text=True, check=False)
        log = folder.path / "f2b.log"
        log.unlink(missing_ok=True)
        client("start")
        text = log.read_text() if log.exists() else ""
        if client("ping").returncode == 0:
            client("stop")
        return set(re.findall(r"Jail '(\w+)' started", text))

    def test_fail2ban_does_not_run_them(self):
        with Folder() as folder:
            log = folder.write("app.log", "")
            for name, (jail, bad, odd, fares) in FAULTS.items():
                directory = write_configuration(
                    folder, log, JAIL.replace("bad\nlogpath = {log}", "bad") if name == "no logpath" else JAIL)
                folder.write("etc/jail.d/z.local", f"[bad]\n{jail}\n")
                folder.write("etc/filter.d/bad.conf", bad)
                folder.write("etc/action.d/odd.conf", odd)
                with self.subTest(fault=name):
                    self.assertEqual(self.started_by_fail2ban(folder, directory),
                                     {AS_THERE: {"fine"}, NO_START: set(), NO_EFFECT: {"bad", "fine"}}[fares])
                    jails = {one["name"]: one for one in report(directory)["jails"]}
                    self.assertEqual(jails["bad"]["verdict"], "left out")
                    told = json.dumps([one for one in jails["bad"]["remarks"]
                                       if one["verdict"] == "left out"] + jails["bad"]["errors"])
                    self.assertIn(fares, told)
                    self.assertIn(jails["fine"]["verdict"], ("runs", "differs"))
            folder.write("etc/jail.d/z.local", "")
            write_configuration(folder, log, JAIL)
            for expression in OURS:
                folder.write("etc/filter.d/bad.conf", f"[Definition]\nfailregex = {expression}\n")
                with self.subTest(expression=expression):
                    self.assertEqual(self.started_by_fail2ban(folder, directory), {"bad", "fine"})
                    jails = {one["name"]: one for one in report(directory)["jails"]}
                    self.assertEqual(jails["bad"]["verdict"], "refused")

    def test_an_agent_tells_and_runs_the_others(self):
        with Folder() as folder:
            log = folder.write("app.log", "")
            directory = write_configuration(
                folder, log, JAIL.replace("action =", "action = nftables\nmaxretry = 2"))
            folder.write("etc/action.d/nftables.conf", "[Definition]\nactionban = x\n")
            folder.write("etc/filter.d/app.conf", GOOD)
            folder.write("etc/filter.d/bad.conf", "[Definition]\nfailregex = ^bad (<HOST>$\n")
            agent = Agent(folder, directory)
            written = folder.path / "fail2ban.log"
            with open(agent.config, "a") as config:
                config.write(f"[destination log]\nform = fail2ban-log\npath = {written}\n")
            self.assertIn("1 jail enabled, 1 left out",
                          warder("check", "--no-vault", config=agent.config).stdout)
            with agent:
                status = until(agent.status, "the agent runs")
                self.assertEqual([one["name"] for one in status["left_out"]], ["bad"])
                why = f"{directory}/filter.d/bad.conf:2: failregex '^bad (<HOST>$': column 6: '(' is not closed"
                self.assertIn(why, status["left_out"][0]["why"])
                self.assertIn("the jail bad is left out, which fail2ban does not run either: ",
                              warder("status", config=agent.config).stdout)
                until(lambda: any(one["message"].startswith("the jail bad is left out") and
                                  one["severity"] == "warning" for one in agent.events("config")),
                      "it is told")
                asked = warder("status", "bad", config=agent.config, check=False)
                self.assertEqual(asked.returncode, 6)
                self.assertIn("the jail bad is left out: ", asked.stderr)
                self.assertEqual(warder("status", "none", config=agent.config, check=False).returncode, 6)

                # A jail that runs is not lost by a mistake.
                folder.write("etc/filter.d/app.conf", "[Definition]\nfailregex = ^bad <HOST> ($\n")
                asked = warder("reload", config=agent.config, check=False)
                self.assertEqual(asked.returncode, 3)
                self.assertIn("the jail fine runs and would be left out: ", asked.stderr)
                with open(log, "a") as lines:
                    lines.write("bad 192.0.2.1\nbad 192.0.2.1\nbad 192.0.2.2\n")
                found = until(lambda: written.exists() and len(
                    text := written.read_text().splitlines()) == 4 and text, "the log is written")
                # The ban is told when it is in effect, be it after the next finding.
                self.assertEqual(
                    sorted(re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} |\[\d+\]: |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", "",
                            line) for line in found),
                    ["fail2ban.actions        NOTICE  [fine] Ban 192.0.2.1",
                     "fail2ban.filter         INFO    [fine] Found 192.0.2.1 - ",
                     "fail2ban.filter         INFO    [fine] Found 192.0.2.1 - ",
                     "fail2ban.filter         INFO    [fine] Found 192.0.2.2 - "])
                self.assertEqual(
                    warder("status", "fine", config=agent.config).stdout,
                    "Status for the jail: fine\n"
                    "|- Filter\n"
                    "|  |- Currently failed:\t1\n"
                    "|  |- Total failed:\t3\n"
                    f"|  `- File list:\t{log}\n"
                    "`- Actions\n"
                    "   |- Currently banned:\t1\n"
                    "   |- Total banned:\t1\n"
                    "   `- Banned IP list:\t192.0.2.1\n")
                # What is mended runs.
                folder.write("etc/filter.d/app.conf", GOOD)
                folder.write("etc/filter.d/bad.conf", GOOD)
                warder("reload", config=agent.config)
                self.assertEqual(agent.status()["left_out"], [])
                warder("unban", "192.0.2.1", config=agent.config)
                until(lambda: written.read_text().endswith("NOTICE  [fine] Unban 192.0.2.1\n"),
                      "the end of the ban is written")
            matched = subprocess.run(["/usr/bin/fail2ban-regex", str(written), "recidive"],
                                     capture_output=True, text=True, check=True).stdout
            self.assertIn("0 ignored, 1 matched, 4 missed", matched)


if __name__ == "__main__":
    unittest.main()
