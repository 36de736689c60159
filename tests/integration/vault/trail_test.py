"""The audit trail in a real OpenBao: each event created once by an identity that may only add, the receipt kept with
it, checkpoints as witnesses, and over outages and kills nothing lost, doubled or out of order."""
import hashlib
import json
import signal
import threading
import unittest

import http.client
import http.server

from trail_world import TrailCase
from watched_host import Watched
from world import READER, Refused


class Relay:
    """Stands before the vault and hands requests on. `after` is called once the vault has carried out a creation, before
    its answer goes back."""

    def __init__(self, bao):
        outer = self
        self.after = None

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self):
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                upstream = http.client.HTTPConnection("127.0.0.1", bao.port, timeout=30)
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                text = answer.read()
                upstream.close()
                if outer.after is not None and self.command == "POST" and "/data/" in self.path and answer.status == 200:
                    outer.after()
                try:
                    self.send_response_only(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                            self.send_header(name, value)
                    self.send_header("content-length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_LIST = do_PATCH = do_DELETE = relay

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Trail(TrailCase):
    def created(self):
        """Requests that made a secret of the trail, in the order of the vault's audit log."""
        return [e for e in self.bao.audit() if e["type"] == "response" and e["request"]["operation"] == "create"
                and e["request"]["path"].startswith("warder-audit/data/events/") and not e.get("error")]

    def test_rights_are_compared_with_what_is_configured(self):
        self.assertIn("exactly", self.host.run("vault", "policies", "check"))
        self.bao.policy("warder", READER)
        said = self.host.run("vault", "policies", "check", status=1, output="stdout")
        self.assertRegex(said, r"missing +warder-audit/data/events/\* +has no right to create")
        self.assertIn("rights       warder-audit/data/events/* has no right to create", self.host.run("vault", "test", status=5, output="stdout"))

    def assert_nothing_lost(self):
        history = [e for e in self.history() if e["kind"] not in ("destination", "restore")
                   and not e["message"].startswith("checkpoint of")]
        expected = [f"{e['sequence']:020}-{e['id']}" for e in history]
        self.assertEqual(sorted(n for n in self.names("events")), expected)
        self.assertEqual([e["request"]["path"].rsplit("/", 1)[1] for e in self.created()], expected)
        for name in self.names("events"):
            about = self.bao.call("GET", f"warder-audit/metadata/events/web-1/{name}")["data"]
            self.assertEqual((about["current_version"], len(about["versions"])), (1, 1))
        return history

    def test_each_event_once_with_the_vaults_own_receipt(self):
        self.assertIn('path "warder-audit/data/events/*" {\n  capabilities = ["create"]\n}', self.said)
        self.assertLess(self.said.index("capabilities"), self.said.index("wrote the policies"))
        self.host.run("vault", "policies", "check", "--trail", "warder-audit", "--audit-device", "file")
        self.host.start()
        self.attack(30)
        self.bans(30)
        self.shipped()
        history = self.assert_nothing_lost()
        # The receipt is the request's id in the vault's audit log.
        ids = {e["request"]["path"].rsplit("/", 1)[1]: e["request"]["id"] for e in self.created()}
        for event in history:
            self.assertEqual(event["receipts"], {"trail": ids[f"{event['sequence']:020}-{event['id']}"]})
        ban = next(e for e in history if e["kind"] == "ban")
        self.assertIn(f"[trail: {ban['receipts']['trail']}]", self.host.run("explain", ban["address"]))
        stored = self.bao.call("GET", f"warder-audit/data/events/web-1/{ban['sequence']:020}-{ban['id']}")["data"]["data"]
        self.assertEqual(stored.pop("host"), "web-1")
        if "detail" in stored:
            stored["detail"] = json.loads(stored["detail"])
        self.assertEqual(stored, {k: v for k, v in ban.items() if k != "receipts"})
        # Whoever has the agent's identity can neither change, delete nor read what is there.
        secret_id = (self.host.folder / "vault.secret-id").read_text()
        token = self.bao.call("POST", "auth/approle/login", {"role_id": self.role_id, "secret_id": secret_id})["auth"]["client_token"]
        path = f"events/web-1/{ban['sequence']:020}-{ban['id']}"
        for method, what in (("POST", "data"), ("GET", "data"), ("DELETE", "data"), ("DELETE", "metadata")):
            with self.assertRaises(Refused) as refused:
                self.bao.call(method, f"warder-audit/{what}/{path}", {"data": {"a": "b"}} if method == "POST" else None, token=token)
            self.assertEqual(refused.exception.status, 403)

    def test_what_checks_of_a_database_and_of_files_find_arrives(self):
        watched = Watched(self.host)
        self.host.start()
        for event in watched.changed():
            name = f"{event['sequence']:020}-{event['id']}"
            self.host.until(lambda: name in self.names("events"), event["message"])
            stored = self.bao.call("GET", f"warder-audit/data/events/web-1/{name}")["data"]["data"]
            self.assertEqual(stored.pop("host"), "web-1")
            stored["detail"] = json.loads(stored["detail"])
            self.assertEqual(stored, {k: v for k, v in event.items() if k != "receipts"})
            receipt = self.host.until(lambda: next(e for e in watched.events() if e["id"] == event["id"]).get("receipts"), "a receipt")
            (created,) = [e for e in self.created() if e["request"]["path"].endswith(name)]
            self.assertEqual(receipt, {"trail": created["request"]["id"]})

    def test_outages_restarts_and_a_sealed_vault_lose_nothing(self):
        self.host.start()
        self.attack(3)
        self.shipped()
        self.bao.seal()
        self.attack(20)
        self.bans(23)
        self.host.until(lambda: "sealed" in self.destination()["last_error"], "the seal is told")
        self.host.stop(signal.SIGKILL)
        self.bao.kill()
        self.attack(10)
        self.host.start()
        self.bans(33)
        self.host.until(lambda: self.destination()["last_error"], "a failed attempt")
        self.assertEqual(self.destination()["dead"], 0)
        self.bao.start()
        self.bao.unseal()
        self.shipped()
        self.assert_nothing_lost()

    def test_killed_between_the_creation_and_its_receipt(self):
        relay = Relay(self.bao)
        self.addCleanup(relay.close)
        self.configure(url=relay.url)
        self.host.start()
        self.attack(2)
        self.bans(2)
        self.shipped()

        def kill():
            relay.after = None
            self.host.agent.send_signal(signal.SIGKILL)
            self.host.agent.wait()
        relay.after = kill
        self.attack(5)
        self.assertEqual(self.host.agent.wait(timeout=60), -signal.SIGKILL)
        lost = self.created()[-1]["request"]["path"].rsplit("/", 1)[1]
        self.host.agent = None
        self.host.log.close()
        self.host.start()
        self.bans(7)
        self.shipped()
        history = self.assert_nothing_lost()
        # The vault itself tells the second copy; what was lost is the first receipt, and that is said.
        event = next(e for e in history if lost.endswith(e["id"]))
        self.assertRegex(event["receipts"]["trail"], r"^there since \d{4}-\d\d-\d\dT")

    def test_a_mount_or_a_right_that_is_missing_holds_everything_back(self):
        self.configure("[destination trail]\nform = vault-trail\ntarget = nowhere\nevents = all\n")
        self.host.start()
        self.attack(2)
        self.bans(2)
        self.host.until(lambda: self.destination()["last_error"], "the mount is blamed")
        self.assertEqual(self.destination()["dead"], 0)
        self.configure()
        self.host.run("reload")
        self.shipped()
        self.assert_nothing_lost()

    def test_a_commitment_stores_nothing_and_can_be_checked(self):
        self.configure("[destination seal]\nform = vault-hash\ntarget = file\nevents = all\n")
        self.host.start()
        self.attack(3)
        self.bans(3)
        self.shipped("seal")
        ban = next(e for e in self.history() if e["kind"] == "ban")
        receipt = ban.pop("receipts")["seal"]
        # What the commitment is to, made from what the history prints.
        digest = hashlib.sha256(json.dumps(ban, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
        text = f"warder:web-1:{ban['sequence']}:{ban['id']}:{digest}"
        again = self.bao.call("POST", "sys/audit-hash/file", {"input": text})["data"]["hash"]
        request = receipt.split("(request ")[1].rstrip(")")
        self.assertEqual(receipt, f"{again} (request {request})")
        logged = next(e for e in self.bao.audit() if e["type"] == "request" and e["request"]["id"] == request)
        self.assertEqual(logged["request"]["data"]["input"], again)
        self.assertEqual(self.names("events"), [])

    def test_another_provider_and_a_trail_beside_it(self):
        text = (f"provider = file\naddress = {self.bao.url}\nrole_id = {self.role_id}\n"
                f"secret_id = file:{self.host.folder}/vault.secret-id\n"
                "[destination trail]\nform = vault-trail\ntarget = warder-audit\nevents = all\n")
        self.host.configure(text)
        self.host.start()
        self.attack(2)
        self.bans(2)
        self.shipped()
        self.assert_nothing_lost()


if __name__ == "__main__":
    unittest.main()
