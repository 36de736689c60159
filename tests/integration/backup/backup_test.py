"""`warder backup` as an operator uses it. Other programs judge: gpg, gunzip, tar, sqlite3, rclone, sshd, Amazon's SDK,
and its signatures in fake_s3.py."""
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import boto3
import boto3.s3.transfer
import botocore.config
import botocore.exceptions

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "verify")]
import fake_s3  # noqa: E402
import vaultwarden_database  # noqa: E402
import verify_store  # noqa: E402

WARDER = os.environ["WARDER"]
RUNBOOK = pathlib.Path(__file__).parents[3] / "src" / "backup" / "README.md"
PASSPHRASE = "the first passphrase, long enough"


def run(*words, check=True, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=300, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def dump(database):
    """Every row of every table, with its type."""
    connection = sqlite3.connect(database)
    try:
        tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY name")]
        return {t: sorted(map(repr, connection.execute(f'SELECT * FROM "{t}"'))) for t in tables} | {
            "": connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()}
    finally:
        connection.close()


class Host:
    """A host with a vault, a database and a [backup vw]."""

    def __init__(self, folder, mebibytes=1, more="", storage="", agent="", **secrets):
        self.folder = pathlib.Path(folder)
        self.secrets = secrets
        self.data = self.folder / "data"
        self.state = self.folder / "state"
        self.backups = self.state / "backups" / "vw"
        for path in (self.data / "attachments", self.state):
            path.mkdir(parents=True, exist_ok=True)
        self.database = self.data / "db.sqlite3"
        if not self.database.exists() and mebibytes:
            vaultwarden_database.make(self.database, mebibytes)
            (self.data / "attachments" / "a b'c").write_bytes(os.urandom(3000))
            (self.data / "rsa_key.pem").write_text("not a real key\n")
        self.config = self.folder / "warder.conf"
        self.more, self.storage, self.agent = more, storage, agent
        self.configure()

    def configure(self):
        self.config.write_text(f"""
[agent]
name = host.example
state = {self.state}
jails = {self.folder}/jails
{self.agent}
[vault]
path = {self.folder}/vault.db
key_file = {self.folder}/vault.key
[backup vw]
database = {self.database}
paths = {self.data}
passphrase = vault:settings/backup_passphrase
{self.more if "formats" in self.more else f"formats = binary{chr(10)}{self.more}"}
{self.storage}
""")

    def vault(self, passphrase=PASSPHRASE):
        self("vault", "setup")
        self.put(passphrase)
        return self

    def put(self, passphrase):
        document = self.folder / "settings.json"
        document.write_text(json.dumps({"backup_passphrase": passphrase, "access": fake_s3.ACCESS, "secret": fake_s3.SECRET,
                                        **self.secrets}))
        self("vault", "put", "settings", document)
        document.unlink()

    def identity(self, folder):
        """What is kept of the embedded vault outside of the host, as the environment of an empty machine."""
        for name in ("vault.db", "vault.key"):
            shutil.copy2(self.folder / name, folder / name)
        return {"WARDER_VAULT_FILE": f"{folder}/vault.db", "WARDER_VAULT_KEY_FILE": f"{folder}/vault.key"}

    def __call__(self, *words, **more):
        # What others come before (run_test.py) would take minutes on a busy machine.
        if len(words) > 1 and words[0] == "backup" and words[1] in ("now", "verify", "drill", "re-encrypt"):
            words += ("--full-speed",)
        return run(WARDER, "--config", self.config, *words, **more)

    def files(self, ending):
        return sorted(p for p in self.backups.iterdir() if p.name.endswith(ending))


def gpg(home, file, passphrase, *words):
    return subprocess.run(["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0", *words,
                           "--decrypt", str(file)], input=passphrase.encode() + b"\n", capture_output=True, timeout=120)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="warder-backup-"))
                                   if hasattr(self, "enterContext") else self._folder())
        self.gnupg = self.folder / "gnupg"
        self.gnupg.mkdir(mode=0o700)
        self.addCleanup(lambda: subprocess.run(["gpgconf", "--homedir", str(self.gnupg), "--kill", "all"], check=False))

    def _folder(self):
        temporary = tempfile.TemporaryDirectory(prefix="warder-backup-")
        self.addCleanup(temporary.cleanup)
        return temporary.name

    def recovers(self, host):
        """"Restoring on an empty machine" of src/backup/README.md, word for word, with the vault's identity and nothing else: the
        host is gone, and there is no configuration."""
        text = RUNBOOK.read_text().split("## Restoring on an empty machine")[1].split("\n## ")[0]
        before = re.findall(r"^- `(warder backup [^`]+)`", text, re.M)
        self.assertEqual(before, ["warder backup publish", "warder backup check"])
        host("vault", "test")
        for command in before:
            host(*shlex.split(command)[1:], check=command != "warder backup check")
        (rows,) = json.loads(host("--json", "backup", "check", "vw", check=False).stdout)
        self.assertEqual([one["state"] for one in rows["checks"] if one["what"] == "recovery"], ["good"], rows)
        drill = host("backup", "drill", "vw").stdout
        for words in ("restored into an empty folder and started from", "recovery time (RTO)", "data lost at most (RPO)", "rows of ciphers"):
            self.assertIn(words, drill)
        # A mail holds some thirty facts: those of a service with many tables come last.
        self.assertLess(max(drill.index(words) for words in ("(RTO)", "(RPO)", "outside")), drill.index("rows of "))
        expected = dump(host.database)
        empty = self.folder / "empty"
        (empty / "home").mkdir(parents=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(empty / "home"), "TZ": "UTC", **host.identity(empty)}
        lost = host.folder.rename(host.folder.with_name("lost"))
        try:
            commands = re.findall(r"^\d\. `([^`]+)`", text, re.M)
            self.assertEqual([" ".join(one.split()[:3]) for one in commands],
                             ["warder vault test", "warder backup list", "install -d -o", "warder backup restore"])
            home = self.folder / "service"
            said = []
            for command in commands:
                words = shlex.split(command.replace("NAME", "vw").replace("/srv/vaultwarden", str(home))
                                    .replace("-o vaultwarden -g vaultwarden", "-o nobody -g nogroup"))
                if words[0] == "warder":
                    words[:1] = [WARDER, "--config", f"{empty}/etc/warder.conf"]
                said.append(run(*words, env=environment))
            self.assertIn(f"there is no {empty}/etc/warder.conf", said[0].stderr)
            self.assertRegex(said[1].stdout, r"outside +proven")
            self.assertRegex(said[1].stderr, r"where the backups of host.example lie is taken from the vault, document recovery version \d+")
            restored = home / "db.sqlite3"
            self.assertEqual((restored.owner(), restored.stat().st_mode & 0o777), ("nobody", 0o600))
            self.assertEqual(dump(restored), expected)
            self.assertFalse(host.folder.exists())
            self.assertFalse((empty / "etc").exists())
            for word in ("now", "prune", "re-encrypt", "publish", "check", "drill"):
                refused = run(WARDER, "--config", f"{empty}/etc/warder.conf", "backup", word, check=False, env=environment)
                self.assertIn(f"`warder backup {word}` is for a host with a section [backup NAME]", refused.stderr)
        finally:
            lost.rename(host.folder)

    def failed(self, done, *texts):
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for text in ("ERROR: ", "CAUSE: ", "NEXT STEPS:") + texts:
            self.assertIn(text, done.stdout)
        return done


