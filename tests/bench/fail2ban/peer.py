"""fail2ban's own matching over the same logs, in its own process and without its start: reads the
lines that stock_filters.cpp reads, prints the same objects. fail2ban is asked at run time only."""
import json
import sys
import time

from fail2ban.client.filterreader import FilterReader
from fail2ban.helpers import getLogger
from fail2ban.server.filter import Filter

CONFIG = "/etc/fail2ban"


def load(name):
    reader = FilterReader(name, "bench", {}, basedir=CONFIG)
    if not reader.read():
        return None
    reader.getOptions({})
    judge = Filter(None)
    judge.setUseDns("no")
    judge.returnRawHost = True
    judge.checkAllRegex = False
    judge.checkFindTime = False
    for command in reader.convert():
        option, values = command[2], command[3:] if command[0] == "set" else command[3]
        for value in values if isinstance(values, list) else [values]:
            if option == "prefregex":
                judge.prefRegex = value
            elif option == "addfailregex":
                judge.addFailRegex(value)
            elif option == "addignoreregex":
                judge.addIgnoreRegex(value)
            elif option == "datepattern":
                judge.setDatePattern(value)
            elif option == "maxlines":
                judge.setMaxLines(value)
    return judge if judge.getFailRegex() else None


def run(name, judges, log):
    lines = open(log, encoding="utf-8", errors="replace").read().splitlines()
    begin = time.process_time()
    findings = 0
    for line in lines:
        for judge in judges:
            findings += len(judge.processLine(line))
    print(json.dumps({"name": name, "filters": len(judges), "lines": len(lines),
                      "seconds": time.process_time() - begin, "findings": findings}), flush=True)


def main():
    getLogger("fail2ban").setLevel(60)
    judges = []
    for text in sys.stdin:
        words = text.split()
        if words[0] == "together":
            count = min(100, len(judges)) and 100
            run("together", [judges[i % len(judges)] for i in range(count)], words[1])
            continue
        judge = load(words[1])
        if judge is not None:
            judges.append(judge)
            run(words[1], [judge], words[2])


if __name__ == "__main__":
    main()
