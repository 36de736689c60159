#!/usr/bin/env python3
"""lines.py PROBE [ROUNDS]: whole lines against fail2ban's own filter, line by line through its memory.

1. Every stock filter with every set of parameters that its sample log names, on the lines of that log and on
   lines made of them: cut, doubled, joined, with texts put in that an attacker would choose.
2. Small filters, generated: prefregex, several failregexes of a session, ignoreregex, several lines together,
   dates of one's own; on generated lines.

Seeds are fixed; ROUNDS (1 by default) makes more of both. Differences on purpose (src/filter/README.md) are
told by name, everything else fails."""
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import reference
from judgement import Judgement

TOKENS = [" from 203.0.113.5", " ", "  ", ": ", "é", "\xa0", " [preauth]", "]", "[", "\t", "=", ", ", "\"", "'",
          "203.0.113.5", "2001:db8::5", "::ffff:203.0.113.5", "host.example.org", "1.2.3", "<", ">", "$", "|", "\\",
          "Sep 21 14:13:00 ", "2026-09-21 14:13:00,5 ", "1790000000 ", " port 22", "\r", "\x0b", "\u2028", "İ", "ſ", "K"]


def logs():
    if reference.SOURCE:
        return pathlib.Path(reference.SOURCE, "fail2ban", "tests", "files", "logs")
    files = subprocess.run(["dpkg", "-L", "fail2ban"], capture_output=True, text=True, check=True).stdout
    return next(pathlib.Path(line) for line in files.splitlines() if line.endswith("/tests/files/logs"))


