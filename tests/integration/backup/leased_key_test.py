"""Backups go to a bucket by temporary keys that a real HashiCorp Vault makes with its own AWS engine: fake_sts.py plays Amazon's token
service to the vault, fake_s3.py the bucket; both make each signature once more with Amazon's botocore."""
import json
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "vault")]
import fake_s3  # noqa: E402
import fake_sts as sts  # noqa: E402
from backup_test import PASSPHRASE, WARDER, Case, Host  # noqa: E402
from world import READER, Refused, Server, everything_written  # noqa: E402

PATH = "aws/sts/backup"
KEYS = f'path "{PATH}" {{ capabilities = ["read"] }}\n'


class LeasedKey(Case):
    @classmethod
    def setUpClass(cls):
        cls.vault = Server()
        cls.addClassCleanup(cls.vault.close)
        cls.vault.call("POST", "sys/mounts/aws", {"type": "aws"})
        cls.vault.policy("gives-back", 'path "sys/leases/revoke" { capabilities = ["update"] }\n')
        cls.vault.policy("warder", READER + KEYS)

    def setUp(self):
        super().setUp()
        self.bucket = fake_s3.Service()
        self.addCleanup(self.bucket.server_close)
        self.addCleanup(self.bucket.shutdown)
        self.sts = sts.Service(self.bucket)
        self.addCleanup(self.sts.server_close)
        self.addCleanup(self.sts.shutdown)
        self.vault.call("POST", "aws/config/root", {"access_key": sts.ACCESS, "secret_key": sts.SECRET, "sts_endpoint": self.sts.url,
                                                    "sts_region": "eu-central-1", "max_retries": 0})
        self.vault.call("POST", "aws/roles/backup", {"credential_type": "assumed_role", "role_arns": [sts.ROLE]})
        role, secret = self.vault.approle()
        self.host = self.make_host(f"role_id = {role}", f"secret_id = file:{self.folder}/login", secret)
        self.vault.call("POST", "secret/data/warder/settings", {"data": {"backup_passphrase": PASSPHRASE}})

    def make_host(self, *login, more=""):
        *lines, secret = login
        file = self.folder / "login"
        file.touch(mode=0o600)
        file.write_text(secret)
        host = Host(self.folder / "a", mebibytes=12, more=f"storage = s3{more}", agent=f"[api]\nsocket = {self.folder}/socket\n"
                    f"[store]\npath = {self.folder}/history.db\n[firewall]\nbackend = none\n", storage=f"""
[storage s3]
kind = s3
url = {self.bucket.url}
bucket = backups
region = eu-central-1
access_key = vault:/{PATH}/access_key
secret_key = vault:/{PATH}/secret_key
session_token = vault:/{PATH}/session_token
part_size = 5M
""")
        text = "".join(f"{line}\n" for line in ("provider = vault", f"address = {self.vault.url}", *lines))
        host.config.write_text(host.config.read_text().replace("[backup vw]", f"{text}[backup vw]"))
        return host

    def leases(self):
        try:
            return self.vault.call("LIST", f"sys/leases/lookup/{PATH}/")["data"]["keys"]
        except Refused as refused:
            self.assertEqual(refused.status, 404)
            return []

    def all_given_back(self):
        """The vault ends the leases of a session that has ended one after the other, in its own time."""
        self.vault.until(lambda: not self.leases(), "the end of all leases")

    def brought(self, backups):
        rows = json.loads(self.host("backup", "list", "--json").stdout)[0]["backups"]
        self.assertEqual([row["outside"] for row in rows], [True] * backups)

    def test_each_upload_has_a_key_of_its_own_which_is_given_back(self):
        for count in (1, 2):
            self.host("backup", "now")
            self.all_given_back()
            self.assertEqual(len(self.sts.issued), count)
            self.assertEqual(set(self.bucket.signed_by), set(self.sts.issued))
        # With a token that was given there is no session to end: the lease is given back by its name.
        made = self.vault.call("POST", "auth/token/create", {"policies": ["warder", "gives-back"], "ttl": "1h"})["auth"]["client_token"]
        self.host = self.make_host(f"token = file:{self.folder}/login", made)
        self.host("backup", "now")
        self.assertEqual(len(self.sts.issued), 3)
        self.all_given_back()
        self.assertEqual(self.bucket.refused, [])
        written = list(everything_written(self.folder))
        self.assertGreater(len(written), 10)
        for secret, token in (self.bucket.keys[access] for access in self.sts.issued):
            for path, content in written:
                self.assertNotIn(secret.encode(), content, path)
                self.assertNotIn(token.encode(), content, path)
        self.brought(3)

    def test_a_key_that_ends_amid_an_upload_is_replaced_before(self):
        self.sts.seconds = 12

        def wait(part):
            # The lease's second third is over; the bucket then ends the key, so nothing but another one gets in.
            if part == 1:
                (lease,) = self.leases()
                self.vault.until(lambda: self.vault.call("POST", "sys/leases/lookup", {"lease_id": f"{PATH}/{lease}"})["data"]["ttl"] <= 3,
                                 "a quarter of the lease is left")
                self.sts.seconds = 3600
                self.bucket.ended.add(self.sts.issued[0])

        self.bucket.before_part = wait
        self.host("backup", "now")
        first, second = self.sts.issued
        self.assertEqual(self.bucket.signed_by, [first] + [second] * (len(self.bucket.parts_sent) - 1))
        self.assertGreater(len(self.bucket.parts_sent), 1)
        self.assertEqual(self.bucket.refused, [])
        self.all_given_back()
        self.brought(1)

    def test_a_key_that_was_taken_back_amid_an_upload_is_asked_for_anew(self):
        def revoke(part):
            if part == 1:
                self.vault.call("POST", f"sys/leases/revoke-prefix/{PATH}", {})
                self.bucket.ended.add(self.sts.issued[0])

        self.bucket.before_part = revoke
        self.host("backup", "now")
        first, second = self.sts.issued
        self.assertEqual(self.bucket.signed_by, [first] + [second] * (len(self.bucket.parts_sent) - 1))
        self.assertEqual([code for _, _, code in self.bucket.refused], ["ExpiredToken"])
        self.all_given_back()
        self.brought(1)

    def test_a_key_that_the_bucket_alone_refuses_is_a_failure_with_a_cause(self):
        self.bucket.before_part = lambda part: self.bucket.ended.update(self.sts.issued)
        self.failed(self.host("backup", "now", check=False), "status 400 ExpiredToken", "session_token is over", "the backup was made here")
        self.assertEqual(len(self.sts.issued), 1)
        self.all_given_back()
        # The next one goes by another key, and the backup that stayed here is brought outside with it.
        self.bucket.before_part = None
        self.host("backup", "now")
        self.assertEqual(len(self.sts.issued), 2)
        self.brought(2)

    def test_the_agent_uploads_on_schedule_and_holds_no_key_in_between(self):
        role, secret = self.vault.approle()
        host = self.make_host(f"role_id = {role}", f"secret_id = file:{self.folder}/login", secret, more="\nschedule = hourly")
        (host.folder / "jails").mkdir()
        agent = subprocess.Popen([WARDER, "--config", host.config, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def made():
            self.assertIsNone(agent.poll(), "the agent has ended")
            done = host("events", "--kind", "backup", "--json", check=False)
            return [event for event in map(json.loads, done.stdout.splitlines()) if event["severity"] == "info"]

        try:
            self.vault.until(made, "the agent tells of a backup")
            self.assertEqual(set(self.bucket.signed_by) - set(self.sts.issued), set())
            self.vault.until(lambda: not self.leases(), "the key is given back when the run ends")
        finally:
            agent.terminate()
            agent.wait()
        self.brought(1)


if __name__ == "__main__":
    unittest.main(defaultTest="LeasedKey")
