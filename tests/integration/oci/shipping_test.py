"""Events to Oracle's cloud: the agent against a cloud on loopback that verifies every signature, over outages, kills,
throttling, wrong clocks and changed keys; Oracle's own client judges the cloud and reads what arrived."""
import datetime
import hashlib
import json
import os
import pathlib
import re
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vault"))
import fake_oci  # noqa: E402
import oci  # noqa: E402
from attacked_host import AttackedHost  # noqa: E402
from watched_host import Watched  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402


def uuid(event):
    i = event["id"]
    return f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}"


class Shipping(AttackedHost, unittest.TestCase):
    ships_to = "audit"

    def setUp(self):
        self.cloud = fake_oci.Cloud()
        self.server = fake_oci.Server(self.cloud)
        self.addCleanup(self.server.close)
        self.make_host()
        self.key_file = self.host.folder / "key.pem"
        self.new_key()
        self.configure()

    def new_key(self):
        """Another API key for the same user; the old one is taken away."""
        self.cloud.keys = {}
        key, self.key_id = self.cloud.add_user()
        self.pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        self.host.secret_file("key.pem", self.pem.decode())

    def configure(self, destinations=None, extra="", endpoints=None):
        url = self.server.url
        (self.host.folder / "oci_config").write_text(
            f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nuser={fake_oci.USER}\n"
            f"fingerprint={self.key_id.split('/')[2]}\nregion=eu-frankfurt-1\nkey_file={self.key_file}\n")
        # The provider of documents is another one: the account serves the destinations alone.
        self.host.configure(
            f"provider = file\noci_config = {self.host.folder}/oci_config\n"
            f"oci_compartment = {fake_oci.COMPARTMENT}\noci_endpoints = log-ingestion={url} log-search={url} "
            f"notification={url} metric-ingestion={url} auth={url} audit={url}\n{extra}\n" +
            (destinations or f"[destination audit]\nform = oci-logging\ntarget = {fake_oci.LOG}\nevents = all\n"))

    def first_arrivals(self):
        """The ids of the log's entries as they came, without repetitions, details' parts left out."""
        return list(dict.fromkeys(e["id"] for e in self.cloud.log if e["type"] != "warder.detail"))

    def assert_nothing_lost(self):
        """Everything that was to be told arrived, in the order of the history; a repetition has the same id."""
        arrived = self.first_arrivals()  # more may come while the history is read
        told = set(arrived)
        expected = [uuid(e) for e in self.history() if uuid(e) in told]
        self.assertEqual(arrived, expected)
        missing = [e for e in self.history() if uuid(e) not in told]
        # An event about the destination is not sent there.
        self.assertEqual([e for e in missing if e["kind"] not in ("destination", "restore")], [])
        for entry in self.cloud.log:
            self.assertFalse(entry["data"].endswith("..."), entry)
            json.loads(entry["data"])

    def sdk(self, client):
        config = {"tenancy": fake_oci.TENANCY, "user": fake_oci.USER, "fingerprint": self.key_id.split("/")[2],
                  "region": "eu-frankfurt-1", "key_content": self.pem.decode()}
        return client(config, service_endpoint=self.server.url, retry_strategy=oci.retry.NoneRetryStrategy())

    def test_the_cloud_takes_what_oracles_client_sends(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        models = oci.loggingingestion.models
        self.sdk(oci.loggingingestion.LoggingClient).put_logs(fake_oci.LOG, models.PutLogsDetails(
            specversion="1.0", log_entry_batches=[models.LogEntryBatch(
                source="web-1", type="warder.store", defaultlogentrytime=now, entries=[
                    models.LogEntry(id="1", data=json.dumps({"a": 1}), time=now),
                    models.LogEntry(id="2", data='"' + "x" * 10_100)])]))
        self.assertEqual([len(e["data"]) for e in self.cloud.log], [8, 10_000])  # the service cuts, so does it
        self.cloud.log.pop()
        found = self.sdk(oci.loggingsearch.LogSearchClient).search_logs(oci.loggingsearch.models.SearchLogsDetails(
            time_start=now - datetime.timedelta(hours=1), time_end=now + datetime.timedelta(hours=1),
            search_query=f"search \"{fake_oci.COMPARTMENT}\" | where type = 'warder.store' and source = 'web-1' | "
                         "sort by datetime asc", is_return_field_info=False)).data
        self.assertEqual(found.results[0].data["logContent"]["data"], {"a": 1})
        self.sdk(oci.ons.NotificationDataPlaneClient).publish_message(
            fake_oci.TOPIC, oci.ons.models.MessageDetails(title="t", body="b"))
        self.assertEqual(self.cloud.published, [{"title": "t", "body": "b"}])
        models = oci.monitoring.models
        metric = models.MetricDataDetails(namespace="warder", compartment_id=fake_oci.COMPARTMENT, name="ban",
                                          dimensions={"host": "web-1"},
                                          datapoints=[models.Datapoint(timestamp=now, value=3.0, count=1)])
        self.sdk(oci.monitoring.MonitoringClient).post_metric_data(
            models.PostMetricDataDetails(metric_data=[metric]))
        self.assertEqual([(m[0], m[3]) for m in self.cloud.metrics], [("ban", 3.0)])
        old = models.MetricDataDetails(**{**{k: getattr(metric, k) for k in (
            "namespace", "compartment_id", "name", "dimensions")}, "datapoints": [models.Datapoint(
                timestamp=now - datetime.timedelta(hours=3), value=1.0)]})
        failed = self.sdk(oci.monitoring.MonitoringClient).post_metric_data(
            models.PostMetricDataDetails(metric_data=[metric, old], batch_atomicity="NON_ATOMIC")).data
        self.assertEqual(failed.failed_metrics_count, 1)

    def test_events_arrive_once_in_order_with_a_receipt(self):
        self.host.start()
        self.attack(40)
        self.bans(40)
        self.shipped()
        self.assert_nothing_lost()
        self.assertEqual(len(self.cloud.log), len(self.first_arrivals()))
        ban = next(e for e in self.history() if e["kind"] == "ban")
        entry = next(e for e in self.cloud.log if e["id"] == uuid(ban))
        self.assertEqual((entry["source"], entry["type"], entry["subject"]), ("web-1", "warder.ban", "sshd"))
        data = json.loads(entry["data"])
        self.assertEqual((data["eventId"], data["eventType"], data["source"]), (uuid(ban), "warder.ban", "warder"))
        self.assertEqual(data["data"]["identity"]["ipAddress"], ban["address"])
        self.assertEqual(data["data"]["additionalDetails"]["sequence"], ban["sequence"])
        self.assertNotIn("com.oraclecloud", json.dumps(self.cloud.log))
        # The receipt is the id of the request that took it.
        self.assertEqual(ban["receipts"], {"audit": f"REQUEST{entry['batch']}"})
        self.assertIn(f"[audit: REQUEST{entry['batch']}]", self.host.run("explain", ban["address"]))

    def test_what_checks_of_a_database_and_of_files_find_arrives(self):
        watched = Watched(self.host)
        self.host.start()
        for event in watched.changed():
            entry = self.host.until(lambda: next((e for e in self.cloud.log if e["id"] == uuid(event)), None), event["message"])
            self.assertEqual((entry["source"], entry["type"], entry["subject"]), ("web-1", "warder.integrity", event["jail"]))
            data = json.loads(entry["data"])["data"]
            self.assertEqual((data["eventName"], data["resourceName"]), ("integrity", event["jail"]))
            self.assertEqual(data["additionalDetails"], {"host": "web-1", **{k: event[k] for k in (
                "sequence", "severity", "jail", "detail", "message")}})
            receipt = self.host.until(lambda: next(e for e in watched.events() if e["id"] == event["id"]).get("receipts"), "a receipt")
            self.assertEqual(receipt, {"audit": f"REQUEST{entry['batch']}"})

    def test_an_outage_a_kill_and_a_restart_lose_nothing(self):
        self.host.start()
        self.attack(3)
        self.shipped()
        self.server.close()  # nobody listens any more
        self.attack(60)
        self.bans(63)
        self.host.until(lambda: self.destination()["last_error"], "a failed attempt")
        self.host.stop(signal.SIGKILL)
        self.attack(10)
        self.host.start()
        self.bans(73)
        self.assertEqual(self.destination()["dead"], 0)
        self.server = fake_oci.Server(self.cloud, port=self.server.port)
        self.addCleanup(self.server.close)
        self.shipped()
        self.assert_nothing_lost()

    def test_killed_between_sending_and_writing_that_down(self):
        self.host.start()
        self.attack(1)
        self.shipped()

        def kill(target):
            if "/actions/push" in target and self.host.agent is not None:
                self.host.agent.send_signal(signal.SIGKILL)
                self.host.agent.wait()
                self.cloud.after = None
        self.cloud.after = kill
        before = len(self.cloud.log)
        self.attack(5)
        end = self.host.agent.wait(timeout=60)
        self.assertEqual(end, -signal.SIGKILL)
        twice = {e["id"] for e in self.cloud.log[before:]}
        self.assertTrue(twice)
        self.host.agent = None
        self.host.log.close()
        self.host.start()
        self.bans(6)
        self.shipped()
        ids = [e["id"] for e in self.cloud.log]
        self.assertEqual({i for i in ids if ids.count(i) > 1}, twice)
        self.assertEqual({ids.count(i) for i in twice}, {2})
        copies = {}
        for entry in self.cloud.log:
            copies.setdefault(entry["id"], set()).add(entry["data"])
        self.assertTrue(all(len(c) == 1 for c in copies.values()))  # a copy says the same
        self.assert_nothing_lost()

    def test_throttling_faults_and_a_wrong_clock_hold_events_back(self):
        self.cloud.faults = [(429, "TooManyRequests", {}), (500, "InternalServerError", {}), (503, "x", {})]
        self.host.start()
        self.attack(5)
        self.bans(5)
        self.shipped()
        self.assertEqual(self.cloud.faults, [])
        self.assert_nothing_lost()
        # This host's clock is ten minutes behind the service's.
        self.cloud.clock_offset = 600
        self.attack(5)
        self.host.until(lambda: "this host's clock is" in self.destination()["last_error"], "the clock is blamed")
        self.assertIn("timedatectl", self.destination()["last_error"])
        self.assertEqual(self.destination()["dead"], 0)
        self.cloud.clock_offset = 0
        self.shipped()
        self.assert_nothing_lost()

    def test_what_answers_in_the_place_of_the_log_takes_nothing(self):
        self.host.start()
        self.attack(1)
        self.shipped()
        # A portal says 200 to everything; a proxy wants a password; another host is named.
        self.cloud.portal = True
        self.attack(3)
        self.bans(4)
        self.host.until(lambda: "is not OCI's" in self.destination()["last_error"], "the portal is blamed")
        self.cloud.portal, self.cloud.faults = False, [(407, "", {}), (307, "", {"location": self.server.url + "/x"}), (405, "", {})]
        self.shipped()
        self.assertEqual(self.cloud.faults, [])
        self.assertEqual(self.destination()["dead"], 0)
        self.assert_nothing_lost()

    def test_a_key_changed_in_mid_stream(self):
        self.host.start()
        self.attack(3)
        self.shipped()
        self.new_key()  # the file alone; the fingerprint in the configuration is the old one
        self.attack(3)
        self.bans(6)
        self.shipped()
        self.assert_nothing_lost()
        used = {re.search('keyId="([^"]+)"', h["authorization"]).group(1) for m, t, h, _ in self.cloud.requests}
        self.assertIn(self.key_id, used)
        self.assertEqual(len(used), 2)
        # No key that is good: everything waits, and is told; the next key brings it all.
        self.cloud.keys = {}
        self.attack(3)
        self.host.until(lambda: "check that the public key" in self.destination()["last_error"], "the key is blamed")
        self.assertEqual(self.destination()["dead"], 0)
        self.new_key()
        self.shipped()
        self.assert_nothing_lost()

    def test_tokens_of_an_instance_revoked_in_mid_stream(self):
        self.cloud.make_instance()
        self.configure(extra="oci_auth = instance")
        self.key_file.unlink()
        self.host.start({"OCI_METADATA_BASE_URL": self.server.url + "/opc/v2"})
        self.attack(3)
        self.bans(3)
        self.shipped()
        self.cloud.revoke_tokens()
        self.attack(3)
        self.bans(6)
        self.shipped()
        self.assert_nothing_lost()

    def new_session(self, life):
        key, token = self.cloud.add_session(life)
        self.host.secret_file("session.pem", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode())
        self.host.secret_file("session.token", token)
        return token

    def test_a_session_refreshed_and_begun_anew_in_mid_stream(self):
        self.cloud.clock_offset = -200
        first = self.new_session(380)  # past its half: it is exchanged with the first call
        self.cloud.clock_offset = 0
        self.configure(extra="oci_auth = security-token")
        (self.host.folder / "oci_config").write_text(
            f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nregion=eu-frankfurt-1\nkey_file={self.host.folder}/session.pem\n"
            f"security_token_file={self.host.folder}/session.token\n")
        self.host.start()
        self.attack(3)
        self.shipped()
        self.assertEqual(self.cloud.refreshed, 1)
        second = (self.host.folder / "session.token").read_text()
        self.assertNotEqual(second, first)
        # The user logs in anew: another key and token in the files, the old ones good no more.
        self.cloud.revoke_tokens()
        third = self.new_session(3600)
        self.attack(3)
        self.bans(6)
        self.shipped()
        self.assert_nothing_lost()
        used = {re.search('keyId="([^"]+)"', h["authorization"]).group(1) for m, t, h, _ in self.cloud.requests}
        self.assertEqual(used, {"ST$" + token for token in (first, second, third)})
        # A session that is over holds everything back and says what to do.
        self.cloud.revoke_tokens()
        self.cloud.session_over = True
        self.attack(3)
        self.host.until(lambda: "oci session authenticate" in self.destination()["last_error"], "the session is blamed")
        self.assertEqual(self.destination()["dead"], 0)
        self.new_session(3600)
        self.shipped()
        self.assert_nothing_lost()

    def test_a_log_that_is_not_there_holds_everything_back(self):
        self.configure(f"[destination audit]\nform = oci-logging\ntarget = {fake_oci.LOG}2\nevents = all\n")
        self.host.start()
        self.attack(3)
        self.bans(3)
        self.host.until(lambda: "use log-content" in self.destination()["last_error"]
                        or "logId not found" in self.destination()["last_error"], "the log is blamed")
        self.assertEqual(self.destination()["dead"], 0)
        self.configure()
        self.host.run("reload")
        self.shipped()
        self.assert_nothing_lost()

    def test_a_long_report_arrives_whole_in_parts(self):
        self.host.start()
        text = 'integrity "check"\n' + "row \\ 17 is missing: ä\n" * 440
        self.assertEqual(self.host.run("vault", "log-security-event", stdin=text), "recorded\n")
        self.host.until(lambda: any(e["kind"] == "security" for e in self.history()), "the report")
        self.shipped()
        report = next(e for e in self.history() if e["kind"] == "security")
        self.assertEqual((report["severity"], report["message"]), ("high", 'integrity "check"'))
        self.assertEqual(report["detail"]["text"], text)
        self.assert_nothing_lost()
        entry = next(e for e in self.cloud.log if e["id"] == uuid(report))
        about = json.loads(entry["data"])["data"]["additionalDetails"]
        parts = [json.loads(e["data"])["data"]["additionalDetails"] for e in self.cloud.log
                 if e["type"] == "warder.detail"]
        self.assertEqual([p["part"] for p in parts], list(range(1, about["detailParts"] + 1)))
        whole = "".join(p["text"] for p in parts)
        self.assertEqual(hashlib.sha256(whole.encode()).hexdigest(), about["detailSha256"])
        self.assertEqual(json.loads(whole), report["detail"])
        self.assertIn("is longer than", self.host.run("vault", "log-audit", stdin="x" * 12_001, status=1))
        self.assertIn("is empty", self.host.run("vault", "log-audit", stdin=" \n", status=1))

    def test_alerts_to_a_topic_and_counts_to_monitoring(self):
        self.configure(
            f"[destination topic]\nform = oci-notifications\ntarget = {fake_oci.TOPIC}\ndigest = 0s\npause = 0s\n"
            f"[destination counts]\nform = oci-monitoring\ntarget = {fake_oci.COMPARTMENT}\ndigest = 0s\n"
            "events = ban finding\n")
        self.host.start()
        self.attack(5)
        self.bans(5)
        self.shipped("topic")
        self.shipped("counts")
        bans = [e for e in self.history() if e["kind"] == "ban"]
        told = [m for m in self.cloud.published if m["title"].startswith("web-1: ban ")]
        self.assertEqual([m["title"] for m in told], [f"web-1: ban {e['address']} (sshd)" for e in bans])
        self.assertTrue(all(f"key: topic-{e['id']}" in m["body"] for m, e in zip(told, bans)))
        self.assertRegex(bans[0]["receipts"]["topic"], r"^message-\d+$")
        counted = {}
        for name, dimensions, _, value in self.cloud.metrics:
            counted[name] = counted.get(name, 0) + value
            self.assertEqual((dimensions["host"], dimensions["jail"]), ("web-1", "sshd"))
        self.assertEqual(counted, {"ban": 5, "finding": 5})


if __name__ == "__main__":
    unittest.main()
