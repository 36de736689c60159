"""Secrets stay where they belong: canaries in every secret, then a search of all that was written."""
import base64
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import unittest

from harness import AGENT_UID, ATTACKER, Receiver, World, until

# Where a secret may be, and then only for the owner's eyes.
KEY_FILES = ("state/vault.key", "state/checkpoint.key")


def forms(secret):
    """The ways in which a secret may lie about: as it is, as bytes and in the usual encodings."""
    texts = {secret.encode(), secret.upper().encode(), base64.b64encode(secret.encode()),
             secret.encode().hex().encode()}
    try:
        raw = bytes.fromhex(secret)
        texts |= {raw, base64.b64encode(raw), base64.urlsafe_b64encode(raw)}
    except ValueError:
        pass
    return texts


class Canaries:
    def __init__(self):
        self.secrets = {}

    def plant(self, name):
        self.secrets[name] = f"canary-{name}-{secrets.token_hex(16)}"
        return self.secrets[name]

    def in_bytes(self, content):
        return [name for name, secret in self.secrets.items()
                if any(form in content for form in forms(secret))]

    def in_files(self, folder):
        """(file, secret) for each secret in a file below the folder that is not a key file."""
        found = []
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if not path.is_file() or name in KEY_FILES:
                continue
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # SQLite's files come and go
            found += [(name, secret) for secret in self.in_bytes(content)]
        return found

    def in_process(self, process):
        found = []
        for task in os.listdir(f"/proc/{process.pid}/task"):
            for name in ("cmdline", "environ", "comm"):
                try:
                    with open(f"/proc/{process.pid}/task/{task}/{name}", "rb") as content:
                        found += [(name, secret) for secret in self.in_bytes(content.read())]
                except (FileNotFoundError, ProcessLookupError):
                    continue  # the thread has ended
        return found


