"""A host that ships to a trail in a real server, as `warder vault setup` makes it."""
import unittest

from attacked_host import AttackedHost
from world import Refused, Server


class TrailCase(AttackedHost, unittest.TestCase):
    ships_to = "trail"

    def setUp(self):
        self.bao = Server()
        self.addCleanup(self.bao.close)
        self.make_host()
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

    def names(self, folder):
        try:
            return self.bao.call("LIST", f"warder-audit/metadata/{folder}/web-1")["data"]["keys"]
        except Refused as refused:
            self.assertEqual(refused.status, 404)
            return []
