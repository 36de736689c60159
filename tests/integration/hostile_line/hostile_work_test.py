"""All that a long line costs, our own passes over it included (dates, UTF-8, marks for looks, places of
back-references, members of JSON), grows as its length does: a line four times as long takes four
times the instructions, counted by valgrind. Not the time: that says nothing on a busy machine."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

WORK = os.environ["HOSTILE_WORK"]
SMALL = 2000  # pieces

LOOKS = r"""[Definition]
failregex = ^login of <F-USER>.*</F-USER> from <HOST>(?:\. (?:(?! from ).)*(?: user=(?P=user))? end)$
"""
WORDS = r"""[Definition]
failregex = ^fail(?:\s+(?!IP:)\S+)* IP: <HOST>$
            (?<=y )no <HOST>(?= z)
"""
DATES = r"""[Definition]
failregex = no <HOST>$
"""
PREFIX = r"""[Definition]
prefregex = ^(?:\S+ )*?app: <F-CONTENT>.+</F-CONTENT>$
failregex = ^bad <F-MLFID>\S+</F-MLFID> (?:\S+ )*<HOST>$
            ^also (?:[^,]*, )*<ADDR>(?:, [^,]*)*$
"""
JSON = """[Definition]
format = json
address = ip
failregex = status == 401 and path =~ "login"
"""
DATE = "2026-09-21T14:13:20+00:00 "


class HostileWork(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def instructions(self, name, times, line):
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", WORK, self.folder, name,
             str(times), *line], capture_output=True, text=True, errors="replace", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)[1].replace(",", ""))

    def check(self, text, *lines):
        (self.folder / "hostile.conf").write_text(text)
        for line in lines:
            with self.subTest(line=line):
                none, small, large = (self.instructions("hostile", times, line)
                                      for times in (0, SMALL, 4 * SMALL))
                small, large = small - none, large - none
                self.assertGreater(small, SMALL)
                self.assertLessEqual(large, 4.6 * small, f"{small} and {large} instructions")

    def test_looks_and_back_references(self):
        self.check(LOOKS,
                   (DATE + "login of ", "a", " from 192.0.2.1. user= end"),
                   (DATE + "login of aaaaaaaaaa from 192.0.2.1. ", "a", " user=aaaaaaaaaa end"),
                   (DATE + "login of ", "a from 192.0.2.1. ", "user=a end"),
                   (DATE + "login of ", "\u00e9a ", " from 192.0.2.1. user=x end"))

    def test_loops_of_words(self):
        self.check(WORDS, (DATE + "fail", " IP: x", " IP: 192.0.2.1"), (DATE + "fail", " x\u00e9", ""),
                   (DATE, "y no 192.0.2.1 ", "z"))

    def test_dates(self):
        self.check(DATES, *(("", piece, "no 192.0.2.1") for piece in
                            ("Sep 21 14:13: ", "2026-09-21T14:13: ", "21/Sep/2026:14:1 ", "1790000000. ",
                             "Sep ", "20", "@4000000050f7c7d41c16dc3", "9/21/26 ")))

    def test_prefixes(self):
        self.check(PREFIX, (DATE + "host app: bad 1", " x", ""), (DATE + "host ", "app: also ", "1"),
                   (DATE + "host app: also ", "192.0.2.1, ", "x"))

    def test_json(self):
        self.check(JSON, ('{"status":401,"path":"/login","ip":"192.0.2.1","x":[', "[],", "1]}"),
                   ('{"status":401,"ip":"192.0.2.1",', '"path":"log",', '"path":"/login"}'),
                   ('{"path":"', "login\\n\\u00e9", '","status":401,"ip":"192.0.2.1"}'))


if __name__ == "__main__":
    unittest.main()
