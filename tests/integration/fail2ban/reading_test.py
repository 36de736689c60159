"""Reads configurations with warder and with fail2ban's own reader: what both make of them is equal."""
import collections
import itertools
import logging
import random
import unittest

from fail2ban.client.jailsreader import JailsReader

from support import Folder, report

logging.disable(logging.CRITICAL)

STRINGS = ["backend", "findtime", "bantime", "bantime.factor", "bantime.formula",
           "bantime.multipliers", "bantime.maxtime", "bantime.rndtime", "ignorecommand",
           "ignorecache", "logtimezone", "logencoding"]
NUMBERS = ["maxretry", "maxmatches"]
FLAGS = ["bantime.increment", "bantime.overalljails", "ignoreself"]
LISTS = ["failregex", "ignoreregex", "journalmatch", "logpath"]
TEXTS = ["prefregex", "datepattern", "usedns"]


def lines(text):
    return [line for line in (text or "").split("\n") if line != ""]


def fail2ban_jails(directory):
    """What fail2ban's reader makes of each jail; None for one that it skips."""
    reader = JailsReader(force_enable=True, basedir=str(directory), share_config=dict())
    reader.read()
    reader.getOptions(None, ignoreWrong=True)
    result = {}
    for jail in reader._JailsReader__jails:
        options = dict(jail._JailReader__opts)
        if "config-error" in options:
            result[jail.getName()] = None
            continue
        wanted = {}
        for name in STRINGS + TEXTS + LISTS:
            if options.get(name) is not None:
                wanted[name] = str(options[name])
        for name in NUMBERS:
            if options.get(name) is not None:
                wanted[name] = int(options[name])
        for name in FLAGS:
            if options.get(name) is not None:
                wanted[name] = bool(options[name])
        # The jail's own stay; the filter gives the rest.
        combined = jail._JailReader__filter.getCombined() if jail._JailReader__filter else {}
        for name in ["failregex", "ignoreregex", "journalmatch", "prefregex", "datepattern",
                     "usedns", "maxlines"]:
            if name not in wanted and combined.get(name) is not None:
                wanted[name] = combined[name]
        if "maxlines" in options:
            wanted["maxlines"] = options["maxlines"]
        for name in LISTS:
            if name in wanted:
                wanted[name] = lines(wanted[name])
        wanted["actions"] = sorted(
            (action._file if hasattr(action, "_file") else action[4].rpartition("/")[2],)
            for action in jail._JailReader__actions)
        wanted["actions"] = [name.rpartition("/")[2] for name, in wanted["actions"]]
        result[jail.getName()] = wanted
    return result


def warder_jails(directory):
    result = {}
    for jail in report(directory, "--all")["jails"]:
        got = jail["as_read"]
        wanted = {}
        for name, value in got.items():
            text = "\n".join(value) if isinstance(value, list) else value
            if name in NUMBERS or name == "maxlines":
                wanted[name] = int(text)
            elif name in FLAGS:
                wanted[name] = text.strip().lower() in ("1", "on", "true", "yes")
            elif name in LISTS:
                wanted[name] = lines(text)
            elif name in STRINGS + TEXTS:
                wanted[name] = text
        wanted["actions"] = sorted(action["name"] for action in jail["actions"])
        wanted["errors"] = [remark for remark in jail["remarks"]
                            if remark["subject"] in ("filter", "action")
                            and remark["verdict"] == "refused"]
        result[jail["name"]] = wanted
    return result


class Reading(unittest.TestCase):
    maxDiff = None

    def compare(self, directory):
        theirs = fail2ban_jails(directory)
        ours = warder_jails(directory)
        self.assertEqual(sorted(theirs), sorted(ours))
        compared = 0
        for name, wanted in theirs.items():
            got = dict(ours[name])
            errors = got.pop("errors")
            if wanted is None:
                self.assertTrue(errors, f"fail2ban refuses {name}, warder does not")
                continue
            # Its reader has the built-in value where nobody wrote one.
            got.setdefault("backend", "auto")
            self.assertEqual(wanted, got, f"jail {name} of {directory}")
            compared += 1
        return compared

    def test_stock_configuration(self):
        compared = self.compare("/etc/fail2ban")
        self.assertGreater(compared, 60)
        print(f"{compared} stock jails read alike")

    def test_generated_configurations(self):
        compared = 0
        for seed in range(40):
            with Folder() as folder:
                generate(random.Random(seed), folder)
                compared += self.compare(folder.path)
        self.assertGreater(compared, 100)
        print(f"{compared} generated jails read alike")


