"""The audit log of a real OpenBao or HashiCorp Vault, watched by the agent: every detection of jails/vault.conf that the server
can be brought to do is done by a call of its API, and the alerts are exactly those expected. A day without them gives none."""
import datetime
import json
import signal
import unittest

from world import READER, SOURCE, Host, OpenBao, Refused, Server, free_port

ADMIN = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }\n'
WEB = ('path "secret/data/web/*" { capabilities = ["read"] }\npath "secret/data/pay/*" { capabilities = ["read"] }\n'
       'path "secret/metadata/*" { capabilities = ["list"] }\n')
ON_VAULT = Server.product == "vault"
# What only Vault writes: the HMAC of a token that is not good.
ONLY_VAULT = {"vault-leaked-token", "vault-token-guess"}


def shipped():
    """The jails of jails/vault.conf."""
    text = (SOURCE / "jails/vault.conf").read_text()
    return [line[1:-1] for line in text.splitlines() if line.startswith("[")]


class World(unittest.TestCase):
    def setUp(self):
        self.bao = Server()
        self.addCleanup(self.bao.close)
        self.bao.policy("warder", READER)
        self.bao.policy("admin", ADMIN)
        self.bao.policy("web", WEB)
        self.host = Host()
        self.addCleanup(self.host.close)
        self.admin = self.token(policies=["admin"], ttl="1h", display_name="admin")
        self.web = self.log_in("web")

    def token(self, **how):
        return self.bao.call("POST", "auth/token/create", how)["auth"]["client_token"]

    def log_in(self, role, source="127.0.0.1", policies=None):
        """A token by AppRole."""
        if role not in (self.roles if hasattr(self, "roles") else {}):
            self.roles = {**getattr(self, "roles", {}), role: self.bao.approle(role, policies or (role,), token_ttl="20m")}
        role_id, secret_id = self.roles[role]
        return self.bao.call("POST", "auth/approle/login", {"role_id": role_id, "secret_id": secret_id},
                             token="-", source=source)["auth"]["client_token"]

    def watch(self, jails, interval="1s", more="", vault="", log=None):
        role_id, secret_id = self.bao.approle("warder", ("warder",), token_ttl="20m")
        file = self.host.secret_file("secret-id", secret_id)
        self.copy = self.host.folder / "copy.log"
        self.copy.write_text("")
        log = log or self.bao.audit_log
        text = "".join(f"[{jail}]\nenabled = yes\nlogpath = {log}\n          {self.copy}\n{keys}"
                       for jail, keys in jails.items())
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\nplain_http = yes\ninterval = {interval}\n"
                            f"role_id = {role_id}\nsecret_id = file:{file}\n{vault}", jails=text + more)
        self.host.start()
        self.watched_from = self.bao.audit_log.stat().st_size

    def refused(self, status, *words, **how):
        with self.assertRaises(Refused) as refusal:
            self.bao.call(*words, **how)
        self.assertEqual(refusal.exception.status, status, refusal.exception)

    def must_fail(self, *words, **how):
        """A call that must not succeed, however the server says so."""
        with self.assertRaises(Refused):
            self.bao.call(*words, **how)

    def begin_a_root_token(self):
        """Everybody may begin, at Vault; OpenBao refuses it, and writes that down too."""
        if ON_VAULT:
            self.bao.call("PUT", "sys/generate-root/attempt", {}, token="-")
            self.bao.call("DELETE", "sys/generate-root/attempt", token="-")
        else:
            self.must_fail("POST", "sys/generate-root/attempt", {}, token="-")

    def alerts(self):
        return [(event["jail"], event["detail"].get("key", "-") if "detail" in event else "-") for event in
                (json.loads(line) for line in self.host.run("--json", "events", "--kind", "alert").splitlines())]

    def judged_all(self):
        """Waits until the agent has judged a line that is written now."""
        before = self.host.status()["lines"]
        self.bao.call("GET", "sys/policies/acl/web", token=self.admin)
        self.host.until(lambda: self.host.status()["lines"] > before and
                        self.host.status()["sources"][0]["backlog"] == 0, "the lines are judged")


