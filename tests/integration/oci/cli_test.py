"""Oracle's command line as a third judge: of the cloud that the other tests trust, and of what warder reads and writes there.
usage: cli_test.py (in a venv with oci-cli)"""
import base64
import datetime
import json
import pathlib
import subprocess
import sys
import unittest

import fake_oci
from oci_world import CANARY, OciTest

OCI = pathlib.Path(sys.prefix) / "bin/oci"


class CommandLine(OciTest):
    def run_cli(self, *words):
        return subprocess.run([OCI, "--config-file", self.oci_config, "--endpoint", self.server.url, "--no-retry", *words],
                              capture_output=True, text=True, timeout=120,
                              env={**self.environment, "OCI_CLI_SUPPRESS_FILE_PERMISSIONS_WARNING": "True"})

    def oci(self, *words):
        done = self.run_cli(*words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def refusal(self, *words):
        """The status of an answer that is a refusal."""
        done = self.run_cli(*words)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return json.loads(done.stderr[done.stderr.index("{"):])["status"]

    def bundle(self, name):
        return ("secrets", "secret-bundle", "get-secret-bundle-by-name", "--secret-name", name, "--vault-id", fake_oci.VAULT)

    def test_what_is_written_is_what_it_reads(self):
        document = {"url": CANARY, "name": "Bärbel"}
        self.warder("vault", "put", "hosts/web-1/alerts", stdin=json.dumps(document))
        data = self.oci(*self.bundle("warder-hosts--web-1--alerts"))["data"]
        self.assertEqual(data["version-number"], 1)
        self.assertEqual(json.loads(base64.b64decode(data["secret-bundle-content"]["content"])), document)

    def test_what_it_writes_is_what_is_read(self):
        def content(text):
            return ("--secret-content-content", base64.b64encode(text).decode())
        made = self.oci("vault", "secret", "create-base64", "--compartment-id", fake_oci.COMPARTMENT, "--vault-id", fake_oci.VAULT,
                        "--key-id", fake_oci.KEY, "--secret-name", "warder-jails", *content(b'{"sshd":{"maxretry":7}}'))
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {"sshd": {"maxretry": 7}})
        self.warder("vault", "put", "jails", stdin='{"sshd":{"maxretry":8}}')
        # An update on what somebody else has changed meanwhile is refused, with the newest taken.
        update = ("vault", "secret", "update-base64", "--force", "--secret-id", made["data"]["id"], *content(b'{"sshd":{"maxretry":9}}'))
        self.assertEqual(self.refusal(*update, "--if-match", made["etag"]), 412)
        newest = self.oci("vault", "secret", "get", "--secret-id", made["data"]["id"])
        self.oci(*update, "--if-match", newest["etag"])
        self.assertEqual(json.loads(self.warder("vault", "get", "jails")), {"sshd": {"maxretry": 9}})
        rows = json.loads(self.warder("--json", "vault", "history", "jails"))
        self.assertEqual([row["version"] for row in rows], [3, 2, 1])
        listed = self.oci("vault", "secret", "list", "--all", "--compartment-id", fake_oci.COMPARTMENT, "--vault-id", fake_oci.VAULT)
        self.assertEqual([row["secret-name"] for row in listed["data"]], ["warder-jails"])

    def test_the_cloud_takes_what_it_sends(self):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.oci("logging-ingestion", "put-logs", "--log-id", fake_oci.LOG, "--specversion", "1.0", "--log-entry-batches", json.dumps([{
            "entries": [{"data": '{"a":1}', "id": "e-1", "time": now}], "source": "here", "type": "test", "subject": "about",
            "defaultlogentrytime": now}]))
        [entry] = self.cloud.log
        self.assertEqual((entry["id"], entry["data"], entry["source"]), ("e-1", '{"a":1}', "here"))
        self.oci("ons", "message", "publish", "--topic-id", fake_oci.TOPIC, "--title", "t", "--body", "b")
        self.assertEqual(self.cloud.published, [{"title": "t", "body": "b"}])
        posted = self.oci("monitoring", "metric-data", "post", "--metric-data", json.dumps([{
            "namespace": "warder", "compartmentId": fake_oci.COMPARTMENT, "name": "bans", "dimensions": {"host": "h"},
            "datapoints": [{"timestamp": now, "value": 3}]}]))
        self.assertEqual(posted["data"]["failed-metrics-count"], 0)
        self.assertEqual([(name, value) for name, _, _, value in self.cloud.metrics], [("bans", 3)])

    def test_what_is_wrong_is_refused(self):
        self.assertEqual(self.refusal(*self.bundle("warder-jails")), 404)
        self.cloud.clock_offset = 3600
        self.assertEqual(self.refusal(*self.bundle("warder-jails")), 401)
        self.cloud.clock_offset = 0
        text = self.oci_config.read_text()
        self.oci_config.write_text(text.replace(f"user={fake_oci.USER}", f"user={fake_oci.USER}x"))
        self.assertEqual(self.refusal(*self.bundle("warder-jails")), 401)


if __name__ == "__main__":
    unittest.main()