def samples(path):
    """The sets of parameters and the lines of a sample log."""
    sets, lines, common = [{}], [], {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        line = line.rstrip("\r")
        said = re.match(r"^#+ ?(failJSON|(?:file|filter)Options|addFILE):(.+)$", line)
        if said and said[1] in ("fileOptions", "filterOptions"):
            value = json.loads(said[2])
            for one in value if isinstance(value, list) else [value]:
                if said[1] == "fileOptions":
                    common = one
                    continue
                one = {key: text for key, text in {**common, **one}.items() if not key.startswith("test.")}
                if one not in sets:
                    sets.append(one)
        elif line.strip() and not line.startswith("#"):
            lines.append(line)
    return sets, lines


def change(r, lines):
    text = r.choice(lines)
    for _ in range(r.choice([1, 1, 2, 3])):
        at = r.randrange(len(text) + 1)
        to = min(len(text), at + r.randint(1, 12))
        kind = r.randrange(8)
        if kind < 2:
            text = text[:at] + r.choice(TOKENS) + text[at:]
        elif kind == 2:
            text = text[:at] + text[to:]
        elif kind == 3:
            text = text[:to] + text[at:]
        elif kind == 4:
            other = r.choice(lines)
            text = text[:at] + other[r.randrange(len(other) + 1):]
        elif kind == 5:
            text = text[:at] + text[at:to].swapcase() + text[to:]
        elif kind == 6:
            text += r.choice(TOKENS)
        else:
            words = text.split(" ")
            words[r.randrange(len(words))] = r.choice(words + TOKENS)
            text = " ".join(words)
    # A log's reader ends lines at these.
    return re.sub(r"[\n\0]|\r+$", "", text)[:600]


def stock(rounds):
    for path in sorted(logs().iterdir()):
        name = path.name
        if not path.is_file() or not (reference.CONFIGURATION / "filter.d" / (name + ".conf")).is_file():
            continue
        sets, lines = samples(path)
        if not lines:
            continue
        for parameters in sets:
            for seed in range(rounds):
                r = random.Random(f"{name} {parameters} {seed}")
                log = r.sample(lines, min(len(lines), 25))
                log = [one for line in log for one in (line, *(change(r, lines) for _ in range(3)))]
                yield {"folder": str(reference.CONFIGURATION / "filter.d"), "name": name,
                       "parameters": parameters, "now": reference.NOW,
                       "stamped": parameters.get("logtype") == "journal", "lines": log}


WORDS = ["login", "conn", "bob", "fail", "from", "x y", "é", "\"", "ok", "[1]", "a=b", ":", "lost"]
# Each with the head that it is for.
PREFIXES = [(r"^\s*\S+ app\[<F-MLFID>\d+</F-MLFID>\]:\s+<F-CONTENT>.+</F-CONTENT>$", "h app[{}]: "),
            (r"^\s*<F-MLFID>\S+ app\[\d+\]</F-MLFID>: <F-CONTENT>.*</F-CONTENT>", "h app[{}]: "),
            (r"^\s*h app\[\d+\](?:: (?P<q>\"))?: <F-CONTENT>(?(q)[^\"\n]*|.+)</F-CONTENT>", "h app[{}]: \": "),
            (r"^(?:\s*h)? app\S* <F-USER>\w+</F-USER> <F-CONTENT>.+</F-CONTENT>$", "h app[{}] bob "),
            (r"app\[<F-ALT_USER>\d*</F-ALT_USER>\]: <F-CONTENT>(?!ok).+</F-CONTENT>", "h app[{}]: "),
            (r"^\s*h app\[(?P<fid>\d+)\]: <F-CONTENT>.+</F-CONTENT>$", "h app[{}]: "),
            (r"^\s*h app\[<F-MLFID>\d+</F-MLFID>\]: (?:from <ADDR>: )?<F-CONTENT>.+</F-CONTENT>$", "h app[{}]: from {a}: ")]
HEAD = r"^\s*h app\[\d+\]: "
FAILS = [(r"fail <F-USER>{u}</F-USER> from <HOST>{e}", "fail {w} from {a}"), (r"fail from <ADDR>{e}", "fail from {a}"),
         (r"lost <IP4>{e}", "lost {a}"), (r"lost <IP6>{e}", "lost {a}"), (r"<F-NOFAIL>conn</F-NOFAIL> <HOST>{e}", "conn {a}"),
         (r"fail <F-USER>{u}</F-USER>{e}", "fail {w}"), (r"<F-NOFAIL><F-MLFFORGET>bye</F-MLFFORGET></F-NOFAIL>", "bye"),
         (r"<F-MLFFORGET>gone</F-MLFFORGET>(?: <HOST>)?", "gone {a}"),
         (r"<F-MLFGAINED>acc</F-MLFGAINED> <F-USER>\S+</F-USER>(?: from <ADDR>)?", "acc {w} from {a}"),
         (r"<F-MLFGAINED>acc</F-MLFGAINED> <F-USER>\S+</F-USER>", "acc {w}"),
         (r"net <SUBNET>{e}", "net {a}"), (r"net <ADDR>/<CIDR>{e}", "net {a}/24"), (r"id <F-ID>\S+</F-ID>{e}", "id {w}"),
         (r"id <F-ID>{u}</F-ID> from <HOST>{e}", "id {w} from {a}"),
         (r"fail <F-ALT_USER>\S+</F-ALT_USER>(?: <F-USER>\w+</F-USER>)? from <DNS>{e}", "fail {w} {w} from {a}"),
         (r"(?:fail|lost) (?!ok)<F-USER>(?:(?! from ).)*</F-USER> from <HOST>{e}", "lost {w} from {a}"),
         (r"login(?: <F-USER>\S*</F-USER>)? <F-ALT_USER1>\w*</F-ALT_USER1> ?from <HOST>", "login {w} {w} from {a}"),
         (r"(?i)FAIL (?:(?P<p>\")?<F-USER>[^\"]*</F-USER>(?(p)\"|)) from <HOST>{e}", "Fail \"{w}\" from {a}")]
MANY = [(r"^\s*h app\[\d+\]: start <HOST>$<SKIPLINES>^\s*h app\[\d+\]: end{e}", "start {a}"),
        (r"^\s*h app\[<F-ID>\d+</F-ID>\]: start$<SKIPLINES>^\s*h app\[(?P=fid)\]: lost", "start"),
        (r"start <F-USER>\w+</F-USER>\n.*lost <HOST>$", "start {w}"), (r"^\s*h app\[\d+\]: fail from <HOST>$", "fail from {a}")]
IGNORES = ["ok", r"from 198\.51", "^fail bob", r"app\[2\]", "$^", r"lost <HOST>$"]
# Each with the stamp that it is for.
DATES = [("", "2026-09-21 14:1{}:00 "), ("", "Sep 21 14:1{}:07 "), ("", "[2026-09-21T14:1{}:00Z] "), ("{^LN-BEG}", "14:1{}:01 "),
         ("%%Y-%%m-%%d %%H:%%M:%%S", "2026-09-21 14:1{}:00,123 "), ("^%%b %%d %%H:%%M:%%S", "Sep 21 14:1{}:07 "),
         ("{NONE}", ""), ("^{EPOCH}", "179000000{} "), ("at %%H:%%M", "at 14:1{} "), ("{UNB}%%H%%M%%S", "14120{} "),
         ("{^LN-BEG}%%ExY-%%Exm-%%Exd %%ExH:%%ExM:%%ExS", "2026-09-21 14:1{}:00 "),
         ("^%%d\\.%%m\\.%%Y %%k:%%M\n {^LN-BEG}", "21.9.2026 14:1{} ")]
ADDRESSES = ["192.0.2.1", "198.51.100.2", "2001:db8::1", "[2001:db8::2]", "::ffff:192.0.2.3", "host.example", "192.0.2.0/24",
             "999.1.2.3", "1.2.3", "fe80::1%eth0", "2001:db8::/32", "192.0.2.4.", "www", ""]


class Small:
    """A filter and what its log looks like."""

    def __init__(self, r):
        several = r.random() < 0.15
        prefix, self.head = (None, "h app[{}]: ") if several or r.random() < 0.4 else r.choice(PREFIXES)
        parts = r.sample(MANY, r.randint(1, 3)) if several else r.sample(FAILS, r.randint(1, 6))
        if not (prefix and "<F-MLFID>" in prefix):
            # Without a session each needs whom to blame.
            parts = [part for part in parts if re.search("<(HOST|ADDR|IP4|IP6|DNS|SUBNET|F-ID)>", part[0])] or FAILS[:1]
        if prefix and "<ADDR>" in prefix:
            parts = [part for part in parts if "<ADDR>" not in part[0]] or FAILS[5:6]
        self.lines = [line for _, line in parts]
        date, self.stamp = r.choice(DATES)
        begin = "" if several else "^" if prefix else HEAD
        fails = [(begin if r.random() < 0.9 else "") +
                 part.replace("{u}", r.choice([r"\S+", ".*", r"\w*", ".+?", "[^ ]+"]))
                 .replace("{e}", r.choice(["$", "$", r"(?: port \d+)?$", r"\b", "", r"\s*$", ", "]))
                 for part, _ in parts]
        ignores = r.sample(IGNORES, r.choice([0, 0, 1, 1, 2]))
        self.text = "[Definition]\n" + (f"prefregex = {prefix}\n" if prefix else "")
        self.text += "failregex = " + "\n            ".join(fails) + "\n"
        self.text += "ignoreregex = " + "\n              ".join(ignores) + "\n"
        self.text += f"datepattern = {date}\n" if date else ""
        self.text += f"[Init]\nmaxlines = {r.randint(2, 4)}\n" if several else ""

    def line(self, r):
        form = r.choice(self.lines) if r.random() < 0.7 else r.choice([*(line for _, line in FAILS + MANY), "end", "lost", "ok {w}"])
        if r.random() < 0.85:
            form = self.head + form
        form = (r.choice(DATES)[1] if r.random() < 0.1 else self.stamp).replace("{}", str(r.randint(0, 9))) + form
        form = form.replace("{}", str(r.randint(1, 3)))
        while "{" in form:
            form = form.replace("{w}", r.choice(WORDS), 1).replace("{a}", r.choice(ADDRESSES), 1)
        form += r.choice(["", "", "", "", " port 22", ", x", " ", " from 203.0.113.9"])
        return change(r, [form]) if r.random() < 0.15 else form


def small(rounds, folder):
    (folder / "filter.d").mkdir()
    for seed in range(600 * rounds):
        r = random.Random(seed)
        name = f"small{seed}"
        made = Small(r)
        (folder / "filter.d" / f"{name}.conf").write_text(made.text, encoding="utf-8")
        yield {"folder": str(folder / "filter.d"), "name": name, "parameters": {}, "now": reference.NOW,
               "stamped": False, "lines": [made.line(r) for _ in range(25)]}


def main():
    probe = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    reference.prepare(probe)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, questions, enough in (("stock filters", list(stock(rounds)), 1000),
                                        ("small filters", list(small(rounds, pathlib.Path(folder))), 1000)):
            judgement = Judgement(probe)
            judgement.judge(questions)
            wrong += judgement.tell(what)
            # Logs in which nothing is found compare nothing.
            if judgement.counts["findings"] < enough:
                print(f"  too few findings, {enough} are expected")
                wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
