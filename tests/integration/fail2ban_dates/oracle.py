"""What fail2ban's date detector finds. Reads cases from the file named first, writes to the second.

A case is "=" TAB zone TAB logtimezone TAB datepatterns (separated by 0x1f), then a line "now TAB text"
for each line of the log, read one after the other by one detector. For each such line comes
"BEGIN TAB END TAB SECONDS" of what is cut out (SECONDS is "none" where the date is no moment), or
"-"; "refused" where the patterns are not taken, "long" where the search takes more than a second and in
the lines after it. The third argument is the newest form of the template that the installed release has in an older
one.
"""

import os
import re
import signal
import sys
import time

from fail2ban.server import datedetector
from fail2ban.server.mytime import MyTime


class Clock:
    """Stands for the module `time` in the detector, so that cases choose the time."""

    now = 0.0

    def time(self):
        return self.now


class TooLong(Exception):
    pass


def give_up(*_):
    raise TooLong()


def new_detector(logtimezone, patterns):
    detector = datedetector.DateDetector()
    for pattern in patterns:
        detector.appendTemplate(pattern)
    if not patterns:
        detector.addDefaultTemplate()
    if logtimezone:
        detector.default_tz = logtimezone
    for template in detector.templates:
        template.template.hits = 0
    return detector


def judge(detector, text):
    match, template = detector.matchTime(text)
    if match is None:
        return "-"
    begin, end = match.span(1)
    seconds = "none"
    try:
        found = detector.getTime(text[begin:end], (match, template))
        if found is not None:
            seconds = repr(float(found[0]))
    except (KeyError, ValueError, OverflowError, TypeError):
        pass
    return f"{begin}\t{end}\t{seconds}"


def main():
    cases, results, newest = sys.argv[1:]
    datedetector.DateDetectorCache.DEFAULT_TEMPLATES[13] = newest
    clock = Clock()
    datedetector.time = clock
    signal.signal(signal.SIGALRM, give_up)
    detector, instead = None, ""
    with open(cases, encoding="latin-1", newline="\n") as source:
        with open(results, "w", encoding="ascii") as sink:
            for line in source:
                if line.startswith("="):
                    words = line.rstrip("\n").split("\t")
                    os.environ["TZ"] = words[1]
                    time.tzset()
                    patterns = [word for word in words[3].split("\x1f") if word]
                    try:
                        detector, instead = new_detector(words[2], patterns), ""
                    except (ValueError, TypeError, KeyError, re.error, OverflowError, RecursionError):
                        instead = "refused"
                    continue
                now, text = line.rstrip("\n").split("\t", 1)
                clock.now = float(now)
                MyTime.setTime(clock.now)
                if not instead:
                    signal.setitimer(signal.ITIMER_REAL, 1)
                    try:
                        sink.write(judge(detector, text) + "\n")
                        continue
                    except TooLong:
                        instead = "long"
                    except re.error:
                        instead = "refused"
                    finally:
                        signal.setitimer(signal.ITIMER_REAL, 0)
                sink.write(instead + "\n")


main()
