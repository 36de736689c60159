"""A day in operation: fail2ban's own filter and counting, its clock set to each line, and warder's
`compat` counting on the same log: equal bans at equal lines, with findtimes far shorter than the day."""
import logging
import os
import random
import subprocess
import time
import unittest

from fail2ban.server.filter import Filter
from fail2ban.server.jail import Jail
from fail2ban.server.mytime import MyTime

from support import Folder

logging.disable(logging.CRITICAL)

REGEX = r"^\s*app: refused <HOST>$"
# name: maxretry, findtime
JAILS = {"short": (4, 600), "hour": (6, 3600), "strict": (2, 45)}
# Tickets are forgotten by a clean-up that runs every few seconds; warder forgets at this much more
# than findtime (src/jail/README.md).
CLEAN_UP = 10


def day(source, now, count):
    """Attackers that come back after minutes or hours, in bursts and evenly: rates of every kind."""
    stamps = []
    for number in range(1, 151):
        who = f"192.0.2.{number}"
        at = now - 86000 + source.randrange(40000)
        pace = source.choice([10, 60, 140, 149, 151, 200, 580, 601, 700, 1500])
        for _ in range(source.randint(3, 2 * count // 150)):
            if at >= now - 60:
                break
            stamps.append((at, who))
            at += max(1, int(source.gauss(pace, pace / source.choice([4, 10, 1000]))))
            if source.random() < 0.05:
                at += source.randrange(4000)
    stamps.sort()
    return stamps


def theirs(stamps, maxretry, findtime):
    jail = Jail("test", backend=None)
    counting = Filter(jail)
    counting.addFailRegex(REGEX)
    counting.setFindTime(findtime)
    counting.setMaxRetry(maxretry)
    counting.setUseDns("no")
    counting.inOperation = True
    banned = {}
    for at, who in stamps:
        MyTime.setTime(at)
        counting.failManager.cleanup(at - CLEAN_UP)
        counting.processLineAndAdd(line_of(at, who))
        while (ticket := jail.getFailTicket()):
            # For ever: a second ban of an address is none.
            banned.setdefault(str(ticket.getID()), int(ticket.getTime()))
    MyTime.setTime(None)
    return banned


def line_of(at, who):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) + f" app: refused {who}"


class Counting(unittest.TestCase):
    maxDiff = None

    def test_rates_are_estimated_alike(self):
        with Folder() as folder:
            stamps = day(random.Random(7), int(time.time()), 6000)
            log = folder.write("day.log", "".join(line_of(*one) + "\n" for one in stamps))
            directory = folder.path / "etc"
            folder.write("etc/filter.d/app.conf", f"[Definition]\nfailregex = {REGEX}\n")
            folder.write("etc/jail.conf", f"[DEFAULT]\nbantime = -1\nfilter = app\nenabled = yes\n"
                         f"action =\nlogpath = {log}\n" + "".join(
                             f"[{name}]\nmaxretry = {retry}\nfindtime = {findtime}\n"
                             for name, (retry, findtime) in JAILS.items()))
            expected = {(name, who): at for name, limits in JAILS.items()
                        for who, at in theirs(stamps, *limits).items()}
            # The agent would leave out what is older than findtime by the clock, so a driver joins
            # the same parts and moves the time from line to line.
            text = "".join(f"{at}\t{line_of(at, who)}\n" for at, who in stamps)
            done = subprocess.run([os.environ["DAY_DRIVER"], directory], input=text,
                                  capture_output=True, text=True, check=True)
            got = {}
            for line in done.stdout.splitlines():
                jail, address, at = line.split()
                self.assertNotIn((jail, address), got)
                got[jail, address] = int(at)
            self.assertEqual(expected, got)
            for name in JAILS:
                bans = sum(key[0] == name for key in got)
                self.assertGreater(bans, 20, name)
                self.assertLess(bans, 150, name)
            print(f"{len(got)} bans at equal lines, of {len(stamps)} lines and {len(JAILS)} jails")


if __name__ == "__main__":
    unittest.main()