class Writer:
    """A configuration that uses what the language has, in ways that fail2ban itself accepts."""

    def __init__(self, source, folder):
        self.source = source
        self.folder = folder
        self.fresh = itertools.count()

    def word(self):
        return self.source.choice(["alpha", "beta", "gamma", "delta"]) + str(next(self.fresh))

    def time(self):
        return self.source.choice(["600", "10m", "1h", "1d", "2w", "90 s"])

    def filter(self, name):
        pick = self.source.random
        common = pick() < 0.5
        text = ""
        if common:
            text += "[INCLUDES]\nbefore = shared.conf\n"
            if pick() < 0.5:
                text += "after = missing.local\n"
        text += "[DEFAULT]\nlevel = low\n" if pick() < 0.5 else ""
        has_level = "level" in text
        text += "[Definition]\n"
        text += f"_word = {self.word()}\n"
        expressions = [f"^{self.word()} <HOST>$", "^%(_word)s from <HOST>$"]
        if common:
            expressions.append("^%(__shared)s <F-USER>.*</F-USER> <HOST>")
            expressions.append("^<shared_tag> <HOST>")
        expressions.append("^<mode>-mode <HOST>")
        expressions.append("^<tag-<mode>> <HOST>$")
        if has_level:
            expressions.append("^%(default/level)s <HOST>$")
        self.source.shuffle(expressions)
        text += "failregex = " + "\n            ".join(expressions[:self.source.randint(1, 5)]) + "\n"
        text += "tag-normal = plain\ntag-aggressive = %(_word)s|plain\n"
        if pick() < 0.5:
            text += "ignoreregex = ^skip ; a comment\n   ^other\n"
        else:
            text += "ignoreregex =\n"
        if pick() < 0.3:
            text += "prefregex = ^%(_word)s <F-CONTENT>.+</F-CONTENT>$\n"
        if pick() < 0.3:
            text += "datepattern = {^LN-BEG}%%Y-%%m-%%d\n"
        if pick() < 0.5:
            text += "mode = normal\n"
        else:
            text += "[Init]\nmode = normal\n"
            if pick() < 0.5:
                text += f"journalmatch = _COMM={self.word()} + _UID={next(self.fresh)}\n"
        self.folder.write(f"filter.d/{name}.conf", text)
        if pick() < 0.4:
            self.folder.write(f"filter.d/{name}.local",
                              "[Definition]\nfailregex = %(known/failregex)s\n"
                              f"            ^{self.word()} <HOST> local$\n")

    def jail(self, name, filters):
        pick = self.source.random
        text = f"[{name}]\n"
        filter_name = self.source.choice(filters)
        parameters = self.source.choice(
            ["", "[mode=aggressive]", "[mode=normal, x=\"a, b]\"]", "[mode='aggressive'][y=z]"])
        text += f"filter = {filter_name}{parameters}\n"
        text += f"logpath = /var/log/{self.word()}.log\n"
        if pick() < 0.4:
            text += "          %(folder)s/*.log tail\n"
        if pick() < 0.5:
            text += f"bantime = {self.time()}\n"
        if pick() < 0.5:
            text += f"maxretry = {self.source.randint(1, 9)}\n"
        if pick() < 0.3:
            text += "findtime : %(bantime)s\n"
        if pick() < 0.3:
            text += "failregex = %(known/failregex)s\n            ^%(__name__)s <HOST>$\n"
        if pick() < 0.3:
            text += "ignoreself = %(flag)s\nbantime.increment = on\nbantime.factor = 2\n"
        if pick() < 0.3:
            text += "backend = systemd\n"
        if pick() < 0.3:
            text += f"usedns = {self.source.choice(['yes', 'no', 'warn', 'raw'])}\n"
        if pick() < 0.4:
            text += "action = one[name=%(__name__)s, port=\"%(port)s\"]\n         two\n"
        if pick() < 0.3:
            text += "port = %(other/port)s\n"
        return text


def generate(source, folder):
    writer = Writer(source, folder)
    folder.write("filter.d/shared.conf", "[DEFAULT]\n__shared = (?:shared|common)\n"
                 "[Definition]\nshared_tag = %(__shared)s-tag\n")
    if source.random() < 0.5:
        folder.write("filter.d/shared.local", "[DEFAULT]\n__shared = local\n")
    for action in ("one", "two"):
        folder.write(f"action.d/{action}.conf",
                     "[Definition]\nactionban = echo <ip> <port>\n[Init]\nport = ssh\n"
                     "[Init?family=inet6]\nport = 6\n")
    filters = [f"filter{i}" for i in range(source.randint(1, 3))]
    for name in filters:
        writer.filter(name)
    default = ("[DEFAULT]\nbantime = 10m\nfindtime = 5m\nmaxretry = 5\nport = 0:65535\n"
               "maxmatches = %(maxretry)s\nflag = no\nfolder = /srv/%(__name__)s\n"
               "action = one[port=\"%(port)s\"]\n")
    jails = [f"jail{i}" for i in range(source.randint(2, 5))]
    folder.write("jail.conf",
                 default + "[other]\nport = 1,2\nfilter = filter0\nlogpath = /x\n"
                 + "".join(writer.jail(name, filters) for name in jails))
    if source.random() < 0.6:
        folder.write("jail.local", f"[DEFAULT]\nbantime = {writer.time()}\n[{jails[0]}]\n"
                     f"maxretry = {source.randint(10, 20)}\n")
    if source.random() < 0.6:
        folder.write("jail.d/z.conf", f"[{jails[-1]}]\nfindtime = {writer.time()}\n# c\n  ; d\n")
        folder.write("jail.d/a.local", f"[{jails[-1]}]\nfindtime = 77\n")


if __name__ == "__main__":
    unittest.main()