class Detections(World):
    def test_each_detection(self):
        bao, admin = self.bao, self.admin
        call = lambda method, path, body=None, **how: bao.call(method, path, body, **{"token": admin, **how})
        # What is needed, before anybody looks.
        call("POST", "sys/auth/userpass", {"type": "userpass"})
        for user in ("alice", "bob"):
            call("POST", f"auth/userpass/users/{user}", {"password": "right", "token_ttl": "20m"})
        call("POST", "sys/mounts/transit", {"type": "transit"})
        call("POST", "transit/keys/backup", {})
        for i in range(50):
            call("POST", f"secret/data/web/m{i}", {"data": {"a": "b"}})
        for path in ("web/u", "web/d", "pay/salaries", "break-glass/x"):
            call("POST", f"secret/data/{path}", {"data": {"a": "b"}})
        ciphertext = call("POST", "transit/encrypt/backup", {"plaintext": "aGVsbG8="})["data"]["ciphertext"]
        call("POST", "sys/quotas/config", {"enable_rate_limit_audit_logging": True})
        bao.mount_kv("limited", 1)
        if not ON_VAULT:  # which writes it unasked
            call("POST", "sys/config/auditing/request-headers/User-Agent", {"hmac": False})
        call("POST", "sys/quotas/rate-limit/few", {"path": "limited", "rate": 1, "interval": "1h"})
        wrapped = call("POST", "sys/wrapping/wrap", {"a": "b"}, headers={"X-Vault-Wrap-TTL": "60"})["wrap_info"]["token"]

        jails = {jail: "" for jail in shipped() if jail != "vault-documents"}
        jails["vault-first-agent"] = "learn = 0s\n"
        jails["vault-network"] = "networks = web: 127.0.0.1\n"
        jails["vault-secret-outside"] = "paths = web: secret/data/web/*\n"
        self.watch(jails, more=f"[silent]\nenabled = yes\nfilter = vault-seal\noutcome = alert\nlogpath = {self.host.folder}/auth.log\n")
        expected = []

        def expect(jail, key, act):
            act()
            expected.append((jail, key))
            self.host.until(lambda: any(found[0] == jail and found[1].startswith(key) for found in self.alerts()), f"{jail} {key}")

        # A quiet stretch: the agent itself asks, a role reads what it should.
        for i in range(20):
            bao.call("GET", "secret/data/web/u", token=self.web)
        call("GET", "sys/policies/acl/web")
        self.judged_all()
        self.assertEqual(self.alerts(), [])

        expect("vault-root-token", "accessor hmac-sha256:", lambda: bao.call("GET", "sys/mounts"))
        expect("vault-root-minted", "accessor hmac-sha256:", lambda: self.token(policies=["root"]))
        expect("vault-key-ceremony", "address 127.0.0.1", lambda: self.begin_a_root_token())
        if ON_VAULT:  # a device may be added and removed over the API there
            device = {"type": "file", "options": {"file_path": f"{self.host.folder}/second.log"}}
            expect("vault-audit-device", "path sys/audit/second", lambda: call("POST", "sys/audit/second", device))
        else:
            expect("vault-audit-device", "path sys/audit/file", lambda: self.must_fail("DELETE", "sys/audit/file", token=admin))
        expect("vault-policy", "path sys/policies/acl/new", lambda: call("POST", "sys/policies/acl/new", {"policy": WEB}))
        expect("vault-auth-method", "path sys/auth/second", lambda: call("POST", "sys/auth/second", {"type": "userpass"}))
        expect("vault-mount", "path sys/mounts/more", lambda: call("POST", "sys/mounts/more", {"type": "kv"}))
        expect("vault-unhashed", "path sys/mounts/more/tune",
               lambda: call("POST", "sys/mounts/more/tune", {"audit_non_hmac_request_keys": ["password"]}))
        expected.append(("vault-mount", "path sys/mounts/more/tune"))
        expect("vault-denied", "entity ",
               lambda: [self.refused(403, "GET", f"secret/data/hr/u{i}", token=self.web) for i in range(11)])
        expect("vault-bad-token", "address 127.0.0.1",
               lambda: [self.refused(403, "GET", "secret/data/web/u", token="s.AAAAAAAAAAAAAAAAAAAAAAAA") for _ in range(11)])

        if ON_VAULT:
            expect("vault-leaked-token", "token hmac-sha256:", lambda: self.refused(
                403, "GET", "secret/data/web/u", token="s.AAAAAAAAAAAAAAAAAAAAAAAA", source="127.0.0.5"))
            expect("vault-token-guess", "address 127.0.0.6", lambda: [self.refused(
                403, "GET", "secret/data/web/u", token=f"s.AAAAAAAAAAAAAAAAAAAAAAA{i}", source="127.0.0.6") for i in range(5)])

        def wrong(user, times, source="127.0.0.1", token="-"):
            for _ in range(times):
                self.must_fail("POST", f"auth/userpass/login/{user}", {"password": "wrong"}, token=token, source=source)

        # Somebody's good token sent along hides nothing, though the line then has that token's auth.
        expect("vault-login", "address 127.0.0.1", lambda: wrong("eve", 5, token=self.web))
        expect("vault-login-user", "path auth/userpass/login/eve", lambda: wrong("eve", 5))
        expect("vault-login-spray", "address 127.0.0.2", lambda: [wrong(f"user{i}", 1, "127.0.0.2") for i in range(5)])
        expected.append(("vault-login", "address 127.0.0.2"))

        def guessed():
            wrong("bob", 3)
            bao.call("POST", "auth/userpass/login/bob", {"password": "right"}, token="-")

        expect("vault-login-after-failures", "path auth/userpass/login/bob", guessed)
        expected.append(("vault-new-entity", "entity "))
        expect("vault-lockout", "path auth/userpass/login/alice", lambda: wrong("alice", 6))
        accessor = call("GET", "sys/auth")["data"]["userpass/"]["accessor"]
        expect("vault-lockout", f"path sys/locked-users/{accessor}/unlock/alice",
               lambda: call("POST", f"sys/locked-users/{accessor}/unlock/alice", {}))
        expect("vault-network", "role web", lambda: bao.call("GET", "secret/data/web/u", token=self.web, source="127.0.0.3"))
        expect("vault-secret-outside", "role web", lambda: bao.call("GET", "secret/data/pay/salaries", token=self.web))
        expect("vault-mass-read", "accessor hmac-sha256:",
               lambda: [bao.call("GET", f"secret/data/web/m{i}", token=self.web) for i in range(50)])
        expect("vault-enumeration", "accessor hmac-sha256:",
               lambda: [self.refused(404, "LIST", f"secret/metadata/none{i}", token=self.web) for i in range(20)])
        expect("vault-accessor-list", "accessor hmac-sha256:", lambda: call("LIST", "auth/token/accessors"))
        expect("vault-token-life", "display token-admin", lambda: call("POST", "auth/token/create", {"ttl": "48h"}))
        unwrap = lambda: bao.call("POST", "sys/wrapping/unwrap", {"token": wrapped}, token=admin)
        unwrap()
        expect("vault-wrapping", "address 127.0.0.1", lambda: self.assertRaises(Refused, unwrap))
        expect("vault-transit-keys", "path transit/keys/backup/config", lambda: call("POST", "transit/keys/backup/config", {"exportable": True}))
        expect("vault-transit-keys", "path transit/export/encryption-key/backup", lambda: call("GET", "transit/export/encryption-key/backup"))
        expect("vault-raw", "role web", lambda: self.refused(403, "GET", "sys/storage/raft/snapshot", token=self.web))
        expect("vault-destroy", "accessor hmac-sha256:", lambda: call("PUT", "secret/destroy/web/d", {"versions": [1]}))
        expect("vault-mass-delete", "accessor hmac-sha256:", lambda: [call("DELETE", f"secret/data/web/m{i}") for i in range(10)])
        expect("vault-secret-update", "path secret/data/web/u",
               lambda: [call("POST", "secret/data/web/u", {"data": {"n": str(i)}}) for i in range(3)])
        expect("vault-plugin", "path sys/plugins/catalog/secret/mine",
               lambda: self.must_fail("POST", "sys/plugins/catalog/secret/mine", {"sha256": "00", "command": "x"}, token=admin))
        expect("vault-lease-revoke", "path sys/leases/revoke-prefix/auth/userpass/login",
               lambda: call("POST", "sys/leases/revoke-prefix/auth/userpass/login", {}))
        expect("vault-identity", "path identity/entity", lambda: call("POST", "identity/entity", {"name": "x", "policies": ["admin"]}))
        call("POST", "auth/approle/role/fresh", {"token_policies": ["web"], "token_ttl": "20m"})
        self.roles["fresh"] = (call("GET", "auth/approle/role/fresh/role-id")["data"]["role_id"],
                               call("POST", "auth/approle/role/fresh/secret-id", {})["data"]["secret_id"])
        expect("vault-new-entity", "entity ", lambda: self.log_in("fresh"))
        expect("vault-first-sight", "role fresh", lambda: self.log_in("fresh", source="127.0.0.4"))
        read = lambda agent: bao.call("GET", "secret/data/web/u", token=self.web, headers={"User-Agent": agent})
        [read("web/1.0") for _ in range(3)]
        self.judged_all()
        self.assertNotIn("vault-first-agent", [jail for jail, _ in self.alerts()])
        expect("vault-first-agent", "entity ", lambda: read("curl/8.5.0"))
        expect("vault-probe", "address 127.0.0.1", lambda: [self.refused(404, "GET", f"nosuch/p{i}", token=admin) for i in range(3)])
        expect("vault-quota", "address 127.0.0.1", lambda: [self.must_fail("GET", "limited/none", token=admin) for _ in range(3)])
        expect("vault-break-glass", "display token-admin", lambda: call("GET", "secret/data/break-glass/x"))
        expect("vault-decrypt", "accessor hmac-sha256:",
               lambda: [call("POST", "transit/decrypt/backup", {"ciphertext": ciphertext}) for _ in range(100)])
        forged = ciphertext[:-6] + ("AAAAAA" if not ciphertext.endswith("AAAAAA") else "BBBBBB")
        expect("vault-decrypt-failed", "accessor hmac-sha256:",
               lambda: [self.must_fail("POST", "transit/decrypt/backup", {"ciphertext": forged}, token=admin) for _ in range(3)])

        # Another device's copy of the same requests says nothing new.
        before = self.host.status()["lines"]
        again = self.bao.audit_log.read_bytes()[self.watched_from:]
        with open(self.copy, "ab") as copy:
            copy.write(again)
        copied = again.count(b"\n")
        self.host.until(lambda: self.host.status()["lines"] >= before + copied, "the copy is judged")
        self.judged_all()

        expect("vault-seal", "accessor hmac-sha256:", lambda: bao.seal())
        self.host.until(lambda: any("the vault is sealed" in text for text in self.host.events("vault")), "the seal is told")

        found = sorted(self.alerts())
        self.assertEqual(len(found), len(expected), f"\n{found}\n{sorted(expected)}")
        for (jail, key), (wanted, begin) in zip(found, sorted(expected)):
            self.assertEqual(jail, wanted)
            self.assertTrue(key.startswith(begin), f"{key} is not {begin}")
        # All jails of the file but those for Vault alone, and that of the hours (below), have been seen at work.
        self.assertEqual({jail for jail, _ in found}, set(jails) - {"vault-first-hour"} - (set() if ON_VAULT else ONLY_VAULT))
        # Nobody was kept out.
        self.assertEqual(self.host.json("bans")["total"], 0)
        # Shown where one looks.
        self.assertEqual(self.host.jails()["vault-denied"]["outcome"], "alert")
        self.assertEqual(self.host.jails()["vault-denied"]["alerts"], 1)
        self.assertIn("role web", self.host.run("explain", "role web"))


