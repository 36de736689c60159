"""Which threads a running agent has, by the names that top -H and ps -L show."""
import collections
import os
import pathlib
import signal
import sqlite3
import unittest

from harness import AGENT_UID, SSHD_JAIL, World, until

ALL = """
[destination ops]
form = json-lines
path = {folder}/logs/events.jsonl
[destination a-name-longer-than-fits]
form = json-lines
path = {folder}/logs/more.jsonl
[backup vw]
database = {data}/db.sqlite3
encryption = none
unencrypted = yes
schedule = daily 03:00
"""
CHECKS = """
[monitor vw]
enabled = yes
database = {data}/db.sqlite3
[files vw]
enabled = yes
paths = {data}
"""


class Threads(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        self.world.start_helper()
        (self.world.folder / "logs/auth.log").touch()

    def names(self):
        """Of all threads but the first, which has the program's; how many have each."""
        pid = self.world.agent.pid
        return collections.Counter((task / "comm").read_text().strip()
                                   for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                                   if task.name != str(pid))

    def assert_names(self, wanted):
        # A thread takes its name as its first act, so a little after it is there.
        until(lambda: self.names() == wanted, f"threads of the names {wanted}")

    def test_a_bare_agent(self):
        world = self.world
        world.write("jail.local", SSHD_JAIL.format(folder=world.folder, maxretry=1))
        world.start_agent()
        self.assert_names({"store": 1, "monitors": 1, "control": 1, "ignore": 1, "signals": 1})
        self.assertEqual(pathlib.Path(f"/proc/{world.agent.pid}/comm").read_text(), "warder\n")
        self.assertEqual(world.stop_agent(signal.SIGTERM), 0)

    def test_an_agent_with_much_to_do(self):
        world = self.world
        data = world.folder / "data"
        data.mkdir()
        with sqlite3.connect(data / "db.sqlite3") as database:
            database.execute("CREATE TABLE t(a)")
        database.close()
        for path in (data, data / "db.sqlite3"):
            os.chown(path, AGENT_UID, -1)
        world.make_vault()
        world.configure(ALL.format(folder=world.folder, data=data))
        world.write("jail.local", SSHD_JAIL.format(folder=world.folder, maxretry=1) +
                    CHECKS.format(data=data))
        world.start_agent()
        self.assert_names({"store": 1, "monitors": 1, "control": 1, "ignore": 1, "signals": 1, "vault": 1,
                           "files": 1, "backups": 1, "ship:ops": 1, "ship:a-name-lon": 1})
        self.assertEqual(world.stop_agent(signal.SIGTERM), 0)


if __name__ == "__main__":
    unittest.main()
