#!/usr/bin/env python3
"""Compares the engine's expressions with Python's re on generated expressions and texts.

The generator makes what filters are made of: words and classes, lazy and greedy loops, groups,
looks, conditions, back-references. Seeds are fixed. Each expression is searched in some texts made
of its own words, changed at random, with the line break behind them that fail2ban's texts have.
Some have blanks and comments between their parts, as (?x) allows; and each is searched once more with
something put in or taken away at random: what Python takes must be read in the same way or be refused as
more than can be had, never as wrong.
"""
import itertools
import json
import random
import re
import subprocess
import sys
import warnings

EXPRESSIONS = 3000
TEXTS = 6
WORDS = ["a", "b", "ab", " ", " from ", "user=", ": ", "x", "IP:", "é", "1", "12", "-", '"']
CLASSES = [r"\S", r"\w", r"\d", r"\s", ".", "[^ ]", "[ab]", "[^b]", "[^:]", r"[\w-]", r"\W"]


class Generator:
    def __init__(self, seed, verbose=False):
        self.random = random.Random(seed)
        self.verbose = verbose
        self.groups = []
        self.closed = []

    def quantifier(self, looped=False):
        # Loops within loops take Python longer than anybody waits.
        if looped:
            return self.random.choice(["", "", "", "?", "{2}"])
        return self.random.choice(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}"])

    def looked_at(self):
        r = self.random
        return "|".join(re.escape(r.choice(WORDS)) + r.choice(["", "", r.choice(CLASSES) + "*"])
                        for _ in range(r.choice([1, 1, 2])))

    def element(self, depth, looped):
        r = self.random
        kind = r.random()
        if kind < 0.35 or depth > 3:
            return re.escape(r.choice(WORDS))
        if kind < 0.60:
            return r.choice(CLASSES) + self.quantifier(looped)
        if kind < 0.70:
            quantifier = self.quantifier(looped)
            inner = self.sequence(depth + 1, looped or quantifier not in ("", "?", "??"))
            return "(?:" + inner + ")" + quantifier
        if kind < 0.80 and not looped and len(self.groups) < 5:
            name = "g%d" % len(self.groups)
            self.groups.append(name)
            inner = self.sequence(depth + 1, looped)
            self.closed.append(name)
            return "(?P<%s>%s)%s" % (name, inner, r.choice(["", "", "?", "??"]))
        if kind < 0.90:
            return r.choice(["(?!%s)", "(?!%s)", "(?=%s)"]) % self.looked_at()
        if kind < 0.92:
            return r.choice([r"\b", r"\B", "(?<!%s)" % re.escape(r.choice(WORDS)),
                             "(?<=%s)" % re.escape(r.choice(WORDS))])
        if kind < 0.95 and self.closed and not looped:
            return "(?(%s)%s|%s)" % (r.choice(self.closed), self.plain(), self.plain())
        if kind < 0.97 and self.closed and not looped:
            return "(?P=%s)" % r.choice(self.closed)
        return "(?:" + self.plain() + "|" + self.plain() + ")"

    def plain(self):
        return re.escape(self.random.choice(WORDS)) + self.random.choice(["", "", r"\S?"])

    def sequence(self, depth, looped):
        r = self.random
        branches = 2 if r.random() < 0.15 else 1
        return "|".join(self.joined([self.element(depth, looped) for _ in range(r.randint(1, 4))])
                        for _ in range(branches))

    def joined(self, parts):
        if not self.verbose:
            return "".join(parts)
        blanks = ["", " ", "\t ", "\n", " # a) note | (\n", "(?#a note)"]
        return "".join(part + self.random.choice(blanks) for part in parts)

    def expression(self):
        r = self.random
        body = self.joined([self.element(0, False) for _ in range(r.randint(2, 6))])
        begin = r.choice(["", "^", "^", "(?i)", "(?i)^"])
        return ("(?x)" if self.verbose else "") + begin + body + r.choice(["", "$", "$"])

    def changed(self, expression):
        r = self.random
        for _ in range(r.choice([1, 1, 2])):
            at = r.randrange(len(expression) + 1)
            if r.random() < 0.4:
                expression = expression[:at] + expression[at + 1:]
            else:
                expression = expression[:at] + r.choice("()[]{}*+?|\\<=!:^$#P1aq-, .") + expression[at:]
        return expression

    def text(self):
        r = self.random
        return "".join(r.choice(WORDS + ["A", "B", "é ", "zz"]) for _ in range(r.randint(1, 9)))


