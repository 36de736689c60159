"""OCI Vault as the provider: the commands and the agent against a cloud on loopback that verifies
every signature, and Oracle's own client as the judge of what was written."""
import json
import subprocess
import unittest

import fake_oci
import oci
from cryptography.hazmat.primitives import serialization
from oci_world import CANARY, WARDER, OciTest


class Vault(OciTest):
    def sdk(self, client):
        config = {"tenancy": fake_oci.TENANCY, "user": fake_oci.USER,
                  "fingerprint": self.key_id.split("/")[2], "region": "eu-frankfurt-1",
                  "key_content": self.pem.decode()}
        return client(config, service_endpoint=self.server.url,
                      retry_strategy=oci.retry.NoneRetryStrategy())

    def test_what_is_written_is_what_oracles_client_reads(self):
        document = json.dumps({"url": CANARY, "name": "Bärbel"})
        self.warder("vault", "put", "hosts/web-1/alerts", stdin=document)
        bundle = self.sdk(oci.secrets.SecretsClient).get_secret_bundle_by_name(
            "warder-hosts--web-1--alerts", fake_oci.VAULT).data
        self.assertEqual(bundle.version_number, 1)
        self.assertEqual(json.loads(fake_oci.base64.b64decode(
            bundle.secret_bundle_content.content)), json.loads(document))
        self.assertEqual(self.warder("vault", "get", "hosts/web-1/alerts", "--key", "url").strip(),
                         CANARY)

    def test_what_oracles_client_writes_is_what_is_read(self):
        client = self.sdk(oci.vault.VaultsClient)
        content = oci.vault.models.Base64SecretContentDetails(
            content=fake_oci.base64.b64encode(b'{"sshd":{"maxretry":7}}').decode())
        made = client.create_secret(oci.vault.models.CreateSecretDetails(
            compartment_id=fake_oci.COMPARTMENT, vault_id=fake_oci.VAULT, key_id=fake_oci.KEY,
            secret_name="warder-jails", secret_content=content)).data
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")),
                         {"sshd": {"maxretry": 7}})
        self.warder("vault", "put", "jails", stdin='{"sshd":{"maxretry":8}}')
        versions = client.list_secret_versions(made.id).data
        self.assertIn(2, [v.version_number for v in versions])
        rows = json.loads(self.warder("--json", "vault", "history", "jails"))
        self.assertEqual([row["version"] for row in rows], [2, 1])

    def test_a_version_that_waits_is_current_only_when_it_is_promoted(self):
        self.warder("vault", "put", "jails", stdin='{"a":1}')
        secret_id = next(iter(self.cloud.secrets))
        sdk = lambda **how: json.loads(fake_oci.base64.b64decode(self.sdk(oci.secrets.SecretsClient).get_secret_bundle(
            secret_id, **how).data.secret_bundle_content.content))
        said = self.warder("vault", "put", "jails", "--pending", stdin='{"a":2}')
        self.assertIn("jails has version 2, which waits", said)
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {"a": 1})
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", "--stage", "pending")), {"a": 2})
        self.assertEqual((sdk(), sdk(stage="PENDING")), ({"a": 1}, {"a": 2}))
        rows = lambda: [(row["version"], row["comment"]) for row in json.loads(self.warder("--json", "vault", "history", "jails"))]
        self.assertEqual(rows(), [(2, "PENDING"), (1, "CURRENT")])
        self.assertEqual(self.warder("vault", "promote", "jails"), "jails is now version 2\n")
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {"a": 2})
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", "--stage", "PREVIOUS")), {"a": 1})
        self.assertEqual(rows(), [(2, "CURRENT"), (1, "PREVIOUS")])
        self.assertEqual(self.sdk(oci.vault.VaultsClient).get_secret(secret_id).data.current_version_number, 2)
        # What Oracle's client lets wait is found, and going back is the same as going on.
        content = fake_oci.base64.b64encode(b'{"a":3}').decode()
        self.sdk(oci.vault.VaultsClient).update_secret(secret_id, oci.vault.models.UpdateSecretDetails(
            secret_content=oci.vault.models.Base64SecretContentDetails(content=content, stage="PENDING")))
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", "--stage", "LATEST")), {"a": 3})
        self.warder("vault", "promote", "jails", "--version", "1")
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {"a": 1})
        self.assertEqual(rows(), [(3, "PENDING"), (2, "PREVIOUS"), (1, "CURRENT")])
        # A put beside one that waits.
        self.assertEqual(self.warder("vault", "put", "jails", stdin='{"a":4}'), "jails is now version 4\n")
        self.assertEqual(rows(), [(4, "CURRENT"), (3, "PENDING"), (2, "DEPRECATED"), (1, "PREVIOUS")])
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", "--stage", "deprecated")), {"a": 2})

    def test_what_cannot_wait_or_be_promoted_is_named(self):
        self.assertIn("first version is always the current one",
                      self.warder("vault", "put", "jails", "--pending", stdin="{}", status=6))
        self.assertIn("there is no secret warder-jails", self.warder("vault", "promote", "jails", status=6))
        self.warder("vault", "put", "jails", stdin="{}")
        self.assertIn("no version of jails is PENDING", self.warder("vault", "get", "jails", "--stage", "PENDING", status=6))
        self.assertIn("1 is the current one already, and none is newer", self.warder("vault", "promote", "jails", status=1))
        self.assertIn("it has no version 7", self.warder("vault", "promote", "jails", "--version", "7", status=6))
        self.warder("vault", "put", "jails", "--pending", stdin='{"a":1}')
        # Somebody writes between the look-up and the change.
        original = self.cloud.route

        def route(method, path, query, headers, body):
            if method == "PUT":
                next(iter(self.cloud.secrets.values()))["etag"] += "x"
            return original(method, path, query, headers, body)
        self.cloud.route = route
        self.assertIn("somebody else changed it", self.warder("vault", "promote", "jails", status=1))
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {})
        for words in (("get", "jails", "--stage", "NEWEST"), ("get", "jails", "--stage", "PENDING", "--version", "1"),
                      ("promote", "jails", "--version", "0"), ("promote",)):
            self.warder("vault", *words, status=2)

    def test_one_secret_waits_as_a_whole(self):
        self.warder("vault", "put", "settings", stdin=json.dumps({"jails": {"a": 1}, "alerts": {"b": 1}}))
        env = {"OCISECRET_OCID": next(iter(self.cloud.secrets))}
        self.configure(layout="\n")
        self.warder("vault", "put", "jails", "--pending", stdin='{"a":2}', env=env)
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", env=env)), {"a": 1})
        self.assertEqual(json.loads(self.warder("vault", "get", "settings", "--stage", "PENDING", env=env)),
                         {"jails": {"a": 2}, "alerts": {"b": 1}})
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", "--stage", "PENDING", env=env)), {"a": 2})
        self.warder("vault", "promote", "jails", env=env)
        self.assertEqual(json.loads(self.warder("vault", "get", "settings", env=env)), {"jails": {"a": 2}, "alerts": {"b": 1}})

    def test_who_may_read_and_not_list_is_told_that_nobody_can_tell(self):
        self.warder("vault", "put", "jails", stdin='{"a":1}')
        original = self.cloud.route

        def route(method, path, query, headers, body):
            if path.startswith("/20180608/secrets"):
                raise fake_oci.Refused(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
            return original(method, path, query, headers, body)
        self.cloud.route = route
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {"a": 1})
        said = self.warder("vault", "get", "alerts", status=5)
        for words in ("reading the secret warder-alerts: it is not there, or this identity may not read it", "OCI answers both alike",
                      "may not list the compartment's secrets", "warder vault put", "'inspect secrets in compartment'",
                      "'read secret-bundles'"):
            self.assertIn(words, said)
        # A list that does not come is no answer about rights.
        def away(method, path, query, headers, body):
            if path.endswith("/secrets"):
                raise fake_oci.Refused(500, "InternalServerError", "made up")
            return original(method, path, query, headers, body)
        self.cloud.route = away
        self.assertIn("made up", self.warder("vault", "get", "alerts", status=4))
        self.cloud.route = original
        self.assertIn("it is not there, or this identity may not see it", self.warder("vault", "get", "alerts", status=6))

    def test_the_scripts_words_are_about_settings_and_a_deletion_waits(self):
        self.warder("vault", "put", "settings", stdin=json.dumps({"backup_passphrase": CANARY}))
        self.assertEqual(self.warder("vault", "get", "--key", "backup_passphrase").strip(), CANARY)
        self.assertRegex(self.warder("vault", "show"), r"^settings, version 1, ")
        self.assertIn("OCI deletes it in 30 days, and until then its name is taken", self.warder("vault", "delete", "settings"))
        self.assertIn("oci vault secret cancel-secret-deletion", self.warder("vault", "undelete", "settings", status=1))

    def test_all_pages_are_read(self):
        for number in range(5):
            self.warder("vault", "put", f"doc{number}", stdin="{}")
        rows = json.loads(self.warder("--json", "vault", "list"))
        self.assertEqual([row["name"] for row in rows], [f"doc{n}" for n in range(5)])

    def test_one_secret_holds_all(self):
        self.warder("vault", "put", "settings", stdin=json.dumps({"jails": {"a": 1}, "n": 2}))
        ocid = next(iter(self.cloud.secrets))
        self.configure(layout="\n")
        env = {"OCISECRET_OCID": ocid}
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", env=env)), {"a": 1})
        self.warder("vault", "put", "alerts", stdin=json.dumps({"ops": CANARY}), env=env)
        self.assertEqual(json.loads(self.warder("vault", "get", "settings", env=env)),
                         {"jails": {"a": 1}, "n": 2, "alerts": {"ops": CANARY}})
        self.assertIn("the settings secret has no member 'security'",
                      self.warder("vault", "get", "security", env=env, status=6))

    def test_a_wrong_clock_is_told_apart_from_a_wrong_key(self):
        self.cloud.clock_offset = 3600
        error = self.warder("vault", "get", "jails", status=5)
        self.assertRegex(error, r"this host's clock is 3(599|600|601) s behind")
        self.assertIn("timedatectl set-ntp true", error)
        self.cloud.clock_offset = 0
        self.cloud.keys.clear()
        error = self.warder("vault", "get", "jails", status=5)
        self.assertIn("it does not accept the API key", error)

    def test_refusals_say_cause_and_remedy(self):
        for status, code, words in (
                (403, "NotAllowed", "'use keys'"),
                (404, "NotAuthorizedOrNotFound", "OCI does not tell which"),
                (429, "TooManyRequests", "too many requests"),
                (500, "InternalServerError", "made up"),
                (307, "", "points elsewhere")):
            self.cloud.faults = [(status, code, {"location": self.server.url + "/x"})]
            done = subprocess.run([WARDER, "--config", str(self.config), "vault", "get", "jails"],
                                  capture_output=True, text=True, timeout=60,
                                  env=self.environment)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)

    def test_two_writers_do_not_undo_each_other(self):
        self.warder("vault", "put", "jails", stdin="{}")
        # Between our look-up and our update somebody else writes.
        self.cloud.faults = []
        original = self.cloud.route

        def route(method, path, query, headers, body):
            if method == "PUT":
                secret = next(iter(self.cloud.secrets.values()))
                secret["etag"] += "x"
            return original(method, path, query, headers, body)
        self.cloud.route = route
        error = self.warder("vault", "put", "jails", stdin='{"a":{}}', status=1)
        self.assertIn("somebody else changed it in the meantime", error)
        self.assertEqual(len(next(iter(self.cloud.secrets.values()))["versions"]), 1)

    def test_an_instance_needs_no_key(self):
        self.warder("vault", "put", "jails", stdin='{"sshd":{}}')
        self.cloud.make_instance()
        self.key_file.unlink()
        self.configure(extra="oci_auth = instance\n")
        env = {"OCI_METADATA_BASE_URL": self.server.url + "/opc/v2",
               # A proxy of the environment must not see the metadata service's answers.
               "http_proxy": "http://127.0.0.1:9"}
        self.assertEqual(json.loads(self.warder("vault", "get", "jails", env=env)), {"sshd": {}})
        signed = [h["authorization"] for m, t, h, _ in self.cloud.requests
                  if t.startswith("/20190301")]
        self.assertIn('keyId="ST$', signed[-1])
        federation = [h["authorization"] for m, t, h, _ in self.cloud.requests if t == "/v1/x509"]
        self.assertIn('headers="date (request-target) content-length', federation[-1])

    def make_session(self, life=3600):
        key, token = self.cloud.add_session(life)
        for name, content in (("session.pem", key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption())), ("session.token", token.encode() + b"\n")):
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_bytes(content)
        self.oci_config.write_text(
            f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nregion=eu-frankfurt-1\n"
            f"key_file={self.folder}/session.pem\nsecurity_token_file={self.folder}/session.token\n")
        self.configure(extra="oci_auth = security-token\n")
        return token

    def test_a_session_is_refreshed_before_it_ends_and_when_it_is_refused(self):
        self.warder("vault", "put", "jails", stdin='{"sshd":{}}')
        # Young enough: it is used as it is.
        token = self.make_session(3600)
        self.warder("vault", "get", "jails")
        self.assertEqual(self.cloud.refreshed, 0)
        # Past its half: exchanged, and the newer one put into the file for the next command.
        self.cloud.clock_offset = -200
        token = self.make_session(380)
        self.cloud.clock_offset = 0
        self.warder("vault", "get", "jails")
        self.assertEqual(self.cloud.refreshed, 1)
        newer = (self.folder / "session.token").read_text()
        self.assertNotEqual(newer, token)
        self.assertEqual((self.folder / "session.token").stat().st_mode & 0o777, 0o600)
        self.warder("vault", "get", "jails")
        self.assertEqual(self.cloud.refreshed, 1)
        # Refused by a service although it looks young: exchanged once, the call made again.
        original, refused = self.cloud.bundle, []

        def once(secret, query):
            if not refused:
                refused.append(1)
                raise fake_oci.Refused(401, "NotAuthenticated", "token")
            return original(secret, query)
        self.cloud.bundle = once
        self.cloud.token_life = 7200
        self.warder("vault", "get", "jails")
        self.assertEqual((len(refused), self.cloud.refreshed), (1, 2))

    def test_a_session_that_is_over_says_what_to_do(self):
        self.warder("vault", "put", "jails", stdin="{}")
        self.cloud.clock_offset = -200
        self.make_session(220)
        self.cloud.clock_offset = 0
        self.cloud.session_over = True
        # It cannot be exchanged any more, but holds: it is used to its end.
        self.warder("vault", "get", "jails")
        self.cloud.clock_offset = -200
        self.make_session(150)
        self.cloud.clock_offset = 0
        self.assertIn("begin a new session with: oci session authenticate",
                      self.warder("vault", "get", "jails", status=5))

    def test_what_is_missing_is_named(self):
        self.key_file.chmod(0o644)
        self.assertIn("other users may read this private key",
                      self.warder("vault", "get", "jails", status=5))
        self.configure(layout="oci_vault = jails\n")
        self.assertIn("'jails' is no OCID", self.warder("vault", "get", "jails", status=3))
        self.configure(layout="\n")
        self.assertIn("needs oci_vault", self.warder("vault", "get", "jails", status=3))
        self.configure(layout=f"oci_vault = {fake_oci.VAULT}\n")
        self.key_file.chmod(0o600)
        self.assertIn("set oci_compartment", self.warder("vault", "list", status=3))
        self.oci_config.unlink()
        for words in (("get", "jails"), ("setup",)):
            self.assertIn("make it with oci setup config", self.warder("vault", *words, status=3))
        self.assertIn("make it with oci setup config", self.warder("vault", "test", status=3, output="stdout"))


if __name__ == "__main__":
    unittest.main()
