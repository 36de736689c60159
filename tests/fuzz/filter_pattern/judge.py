#!/usr/bin/env python3
"""judge.py PROBE FOLDER...: holds what a search of the fuzz target has found against Python's re. Every input
in the folders (seeds, and what libFuzzer grew) is read as the target reads it; its expression is searched in
its lines by the engine (filter_probe) and by Python, and both must find the same groups or nothing.

Left out: other tags than <HOST> and <F-...>, bytes that are no UTF-8, and what expressions.py names; and
counted: what Python's re does not take, what the engine refuses, and searches that take Python longer than a second."""
import json
import multiprocessing
import pathlib
import re
import subprocess
import sys
import warnings

from expressions import is_comparable

LIMIT = 1.0  # seconds; a backtracking engine may take forever
LONGEST = 400


def inputs(folders):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).iterdir()):
            if path.is_file():
                yield path.read_bytes()


def without_tags(expression):
    """fail2ban's tags as groups that both sides know; the expression stays as strange as it was."""
    expression = re.sub(r"<F-(\w+)>", lambda tag: f"(?P<{tag[1].lower()}>", expression)
    expression = re.sub(r"</F-\w+>", ")", expression)
    return re.sub(r"<(HOST|ADDR)>", r"(?P<host>[\\d.:a-f]+)", expression)


def questions(data):
    """The expressions, each in all lines of one input; empty where it is left out."""
    try:
        *expressions, text = data.decode().split("\n", 2)
    except ValueError:
        return []
    expressions = [without_tags(one) for one in expressions if one]
    return [{"regex": expression, "text": line} for expression in expressions
            if is_comparable(expression)
            for line in text.split("\n")[:8] if len(line) <= LONGEST and "\0" not in line]


def search(pipe):
    warnings.simplefilter("ignore")
    while True:
        regex, text = pipe.recv()
        try:
            match = re.search(regex, text + "\n")
        except (re.error, RecursionError, OverflowError):
            pipe.send("invalid")
            continue
        size = len(text)
        pipe.send(match and {name: text[min(match.start(name), size):min(match.end(name), size)]
                             for name in match.re.groupindex if match.start(name) >= 0})


class Python:
    def __init__(self):
        self.start()

    def start(self):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=search, args=(theirs,), daemon=True)
        self.process.start()

    def ask(self, question):
        self.pipe.send((question["regex"], question["text"]))
        if self.pipe.poll(LIMIT):
            return self.pipe.recv()
        self.process.kill()
        self.process.join()
        self.start()
        return "too long"


def main():
    probe, *folders = sys.argv[1:]
    asked = [question for data in inputs(folders) for question in questions(data)]
    run = subprocess.run([probe, "regex"], input="".join(json.dumps(one) + "\n" for one in asked),
                         capture_output=True, text=True, check=True)
    given = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(given) == len(asked), (len(given), len(asked))
    python, compared, matched, left_out, wrong = Python(), 0, 0, 0, []
    for question, answer in zip(asked, given):
        if answer is not None and "refused" in answer:
            left_out += 1
            continue
        expected = python.ask(question)
        if isinstance(expected, str):
            left_out += 1
            continue
        compared += 1
        matched += answer is not None
        if answer != expected:
            wrong.append((question, expected, answer))
    print(f"{len(asked)} searches, {compared} compared, {matched} matched, {left_out} left out, "
          f"{len(wrong)} differ")
    for question, expected, answer in wrong[:20]:
        print("DIFFERS", json.dumps(question, ensure_ascii=False), "\n  Python", expected, "\n  engine", answer)
    sys.exit(1 if wrong or not compared else 0)


main()
