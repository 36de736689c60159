"""fail2ban's own filter, asked in this process: what it finds in the lines of a log.

The package that is installed, or the source tree that WARDER_FAIL2BAN_SOURCE names. Its clock stands at
NOW, its zone is the process's; nothing is looked up.
"""
import ipaddress
import logging
import os
import pathlib
import re
import signal
import subprocess
import sys

NOW = 1790000000  # 2026-09-21T14:13:20Z
LIMIT = 1.0  # seconds for a line; a backtracking engine may take forever

SOURCE = os.environ.get("WARDER_FAIL2BAN_SOURCE")
if SOURCE:
    sys.path.insert(0, SOURCE)

# pylint: disable=wrong-import-position
from fail2ban.client.filterreader import FilterReader  # noqa: E402
from fail2ban.server import datedetector  # noqa: E402
from fail2ban.server.failregex import Regex, RegexException  # noqa: E402
from fail2ban.server.filter import Filter  # noqa: E402
from fail2ban.server.mytime import MyTime  # noqa: E402

CONFIGURATION = pathlib.Path(SOURCE, "config") if SOURCE else pathlib.Path("/etc/fail2ban")


class Refused(Exception):
    pass


class TooLong(Exception):
    pass


class Clock:
    """Stands for the module `time` in the detector of dates."""

    @staticmethod
    def time():
        return NOW


def prepare(probe):
    """Older releases are given what newer ones have: one template of dates, which `probe` names, and that a
    group without a value does not hide what the prefix has found."""
    logging.getLogger("fail2ban").setLevel(logging.CRITICAL + 1)
    newest = subprocess.run([probe, "template", "13"], capture_output=True, text=True, check=True)
    datedetector.DateDetectorCache.DEFAULT_TEMPLATES[13] = newest.stdout.strip()
    datedetector.time = Clock
    MyTime.setTime(NOW)

    for name in ("_getGroups", "_getGroupsWithAlt"):
        setattr(Regex, name, lambda self, all_of=getattr(Regex, name): {
            group: value for group, value in all_of(self).items() if value is not None})

    def give_up(*_):
        raise TooLong()
    signal.signal(signal.SIGALRM, give_up)


def load(name, directory, parameters, options=None):
    """A filter with its jail's parameters, as a server would be told of it; or one of the options as they stand."""
    made = Filter(None)
    made.returnRawHost = True
    made.checkFindTime = False
    made.active = True
    made.setUseDns("raw")
    try:
        if options is None:
            reader = FilterReader(name, "jail", dict(parameters), basedir=str(directory))
            if not reader.read():
                raise Refused("no such filter")
            reader.getOptions({})
            tokens = [(token[2], token[3] if token[0] == "multi-set" else [token[3]]) for token in reader.convert()]
        else:
            several = {"failregex": "addfailregex", "ignoreregex": "addignoreregex"}
            # The prefix first: with a session in it a failregex need not name an address.
            tokens = [(several.get(key, key), value.split("\n") if key in several else [value])
                      for key, value in sorted(options.items(), reverse=True) if value]
        for what, values in tokens:
            for value in values:
                if what == "prefregex":
                    made.prefRegex = value
                elif what == "addfailregex":
                    made.addFailRegex(value)
                elif what == "addignoreregex":
                    made.addIgnoreRegex(value)
                elif what == "maxlines":
                    made.setMaxLines(value)
                elif what == "datepattern":
                    made.setDatePattern(value)
    except (RegexException, re.error, ValueError, OverflowError, RecursionError, TypeError, KeyError) as error:
        raise Refused(str(error)) from error
    if not made.getFailRegex():
        raise Refused("no failregex")
    return made


def normal(identifier):
    try:
        address = ipaddress.ip_address(identifier)
        return str(getattr(address, "ipv4_mapped", None) or address)
    except ValueError:
        return identifier


def judge(made, text, stamped):
    """The findings in one line. What fails in the server's loop finds nothing and is `failed`."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        found = (made.processLine(("", "now", text), NOW) if stamped else made.processLine(text))
    except TooLong:
        raise
    except Exception as error:  # as the server's loop does
        return [], type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    answer = []
    for pattern, identifier, moment, fields in found:
        if identifier is None or fields.get("nofail") and "mlfid" in fields:
            continue
        groups = {name: value for name, value in fields.items() if isinstance(value, str)}
        answer.append({"id": normal(str(identifier)), "time": moment, "pattern": pattern,
                       "attempts": len(fields.get("matches", ())), "groups": groups})
    return answer, ""
