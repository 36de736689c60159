"""What is watched on a host, and a change of each that is told as an event of kind integrity: what the tests of far ends share."""
import json
import os
import sqlite3


class Watched:
    """A database with a monitor and a folder whose files are kept, on a Host (world.py) whose agent does not run yet."""

    def __init__(self, host):
        self.host = host
        self.database = host.folder / "watched.sqlite3"
        self.file = host.folder / "kept" / "passwd"
        self.file.parent.mkdir()
        self.file.write_text("root")
        os.chmod(self.file, 0o644)
        self.execute("CREATE TABLE users(uuid TEXT PRIMARY KEY)")
        with open(host.folder / "jail.local", "a") as jails:
            jails.write(
                f"[monitor vault]\nenabled = yes\ndatabase = {self.database}\nevery = 1s\nschema_every = 1s\n"
                f"integrity_every = 1s\nchecks = integrity schema\n"
                f"[files system]\nenabled = yes\npaths = {self.file.parent}\nevery = 1s\nquick_every = 1s\nwatch = no\n"
                f"packages_root = {self.file.parent}\n")

    def execute(self, sql):
        with sqlite3.connect(self.database) as connection:
            connection.execute(sql)
        connection.close()

    def events(self):
        """As `warder events --kind integrity` has them."""
        return [json.loads(line) for line in
                self.host.run("--json", "events", "--kind", "integrity", "--limit", "100000", "--oldest-first").splitlines()]

    def told(self, message, severity):
        def find():
            return [e for e in self.events() if e["message"].startswith(message) and e["severity"] == severity]
        return self.host.until(find, f"{severity}: {message}", 60)[0]

    def changed(self):
        """The two events that follow from a trigger in the database and another content in the file."""
        self.told("schema: the schema has 1 object", "info")
        self.told("baseline of 2 files and folders", "notice")
        self.execute("CREATE TRIGGER steal AFTER INSERT ON users BEGIN DELETE FROM users; END")
        self.file.write_text("evil")
        events = (self.told("schema: the schema has changed: new trigger steal", "high"),
                  self.told(f"changed {self.file}: sha256 ", "high"))
        for event, jail, incident in zip(events, ("vault", "system"), ("monitor/vault/schema", f"files/system{self.file}")):
            assert (event["kind"], event["jail"], event["detail"]["incident"]) == ("integrity", jail, incident), event
        return events
