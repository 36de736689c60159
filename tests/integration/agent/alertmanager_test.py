"""A real Alertmanager: what the agent tells it begins, gets worse and ends there as it does here."""
import json
import socket
import sqlite3
import subprocess
import unittest
import urllib.request

from harness import until
from monitor_test import World


class Alertmanager:
    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        config = folder / "alertmanager.yml"
        # What it is not told an end of would end by itself at once.
        config.write_text("global: {resolve_timeout: 1ms}\nroute: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        self.said = open(folder / "alertmanager.log", "w")
        self.process = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={folder}/alertmanager",
             f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="], stdout=self.said, stderr=self.said)
        until(self.answers, "Alertmanager answers")

    def answers(self):
        assert self.process.poll() is None, "Alertmanager ended"
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=10).status == 200
        except OSError:
            return False

    def firing(self):
        """Incident and severity of what is active."""
        alerts = json.load(urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10))
        return {(a["labels"]["incident"], a["labels"]["severity"]) for a in alerts}

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.said.close()


class AlertmanagerTest(unittest.TestCase):
    def setUp(self):
        self.world = World(checks="schema")
        self.addCleanup(self.world.end)
        self.alertmanager = Alertmanager(self.world.folder)
        self.addCleanup(self.alertmanager.end)
        self.world.stop()
        url = self.world.folder / "url"  # may hold a secret, so the section names where it lies
        url.write_text(f"{self.alertmanager.url}/api/v2/alerts")
        url.chmod(0o600)
        with open(self.world.folder / "warder.conf", "a") as config:
            config.write(f"\n[destination am]\nform = alertmanager\nurl = file:{url}\nallow_private = 127.0.0.1\n"
                         f"[backup vw]\ndatabase = {self.world.folder}/later.sqlite3\nencryption = none\nunencrypted = yes\n"
                         "schedule = never\nverify_schedule = never\ndrill_schedule = never\n")
        self.world.start()

    def back_up(self, status):
        done = self.world.run("backup", "now", "vw")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)

    def fires(self, *expected):
        until(lambda: self.alertmanager.firing() == set(expected), f"firing: {expected}")

    def test_a_backup_that_fails_again_and_again_and_then_works(self):
        self.back_up(1)
        self.fires(("backup/vw/now", "high"))
        self.back_up(1)
        self.back_up(1)
        self.fires(("backup/vw/now", "critical"))
        live = sqlite3.connect(self.world.folder / "later.sqlite3")
        live.execute("CREATE TABLE t(a)")
        live.close()
        self.back_up(0)
        self.fires()

    def test_a_check_that_is_bad_and_good_again(self):
        self.world.told("schema: the schema has 2 objects", "info")
        live = self.world.live()
        live.execute("CREATE TRIGGER steal AFTER INSERT ON ciphers BEGIN DELETE FROM users; END")
        self.fires(("monitor/vault/schema", "high"))
        live.execute("DROP TRIGGER steal")
        self.fires()


if __name__ == "__main__":
    unittest.main()