class NoSecretGetsOut(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.canaries = Canaries()
        self.world.make_vault()
        self.world.write("warder.local", "[agent]\nlog_level = debug\n")
        self.world.watch_sshd()
        self.receivers = {status: Receiver(self.world.host, status=status)
                          for status in (204, 400, 401, 500)}
        for receiver in self.receivers.values():
            self.addCleanup(receiver.close)
        closed = Receiver(self.world.host)
        self.closed_port = closed.port
        closed.close()

    def put_raw(self, document, text):
        self.world.warder("vault", "put", document, "--comment", "a test", stdin=text)

    def destination(self, name, url):
        """A webhook whose address, token and signing key are three secrets of the vault."""
        self.world.put(f"hooks/{name}", {
            "url": url + self.canaries.plant(f"url-{name}"),
            "token": self.canaries.plant(f"token-{name}"),
            "key": self.canaries.plant(f"signing-{name}")})
        return {"form": "generic", "url": f"vault:hooks/{name}/url",
                "token": f"vault:hooks/{name}/token", "signing_key": f"vault:hooks/{name}/key",
                "allow_private": "127.0.0.1", "digest": "0s"}

    def alerts(self):
        ports = {"good": self.receivers[204].port, "refusing": self.receivers[400].port,
                 "rejecting": self.receivers[401].port, "broken": self.receivers[500].port,
                 "away": self.closed_port}
        alerts = {name: self.destination(name, f"http://127.0.0.1:{port}/hook/")
                  for name, port in ports.items()}
        alerts["tls"] = self.destination("tls", f"https://127.0.0.1:{ports['good']}/hook/")
        alerts["strange"] = self.destination("strange", "gopher:/ /\x01")
        alerts["nohost"] = self.destination("nohost", "http://user:pass@nowhere.invalid/")
        alerts["forbidden"] = {**self.destination("forbidden", "http://127.0.0.1:1/"),
                               "allow_private": ""}
        alerts["file"] = {"form": "json-lines", "path": f"{self.world.folder}/logs/events.jsonl",
                          "events": "all"}
        return alerts

    def config_events(self):
        return [e for e in self.world.events("--kind", "config")
                if "configuration refused" in e["message"]]

    def wrong_documents(self, alerts):
        """Documents with errors right where a secret stands; each is refused and told."""
        plant = self.canaries.plant
        good = alerts["good"]
        wrong = [
            json.dumps({"x": {**good, "url": f"https://hooks.example.org/{plant('direct')}"}}),
            json.dumps({"x": {**good, "token": plant("bare")}}),
            json.dumps({"x": {**good, "signing_key": "%(" + plant("percent")}}),
            json.dumps({"x": {**good, "url": {"value": plant("nested")}}}),
            json.dumps({"x": {**good, "passwrd": plant("unknown-key")}}),
            '{"x": {"form": "generic", "url": "' + plant("cut-off"),
            '{"x": {"token": ' + plant("unquoted") + "}}",
            json.dumps(plant("no-object")),
            plant("no-json"),
        ]
        for count, text in enumerate(wrong, 1):
            self.put_raw("alerts", text)
            until(lambda least=count: len(self.config_events()) >= least,
                  f"the refusal of document {count}: {text}")
            for words in (["check"], ["--json", "check"], ["reload"]):
                self.assertEqual(self.world.warder(*words, check=False).returncode, 3, words)
        self.put_raw("alerts", json.dumps(alerts))

    def watched_database(self):
        """A database that is watched and backed up, under a passphrase that lies beside the rules."""
        world = self.world
        data = world.folder / "data"
        data.mkdir()
        live = sqlite3.connect(data / "db.sqlite3")
        live.execute("CREATE TABLE t(a)")
        live.close()
        for path in (data, data / "db.sqlite3"):
            os.chown(path, AGENT_UID, -1)
        world.put("backup", {"passphrase": self.canaries.plant("passphrase"), "compression": "gzip",
                             "retention": {"local_days": 2, "cloud_days": 2, "archive_days": 2}})
        world.configure(f"[backup vw]\ndatabase = {data}/db.sqlite3\npassphrase = vault:backup/passphrase\n")
        with open(world.folder / "jail.local", "a", encoding="utf-8") as jails:
            jails.write(f"[monitor vw]\nenabled = yes\ndatabase = {data}/db.sqlite3\nevery = 1s\nintegrity_every = 1s\n"
                        "schema_every = 1s\nchecks = integrity schema wal-size lock disk memory backup-age backup-failures\n")

    def as_agent(self, *words):
        done = subprocess.run(
            self.world.as_agent(os.environ["WARDER"], "--config", str(self.world.folder / "warder.conf"), *words),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.world.said.append((words, done.stdout + done.stderr))
        return done

    def raise_alerts(self):
        """Incidents, told on, acknowledged and ended; monitors and backups that work and that fail."""
        world = self.world
        made = self.as_agent("backup", "now", "vw")
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        until(lambda: [e for e in world.events("--kind", "integrity") if "the baseline from now on" in e["message"]],
              "the schema's baseline")
        live = sqlite3.connect(world.folder / "data/db.sqlite3")
        live.execute("CREATE TABLE surprise(a)")
        live.close()
        until(lambda: [e for e in world.events("--kind", "integrity") if "surprise" in json.dumps(e)], "a changed schema")
        world.put("backup", {"passphrase": self.canaries.plant("other-passphrase")})
        for words in (["backup", "verify", "vw"], ["backup", "list", "vw"], ["monitor", "run", "vw"], ["monitor", "list"]):
            self.as_agent(*words)
            self.as_agent("--json", *words)
        for kind in ("security", "backup"):
            world.warder("alerts", "send", kind, "--incident", "canary", stdin="something happened")
        until(lambda: len(world.ask("alerts", "list")["incidents"]) >= 2, "the incidents")
        number = world.ask("alerts", "list")["incidents"][0]["number"]
        world.warder("alerts", "ack", str(number), "--note", "known")
        for words in (["alerts", "list"], ["alerts", "list", "--ended"], ["config", "diff"]):
            world.warder(*words, check=False)
            world.warder("--json", *words, check=False)

    def ask_everything(self):
        world = self.world
        for words in (["status"], ["bans"], ["explain", ATTACKER], ["events"], ["check"], ["verify"],
                      ["vault", "list"], ["vault", "show", "hooks/good"],
                      ["vault", "history", "hooks/good"], ["reload"],
                      ["events", "--sql", "select * from sqlite_schema"]):
            world.warder(*words)
            world.warder("--json", *words)
        for words in (["vault", "get", "hooks/good", "--key", "nothing"],
                      ["vault", "show", "loose/text"], ["vault", "get", "loose/text", "--key", "a"]):
            world.warder(*words, check=False)

    def found(self):
        """Everywhere a secret was found; nothing, if all is well."""
        world = self.world
        found = self.canaries.in_files(world.folder)
        for process in (world.agent, world.helper):
            if process.poll() is None:
                found += self.canaries.in_process(process)
        for words, text in world.said:
            found += [(" ".join(words), name) for name in self.canaries.in_bytes(text.encode())]
        return found

    def test_no_secret_gets_out(self):
        world = self.world
        self.put_raw("loose/text", self.canaries.plant("loose"))
        alerts = self.alerts()
        world.put("alerts", alerts)
        self.watched_database()
        self.canaries.secrets["vault-key"] = (world.folder / KEY_FILES[0]).read_text().strip()
        world.start_helper()
        world.start_agent()
        self.canaries.secrets["checkpoint-key"] = (world.folder / KEY_FILES[1]).read_text().strip()
        world.write_attacks([ATTACKER, "198.51.100.67"])
        until(lambda: len(world.ask("bans")["bans"]) == 2, "the bans")

        # Every way to fail was gone.
        failing = {"refusing": "dead", "rejecting": "last_error", "broken": "last_error",
                   "away": "last_error", "tls": "last_error", "strange": "last_error",
                   "nohost": "last_error", "forbidden": "last_error", "good": "delivered",
                   "file": "delivered"}
        for name, sign in failing.items():
            until(lambda: world.destination(name)[sign], f"{sign} of {name}")
        self.assertIn(ATTACKER, self.receivers[204].texts())
        self.assertEqual(self.found(), [])

        self.raise_alerts()
        self.assertEqual(self.found(), [])

        self.wrong_documents(alerts)
        self.ask_everything()
        world.warder("alerts", "test", "good", check=False)
        world.warder("alerts", "retry", "refusing")
        world.agent.send_signal(signal.SIGHUP)
        self.assertEqual(self.found(), [])

        # A run that is killed leaves its files as they are, one that is stopped tidies up.
        world.stop_agent(signal.SIGKILL)
        self.assertTrue((world.folder / "state/warder.db-wal").stat().st_size > 0)
        self.assertEqual(self.found(), [])
        world.start_agent()
        self.assertEqual(world.stop_agent(), 0)
        self.assertEqual(self.found(), [])

        for name in (*KEY_FILES, "state/vault.sealed", "state/warder.db"):
            self.assertEqual((world.folder / name).stat().st_mode & 0o077, 0, name)
        # The secrets were in the vault after all.
        held = subprocess.run(world.as_agent(os.environ["WARDER"], "--config",
                                             str(world.folder / "warder.conf"), "vault", "get",
                                             "hooks/good", "--key", "token"),
                              capture_output=True, check=True).stdout
        self.assertEqual(self.canaries.in_bytes(held), ["token-good"])

    def test_the_search_finds_what_is_there(self):
        folder = self.world.folder
        secret = self.canaries.plant("planted")
        self.canaries.secrets["key"] = secrets.token_hex(32)
        self.assertEqual(self.canaries.in_files(folder), [])
        key = self.canaries.secrets["key"]
        for number, text in enumerate([
                secret.encode(), b"x" * 100000 + secret.encode() + b"\0", bytes.fromhex(key),
                base64.b64encode(secret.encode()), key.upper().encode()]):
            path = folder / f"logs/leak{number}"
            path.write_bytes(text)
            self.assertEqual([file for file, _ in self.canaries.in_files(folder)],
                             [f"logs/leak{number}"])
            path.unlink()
        self.assertEqual(self.canaries.in_files(folder), [])
        # In words and in surroundings of a process.
        for words, environment in (([secret], {}), ([], {"S": secret})):
            process = subprocess.Popen([sys.executable, "-c", "input()", *words],
                                       stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       env={**os.environ, **environment})
            self.addCleanup(process.stdin.close)
            self.world.processes.append(process)
            until(lambda: self.canaries.in_process(process), "the planted secret")


if __name__ == "__main__":
    unittest.main()
