"""A host whose sshd is attacked and that ships what it finds: what the tests of far ends share."""
import datetime
import json

from world import Host

JAIL = """[sshd]
enabled = yes
backend = auto
journalmatch =
filter = sshd
port = 22
logpath = {folder}/auth.log
maxretry = {maxretry}
findtime = 1d
bantime = 1h
"""


class AttackedHost:
    """Part of a unittest.TestCase that says in `ships_to` which destination is meant."""

    def make_host(self):
        self.host = Host()
        self.addCleanup(self.host.close)
        (self.host.folder / "jail.local").write_text(JAIL.format(folder=self.host.folder, maxretry=1))
        self.attacks = 0

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

    def destination(self, name=None):
        return next(d for d in self.host.status()["destinations"] if d["name"] == (name or self.ships_to))

    def bans(self, count):
        self.host.until(lambda: sum(e["kind"] == "ban" for e in self.history()) == count, f"{count} bans")

    def shipped(self, name=None):
        self.bans(self.attacks)
        self.host.until(lambda: self.destination(name)["pending"] == 0, "an empty outbox")