EMPTY = ["(?!ab)", "(?=b)", "(?<=a)", "(?<!b)", r"\b", "^", "", "a?", "a??", "(?P<c>a*)", "(?P<c>)"]
ROUNDS = ["%s|b", "b|%s", "%s|a|b", "a|%s|b", "%sb?", "b?%s", "(?:%s|b)", "%sa|%s", "(?:%s)?b", "(?:%sb)?",
          "(?:%s|a)b"]


def loops():
    """Each way to have a round without a character in a repetition, on all short texts of two letters."""
    texts = ["".join(letters) for size in range(5) for letters in itertools.product("ab", repeat=size)]
    for empty, a_round, times, rest in itertools.product(
            EMPTY, ROUNDS, ["*", "+", "*?", "{2}", "{0,3}", "{1,2}?"], ["(?P<y>.*)$", "(?P<y>a)"]):
        if "P<" in empty and a_round.count("%s") > 1:
            continue  # one name for two groups
        yield "^(?P<x>(?:" + a_round.replace("%s", empty) + ")" + times + ")" + rest, texts[::4]
    # Within each other.
    for inner, times, outer in itertools.product(
            ["a?|b", "(?P<c>a?)b?", "|a", r"a?\b|b", "(?P<c>a*)|b"], ["*", "+", "{0,2}", "*?"],
            ["(?:%s)*", "(?:%s|b)*", "(?:b|%s){1,2}", "(?P<d>%s)+", "(?:%s)*?"]):
        yield "^" + outer % ("(?:" + inner + ")" + times) + "(?P<y>.*)$", texts[::3]


def reference(regex, text):
    match = regex.search(text + "\n")
    if match is None:
        return None
    # A final line break is in no capture of the engine.
    size = len(text)
    return {name: text[min(match.start(name), size):min(match.end(name), size)]
            for name in regex.groupindex if match.start(name) >= 0}


def compiled(source):
    try:
        return re.compile(source)
    except (re.error, OverflowError):
        return None


def main():
    warnings.simplefilter("ignore")
    questions, answers = [], []
    changed = set()
    for seed in range(EXPRESSIONS):
        generator = Generator(seed, verbose=seed % 5 == 0)
        source = generator.expression()
        for expression in (source, generator.changed(source)):
            regex = compiled(expression)
            if regex is None:
                continue
            if expression != source:
                changed.add(expression)
            for _ in range(TEXTS if expression == source else 2):
                text = generator.text()
                questions.append({"regex": expression, "text": text})
                answers.append(reference(regex, text))
    for source, texts in loops():
        for text in texts:
            questions.append({"regex": source, "text": text})
            answers.append(reference(re.compile(source), text))
    run = subprocess.run([sys.argv[1], "regex"], input="\n".join(map(json.dumps, questions)) + "\n",
                         capture_output=True, text=True, check=True)
    given = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(given) == len(questions), (len(given), len(questions))
    refused, matched, wrong = {}, 0, []
    for question, expected, answer in zip(questions, answers, given):
        if answer is not None and answer.get("wrong"):
            wrong.append((question, expected, answer))
        elif answer is not None and "refused" in answer:
            if question["regex"] not in changed:
                refused[question["regex"]] = answer["refused"]
        elif answer != expected:
            wrong.append((question, expected, answer))
        elif answer is not None:
            matched += 1
    expressions = {question["regex"] for question in questions}
    print("%d expressions, %d changed at random; %d refused; %d searches, %d matched, %d differ"
          % (len(expressions), len(changed), len(refused), len(questions), matched, len(wrong)))
    for reason in sorted({re.sub("column [0-9]+: ", "", text) for text in refused.values()}):
        print("refused:", reason)
    for question, expected, answer in wrong[:20]:
        print("DIFFERS", json.dumps(question, ensure_ascii=False), "\n  Python", expected,
              "\n  engine", answer)
    # The generator makes little that must be refused, and enough that matches.
    if wrong or len(refused) * 20 > EXPRESSIONS or matched < 500:
        sys.exit(1)


main()
