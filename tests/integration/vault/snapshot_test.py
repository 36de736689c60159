"""The vault itself backed up: `warder backup` takes a raft snapshot of a real server, verifies it, keeps it encrypted like any backup
and brings it outside; another server that is given it has everything, opened by the old unseal keys."""
import gzip
import http.client
import http.server
import ssl
import subprocess
import threading
import unittest

from world import WARDER, Host, Server


class Standby:
    """A node that lets everything pass but the snapshot, for which it sends on to another one (307), as a standby does."""

    def __init__(self, bao, sends_to):
        self.sends_to = sends_to
        self.asked = []  # (path, token)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def pass_on(self):
                outer.asked.append((self.path, self.headers.get("X-Vault-Token")))
                if self.path.endswith("/raft/snapshot") and outer.sends_to:
                    self.send_response(307)
                    self.send_header("Location", outer.sends_to + self.path)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                there = http.client.HTTPSConnection("127.0.0.1", bao.port, timeout=60, context=ssl.create_default_context(cafile=bao.ca))
                there.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower().startswith("x-vault")})
                answer = there.getresponse()
                text = answer.read()
                there.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_LIST = pass_on

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(bao.folder / "server.pem", bao.folder / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Snapshot(unittest.TestCase):
    def setUp(self):
        # OpenBao's audit devices stand in its configuration and must be the same where a snapshot is put back.
        self.bao = Server(tls=True, audit=False)
        self.addCleanup(self.bao.close)
        self.bao.call("POST", "secret/data/app/db", {"data": {"password": "canary-in-the-vault"}})
        self.host = Host()
        self.addCleanup(self.host.close)
        self.passphrase = self.host.secret_file("passphrase", "a long enough passphrase on paper")
        self.outside = self.host.folder / "outside"
        self.outside.mkdir(mode=0o700)
        self.configure("")
        self.host.run("vault", "setup", "--snapshot", environment={"VAULT_TOKEN": self.bao.token})
        role_id = self.bao.call("GET", "auth/approle/role/warder/role-id")["data"]["role_id"]
        self.login = f"role_id = {role_id}\nsecret_id = file:{self.host.folder}/vault.secret-id\n"
        self.configure(self.login)

    def configure(self, login, passphrase=None, address=None):
        address = f"address = {self.bao.url}\n" if address is None else address
        self.host.configure(f"provider = vault\n{address}ca_file = {self.bao.ca}\n{login}"
                            f"[backup vault]\nvault_snapshot = yes\npassphrase = {passphrase or f'file:{self.passphrase}'}\n"
                            f"storage = outside\n[storage outside]\nkind = directory\npath = {self.outside}\n")

    def files(self, folder):
        return sorted(path.name for path in folder.iterdir() if path.name.startswith("vault-"))

    def test_taken_verified_kept_and_put_into_another_server(self):
        run = self.host.run
        self.assertIn("exactly", run("vault", "policies", "check", "--snapshot"))
        [report] = self.host.json("backup", "now", "vault")
        self.assertEqual((report["good"], report["notes"]), (True, []))
        kept = self.host.folder / "state/backups/vault"
        encrypted = next(path for path in kept.iterdir() if path.name.endswith(".snap.gz.gpg"))
        self.assertIn(encrypted.name, self.files(self.outside))
        self.assertIn("vault", run("backup", "list", "vault"))
        run("backup", "verify", "vault")
        run("backup", "drill", "vault")
        # gpg and gunzip alone open it.
        home = self.host.folder / "gnupg"
        home.mkdir(mode=0o700)
        plain = subprocess.run(["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase-file", self.passphrase,
                                "--decrypt", encrypted], capture_output=True, check=True).stdout
        snapshot = self.host.folder / "restored.snap"
        run("backup", "restore", "vault", "--to", snapshot)
        self.assertEqual(gzip.decompress(plain), snapshot.read_bytes())
        self.assertNotIn(b"canary", snapshot.read_bytes())  # the vault's own seal is around it
        # The secret changes; the server is lost; another one is given the snapshot.
        self.bao.call("POST", "secret/data/app/db", {"data": {"password": "later"}})
        with Server(tls=True, audit=False) as other:
            self.put(other, snapshot)
            other.keys, other.token = self.bao.keys, self.bao.token
            other.until(lambda: other.call("GET", "sys/seal-status")["sealed"] or
                        other.call("GET", "secret/data/app/db"), "it has the other's storage")
            other.unseal()
            got = other.until(lambda: other.call("GET", "secret/data/app/db"), "the secret is there")
            self.assertEqual(got["data"]["data"], {"password": "canary-in-the-vault"})

    def put(self, server, snapshot):

        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60,
                                                 context=ssl.create_default_context(cafile=server.ca))
        connection.request("POST", "/v1/sys/storage/raft/snapshot-force", snapshot.read_bytes(), {"X-Vault-Token": server.token})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        self.assertEqual(answer.status // 100, 2, text)

    def test_what_is_missing_is_said_and_the_older_one_stays(self):
        self.host.run("backup", "now", "vault")
        before = self.files(self.host.folder / "state/backups/vault")
        self.bao.policy("warder", 'path "secret/data/warder/*" { capabilities = ["read"] }\n')
        self.assertIn('path "sys/storage/raft/snapshot" { capabilities = ["read"] }', self.said("backup", "now", "vault"))
        self.bao.seal()
        self.assertIn("sealed", self.said("backup", "now", "vault"))
        self.assertEqual(self.files(self.host.folder / "state/backups/vault"), before)
        # A copy whose bytes were changed is found.
        self.host.run("backup", "verify", "vault")
        file = next(path for path in (self.host.folder / "state/backups/vault").iterdir() if path.name.endswith(".gpg"))
        damaged = bytearray(file.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        file.write_bytes(damaged)
        self.assertIn("damaged or was changed", self.said("backup", "verify", "vault"))

    def test_a_passphrase_that_would_be_lost_with_it_is_told(self):
        self.bao.call("POST", "secret/data/warder/settings", {"data": {"backup_passphrase": "long enough for a backup"}})
        role_id = self.bao.call("GET", "auth/approle/role/warder/role-id")["data"]["role_id"]
        self.configure(f"role_id = {role_id}\nsecret_id = file:{self.host.folder}/vault.secret-id\n",
                       "vault:settings/backup_passphrase")
        self.assertIn("lies in the vault that this is a backup of", self.host.run("backup", "now", "vault"))

    def test_a_standby_sends_on_and_the_token_does_not_follow(self):
        elsewhere, standby = Standby(self.bao, "https://127.0.0.1:1"), Standby(self.bao, self.bao.url)
        for one in (elsewhere, standby):
            self.addCleanup(one.close)
        # The node it names stands in the configuration, too: there the snapshot is fetched.
        self.login = self.login.replace("role_id", f"address = {standby.url}\n  {self.bao.url}\nrole_id", 1)
        self.configure(self.login, address="")
        [report] = self.host.json("backup", "now", "vault")
        self.assertTrue(report["good"], report)
        self.assertIn("/v1/sys/storage/raft/snapshot", [path for path, _ in standby.asked])
        # One that it does not: neither the snapshot's request nor any other goes there.
        stranger = Standby(self.bao, None)
        self.addCleanup(stranger.close)
        elsewhere.sends_to = stranger.url
        self.configure(self.login.replace(f"{standby.url}\n  {self.bao.url}", elsewhere.url), address="")
        self.assertIn("where the token is not sent to", self.said("backup", "now", "vault"))
        self.assertEqual(stranger.asked, [])

    def test_by_a_client_certificate(self):
        self.bao.call("POST", "sys/auth/cert", {"type": "cert"})
        self.bao.call("POST", "auth/cert/certs/keeper", {"certificate": self.bao.ca.read_text(), "token_policies": ["warder"]})
        self.configure(f"client_certificate = {self.bao.folder}/client.pem\nclient_key = {self.bao.folder}/client.key\n")
        [report] = self.host.json("backup", "now", "vault")
        self.assertTrue(report["good"], report)

    def said(self, *words):
        done = subprocess.run([WARDER, "--config", self.host.folder / "warder.conf", *words], capture_output=True, text=True,
                              env=self.host.environment)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stdout + done.stderr


if __name__ == "__main__":
    unittest.main()