class Hours(World):
    """A role that logs in at an hour of the day at which it never did: the server's own line of a login, of another time."""

    def test_a_login_at_an_hour_that_was_never_seen(self):
        self.watch({"vault-first-hour": "learn = 0s\nquiet = 0s\n"})
        self.log_in("web")
        logged = lambda: [line for line in self.bao.audit_log.read_text().splitlines() if '"type":"response"' in line and
                          json.loads(line)["request"]["path"] == "auth/approle/login" and '"role_name":"web"' in line]
        self.host.until(lambda: self.host.jails()["vault-first-hour"]["findings"] > 0, "the login is judged")

        def again(hours, number):
            """The login so many hours earlier, judged by an agent that was away."""
            line = json.loads(logged()[-1])
            time = datetime.datetime.fromisoformat(line["time"][:19] + "+00:00") - datetime.timedelta(hours=hours)
            line["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
            line["request"]["id"] = f"00000000-0000-4000-8000-{number:012}"
            self.host.stop(signal.SIGKILL)
            with open(self.copy, "a") as copy:
                copy.write(json.dumps(line) + "\n")
            self.host.start()
            self.judged_all()
            return time.strftime("%H")

        # Not those of the agent's own logins, for which a new hour may begin meanwhile.
        alerts = lambda: [text for text in self.host.events("alert") if "web" in text]
        hour = again(3, 1)
        told = self.host.until(alerts, "the hour is told")
        self.assertIn(f": hour {hour} was not seen of it within 30d", told[0])
        for number, hours in enumerate((3, 0, 3), 2):  # known by now, also after a restart
            again(hours, number)
        self.assertEqual(alerts(), told)


class Elided(World):
    """A device with elide_list_responses: of a list its answer holds the number of names, not the names."""

    def test_lists_without_their_names_are_told_like_others(self):
        log = self.host.folder / "elided.log"
        self.bao.add_audit_device("elided", log, elide_list_responses="true")
        for i in range(3):
            self.bao.call("POST", f"secret/data/web/m{i}", {"data": {"a": "b"}}, token=self.admin)
        for i in range(20):
            self.bao.call("POST", f"secret/data/f{i}/x", {"data": {"a": "b"}}, token=self.admin)
        jails = {jail: "" for jail in shipped() if jail not in ("vault-documents", "vault-first-agent", "vault-first-hour")}
        jails["vault-network"] = "networks = web: 127.0.0.1\n"
        jails["vault-secret-outside"] = "paths = web: secret/data/web/*\n"
        self.watch(jails, log=log)
        names = lambda: [entry["response"]["data"]["keys"] for entry in map(json.loads, log.read_text().splitlines())
                         if entry["type"] == "response" and entry["request"]["operation"] == "list" and "data" in entry.get("response", {})]
        for _ in range(3):
            self.bao.call("LIST", "secret/metadata/web", token=self.web)
            self.bao.call("GET", "secret/data/web/m0", token=self.web)
        self.host.until(lambda: len(names()) == 3, "the lists are written")
        self.assertEqual(names(), [3, 3, 3])
        self.judged_all()
        self.assertEqual(self.alerts(), [])
        self.bao.call("LIST", "auth/token/accessors", token=self.admin)
        [self.bao.call("LIST", f"secret/metadata/f{i}", token=self.web) for i in range(20)]
        self.host.until(lambda: sorted(jail for jail, _ in self.alerts()) == ["vault-accessor-list", "vault-enumeration"], "both")
        self.assertNotIn("m0", "".join(self.host.events("alert")))


class Counts(World):
    def test_counts_survive_a_crash(self):
        self.watch({"vault-denied": "", "vault-mass-read": "maxretry = 3\n"})
        deny = lambda n: [self.refused(403, "GET", f"secret/data/hr/u{i}", token=self.web) for i in range(n)]
        deny(6)
        # The agent's own question for the audit devices, which its role may not ask, is a seventh, of another key.
        self.host.until(lambda: sum("secret/data/hr/" in text for text in self.host.events("finding")) == 6, "six are stored")
        self.host.stop(signal.SIGKILL)
        deny(4)
        self.host.start()
        self.judged_all()
        self.assertEqual(self.alerts(), [])
        deny(1)
        alerts = self.host.until(self.alerts, "the eleventh")
        self.assertEqual([jail for jail, _ in alerts], ["vault-denied"])
        # Told once: what goes on is only counted, after a restart too.
        self.host.stop(signal.SIGKILL)
        self.host.start()
        deny(15)
        self.judged_all()
        self.assertEqual(len(self.alerts()), 1)
        self.assertGreaterEqual(self.host.jails()["vault-denied"]["quiet"], 15)


class Documents(World):
    def test_a_written_document_runs_at_once(self):
        self.watch({"vault-documents": ""}, interval="1h")
        jail = {"sshd": {"enabled": True, "backend": "auto", "journalmatch": "", "filter": "sshd", "maxretry": 7,
                         "logpath": f"{self.host.folder}/auth.log"}}
        self.bao.call("POST", "secret/data/warder/jails", {"data": jail}, token=self.admin)
        self.host.until(lambda: self.host.jails().get("sshd", {}).get("maxretry") == 7, "it runs, an hour before its time")


class Http(unittest.TestCase):
    """The http audit device: the agent listens, the vault never waits."""

    def test_a_vault_that_posts_its_audit_log(self):
        port = free_port()
        where = f"http://127.0.0.1:{port}/audit"
        with Host() as host:
            host.configure("", jails=
                "".join(f"[{jail}]\nenabled = yes\nlogpath = {where}\n" for jail in ("vault-root-token", "vault-policy")))
            host.start()
            with OpenBao(audit=False, devices=[("http", {"uri": where})]) as bao:
                bao.policy("web", WEB)
                seen = lambda: {(e["jail"], e["detail"]["key"].split()[0]) for e in
                                (json.loads(line) for line in host.run("--json", "events", "--kind", "alert").splitlines())}
                host.until(lambda: seen() == {("vault-root-token", "accessor"), ("vault-policy", "path")}, "both are told")
                self.assertEqual(host.status()["sources"][0]["name"], where)
                # New rules do not close the door: each of these calls needs its entry to be taken.
                for i in range(20):
                    (host.folder / "jail.local").write_text(
                        f"[vault-policy]\nenabled = yes\nlogpath = {where}\nquiet = {i}s\n")
                    host.run("reload")
                    bao.policy(f"p{i}", WEB)
                host.until(lambda: len(host.events("alert")) >= 22, "every policy is told")


class Silence(World):
    def test_a_log_without_lines_is_told_while_the_vault_answers(self):
        self.watch({"vault-audit-device": "silence = 3s\n"},
                   more=f"[elsewhere]\nenabled = yes\nfilter = vault-audit-device\noutcome = alert\nkey = path\n"
                        f"silence = 3s\nlogpath = {self.host.folder}/elsewhere.log\n")
        self.assertEqual(self.host.until(self.alerts, "the silence is told"), [("elsewhere", "-")])
        # A sealed vault writes nothing, and that is told as what it is.
        self.bao.seal()
        self.host.until(lambda: any("the vault is sealed" in text for text in self.host.events("vault")), "the seal is told")


class Devices(World):
    """An audit device that is removed and made anew at the same path between two looks leaves nothing on itself but its last line."""

    def setUp(self):
        super().setUp()
        self.bao.add_audit_device("second", self.host.folder / "second.log")
        self.hashes = 'path "sys/audit-hash/*" { capabilities = ["update"] }\n'

    def remake(self, name):
        self.bao.remove_audit_device(name)
        self.bao.add_audit_device(name, self.host.folder / f"{name}.log")

    def devices_told(self):
        return [text for text in self.host.events("vault") if "audit device" in text]

    def looked_again(self, times=2):
        """Waits until each named device's hash was asked for so many times more."""
        asked = lambda: sum(entry["type"] == "response" and entry["request"]["path"] == "sys/audit-hash/second" for entry in self.bao.audit())
        until = asked() + times
        self.host.until(lambda: asked() >= until, "the agent looks")

    def test_removed_and_made_anew_between_two_looks(self):
        self.bao.policy("warder", READER + self.hashes)
        self.watch({}, vault="audit_devices = file second\n")
        self.looked_again()
        self.assertEqual(self.devices_told(), [])
        self.remake("second")
        told = self.host.until(self.devices_told, "the new device is told")
        self.looked_again()
        self.assertEqual(self.devices_told(), told)
        self.assertEqual(len(told), 1)
        self.assertIn("audit device second/ was removed and made anew", told[0])
        # Also when nobody looked meanwhile.
        self.host.stop(signal.SIGKILL)
        self.remake("second")
        self.host.start()
        self.host.until(lambda: len(self.devices_told()) == 2, "it is told after a restart")
        self.looked_again()
        self.assertEqual(len(self.devices_told()), 2)

    def test_an_identity_that_lists_devices_needs_no_names(self):
        self.bao.policy("warder", READER + self.hashes + 'path "sys/audit" { capabilities = ["read", "sudo"] }\n')
        self.watch({}, vault="")
        self.looked_again()
        self.remake("second")
        self.host.until(lambda: any("second/ was removed and made anew" in text for text in self.devices_told()), "it is told")

    def test_without_the_right_it_is_said_once(self):
        self.watch({}, vault="audit_devices = file\n")
        told = self.host.until(self.devices_told, "it is said")
        self.assertIn("grant update on sys/audit-hash/file", told[0])
        missing = self.host.run("vault", "policies", "check", status=1, output="stdout")
        self.assertIn("sys/audit-hash/file", missing)
        self.host.stop()
        self.host.start()
        self.host.until(lambda: any("sys/audit-hash/file" == entry["request"]["path"] for entry in self.bao.audit()), "it is asked")
        self.assertEqual(self.devices_told(), told)


if __name__ == "__main__":
    unittest.main()