class Readers(Case):
    def test_gpg_gunzip_sqlite3_and_tar_read_every_format(self):
        host = Host(self.folder / "a", more="formats = sql_dump binary full").vault()
        host("backup", "now", "vw")
        expected = dump(host.database)
        plain = {}
        for ending in (".sql.gz.gpg", ".sqlite3.gz.gpg", ".tar.gz.gpg"):
            (file,) = host.files(ending)
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            opened = gpg(self.gnupg, file, PASSPHRASE)
            self.assertEqual(opened.returncode, 0, opened.stderr)
            plain[ending] = subprocess.run(["gunzip"], input=opened.stdout, capture_output=True, check=True).stdout
        binary = self.folder / "binary.sqlite3"
        binary.write_bytes(plain[".sqlite3.gz.gpg"])
        self.assertEqual(dump(binary), expected)
        text = self.folder / "text.sqlite3"
        subprocess.run(["sqlite3", "-bail", text], input=plain[".sql.gz.gpg"], check=True, capture_output=True)
        self.assertEqual(dump(text), expected)
        tree = self.folder / "tree"
        tree.mkdir()
        subprocess.run(["tar", "-x", "-C", tree], input=plain[".tar.gz.gpg"], check=True)
        inside = tree / host.data.relative_to("/")
        self.assertEqual(dump(inside / "db.sqlite3"), expected)
        name = "attachments/a b'c"
        self.assertEqual((inside / name).read_bytes(), (host.data / name).read_bytes())
        self.assertFalse((inside / "db.sqlite3-wal").exists())

    def test_two_backups_never_share_a_session_key(self):
        host = Host(self.folder / "a", more="formats = sql_dump binary full").vault()
        for _ in range(2):
            host("backup", "now")
        keys = set()
        for file in host.files(".gpg"):
            shown = gpg(self.gnupg, file, PASSPHRASE, "--show-session-key").stderr.decode()
            keys.add([line for line in shown.splitlines() if "session key" in line][0].split("'")[1])
        self.assertEqual(len(keys), 6)
        for key in keys:
            self.assertTrue(key.startswith("9:"), key)  # AES-256

    def test_no_secret_leaves_the_vault(self):
        host = Host(self.folder / "a").vault()
        said = host("backup", "now").stdout + host("backup", "verify").stdout + host("backup", "list", "--json").stdout
        self.assertNotIn(PASSPHRASE, said)
        for path in host.state.rglob("*"):
            if path.is_file():
                self.assertNotIn(PASSPHRASE.encode(), path.read_bytes(), path)

    def test_the_document_in_the_vault_lies_over_the_section(self):
        host = Host(self.folder / "a", more="formats = binary").vault()
        document = {"formats": ["sql_dump"], "compression": "gzip", "retention": {"local_days": 2, "cloud_days": 20, "archive_days": 200},
                    "encryption": {"algorithm": "AES256", "key_source": "oci_vault"}, "validation": {"test_restore": True}}
        host("vault", "update-backup-config", input=json.dumps(document))
        host("backup", "now", "vw")
        self.assertEqual(len(host.files(".sql.gz.gpg")), 1)
        self.assertEqual(host.files(".sqlite3.gz.gpg"), [])
        # A wish that cannot be met: nothing is made or removed, and what is there can be read.
        host("vault", "update-backup-config", input=json.dumps({**document, "validation": {"test_restore": False}}))
        for verb in (("now", "vw"), ("prune", "vw")):
            refused = host("backup", *verb, check=False)
            self.assertEqual(refused.returncode, 3, refused.stdout + refused.stderr)
            self.assertIn("vault backup#/validation/test_restore: a backup counts only once it was restored", refused.stderr)
        self.assertEqual(len(host.files(".sql.gz.gpg")), 1)
        listed = host("backup", "list", "vw")
        self.assertIn("the vault's documents have errors, the files alone count: ", listed.stderr)
        self.assertIn("proven", listed.stdout)
        host("backup", "restore", "vw", "--to", self.folder / "r")
        self.assertEqual(dump(self.folder / "r"), dump(host.database))
        # A vault that does not answer says nothing of how long backups are kept: none goes.
        host("vault", "update-backup-config", input=json.dumps(document))
        (host.folder / "vault.key").rename(host.folder / "away")
        for verb in ("prune", "now", "re-encrypt"):
            self.failed(host("backup", verb, "vw", check=False),
                        "the vault, whose documents say how long backups are kept, cannot be read")
        self.assertIn("the vault's documents were not looked at", host("backup", "list", "vw").stderr)

    def test_without_encryption_takes_a_second_word(self):
        host = Host(self.folder / "a").vault()
        done = host("backup", "now", "--no-encryption", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--readable-by-anyone", done.stderr)
        host("backup", "now", "--no-encryption", "--readable-by-anyone")
        (file,) = host.files(".sqlite3.gz")
        copy = self.folder / "copy"
        copy.write_bytes(subprocess.run(["gunzip", "-c", file], capture_output=True, check=True).stdout)
        self.assertEqual(dump(copy), dump(host.database))
        self.assertIn("NOT ENCRYPTED", host("backup", "list").stdout)


class Writers(Case):
    def test_a_copy_under_full_write_load_is_one_committed_state(self):
        for mode in ("WAL", "DELETE"):
            with self.subTest(mode):
                host = Host(self.folder / mode).vault()
                setup = sqlite3.connect(host.database, isolation_level=None)
                setup.execute(f"PRAGMA journal_mode={mode}")
                setup.executescript("CREATE TABLE a(n INTEGER); CREATE TABLE b(n INTEGER); INSERT INTO a VALUES(0); INSERT INTO b VALUES(0)")
                setup.close()
                stop = threading.Event()
                count = [0]

                def write():
                    connection = sqlite3.connect(host.database, timeout=60, isolation_level=None)
                    connection.execute("PRAGMA synchronous=OFF")
                    while not stop.is_set():
                        connection.execute("BEGIN IMMEDIATE")
                        connection.execute("UPDATE a SET n = n + 1")
                        connection.execute("UPDATE b SET n = n - 1")
                        connection.execute("COMMIT")
                        count[0] += 1
                    connection.close()

                writer = threading.Thread(target=write)
                writer.start()
                try:
                    before = count[0]
                    host("backup", "now")
                    self.assertGreater(count[0], before)
                finally:
                    stop.set()
                    writer.join()
                restored = self.folder / f"{mode}.sqlite3"
                host("backup", "restore", "vw", "--to", restored)
                connection = sqlite3.connect(restored)
                self.assertEqual(connection.execute("SELECT a.n + b.n FROM a, b").fetchone()[0], 0)
                self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
                connection.close()


class Damage(Case):
    def test_a_flipped_bit_anywhere_is_found_and_nothing_is_restored(self):
        host = Host(self.folder / "a").vault()
        host("backup", "now")
        (file,) = host.files(".gpg")
        whole = file.read_bytes()
        places = [0, 1, 3, 8, 14, 20, len(whole) // 3, len(whole) // 2, len(whole) - 21, len(whole) - 1]
        manifest = host.files("Z.json")[0]
        aside = self.folder / "manifest"
        for place in places:
            with self.subTest(place):
                changed = bytearray(whole)
                changed[place] ^= 0x10
                file.write_bytes(changed)
                self.failed(host("backup", "verify", check=False))
                self.failed(host("backup", "restore", "vw", "--to", self.folder / "r", check=False))
                manifest.rename(aside)  # the message itself must tell, too
                self.failed(host("backup", "restore", "--file", file, "--to", self.folder / "r", check=False))
                aside.rename(manifest)
                self.assertFalse((self.folder / "r").exists())
        for changed in (whole[:-1], whole[:65536], whole + b"x", whole + whole):
            file.write_bytes(changed)
            self.failed(host("backup", "verify", check=False))
            self.failed(host("backup", "restore", "vw", "--to", self.folder / "r", check=False))
        file.write_bytes(whole)
        host("backup", "verify")
        text = manifest.read_text()
        manifest.write_text(text.replace('"users": 20', '"users": 21'))
        self.failed(host("backup", "restore", "vw", "--to", self.folder / "r", check=False), "manifest")
        self.assertFalse((self.folder / "r").exists())

    def test_a_compression_bomb_stops_at_the_limit(self):
        host = Host(self.folder / "a", more="unpacked_limit = 2M").vault()
        bomb = self.folder / "vw-20261125T155057Z.sqlite3.gz"
        zeros = subprocess.run("head -c 300M /dev/zero | gzip -9", shell=True, capture_output=True, check=True).stdout
        bomb.write_bytes(zeros)
        done = self.failed(host("backup", "restore", "--file", bomb, "--to", self.folder / "r", check=False), "bomb")
        self.assertFalse((self.folder / "r").exists())
        self.assertEqual([p for p in self.folder.iterdir() if p.name.startswith(".warder")], [], done.stdout)

    def test_a_lost_key_is_told(self):
        host = Host(self.folder / "a").vault()
        host("backup", "now")
        host("vault", "delete", "settings")
        host.put("another passphrase altogether")
        self.failed(host("backup", "verify", check=False), "no known key opens the backup")
        paper = self.folder / "paper"
        paper.write_text(PASSPHRASE + "\n")
        paper.chmod(0o600)
        host("backup", "restore", "vw", "--to", self.folder / "r", "--passphrase-file", paper)
        self.assertEqual(dump(self.folder / "r"), dump(host.database))

    def test_killed_at_any_time_nothing_half_counts(self):
        host = Host(self.folder / "a", mebibytes=3, more="formats = both full").vault()
        host("backup", "now")
        good = {p.name: p.read_bytes() for p in host.backups.iterdir() if p.name.startswith("vw-")}
        began = time.monotonic()
        host("backup", "now")
        whole = time.monotonic() - began
        for part in range(12):
            process = subprocess.Popen([WARDER, "--config", host.config, "backup", "now"], stdout=subprocess.DEVNULL)
            time.sleep(whole * part / 12)  # where it is killed, not what is expected
            process.send_signal(signal.SIGKILL)
            process.wait()
            for row in json.loads(host("backup", "list", "--json").stdout)[0]["backups"]:
                self.assertTrue(row["proven"] or row["fault"], row)
        host("backup", "now")
        host("backup", "verify", "--all")
        self.assertEqual([p.name for p in host.backups.iterdir() if p.name.startswith(".making")], [])
        for name, content in good.items():
            self.assertEqual((host.backups / name).read_bytes(), content)

    def test_a_run_whose_agent_ended_before_it_could_ask_ends_at_once(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        program = pathlib.Path(WARDER).with_name("warder-backup")
        self.assertEqual(run(program, "--agent", gone.pid, "now", check=False).returncode, -signal.SIGTERM)

    def test_a_full_disk_is_a_failure_and_older_backups_stay(self):
        host = Host(self.folder / "a").vault()
        host("backup", "now")
        before = {p.name for p in host.files(".gpg")}
        script = (f"mount -t tmpfs -o size=2500k none {self.folder}/small && mkdir {self.folder}/small/vw && chmod 700 {self.folder}/small/vw && "
                  f"cp -p {host.backups}/vw-* {self.folder}/small/vw/ && {WARDER} --config {host.config} backup now; echo status $?; "
                  f"ls -A {self.folder}/small/vw")
        (self.folder / "small").mkdir()
        host.more = f"folder = {self.folder}/small/vw"
        host.configure()
        done = run("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script)
        self.assertIn("status 1", done.stdout)
        self.assertIn("ERROR: ", done.stdout)
        self.assertNotIn(".making", done.stdout.split("status 1")[1])
        for name in before:
            self.assertIn(name, done.stdout.split("status 1")[1])


class Restoring(Case):
    def test_what_is_there_is_replaced_only_with_a_word_and_kept(self):
        host = Host(self.folder / "a").vault()
        host("backup", "now")
        expected = dump(host.database)
        connection = sqlite3.connect(host.database, isolation_level=None)
        connection.execute("DELETE FROM event")
        changed = dump(host.database)
        self.failed(host("backup", "restore", "vw", "--to", host.database, check=False), "--overwrite")
        self.failed(host("backup", "restore", "vw", "--to", host.database, "--overwrite", check=False), "is in use")
        self.assertEqual(dump(host.database), changed)
        connection.close()
        host("backup", "restore", "vw", "--to", host.database, "--overwrite")
        self.assertEqual(dump(host.database), expected)
        (aside,) = [p for p in host.data.iterdir() if ".before-" in p.name and not p.name.endswith(("-wal", "-shm"))]
        self.assertEqual(dump(aside), changed)

    def test_a_full_and_a_read_only_disk_keep_what_was_there(self):
        host = Host(self.folder / "a").vault()
        host("backup", "now")
        small, old = self.folder / "small", self.folder / "old.sqlite3"
        small.mkdir()
        connection = sqlite3.connect(old)
        connection.execute("CREATE TABLE mine(a)")
        connection.close()
        restore = (f"{WARDER} --config {host.config} backup restore vw --to {small}/db.sqlite3 --overwrite; echo status $?; "
                   f"cmp {old} {small}/db.sqlite3 && ls -A {small}; ")
        done = run("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                   f"mount -t tmpfs -o size=1m none {small} && cp {old} {small}/db.sqlite3; {restore} "
                   f"mount -o remount,ro {small}; {restore}")
        full, read_only = done.stdout.split("status 1\n")[:2], done.stdout.split("status 1\n")[1:]
        self.assertIn("No space left on device", full[0])
        self.assertIn("Read-only file system", read_only[0])
        self.assertEqual([full[1].split("ERROR")[0], read_only[1]], ["db.sqlite3\n"] * 2)

    def test_what_root_restores_belongs_to_whom_its_folder_does(self):
        host = Host(self.folder / "a").vault()
        host("backup", "now")
        self.folder.chmod(0o755)
        home = self.folder / "service"
        failed = self.failed(host("backup", "restore", "vw", "--to", home / "db.sqlite3", check=False), "install -d -o USER")
        self.assertIn("the same command again", failed.stdout)
        home.mkdir()
        os.chown(home, 4711, 4712)
        self.failed(host("backup", "restore", "vw", "--to", home, check=False),
                    f"{home} is a folder; name the file of the database, for instance {home}/db.sqlite3")
        host("backup", "restore", "vw", "--to", home / "db.sqlite3")
        found = (home / "db.sqlite3").stat()
        self.assertEqual((found.st_uid, found.st_gid, found.st_mode & 0o777), (4711, 4712, 0o600))
        # The old one's owner and mode are kept.
        os.chown(home / "db.sqlite3", 4713, 4714)
        (home / "db.sqlite3").chmod(0o640)
        host("backup", "restore", "vw", "--to", home / "db.sqlite3", "--overwrite")
        found = (home / "db.sqlite3").stat()
        self.assertEqual((found.st_uid, found.st_gid, found.st_mode & 0o777), (4713, 4714, 0o640))

    def test_the_passphrase_is_looked_for_where_the_lost_host_had_it(self):
        store = self.folder / "outside"
        store.mkdir()
        host = Host(self.folder / "a", more="storage = disk", storage=f"[storage disk]\nkind = directory\npath = {store}").vault()
        host.config.write_text(host.config.read_text().replace("vault:settings/backup_passphrase", "vault:keys/mine"))
        host("vault", "put", "keys", input=json.dumps({"mine": PASSPHRASE}))
        host("vault", "delete", "settings")
        host("backup", "publish")
        empty = self.folder / "empty"
        empty.mkdir()

        def looked():
            environment = {"PATH": os.environ["PATH"], "HOME": str(empty), "TZ": "UTC", **host.identity(empty)}
            done = run(WARDER, "--config", f"{empty}/warder.conf", "vault", "test", "--backup-passphrase", check=False, env=environment)
            return done.returncode, [line for line in done.stdout.splitlines() if "passphrase" in line.split()]

        self.assertEqual(looked(), (0, ["good  passphrase   keys/mine is there and long enough"]))
        host("vault", "put", "keys", input=json.dumps({"other": PASSPHRASE}))
        self.assertEqual(looked(), (6, ["BAD   passphrase   the document keys has no mine, which [backup NAME] passphrase asks for"]))

    def test_a_tree_goes_into_an_empty_folder_only(self):
        host = Host(self.folder / "a", more="formats = full").vault()
        host("backup", "now")
        target = self.folder / "target"
        target.mkdir()
        (target / "mine").write_text("x")
        self.failed(host("backup", "restore", "vw", "--to", target, check=False), "is not empty")
        (target / "mine").unlink()
        host("backup", "restore", "vw", "--to", target)
        self.assertEqual(dump(target / host.database.relative_to("/")), dump(host.database))


class Rotation(Case):
    def test_old_backups_are_encrypted_anew_and_a_kill_does_no_harm(self):
        store = self.folder / "store"
        store.mkdir()
        host = Host(self.folder / "a", more="formats = both\nstorage = disk",
                    storage=f"[storage disk]\nkind = directory\npath = {store}").vault()
        for _ in range(2):
            host("backup", "now")
        expected = dump(host.database)
        host.put("the second passphrase, long too")
        for part in range(4):
            process = subprocess.Popen([WARDER, "--config", host.config, "backup", "re-encrypt"], stdout=subprocess.DEVNULL)
            time.sleep(0.4 * part)
            process.send_signal(signal.SIGKILL)
            process.wait()
            host("backup", "verify", "--all")
        host("backup", "re-encrypt")
        rows = json.loads(host("backup", "list", "--json").stdout)[0]["backups"]
        self.assertEqual([(r["passphrase"]["version"], r["here"], r["outside"], r["proven"]) for r in rows], [(2, True, True, True)] * 2)
        files = host.files(".gpg")
        self.assertEqual(len(files), 4)
        for file in files:
            self.assertNotEqual(gpg(self.gnupg, file, PASSPHRASE).returncode, 0)
            self.assertEqual(gpg(self.gnupg, file, "the second passphrase, long too").returncode, 0)
            self.assertEqual((store / file.name).read_bytes(), file.read_bytes())
        self.assertEqual(len([p for p in store.iterdir() if p.name.endswith(".gpg")]), 4)
        host("backup", "restore", "vw", "--from-storage", "--to", self.folder / "r")
        self.assertEqual(dump(self.folder / "r"), expected)
        self.assertIn("already", host("backup", "re-encrypt").stdout)


    def test_a_rotation_amid_a_backup_leaves_one_that_opens_and_is_encrypted_anew(self):
        host = Host(self.folder / "a", mebibytes=3, more="formats = binary").vault()
        process = subprocess.Popen([WARDER, "--config", host.config, "backup", "now"], stdout=subprocess.DEVNULL)
        # From the first byte of its copy on it has the passphrase; the rest waits for the rotation.
        while not (host.backups.is_dir() and any(p.name.startswith(".making") for p in host.backups.iterdir())):
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGSTOP)
        host.put("the second passphrase, long too")
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(), 0)
        host("backup", "verify", "--all")
        self.assertEqual(gpg(self.gnupg, host.files(".gpg")[0], PASSPHRASE).returncode, 0)
        host("backup", "re-encrypt")
        file, = host.files(".gpg")
        self.assertNotEqual(gpg(self.gnupg, file, PASSPHRASE).returncode, 0)
        self.assertEqual(gpg(self.gnupg, file, "the second passphrase, long too").returncode, 0)


class Health(Case):
    def checks(self, host, status):
        done = host("backup", "check", "--json", check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        (one,) = json.loads(done.stdout)
        return {row["what"]: row for row in one["checks"]}

    def test_age_runs_damage_and_keys(self):
        host = Host(self.folder / "a", more="oldest = 1d").vault()
        rows = self.checks(host, 1)
        self.assertEqual((rows["age"]["state"], rows["age"]["remedy"]), ("broken", "warder backup now vw"))
        self.assertFalse(host.backups.exists())  # looking makes nothing
        by_hand = self.failed(host("backup", "drill", "vw", check=False), "this host could not be recovered now")
        self.assertNotIn("tries again", by_hand.stdout)
        self.failed(host("backup", "drill", "vw", "--agent", os.getpid(), check=False),
                    "the agent tries again after an hour, then ever later, at most a day apart, until it works")
        host("backup", "now")
        rows = self.checks(host, 0)
        self.assertEqual({what: row["state"] for what, row in rows.items()},
                         {"age": "good", "runs": "good", "whole": "good", "keys": "good", "drill": "notice", "recovery": "notice"})
        host("backup", "drill")
        self.assertEqual(self.checks(host, 0)["drill"]["state"], "good")
        late = run("faketime", "+2 days", WARDER, "--config", host.config, "backup", "check", check=False)
        self.assertEqual(late.returncode, 1)
        self.assertIn("oldest = 1d", late.stdout)
        aside = host.database.rename(host.folder / "aside")
        host("backup", "now", check=False)
        self.assertEqual(self.checks(host, 1)["runs"]["found"], "the last 1 run failed")
        aside.rename(host.database)
        (file,) = host.files(".gpg")
        file.write_bytes(file.read_bytes()[:-1])
        self.assertEqual(self.checks(host, 1)["whole"]["state"], "broken")
        host("vault", "delete", "settings")
        host.put("another passphrase altogether")
        rows = self.checks(host, 1)
        self.assertEqual((rows["keys"]["state"], rows["keys"]["found"]), ("broken", "no known key opens a backup that is kept"))
        # The doctor says the same, with or without an agent.
        done = host("doctor", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("vw: no known key opens a backup that is kept", done.stdout)

    def test_looking_needs_no_vault(self):
        store = self.folder / "outside"
        store.mkdir()
        host = Host(self.folder / "a", more="storage = disk\nformats = binary full",
                    storage=f"[storage disk]\nkind = directory\npath = {store}").vault()
        host("backup", "now")
        stamp = json.loads(host("backup", "list", "--json").stdout)[0]["backups"][0]["stamp"]
        whole = {verb: host("backup", *verb).stdout for verb in (("list",), ("list", "--json"), ("prune", "--dry-run"))}
        (host.folder / "vault.key").rename(host.folder / "away")
        for verb, said in whole.items():
            done = host("backup", *verb)
            self.assertEqual(done.stdout, said)
            self.assertIn("the vault's documents were not looked at, the files alone count", done.stderr)
        # All that can be seen is seen; of the keys it is said that they cannot be, not that they are lost.
        rows = self.checks(host, 1)
        self.assertEqual({what: row["state"] for what, row in rows.items()}, {
            "age": "good", "runs": "good", "whole": "good", "outside": "good", "protection": "notice", "keys": "broken", "drill": "notice"})
        self.assertEqual(rows["keys"]["found"], "whether a key opens every backup that is kept is not known")
        self.assertIn("vault.key", rows["keys"]["cause"])
        self.assertEqual(rows["keys"]["remedy"], "warder vault test --backup-passphrase")
        failed = self.failed(host("backup", "restore", "vw", "--to", self.folder / "r", check=False), "vault.key",
                             "warder vault test --backup-passphrase", "--passphrase-file FILE")
        self.assertIn(f"CAUSE: the passphrase vault:settings/backup_passphrase version 1 cannot be had now", failed.stdout)
        # What was tried and could not begin has failed, and counts.
        self.failed(host("backup", "now", check=False))
        self.assertEqual(self.checks(host, 1)["runs"]["found"], "the last 1 run failed")
        # A storage whose keys lie in the vault is not seen, which is told; what is here is shown.
        host.storage = ("[storage disk]\nkind = s3\nurl = http://127.0.0.1:9\nbucket = b\n"
                        "access_key = vault:settings/access\nsecret_key = vault:settings/secret")
        host.configure()
        done = host("backup", "list", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(stamp, done.stdout)
        self.assertIn("outside: could not be looked at: [storage disk]: ", done.stdout)
        done = self.failed(host("backup", "prune", "--dry-run", check=False), "what is outside could not be looked at")
        self.assertIn("1 stay, 0 would go", done.stdout)
        rows = self.checks(host, 1)
        self.assertEqual((rows["outside"]["state"], rows["outside"]["found"]), ("broken", "what is outside cannot be seen"))
        # The passphrase on paper opens what is here.
        paper = self.folder / "paper"
        paper.write_text(PASSPHRASE)
        paper.chmod(0o600)
        host("backup", "restore", "vw", "--to", self.folder / "r", "--passphrase-file", paper)
        self.assertEqual(dump(self.folder / "r"), dump(host.database))

    def test_copies_outside(self):
        store = self.folder / "outside"
        store.mkdir()
        host = Host(self.folder / "a", more="storage = disk", storage=f"[storage disk]\nkind = directory\npath = {store}").vault()
        host("backup", "now")
        rows = self.checks(host, 0)
        self.assertEqual((rows["outside"]["state"], rows["protection"]["state"]), ("good", "notice"))
        # The manifest alone is no backup: what it names is there with its size, or is brought again from here.
        (far,) = store.glob("vw-*.gpg")
        whole = far.read_bytes()
        for damage, told in ((far.unlink, f"{far.name} is not there"),
                             (lambda: far.write_bytes(whole[:-1]), f"{far.name} has {len(whole) - 1} bytes instead of {len(whole)}")):
            damage()
            rows = self.checks(host, 1)
            self.assertEqual(rows["outside"]["state"], "broken")
            self.assertIn("one is not whole", rows["outside"]["found"])
            self.assertIn(told, rows["outside"]["cause"])
            listed = json.loads(host("backup", "list", "--json").stdout)[0]["backups"]
            self.assertEqual([row["outside"] for row in listed if row["stamp"] in far.name], [False])
            self.assertIn(f"outside {told}: it is brought there again", host("backup", "now").stdout)
            self.assertEqual(far.read_bytes(), whole)
            self.assertEqual(self.checks(host, 0)["outside"]["state"], "good")
        self.recovers(host)
        for file in store.rglob("vw-*"):
            file.unlink()
        self.assertEqual(self.checks(host, 1)["outside"]["state"], "broken")


    def test_a_faulty_copy_that_is_outside_only_goes_by_the_remedy(self):
        store = self.folder / "outside"
        store.mkdir()
        host = Host(self.folder / "a", more="storage = disk", storage=f"[storage disk]\nkind = directory\npath = {store}").vault()
        for _ in range(3):
            host("backup", "now")
        lost, garbled, kept = (path.name.removesuffix(".json").removeprefix("vw-") for path in host.files("Z.json"))
        refused = host("backup", "prune", "vw", "--drop-faulty", lost, check=False)
        self.failed(refused, f"{lost} is whole here: `warder backup now vw` brings it outside again")
        for stamp in (lost, garbled):
            for path in host.backups.glob(f"vw-{stamp}*"):
                path.unlink()
        self.failed(host("backup", "prune", "vw", "--drop-faulty", lost, check=False), f"the copy {lost} outside has all its files: it stays")
        self.assertEqual(self.checks(host, 0)["outside"]["state"], "good")
        (store / f"vw-{lost}.sqlite3.gz.gpg").unlink()
        (store / f"vw-{garbled}.json").write_text("{")
        row = self.checks(host, 1)["outside"]
        self.assertEqual((row["state"], row["cause"]), (
            "broken", f"{lost}: vw-{lost}.sqlite3.gz.gpg is not there\n{garbled}: its manifest cannot be read"))
        # The remedies, word for word.
        for command in row["remedy"].split("; "):
            host(*command.split()[1:])
        self.assertEqual(self.checks(host, 0)["outside"]["state"], "good")
        self.assertEqual({path.name for path in store.iterdir()}, {f"vw-{kept}.json", f"vw-{kept}.sqlite3.gz.gpg"})


class History(Case):
    def host(self):
        host = Host(self.folder / "a", mebibytes=0, more="formats = binary", agent=f"[store]\npath = {self.folder}/a/data/db.sqlite3\n"
                    "checkpoint_events = 100\n"
                    f"[api]\nsocket = {self.folder}/socket\n[firewall]\nbackend = none\n").vault()
        (self.folder / "a" / "jails").mkdir()
        return host

    def agent(self, host):
        """One that runs and has made a checkpoint."""
        agent = subprocess.Popen([WARDER, "--config", host.config, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            agent.terminate()
            agent.wait()

        self.addCleanup(end)
        while self.checkpoint_size(agent, host) == 0:
            host("alerts", "send", "info", input="an event of a hundred", check=False)
        return end

    def checkpoint_size(self, agent, host):
        while True:
            self.assertIsNone(agent.poll())
            asked = host("--json", "status", check=False)
            if asked.returncode == 0:
                return json.loads(asked.stdout)["store"]["checkpoint_size"]

    def notes(self, host):
        connection = sqlite3.connect(f"file:{host.database}?mode=ro", uri=True)
        try:
            return [note for (note,) in connection.execute("SELECT note FROM checkpoint ORDER BY size")]
        finally:
            connection.close()

    def test_beside_a_running_agent_the_manifest_holds_its_newest_checkpoint(self):
        host = self.host()
        self.agent(host)
        before = self.notes(host)
        host("backup", "now")
        after = self.notes(host)
        mark = json.loads(host.files("Z.json")[0].read_text())["history"]
        text = f"{mark['origin']}\n{mark['size']}\n{mark['root']}\n\n"
        self.assertTrue(mark["origin"].startswith("warder/host.example/"), mark)
        # None is made but by a hundred events, of which this was not one: still, one more would be right too.
        self.assertIn(text, [note[:note.index("\n\n") + 2] for note in after[len(before) - 1:]])
        # The root of so many events as another program computes it of the rows.
        self.assertEqual(verify_store.check(host.database, None, [text]), [])
        self.assertNotEqual(verify_store.check(host.database, None, [text.replace(mark["root"], "A" * 43 + "=")]), [])

    def test_a_history_whose_rows_are_not_those_that_were_recorded_does_not_count(self):
        """The agent's own, beside its root in the manifest."""
        host = self.host()
        self.agent(host)()
        connection = sqlite3.connect(host.database, isolation_level=None)
        connection.execute("CREATE VIEW of_the_operator AS SELECT sequence FROM event")  # that is no other history
        connection.close()
        host("backup", "now")
        mark = json.loads(host.files("Z.json")[0].read_text())["history"]
        self.assertGreater(mark["size"], 0)
        told = host("backup", "restore", "vw", "--to", self.folder / "r").stdout
        self.assertIn(f"{mark['size']} events, root {mark['root']}", told)
        good = host.files(".gpg")
        connection = sqlite3.connect(host.database, isolation_level=None)
        connection.execute("UPDATE event SET message = 'nothing happened' WHERE sequence = 0")
        self.assertEqual(connection.execute("SELECT changes()").fetchone(), (1,))
        connection.close()
        self.failed(host("backup", "now", check=False), "the history in it is not what was recorded: ", "warder verify")
        self.assertEqual(host.files(".gpg"), good)


class Pruning(Case):
    def test_older_ones_go_only_when_the_new_one_is_outside_and_never_below_the_least(self):
        store = self.folder / "outside"
        store.mkdir()
        host = Host(self.folder / "a", more="storage = disk\nlocal_days = 1\ncloud_days = 2\narchive_days = 3\nkeep_least = 2",
                    storage=f"[storage disk]\nkind = directory\npath = {store}").vault()

        def names(folder):
            return {path.name for path in folder.glob("vw-*.gpg")}

        for days in (12, 11):
            run("faketime", "-f", f"-{days}d", WARDER, "--config", host.config, "backup", "now")
        old = names(host.backups)
        self.assertEqual((len(old), names(store)), (2, old))
        store.rename(self.folder / "away")
        failed = self.failed(host("backup", "now", check=False), "the backup was made here, but not all that belongs to it")
        # Where it lies is said once.
        self.assertIn(f"CAUSE: folder {store}: No such file or directory; is the disk mounted?\n", failed.stdout)
        made = names(host.backups) - old
        self.assertEqual((len(made), names(host.backups)), (1, old | made))
        (self.folder / "away").rename(store)
        host("backup", "now")
        left = names(host.backups)
        self.assertEqual((len(left), left & old, names(store)), (2, set(), left))
        host("backup", "verify", "--all")


    def test_a_forged_manifest_outside_makes_no_genuine_one_go(self):
        store = self.folder / "outside"
        store.mkdir()
        host = Host(self.folder / "a", more="storage = disk\nlocal_days = 1\ncloud_days = 2\narchive_days = 3\nkeep_least = 3",
                    storage=f"[storage disk]\nkind = directory\npath = {store}").vault()
        for days in (12, 11):
            run("faketime", "-f", f"-{days}d", WARDER, "--config", host.config, "backup", "now", "--full-speed")
        genuine = {path.name for path in store.iterdir()}
        # Known by their seals alone: the folder and what it remembers are lost.
        for path in host.backups.iterdir():
            path.unlink()
        (first, _) = sorted(store.glob("*Z.json"))
        document = json.loads(first.read_text())
        data = store / document["files"][0]["name"]

        def forge(stamp, passphrase):
            """With the seal as it was, or one under a secret that whoever has the storage's keys knows."""
            forged = json.loads(first.read_text().replace(document["stamp"], stamp))
            if passphrase:
                seal = forged.pop("seal")
                forged["key"]["reference"] = "vault:settings/access"
                text = json.dumps(forged, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), bytes.fromhex(seal["salt"]), seal["iterations"])
                forged["seal"] = {**seal, "mac": hmac.new(key, text.encode(), "sha256").hexdigest()}
            (store / f"vw-{stamp}.json").write_text(json.dumps(forged))
            shutil.copy2(data, store / data.name.replace(document["stamp"], stamp))
            return stamp

        now = datetime.datetime.now(datetime.timezone.utc)
        stamps = [forge((now - datetime.timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ"), passphrase)
                  for hours, passphrase in ((3, None), (4, None), (5, fake_s3.ACCESS), (6, fake_s3.ACCESS))]
        stamps.append(forge(document["stamp"] + ".r9", fake_s3.ACCESS))
        done = host("backup", "now")
        self.assertRegex(done.stdout, r"outside do not count as proven, since their manifests have no seal by the passphrase of this set")
        for stamp in stamps:
            self.assertIn(stamp, done.stdout)
        self.assertLessEqual(genuine, {path.name for path in store.iterdir()})
        # What was found genuine is remembered: it is not asked again for its seal.
        state = json.loads((host.backups / "state.json").read_text())["outside"]
        for path in set(store.glob("*Z.json")) - {first}:  # behind whose forged revision it is not seen
            stamp = json.loads(path.read_text())["stamp"]
            self.assertEqual(state.get(stamp), None if stamp in stamps else hashlib.sha256(path.read_bytes()).hexdigest(), path)


class Clock(Case):
    def test_a_clock_that_was_years_ahead_takes_no_backup_away(self):
        host = Host(self.folder / "a", more="formats = binary\nkeep_least = 1").vault()
        host("backup", "now")
        good = host.files(".gpg")
        ahead = run("faketime", "-f", "+900d", WARDER, "--config", host.config, "backup", "now")
        self.assertIn("clock", ahead.stdout)
        self.assertEqual(len(host.files(".gpg")), 2)
        # The clock is right again: the newest proven one lies in the future, and still nothing goes.
        again = host("backup", "now")
        self.assertIn("clock", again.stdout)
        self.assertEqual(len(host.files(".gpg")), 3)
        self.assertEqual(host.files(".gpg")[0], good[0])
        host("backup", "verify", "--all")


class S3(Case):
    def host(self, service, name="a", mebibytes=12):
        return Host(self.folder / name, mebibytes=mebibytes, more="storage = s3", storage=f"""
[storage s3]
kind = s3
url = {service.url}
bucket = backups
prefix = web-1/
region = eu-central-1
access_key = vault:settings/access
secret_key = vault:settings/secret
part_size = 5M
""")

    def test_a_copy_is_read_back_restored_elsewhere_and_read_by_rclone(self):
        service = fake_s3.Service()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        host = self.host(service).vault()
        host("backup", "now")
        self.assertEqual(service.refused, [])
        self.assertGreater(len(service.parts_sent), 1)
        for rule, state, text in (
                (None, "none", "the bucket has no object lock"), ("", "none", "has no default retention"),
                ("<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule>", "unlocked",
                 "object lock for 30 days in the mode GOVERNANCE, which a permission can pass over"),
                ("<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Years>1</Years></DefaultRetention></Rule>", "locked",
                 "object lock for 1 year in the mode COMPLIANCE")):
            service.object_lock = rule
            outside = json.loads(host("--json", "backup", "list", "vw").stdout)[0]["outside"]
            self.assertEqual((outside["protection"], bool(outside["command"])), (state, state != "locked"), outside)
            self.assertIn(text, outside["text"])
        (file,) = host.files(".gpg")
        config = self.folder / "rclone.conf"
        config.write_text(f"[s]\ntype = s3\nprovider = Other\naccess_key_id = {fake_s3.ACCESS}\nsecret_access_key = {fake_s3.SECRET}\n"
                          f"endpoint = {service.url}\nregion = eu-central-1\nforce_path_style = true\nlist_version = 2\n")
        fetched = run("rclone", "--config", config, "--retries", "1", "copyto", f"s:backups/web-1/{file.name}", self.folder / "got",
                      env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")})
        self.assertEqual((self.folder / "got").read_bytes(), file.read_bytes(), fetched.stderr)
        self.recovers(host)

    def test_the_aws_sdk_reads_what_was_written_and_warder_reads_what_it_writes(self):
        service = fake_s3.Service()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        host = self.host(service).vault()
        host("backup", "now")

        def sdk(secret):
            return boto3.client("s3", endpoint_url=service.url, region_name="eu-central-1", aws_access_key_id=fake_s3.ACCESS,
                                aws_secret_access_key=secret, config=botocore.config.Config(
                                    s3={"addressing_style": "path"}, retries={"max_attempts": 0}))

        client = sdk(fake_s3.SECRET)
        # Read: the names in pages, the sizes, the bytes; big ones in ranges.
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="backups", Prefix="web-1/")
        seen = {one["Key"]: one["Size"] for page in pages for one in page["Contents"]}
        written = {f"web-1/{p.name}": p for p in host.backups.iterdir() if p.name.startswith("vw-")}
        self.assertEqual(seen, {key: path.stat().st_size for key, path in written.items()})
        parts = boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=2)
        for key, path in written.items():
            client.download_file("backups", key, str(self.folder / "got"), Config=parts)
            self.assertEqual((self.folder / "got").read_bytes(), path.read_bytes(), key)
            # Write: the same under another prefix, as a copy between providers.
            client.upload_file(str(path), "backups", key.replace("web-1/", "web-2/"), Config=parts)
        self.assertEqual(service.refused, [])
        with self.assertRaises(botocore.exceptions.ClientError) as refused:
            sdk("wrong").head_object(Bucket="backups", Key=next(iter(written)))
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 403)
        service.object_lock = "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule>"
        lock = client.get_object_lock_configuration(Bucket="backups")["ObjectLockConfiguration"]
        self.assertEqual(lock["Rule"]["DefaultRetention"], {"Mode": "COMPLIANCE", "Days": 30})
        expected = dump(host.database)
        host.storage = host.storage.replace("prefix = web-1/", "prefix = web-2/")
        host.configure()
        host("backup", "restore", "vw", "--from-storage", "--to", self.folder / "r")
        self.assertEqual(dump(self.folder / "r"), expected)

    def test_an_upload_that_breaks_off_is_told_and_goes_on(self):
        service = fake_s3.Service()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        host = self.host(service).vault()
        service.break_after = 1
        self.failed(host("backup", "now", check=False), "the backup was made here")
        self.assertEqual(service.parts_sent, [1])
        service.break_after = None
        host("backup", "now")
        sent = len(service.parts_sent)
        rows = json.loads(host("backup", "list", "--json").stdout)[0]["backups"]
        self.assertEqual([r["outside"] for r in rows], [True, True])
        # The first part of the first backup was not sent again: each part of both went over once.
        size = sum(-(-p.stat().st_size // (5 << 20)) for p in host.files(".gpg"))
        self.assertEqual(sent, size)

    def test_a_storage_that_lies_and_one_that_refuses(self):
        service = fake_s3.Service()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        host = self.host(service, mebibytes=1).vault()
        service.lying = True
        self.failed(host("backup", "now", check=False), "came back with other bytes")
        service.lying = False
        # Where it broke off is said once.
        service.before_object = lambda method: method == "GET" and service.objects.clear()
        failed = self.failed(host("backup", "now", check=False))
        self.assertRegex(failed.stdout, r"CAUSE: S3 bucket backups at [^ ]+: reading (vw-[^ ]+) back: reading it: status 404 NoSuchKey")
        service.before_object = None
        host("vault", "put", "settings", input=json.dumps(
            {"backup_passphrase": PASSPHRASE, "access": fake_s3.ACCESS, "secret": "wrong"}))
        self.failed(host("backup", "now", check=False), "SignatureDoesNotMatch", "secret_key")
        for row in json.loads(host.state.joinpath("backups/vw/state.json").read_text()).items():
            if row[0] == "failures":
                self.assertEqual(row[1], 3)


class Sftp(Case):
    def setUp(self):
        super().setUp()
        keys = self.folder / "ssh"
        keys.mkdir(mode=0o700)
        for name in ("host", "client"):
            run("ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "", "-f", keys / name)
        (keys / "authorized").write_text((keys / "client.pub").read_text())
        (keys / "authorized").chmod(0o600)
        config = keys / "sshd.conf"
        config.write_text(f"HostKey {keys}/host\nAuthorizedKeysFile {keys}/authorized\nUsePAM no\nStrictModes no\nPidFile none\n"
                          "PasswordAuthentication no\nSubsystem sftp internal-sftp\nPermitRootLogin yes\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        # One connection a process, as inetd starts it: sshd itself knows no port 0.
        import socket
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

        def serve():
            while True:
                try:
                    connection, _ = self.socket.accept()
                except OSError:
                    return
                subprocess.Popen(["/usr/sbin/sshd", "-i", "-f", str(config)], stdin=connection, stdout=connection,
                                 stderr=subprocess.DEVNULL)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        self.addCleanup(self.socket.close)
        self.store = self.folder / "far"
        self.store.mkdir()
        public = (keys / "host.pub").read_text().split()
        (keys / "known").write_text(f"[127.0.0.1]:{self.port} {public[0]} {public[1]}\n")
        (keys / "unknown").write_text("")
        self.keys = keys

    def host(self, known="known", key="key = vault:settings/ssh"):
        return Host(self.folder / "a", more="storage = far\nformats = both", storage=f"""
[storage far]
kind = sftp
url = sftp://root@127.0.0.1:{self.port}{self.store}
{key}
known_hosts = {self.keys}/{known}
""", ssh=(self.keys / "client").read_text())

    def test_a_copy_over_ssh(self):
        host = self.host(key=f"key_file = {self.keys}/client").vault()
        host("backup", "now")
        for file in host.files(".gpg"):
            self.assertEqual((self.store / file.name).read_bytes(), file.read_bytes())
        self.assertEqual([p.name for p in self.store.iterdir() if p.name.startswith("part-")], [])
        # What broke off goes on: half of it is there.
        file = host.files(".sqlite3.gz.gpg")[0]
        (self.store / file.name).unlink()
        next(self.store.glob("*.json")).unlink()
        (self.store / f"part-{file.name}").write_bytes(file.read_bytes()[:10000])
        host("backup", "now")
        self.assertEqual((self.store / file.name).read_bytes(), file.read_bytes())

    def test_a_key_from_the_vault_is_on_no_disk_and_what_lies_on_this_host_only_is_told(self):
        host = self.host().vault()
        host("backup", "now")
        secret = "".join((self.keys / "client").read_text().splitlines()[1:-1])[:40]
        for path in (path for path in host.folder.rglob("*") if path.is_file()):
            self.assertNotIn(secret.encode(), path.read_bytes(), path)
        host.storage = host.storage.replace("key = vault:settings/ssh", f"key_file = {self.keys}/client")
        host.configure()
        host("backup", "now")
        lacking = host("backup", "publish", check=False)
        self.assertEqual(lacking.returncode, 1, lacking.stdout)
        command = re.search(r"lacking on an empty machine: .*\((jq .*)\) and write key = vault:sftp/key", lacking.stdout)[1]
        published = json.loads(host("vault", "get", "recovery").stdout)["host.example"]["storage far"]
        self.assertEqual(published["host_key"], [(self.keys / "known").read_text().strip()])
        self.assertNotIn("known_hosts", published)
        # The remedy, word for word.
        run("bash", "-o", "pipefail", "-c", command.replace("| warder", f"| {shlex.quote(WARDER)} --config {host.config}"))
        host.storage = host.storage.replace(f"key_file = {self.keys}/client", "key = vault:sftp/key")
        host.configure()
        rows = {one["what"]: one for one in json.loads(host("--json", "backup", "check", check=False).stdout)[0]["checks"]}
        self.assertEqual((rows["recovery"]["state"], rows["recovery"]["remedy"]), ("notice", "warder backup publish"))
        self.recovers(host)

    def test_a_server_that_is_not_known_is_not_talked_to(self):
        host = self.host("unknown", f"key_file = {self.keys}/client").vault()
        self.failed(host("backup", "now", check=False), "host key")
        self.assertEqual(list(self.store.iterdir()), [])


class Agent(Case):
    def test_the_agent_makes_them_on_schedule_and_keeps_what_came_of_it(self):
        host = Host(self.folder / "a", more="schedule = hourly", agent="[store]\npath = " + str(self.folder / "history.db")
                    + f"\n[api]\nsocket = {self.folder}/socket\n[firewall]\nbackend = none\n").vault()
        (self.folder / "a" / "jails").mkdir()
        host("vault", "update-backup-config", input=json.dumps({"validation": {"test_restore": False}}))
        agent = subprocess.Popen([WARDER, "--config", host.config, "run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        def end():
            agent.terminate()
            agent.communicate()

        self.addCleanup(end)

        def events():
            done = host("events", "--kind", "backup", "--json", check=False)
            return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

        def wait_for(what):
            end_at = time.monotonic() + 120
            while time.monotonic() < end_at:
                found = [e for e in events() if what in e["message"]]
                if found:
                    return found[0]
                self.assertIsNone(agent.poll(), "the agent has ended")
                time.sleep(0.1)
            self.fail(f"no event '{what}': {events()}")

        # One that is refused before it begins has failed, too.
        self.assertEqual(wait_for("ended with status 3 before it began")["severity"], "high")
        self.assertEqual(json.loads((host.backups / "state.json").read_text())["failures"], 1)
        host("vault", "delete", "backup")
        host("backup", "now")
        made = wait_for("backup now vw: 2")
        self.assertEqual(made["severity"], "info")
        self.assertEqual(len(host.files(".gpg")), 1)
        # One that was started by hand, and three failures in a row.
        host.database.rename(host.data / "aside")
        for _ in range(3):
            self.failed(host("backup", "now", check=False))
        self.assertEqual(wait_for("3 failures in a row")["severity"], "critical")
        with open(f"/proc/{agent.pid}/maps") as maps:
            loaded = maps.read()
        for library in ("librnp", "libbotan", "libarchive", "libdeflate"):
            self.assertNotIn(library, loaded)

    def test_a_drill_that_fails_is_tried_again_ever_later_until_it_works(self):
        """By a clock that the test sets, which agent and runs see in place of the host's (libfaketime); it goes ahead only."""
        store = self.folder / "outside"
        store.mkdir()
        # Times of day are not UTC's here, and no drill is due by its date within the days that pass.
        day = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)).day
        host = Host(self.folder / "a", more=f"storage = disk\nverify_schedule = never\ndrill_schedule = monthly {min(day, 28)} 06:00",
                    storage=f"[storage disk]\nkind = directory\npath = {store}",
                    agent=f"[store]\npath = {self.folder}/history.db\n[api]\nsocket = {self.folder}/socket\n[firewall]\nbackend = none\n").vault()
        (self.folder / "a" / "jails").mkdir()
        host("backup", "now")
        store.rename(self.folder / "away")
        offset = self.folder / "offset"
        (library,) = pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        environment = {**os.environ, "TZ": "Europe/Berlin", "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(offset),
                       "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

        def set_clock(to):
            offset.write_text(f"+{max(to - time.time(), 0):.3f}\n")

        set_clock(0)
        agent = subprocess.Popen([WARDER, "--config", host.config, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                 env=environment)

        def end():
            agent.terminate()
            agent.wait()

        self.addCleanup(end)

        def runs(verb):
            """When each of them began, and what is told of it."""
            lines = host("events", "--kind", "backup", "--json", check=False).stdout.splitlines()
            found = [one for one in map(json.loads, (line for line in lines if line.startswith("{"))) if one["detail"].get("verb") == verb]
            return sorted((datetime.datetime.fromisoformat(one["time"].replace("Z", "+00:00")).timestamp(), one["message"]) for one in found)

        def wait_for(verb, count):
            end_at = time.monotonic() + 120
            while len(runs(verb)) < count:
                self.assertIsNone(agent.poll(), "the agent has ended")
                self.assertLess(time.monotonic(), end_at, f"never: {count} times {verb}; {runs('drill')}")
                time.sleep(0.05)
            return runs(verb)

        pokes = 0

        def poke():
            """A report wakes the agent, which then looks at what is due; it has done so when it takes the next one."""
            nonlocal pokes
            for _ in range(2):
                pokes += 1
                host("backup", "verify", "vw", env=environment)
                wait_for("verify", pokes)

        begun, told = wait_for("drill", 1)[-1]  # none was made ever
        self.assertIn("the drill failed: this host could not be recovered now", told)
        for count, hours in enumerate((1, 2, 4, 8, 16, 24, 24), start=1):
            set_clock(begun + hours * 3600 - 60)
            poke()
            self.assertEqual(len(runs("drill")), count, f"too early for {hours} h")
            if hours == 24 and count == 7:
                (self.folder / "away").rename(store)
            set_clock(begun + hours * 3600)
            poke()
            begun, told = wait_for("drill", count + 1)[-1]
        self.assertIn("restored into an empty folder and started from", told)
        # From here on only its date counts.
        set_clock(begun + 25 * 3600)
        poke()
        self.assertEqual(len(runs("drill")), 8)


if __name__ == "__main__":
    unittest.main()
