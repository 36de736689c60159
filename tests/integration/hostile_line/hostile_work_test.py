"""All that a long line costs, our own passes over it included (dates, UTF-8, marks for looks, places of
back-references, members of JSON, windows of lines), grows as its length does: a line four times as long
takes at most a little more than four times the instructions. valgrind counts them; time says nothing on
a busy machine."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

WORK = os.environ["HOSTILE_WORK"]
SOURCE = pathlib.Path(os.environ["WARDER_SOURCE"])

# The installed fail2ban: its filters, and the lines that they are for.
STOCK = "/etc/fail2ban/filter.d"
STOCK_LOGS = "/usr/lib/python3/dist-packages/fail2ban/tests/files/logs"

# What our passes have most to do with; the samples are the frames of the lines.
HARD = {
    "looks": r"""[Definition]
failregex = ^login of <F-USER>.*</F-USER> from <HOST>(?:\. (?:(?! from ).)*(?: user=(?P=user))? end)$
[Samples]
match = 192.0.2.1 | login of aaaaaaaaaa from 192.0.2.1. user=aaaaaaaaaa end
""",
    "words": r"""[Definition]
failregex = ^fail(?:\s+(?!IP:)\S+)* IP: <HOST>$
            (?<=y )no <HOST>(?= z)
[Samples]
match = 192.0.2.1 | fail x x x IP: 192.0.2.1
""",
    "prefix": r"""[Definition]
prefregex = ^(?:\S+ )*?app: <F-CONTENT>.+</F-CONTENT>$
failregex = ^bad <F-MLFID>\S+</F-MLFID> (?:\S+ )*<HOST>$
            ^also (?:[^,]*, )*<ADDR>(?:, [^,]*)*$
[Samples]
match = 192.0.2.1 | host app: also x, y, 192.0.2.1, z
""",
    "several": r"""[Definition]
maxlines = 5
failregex = ^a <F-USER>\S+</F-USER>$<SKIPLINES>^b (?P=user) <HOST>$
[Samples]
match = 192.0.2.1 | b x 192.0.2.1
""",
    "object": """[Definition]
format = json
time = ts
address = ip
condition = status == 401 and path(uri) ends '/login'
[Samples]
match = 192.0.2.1 | {"ts":1790000000,"status":401,"uri":"/login","ip":"192.0.2.1","x":[]}
""",
}


def is_linear(one):
    """Of the instructions of a line and of one four times as long."""
    return one["long"] <= 4.4 * one["short"] + 500_000


class Counting(unittest.TestCase):
    def count(self, folder, how, filters, least=20, logs=()):
        with tempfile.TemporaryDirectory() as temporary:
            counts = pathlib.Path(temporary) / "counts"
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", "--combine-dumps=yes", f"--callgrind-out-file={counts}",
                 WORK, folder, how, *logs], capture_output=True, text=True, errors="replace", check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertGreaterEqual(int(done.stdout.split()[0]), filters)
            text = counts.read_text(errors="replace")
        lines, name, length = {}, None, None
        for one in re.finditer(r"^(?:desc: Trigger: Client Request: (.+) (short|long)|totals: (\d+))$", text,
                               re.M):
            if one[1]:
                name, length = one[1], one[2]
            elif name:
                lines.setdefault(name, {})[length] = int(one[3])
                name = None
        self.assertGreater(len(lines), least)
        print(f"{len(lines)} lines, at most {max(one['long'] for one in lines.values()):,} instructions")
        return lines

    def check(self, folder, how, filters, least=20, logs=()):
        for name, one in self.count(folder, how, filters, least, logs).items():
            with self.subTest(line=name):
                self.assertTrue(is_linear(one), one)


class OwnFilters(Counting):
    def test_what_is_hard(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in HARD.items():
                (pathlib.Path(folder) / f"{name}.conf").write_text(text)
            self.check(folder, "apart", len(HARD))

    def test_a_quadratic_pass_is_found(self):
        for how, least in (("quadratic", 20), ("longest-quadratic", 2)):
            with tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "words.conf").write_text(HARD["words"])
                lines = self.count(folder, how, 1, least)
            for name, one in lines.items():
                with self.subTest(how=how, line=name):
                    self.assertFalse(is_linear(one), one)

    def test_our_own_filters(self):
        self.check(SOURCE / "filters", "together", 70)

    def test_our_own_filters_in_lines_of_a_megabyte(self):
        self.check(SOURCE / "filters", "longest", 70, least=2)


class StockFilters(Counting):
    def test_stock_filters(self):
        self.check(STOCK, "together", 80)

    def test_stock_filters_in_lines_of_a_megabyte(self):
        self.check(STOCK, "longest", 80, least=2, logs=[STOCK_LOGS])


if __name__ == "__main__":
    unittest.main()
