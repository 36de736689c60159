"""OCI's audit events, read as a log and by `warder vault audit`, from a cloud on loopback that verifies every signature;
Oracle's own client reads the same events and so judges the cloud."""
import datetime
import hashlib
import json
import pathlib
import signal
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vault"))
import fake_oci  # noqa: E402
import oci  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from world import Host  # noqa: E402

LOG = f"oci-audit:{fake_oci.COMPARTMENT}"
JAILS = """[oci-secret-delete]
enabled = yes
[oci-key]
enabled = yes
[oci-denied]
enabled = yes
maxretry = 3
findtime = 5m
[oci-network]
enabled = yes
networks = web-*: 192.0.2.0/24
"""


def ago(minutes):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)


class Audit(unittest.TestCase):
    def setUp(self):
        self.cloud = fake_oci.Cloud()
        self.server = fake_oci.Server(self.cloud)
        self.addCleanup(self.server.close)
        self.host = Host()
        self.addCleanup(self.host.close)
        key, self.key_id = self.cloud.add_user()
        self.pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        self.host.secret_file("key.pem", self.pem.decode())
        self.configure()

    def configure(self, compartment=fake_oci.COMPARTMENT, url=None):
        url = url or self.server.url
        (self.host.folder / "oci_config").write_text(
            f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nuser={fake_oci.USER}\nfingerprint={self.key_id.split('/')[2]}\n"
            f"region=eu-frankfurt-1\nkey_file={self.host.folder}/key.pem\n")
        self.host.configure(
            f"provider = oci\noci_config = {self.host.folder}/oci_config\noci_vault = {fake_oci.VAULT}\n"
            f"oci_key = {fake_oci.KEY}\n" + (f"oci_compartment = {compartment}\n" if compartment else "") +
            f"oci_endpoints = secrets={url} vaults={url} audit={url} auth={url}\n", jails=JAILS)

    def sdk_events(self, start, end):
        config = {"tenancy": fake_oci.TENANCY, "user": fake_oci.USER, "fingerprint": self.key_id.split("/")[2],
                  "region": "eu-frankfurt-1", "key_content": self.pem.decode()}
        client = oci.audit.AuditClient(config, service_endpoint=self.server.url,
                                       retry_strategy=oci.retry.NoneRetryStrategy())
        return oci.pagination.list_call_get_all_results(
            client.list_events, fake_oci.COMPARTMENT, start.replace(second=0, microsecond=0),
            end.replace(second=0, microsecond=0)).data

    # -- the command --------------------------------------------------------------------------

    def at(self, offset):
        """What is done now was done so many seconds ago (a signature may be five minutes old)."""
        self.cloud.clock_offset = -offset

    def test_who_changed_what_and_when(self):
        self.at(280)
        self.host.run("vault", "put", "jails", stdin='{"sshd":"3"}')
        self.host.run("vault", "put", "alerts", stdin="{}")
        self.at(200)
        self.host.run("vault", "put", "jails", stdin='{"sshd":"5"}')
        self.host.run("vault", "delete", "alerts")
        self.cloud.add_event("UpdateSecret", "VaultSecret", "other-thing", "ocid1.vaultsecret.oc1..other")
        self.cloud.add_event("UpdateSecret", "VaultSecret", "warder-jails", "x", status="404")
        self.at(0)
        rows = self.host.json("vault", "audit", "--days", "1")
        told = [(r["document"], r["version"], r["what"], r["author"], r["address"]) for r in rows]
        self.assertEqual(sorted(told), [
            ("alerts", 0, "CreateSecret", fake_oci.USER, "192.0.2.10"),
            ("alerts", 0, "ScheduleSecretDeletion", fake_oci.USER, "192.0.2.10"),
            ("jails", 1, "written", fake_oci.USER, "192.0.2.10"),
            ("jails", 2, "written", fake_oci.USER, "192.0.2.10")])
        times = [r["time"].rstrip("Z") for r in rows]
        self.assertEqual(times, sorted(times, reverse=True))
        one = self.host.json("vault", "audit", "--key", "jails/sshd", "--days", "1")
        self.assertEqual([(r["version"], r["what"]) for r in one], [(2, "changed"), (1, "set")])
        gone = self.host.json("vault", "audit", "--key", "alerts", "--days", "1")
        self.assertEqual([r["what"] for r in gone], ["ScheduleSecretDeletion", "written"])
        # Oracle's own client sees the same deeds in the same cloud, over all pages.
        end = ago(0).replace(second=0, microsecond=0)
        judged = self.sdk_events(ago(30), end)
        self.assertGreater(len(judged), self.cloud.page_size)
        self.assertEqual([e.event_id for e in judged],
                         [event["eventId"] for when, _, event in self.cloud.audit_events if when < end])
        self.assertEqual({e.data.event_name for e in judged} >= {"CreateSecret", "UpdateSecret"}, True)

    def test_refusals_of_the_audit_service_are_told_beside_the_versions(self):
        self.at(200)
        self.host.run("vault", "put", "jails", stdin="{}")
        self.at(0)
        for status, code, words in ((429, "TooManyRequests", "too many requests"),
                                    (404, "NotAuthorizedOrNotFound", "'read audit-events'"),
                                    (403, "NotAllowed", "'read audit-events'")):
            original = self.cloud.list_events

            def refuse(query, status=status, code=code):
                raise fake_oci.Refused(status, code, code)
            self.cloud.list_events = refuse
            done = self.host.run("--json", "vault", "audit", "--days", "1",
                                 status={429: 4, 404: 6, 403: 5}[status])
            self.cloud.list_events = original
            self.assertIn(words, done)
        # Only whole minutes are asked for, and never beyond now.
        for _, target, _, _ in self.cloud.requests:
            if "auditEvents" in target:
                self.assertRegex(target, r"startTime=\d{4}-\d\d-\d\dT\d\d%3A\d\d%3A00Z&endTime=[^&]*%3A00Z")

    # -- the log ------------------------------------------------------------------------------

    def stored(self):
        with sqlite3.connect(self.host.folder / "state/warder.db") as database:
            row = database.execute("SELECT record FROM position WHERE source = 'remote' AND log = ?", (LOG,)).fetchone()
        return row and (row[0].decode() if isinstance(row[0], bytes) else row[0])

    def was_last_asked(self, minutes):
        """As if the agent had stopped so many minutes ago: its position, written as the documents say."""
        minute = int(ago(minutes).timestamp()) // 60
        text = f"w1 {minute}"
        text += " " + hashlib.sha256(text.encode()).hexdigest()[:16]
        with sqlite3.connect(self.host.folder / "state/warder.db") as database:
            changed = database.execute("UPDATE position SET record = ? WHERE source = 'remote' AND log = ?",
                                       (text.encode(), LOG)).rowcount
        self.assertEqual(changed, 1)

    def alerts(self):
        return [(e["jail"], e["message"]) for e in
                map(json.loads, self.host.run("--json", "events", "--kind", "alert", "--oldest-first").splitlines())]

    def findings(self):
        return [json.loads(line) for line in
                self.host.run("--json", "events", "--kind", "finding", "--oldest-first").splitlines()]

    def start_and_stop_once(self):
        self.host.start()
        self.host.until(self.stored, "where reading begins is stored")
        self.host.stop()

    def asked(self):
        return sum("auditEvents" in target for _, target, _, _ in self.cloud.requests)

    def caught_up(self):
        """Until the question for the last hour was answered to its end."""
        def done():
            last = [target for _, target, _, _ in self.cloud.requests if "auditEvents" in target][-1]
            return f"page={self.last_page()}" in last
        self.host.until(done, "all pages of the last question")

    def last_page(self):
        """Of the question for the last hour."""
        rows = [when for when, _, _ in self.cloud.audit_events if when >= ago(60)]
        return (len(rows) - 1) // self.cloud.page_size * self.cloud.page_size or self.cloud.page_size

    def test_events_are_judged_like_lines_once_late_ones_too(self):
        self.start_and_stop_once()
        self.was_last_asked(180)
        secret = "ocid1.vaultsecret.oc1.eu-frankfurt-1.one"
        old = self.cloud.add_event("ScheduleSecretDeletion", "VaultSecret", "warder-jails", secret, processed=ago(170))
        old["eventTime"] = ago(175).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        for number in range(3):
            self.cloud.add_event("ListSecrets", "VaultSecret", None, None, status="404", principal="eve",
                                 processed=ago(100 - number))
        self.cloud.add_event("DisableKey", "KeyManagementService", "master", "ocid1.key.oc1..k", processed=ago(20))
        self.cloud.add_event("GetSecretBundle", "VaultSecret", "warder-jails", secret, principal="web-1",
                             address="203.0.113.7", processed=ago(10))
        self.cloud.add_event("GetSecretBundle", "VaultSecret", "warder-jails", secret, principal="web-1",
                             address="192.0.2.9", processed=ago(9))
        self.cloud.add_event("GetInstance", "ComputeApi", "vm", "ocid1.instance.oc1..i", processed=ago(8))
        self.host.start()
        self.host.until(lambda: {jail for jail, _ in self.alerts()} ==
                        {"oci-secret-delete", "oci-key", "oci-denied", "oci-network"}, "an alert of each jail")
        alerts = dict(self.alerts())
        self.assertIn("ScheduleSecretDeletion", alerts["oci-secret-delete"])
        self.assertIn("master", alerts["oci-key"])
        self.assertIn("eve", alerts["oci-denied"])
        self.assertIn("web-1", alerts["oci-network"])
        # Its own time, hours ago, is the event's.
        first = next(e for e in self.findings() if e["jail"] == "oci-secret-delete")
        self.assertEqual(first["time"][:16], old["eventTime"][:16])
        self.host.stop()
        count, alerts = len(self.findings()), self.alerts()
        record = self.stored()
        # Nothing is judged twice after a stop or a kill, although the last hour is asked for again...
        for how in (signal.SIGTERM, signal.SIGKILL):
            asked = self.asked()
            self.host.start()
            self.host.until(lambda: self.asked() > asked, "a question")
            self.caught_up()
            self.host.stop(how)
        self.assertIn(" ", record.split(" ", 2)[2])  # ids are remembered
        # ... but what appears late is.
        self.cloud.add_event("ScheduleKeyDeletion", "KeyManagementService", "late", "ocid1.key.oc1..l",
                             processed=ago(15))
        self.host.start()
        self.host.until(lambda: len(self.findings()) > count, "the late event")
        self.host.stop()
        self.assertEqual(len(self.findings()), count + 1)
        self.assertEqual(len(self.alerts()), len(alerts) + 1)
        self.assertIn("late", self.alerts()[-1][1])

    def test_a_log_that_is_refused_keeps_nobody_from_working(self):
        self.start_and_stop_once()
        self.was_last_asked(30)
        self.cloud.add_event("DisableKey", "KeyManagementService", "master", "ocid1.key.oc1..k", processed=ago(20))
        original = self.cloud.list_events

        def refuse(query):
            raise fake_oci.Refused(429, "TooManyRequests", "slow down")
        self.cloud.list_events = refuse
        self.host.start()
        self.host.until(lambda: any("too many requests" in text for text in self.host.events("source")),
                        "the refusal is told")
        self.assertEqual(self.alerts(), [])
        self.host.stop()
        self.cloud.list_events = original
        self.host.start()
        self.host.until(lambda: len(self.alerts()) == 1, "the alert, once it answers")

    def test_what_is_misspelt_or_missing_is_told(self):
        self.configure(compartment=None)
        self.host.start()
        self.host.until(lambda: any("is no OCID of a compartment" in text for text in self.host.events("source")),
                        "that there is no compartment")
        self.assertIn("set oci_compartment", self.host.run("vault", "audit", "--days", "1", status=3))


if __name__ == "__main__":
    unittest.main()
