"""Holds what the engine finds in logs (filter_probe lines) against fail2ban's own filter."""
import collections
import ipaddress
import json
import pathlib
import re
import subprocess

import reference


def names_one(identifier, named, mask):
    """Is it one of those, as it stands or as the network that the mask makes of it?"""
    for value in named.values():
        if reference.normal(identifier) == reference.normal(value):
            return True
        try:
            if mask and ipaddress.ip_network(f"{value}/{mask}", strict=False) == ipaddress.ip_network(identifier):
                return True
        except ValueError:
            pass
    return False


def ascii_begin(line):
    """The line with the begin, where its date stands, in ASCII: blanks as blanks, letters as letters."""
    begin = "".join(c if c.isascii() else " " if c.isspace() else "_" if c.isalnum() else "-" for c in line[:60])
    return begin + line[60:]


class Judgement:
    def __init__(self, probe, asks_again=False):
        self.probe = probe
        self.asks_again = asks_again
        self.counts = collections.Counter()
        self.known = collections.Counter()
        self.refused = collections.Counter()
        self.wrong = []

    def judge(self, questions):
        run = subprocess.run([self.probe, "lines"], input="".join(json.dumps(one) + "\n" for one in questions),
                             capture_output=True, text=True, check=True)
        answers = [json.loads(line) for line in run.stdout.split("\n") if line]
        assert len(answers) == len(questions), (len(answers), len(questions))
        for question, answer in zip(questions, answers):
            self.judge_log(question, answer)

    def judge_log(self, question, answer):
        try:
            made = reference.load(question["name"], pathlib.Path(question["folder"]).parent, question["parameters"],
                                  question.get("options"))
        except reference.Refused as refusal:
            self.counts["refused by fail2ban"] += 1
            if isinstance(answer, list):
                self.refused[str(refusal)[:60]] += 1
            return
        if isinstance(answer, dict):
            self.counts["refused"] += 1
            self.refused["ours: " + answer["refused"].splitlines()[0][:200]] += 1
            return
        self.counts["logs"] += 1
        for text, found in zip(question["lines"], answer):
            try:
                expected, failed = reference.judge(made, text, question["stamped"])
            except reference.TooLong:
                self.counts["too long for Python"] += 1
                return  # its memory is in disorder
            self.counts["lines"] += 1
            self.counts["findings"] += len(expected)
            why = self.compare(found, expected, failed)
            if why:
                name = self.on_purpose(question, text, why, expected, found)
                if name:
                    self.known[name] += 1
                    return
                self.wrong.append((question, text, why, expected, found, failed))
                return  # what follows may follow from this

    def compare(self, found, expected, failed):
        if len(found) != len(expected):
            return "findings"
        for ours, theirs in zip(found, expected):
            if reference.normal(ours["id"]) != theirs["id"]:
                return "identifier"
            if ours["pattern"] != theirs["pattern"]:
                return "pattern"
            if ours["dated"] and theirs["time"] is not None and ours["time"] != int(theirs["time"] // 1):
                return "time"
            for name, value in theirs["groups"].items():
                if name in ("ip4", "ip6", "dns", "fid", "ip", "cidr", "content") or name.startswith(("mlf", "alt_", "skiplines", "__")):
                    continue
                given = ours["user"] if name == "user" else ours["captures"].get(name, "")
                if given != value.rstrip("\n"):
                    return f"group {name}"
        return ""

    def on_purpose(self, question, text, why, expected, found):
        """The name of a difference that src/filter/README.md has; empty for one that it has not."""
        if why == "findings" and found and re.match(":[^:]", found[0]["id"]):
            return "an address may begin with one colon, as in newer releases"
        if why == "identifier" and "mlfid" in expected[0]["groups"]:
            groups = expected[0]["groups"]
            named = {key: groups[key] for key in ("ip4", "ip6", "dns", "fid") if key in groups}
            if len(named) + ("cidr" in groups) > 1 and names_one(found[0]["id"], named, groups.get("cidr")):
                return "a line that names an address replaces what its session knew of addresses"
        lines = question["lines"][:question["lines"].index(text) + 1]
        plain = [ascii_begin(line) for line in lines]
        if plain != lines and not self.asks_again:
            again = Judgement(self.probe, asks_again=True)
            again.judge([{**question, "lines": plain}])
            if not again.wrong:
                return "letters, digits and blanks of dates are those of ASCII"
        return ""

    def tell(self, what):
        print(f"{what}: " + ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
              + f", {len(self.wrong)} differ")
        for name, count in sorted(self.known.items()):
            print(f"  {count} on purpose: {name}")
        for name, count in sorted(self.refused.items()):
            print(f"  {count} refused: {name}")
        for question, text, why, expected, found, failed in self.wrong[:40]:
            path = pathlib.Path(question["folder"], question["name"] + ".conf")
            print("DIFFERS", why, question["name"], question["parameters"], json.dumps(text, ensure_ascii=False),
                  "\n  fail2ban", expected, failed, "\n  engine", found)
            if question["name"].startswith("small"):
                print("   ", path.read_text(encoding="utf-8").replace("\n", "\n    "))
        return len(self.wrong)
