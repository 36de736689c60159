"""A host that ships to a trail in a real OpenBao, as `warder vault setup` makes it."""
import datetime
import json
import unittest

from world import Host, OpenBao, Refused

JAIL = """[sshd]
enabled = yes
backend = auto
journalmatch =
filter = sshd
port = 22
logpath = {folder}/auth.log
maxretry = 1
findtime = 1d
bantime = 1h
"""


class TrailCase(unittest.TestCase):
    def setUp(self):
        self.bao = OpenBao()
        self.addCleanup(self.bao.close)
        self.host = Host()
        self.addCleanup(self.host.close)
        (self.host.folder / "jail.local").write_text(JAIL.format(folder=self.host.folder))
        self.attacks = 0
        self.set_up()
        self.configure()

    def set_up(self):
        """`warder vault setup` writes mount, policies and role; what it printed."""
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\n")
        self.said = self.host.run("vault", "setup", "--trail", "warder-audit", "--audit-device", "file",
                                  environment={"VAULT_TOKEN": self.bao.token})
        self.role_id = self.bao.call("GET", "auth/approle/role/warder/role-id")["data"]["role_id"]

    def configure(self, destinations="[destination trail]\nform = vault-trail\ntarget = warder-audit\nevents = all\n", url=None,
                  store=""):
        self.host.configure(
            f"provider = vault\naddress = {url or self.bao.url}\nrole_id = {self.role_id}\n"
            f"secret_id = file:{self.host.folder}/vault.secret-id\ninterval = 1s\n{destinations}")
        if store:
            path = self.host.folder / "warder.conf"
            path.write_text(path.read_text().replace("[store]\n", f"[store]\n{store}"))

    def attack(self, count):
        with open(self.host.folder / "auth.log", "ab") as log:
            for _ in range(count):
                self.attacks += 1
                now = datetime.datetime.now(datetime.timezone.utc).strftime("%b %e %H:%M:%S")
                log.write(f"{now} host sshd[{1000 + self.attacks}]: Failed password for root from "
                          f"203.{self.attacks % 250}.{self.attacks // 250}.9 port 4 ssh2\n".encode())

    def history(self):
        return [json.loads(line) for line in
                self.host.run("--json", "events", "--limit", "1000000", "--oldest-first").splitlines()]

    def destination(self, name="trail"):
        return next(d for d in self.host.status()["destinations"] if d["name"] == name)

    def bans(self, count):
        self.host.until(lambda: sum(e["kind"] == "ban" for e in self.history()) == count, f"{count} bans")

    def shipped(self, name="trail"):
        self.bans(self.attacks)
        self.host.until(lambda: self.destination(name)["pending"] == 0, "an empty outbox")

    def names(self, folder):
        try:
            return self.bao.call("LIST", f"warder-audit/metadata/{folder}/web-1")["data"]["keys"]
        except Refused as refused:
            self.assertEqual(refused.status, 404)
            return []
