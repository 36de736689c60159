"""What fail2ban's date detector finds. Reads cases from the file named first, writes to the second.

A case is "=" TAB zone TAB logtimezone TAB datepatterns (separated by 0x1f), then a line "now TAB text"
for each line of the log, read one after the other by one detector. For each such line comes
"BEGIN TAB END TAB SECONDS" of what is cut out (SECONDS is "none" where the date is no moment), or
"-". The third argument is the newest form of the template that the installed release has in an older
one.
"""

import os
import sys
import time

from fail2ban.server import datedetector
from fail2ban.server.mytime import MyTime


class Clock:
    """Stands for the module `time` in the detector, so that cases choose the time."""

    now = 0.0

    def time(self):
        return self.now


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
    except (KeyError, ValueError, OverflowError):
        pass
    return f"{begin}\t{end}\t{seconds}"


def main():
    cases, results, newest = sys.argv[1:]
    datedetector.DateDetectorCache.DEFAULT_TEMPLATES[13] = newest
    clock = Clock()
    datedetector.time = clock
    detector = None
    with open(cases, encoding="latin-1", newline="\n") as source:
        with open(results, "w", encoding="ascii") as sink:
            for line in source:
                words = line.rstrip("\n").split("\t")
                if words[0] == "=":
                    os.environ["TZ"] = words[1]
                    time.tzset()
                    patterns = [word for word in words[3].split("\x1f") if word]
                    detector = new_detector(words[2], patterns)
                    continue
                clock.now = float(words[0])
                MyTime.setTime(clock.now)
                sink.write(judge(detector, words[1]) + "\n")


main()
