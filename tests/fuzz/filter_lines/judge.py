#!/usr/bin/env python3
"""judge.py PROBE FOLDER...: holds what a search of the fuzz target has found against fail2ban's own filter. Every
input in the folders is read as the target reads it, as a filter and a log.

Left out are inputs that are no text, and what expressions.py names."""
import json
import pathlib
import re
import sys
import tempfile

import reference
from expressions import is_comparable
from judgement import Judgement

NAMES = ["prefregex", "failregex", "failregex", "ignoreregex", "datepattern", "maxlines"]


def questions(folders, empty):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).iterdir()):
            if not path.is_file():
                continue
            try:
                parts = path.read_bytes().decode().split("\n", len(NAMES))
            except ValueError:
                continue
            if len(parts) <= len(NAMES):
                continue
            options = {}
            for name, value in zip(NAMES, parts):
                if value:
                    options[name] = options[name] + "\n" + value if name in options else value
            log = [re.sub(r"\r+$", "", line) for line in parts[-1].split("\n")[:40]]
            expressions = "\n".join(value for name, value in options.items() if name.endswith("regex"))
            if (not options.get("failregex") or not all(map(is_comparable, expressions.split("\n")))
                    or not re.fullmatch(r"[0-9]{0,2}", options.get("maxlines", "")) or "\0" in parts[-1]
                    or not options.get("datepattern", "").isascii() or any(len(line) > 400 for line in log)):
                continue
            yield {"folder": str(empty / "filter.d"), "name": "empty", "parameters": {}, "now": reference.NOW,
                   "stamped": False, "options": options, "lines": [line for line in log if line]}


def main():
    probe, *folders = sys.argv[1:]
    reference.prepare(probe)
    judgement = Judgement(probe)
    with tempfile.TemporaryDirectory() as folder:
        empty = pathlib.Path(folder)
        (empty / "filter.d").mkdir()
        (empty / "filter.d" / "empty.conf").write_text("[Definition]\nfailregex = ^<HOST>$\n", encoding="ascii")
        judgement.judge(list(questions(folders, empty)))
    wrong = judgement.tell("inputs")
    sys.exit(1 if wrong or judgement.counts["findings"] == 0 else 0)


main()
