"""Commands to an agent that runs: what they refuse, and what they open and show without a restart."""
import json
import subprocess
import time
import unittest

from harness import PlainAgent, WARDER, until

SSHD = "[sshd]\nenabled = yes\nfilter = sshd\nlogpath = {}\nmaxretry = 1\nignoreself = no\n"


def failure(address):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"{now} web sshd[7]: Failed password for root from {address} port 40022 ssh2\n"


class Commands(unittest.TestCase):
    def setUp(self):
        self.agent = PlainAgent("commands")
        self.addCleanup(lambda: self.agent.agent and self.agent.end())

    def start(self, jails="", destination=True):
        self.agent.configure(jails)
        if not destination:
            path = self.agent.folder / "warder.conf"
            path.write_text(path.read_text().split("[destination")[0])
        self.agent.start()

    def ok(self, *words, **more):
        done = self.agent.run(*words, **more)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def refused(self, status, *words):
        done = self.agent.run(*words)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        return done.stderr

    def status(self):
        return json.loads(self.ok("--json", "status"))

    def test_sql_is_one_statement_that_reads(self):
        self.start()
        self.assertEqual(self.ok("events", "--sql", "select 1 as one; -- and no more"), "one\n1\n")
        self.assertEqual(self.refused(2, "events", "--sql", "select 1; select 2"),
                         "warder: there is more than one SQL statement; give each by itself\n")
        self.assertEqual(self.refused(2, "events", "--sql", "select missing from events"),
                         "warder: SQL logic error: no such column: missing (SQLite 1)\n")
        self.assertEqual(self.refused(2, "events", "--sql", "delete from event"),
                         "warder: authorization denied: not authorized (SQLite 23)\n")
        self.assertEqual(self.refused(2, "events", "--sql", " ; "), "warder: there is no SQL statement\n")

    def test_a_jail_that_is_none_is_told(self):
        self.start(SSHD.format(self.agent.folder / "auth.log"))
        unknown = "warder: no jail is named 'shd'; warder status lists them\n"
        self.assertEqual(self.refused(6, "bans", "--jail", "shd"), unknown)
        self.assertEqual(self.ok("bans", "--jail", "sshd"), "nobody is banned\n")
        self.assertEqual(self.refused(6, "ban", "192.0.2.7", "--jail", "shd"), unknown)
        self.assertEqual(self.refused(6, "unban", "192.0.2.7", "--jail", "sshd"), "warder: 192.0.2.7 is not banned by the jail sshd\n")
        none = self.agent.run("--json", "unban", "192.0.2.7")
        self.assertEqual((none.returncode, json.loads(none.stdout)), (6, {"lifted": 0}))
        self.assertEqual(self.refused(6, "reload", "--accept", "shd"),
                         "warder: what runs goes on: --accept: the new configuration has no enabled jail 'shd'\n")

    def test_a_dry_run_is_no_fault(self):
        log = self.agent.folder / "auth.log"
        log.write_text("")
        self.start(SSHD.format(log))
        log.write_text(failure("192.0.2.7"))
        until(lambda: "192.0.2.7" in self.ok("bans"), "the line is judged")
        answer = json.loads(self.agent.run("--json", "doctor", "sshd").stdout)
        stages = {stage["stage"]: stage["verdict"] for stage in answer["stages"] if stage["jail"] == "sshd"}
        until(lambda: self.agent.events("--kind", "ban"), "the ban is in the history")
        [ban] = self.agent.events("--kind", "ban")
        self.assertFalse(ban["detail"]["in_effect"])
        self.assertEqual((stages["firewall"], stages["kernel"], stages["commit"]), ("notice", "skipped", "good"))

    def test_a_refused_configuration_is_told_in_one_line(self):
        self.start()
        (self.agent.folder / "jail.conf").write_text("[sshd]\nenabled = yes\nlogpath = /a.log\nmaxretry = x\nfindtime = y\n")
        refused = self.refused(3, "reload")
        self.assertTrue(refused.startswith("warder: the configuration has errors, what runs goes on:\n"), refused)
        self.assertFalse(refused.endswith("\n\n"), refused)
        refusals = lambda: [event["message"] for event in self.agent.events("--kind", "config") if "refused" in event["message"]]
        until(refusals, "it is in the history")
        [told] = refusals()
        self.assertEqual(told, "configuration refused (reload), what runs goes on: " + "; ".join(refused.splitlines()[1:]))

    def test_a_test_alert_that_goes_nowhere_fails(self):
        self.start(destination=False)
        for words in (["alerts", "test"], ["--json", "alerts", "test"]):
            self.assertEqual(
                self.refused(6, *words),
                "warder: no destination is configured, no alert leaves this host: add a section [destination NAME] to the configuration, "
                "or a member to the vault's document alerts, then `warder reload`; `warder check --schema` explains their keys\n")
        self.assertEqual(self.agent.events("--kind", "alert"), [])
        path = self.agent.folder / "warder.conf"
        path.write_text(f"{path.read_text()}[destination file]\nform = json-lines\npath = {self.agent.folder}/events.jsonl\n")
        self.ok("reload")
        self.assertIn("delivered", self.ok("alerts", "test"))

    def test_a_vault_that_is_set_up_later_is_opened_by_a_reload(self):
        self.start()
        vault = lambda: self.status()["vault"]
        self.assertEqual(vault(), {"state": "none", "text": "none; warder vault setup makes one"})
        self.ok("vault", "setup")
        self.assertEqual(vault(), {"state": "none", "text": f"not open: {self.agent.folder}/none was set up since the agent started; "
                                                            "`warder reload` opens it"})
        sshd = {"enabled": True, "logpath": str(self.agent.folder / "auth.log")}
        self.ok("vault", "put", "jails", stdin=json.dumps({"sshd": sshd}))
        self.ok("reload")
        self.assertEqual(vault(), {"state": "good", "text": "answers"})
        limit = lambda: next((jail["maxretry"] for jail in self.status()["jails"] if jail["name"] == "sshd"), None)
        self.assertIsNotNone(limit())
        self.ok("vault", "put", "jails", stdin=json.dumps({"sshd": {**sshd, "maxretry": 77}}))
        until(lambda: limit() == 77, "it is watched, too")

    def test_sources_of_one_kind_are_told_apart(self):
        jail = "[{}]\nenabled = yes\nfilter = sshd\nbackend = systemd\njournalmatch = {}\n"
        self.start("".join(jail.format(*one) for one in (("a", "_COMM=sshd"), ("b", "_COMM=sshd"), ("c", "_SYSTEMD_UNIT=x.service + _COMM=y"))))
        names = [source["name"] for source in self.status()["sources"]]
        self.assertEqual(names, ["journal: _COMM=sshd", "journal: _SYSTEMD_UNIT=x.service + _COMM=y"])
        for name in names:
            self.assertIn(f"\n{name}  ", self.ok("status"))

    def test_half_a_line_on_standard_input_outlives_a_reload(self):
        self.agent.configure(SSHD.format("-"))
        with open(self.agent.folder / "log", "ab") as log:
            self.agent.agent = subprocess.Popen([WARDER, "--config", self.agent.folder / "warder.conf", "run"], stdin=subprocess.PIPE,
                                                stdout=subprocess.DEVNULL, stderr=log)
        lines = self.agent.agent.stdin
        self.addCleanup(lines.close)
        until(lambda: self.agent.run("status").returncode == 0, "the agent answers")
        banned = lambda: {ban["address"] for ban in json.loads(self.ok("--json", "bans"))["bans"]}
        first, second = failure("192.0.2.7").encode(), failure("192.0.2.8").encode()
        lines.write(first + second[:40])
        lines.flush()
        until(lambda: banned() == {"192.0.2.7"}, "the whole line is judged")
        self.ok("reload")
        lines.write(second[40:])
        lines.flush()
        until(lambda: banned() == {"192.0.2.7", "192.0.2.8"}, "the line that was cut by the reload is judged")


if __name__ == "__main__":
    unittest.main()
