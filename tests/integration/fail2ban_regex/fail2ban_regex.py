#!/usr/bin/env python3
"""Compares findings with those of fail2ban-regex on generated logs, for some stock filters.

The lines have the shapes of what the programs write, with names, addresses and tails that an
attacker would choose, and are then changed at random. Seeds are fixed. For each line the two must
agree whether there is a finding and whom it names.
"""
import ast
import ipaddress
import os
import random
import re
import subprocess
import sys
import tempfile

LINES = 1500

ADDRESSES = ["192.0.2.7", "198.51.100.23", "2001:db8::17", "::ffff:203.0.113.9", "host.example.org",
             "999.1.1.1", "192.0.2.7.example", "1.2.3"]
NAMES = ["root", "admin", "bob from 203.0.113.5", "x from 203.0.113.5 port 1 ssh2", "", "Jürgen",
         "a b", "invalid user y", "\" from 203.0.113.5", "[203.0.113.5]", "user=<u>, rip=203.0.113.5",
         "u: 203.0.113.5", "203.0.113.5"]

SYSLOG = "Mar 12 {:02d}:{:02d}:{:02d} server {}[{}]: {}"
SHAPES = {
    "sshd": ("sshd", [
        "Failed password for {name} from {address} port 40222 ssh2",
        "Failed password for invalid user {name} from {address} port 40222 ssh2",
        "Failed publickey for {name} from {address} port 40222 ssh2: RSA SHA256:abc",
        "Invalid user {name} from {address} port 40222",
        "Connection closed by {address} port 40222 [preauth]",
        "Connection closed by invalid user {name} {address} port 40222 [preauth]",
        "Disconnecting invalid user {name} {address} port 40222: Too many authentication failures [preauth]",
        "Received disconnect from {address} port 40222:11: Bye Bye [preauth]",
        "Accepted password for {name} from {address} port 40222 ssh2",
        "User {name} from {address} not allowed because not listed in AllowUsers",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={address}  user={name}",
        "maximum authentication attempts exceeded for {name} from {address} port 40222 ssh2 [preauth]",
        "Unable to negotiate with {address} port 40222: no matching key exchange method found. Their offer: x",
    ]),
    "dovecot": ("dovecot", [
        "imap-login: Disconnected (auth failed, 2 attempts): user=<{name}>, method=PLAIN, rip={address}, lip=192.0.2.1",
        "auth-worker(7): pam({name},{address}): pam_authenticate() failed: Authentication failure (Password mismatch?)",
        "auth: passwd-file({name},{address}): unknown user",
        "pop3-login: Aborted login (tried to use disabled plaintext auth): rip={address}, lip=192.0.2.1",
        "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={name} rhost={address}",
    ]),
    "postfix": ("postfix/smtpd", [
        "NOQUEUE: reject: RCPT from {name}[{address}]: 554 5.7.1 <u@example.com>: Relay access denied; from=<a@b> to=<c@d> proto=ESMTP helo=<{name}>",
        "warning: {name}[{address}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
        "lost connection after AUTH from {name}[{address}]",
        "improper command pipelining after HELO from {name}[{address}]: QUIT",
        "NOQUEUE: reject: RCPT from unknown[{address}]: 450 4.7.1 Client host rejected: cannot find your hostname, [{address}]; from=<a@b> to=<c@d> proto=SMTP helo=<x>",
    ]),
    "courier-auth": ("imapd", [
        "LOGIN FAILED, user={name}, ip=[{address}]",
        "LOGIN FAILED, method=PLAIN, user={name}, ip=[{address}]",
        "LOGIN FAILED, ip=[{address}]",
    ]),
    "roundcube-auth": ("roundcube", [
        "IMAP Error: Login failed for {name} from {address}. AUTHENTICATE PLAIN: Authentication failed. in /usr/share/x.php on line 205 (POST /wmail/?_task=login)",
        "IMAP Error: Login failed for {name} from {address}(X-Forwarded-For: 1.2.3.4). Empty password in /usr/share/x.php on line 2 (POST /)",
        "IMAP Error: FAILED login for {name} from {address}",
        "<abc> Login failed for {name} from {address}. LOGIN: x user={name} in /usr/x.php on line 2 (GET /)",
    ]),
    "sendmail-reject": ("sm-mta", [
        "s1P819mk027713: ruleset=check_rcpt, arg1=<{name}@x>, relay=h [{address}], reject=550 5.7.1 <{name}@x>... Relaying denied. Proper authentication required.",
        "s1P819mk027713: ruleset=check_rcpt, arg1=<a@x>, relay=h [{address}], reject=550 5.7.1 <b@x>... Relaying denied. Proper authentication required.",
        "s1P819mk027713: rejecting commands from h [{address}] due to pre-greeting traffic after 3 seconds",
    ]),
    "recidive": ("fail2ban.actions", [
        "NOTICE  [sshd] Ban {address}",
        "NOTICE  [recidive] Ban {address}",
        "NOTICE  [{name}] Ban {address}",
    ]),
    "named-refused": ("named", [
        "client {address}#1234: query (cache) '{name}/A/IN' denied",
        "client @0x7f {address}#1234 ({name}): query (cache) '{name}/A/IN' denied",
        "error: client {address}#1234: zone transfer 'x/AXFR/IN' denied",
    ]),
    "pam-generic": ("vsftpd", [
        "(pam_unix)[1]: authentication failure; logname= uid=0 euid=0 tty=ftp ruser={name} rhost={address}  user={name}",
        "pam_unix(smbd:auth): authentication failure; logname= uid=0 euid=0 tty= ruser={name} rhost={address}",
    ]),
    "proftpd": ("proftpd", [
        "server (x.example[{address}]) - USER {name}: no such user found from {address} [{address}] to 192.0.2.1:21",
        "server (x.example[{address}]) - USER {name} (Login failed): Incorrect password.",
    ]),
}


def mutate(r, text):
    kind = r.random()
    at = r.randrange(len(text) + 1)
    if kind < 0.5:
        return text
    if kind < 0.65:
        return text[:at] + text[at + r.randint(1, 3):]
    if kind < 0.8:
        return text[:at] + r.choice([" from 203.0.113.5", " ", ": ", "é", "\xa0", " [preauth]", "]",
                                     "\t", "=", ", "]) + text[at:]
    if kind < 0.9:
        return text + r.choice([" ", "  ", " x", " from 203.0.113.5", "é"])
    return text[:at] + text[at // 2:]


def make_lines(name, seed):
    r = random.Random(seed)
    daemon, shapes = SHAPES[name]
    lines = []
    for number in range(LINES):
        # A session is one peer's.
        address = r.randrange(len(ADDRESSES))
        message = r.choice(shapes).format(name=r.choice(NAMES), address=ADDRESSES[address])
        text = SYSLOG.format(number // 3600 % 24, number // 60 % 60, number % 60, daemon,
                             1000 + number // 8 * 10 + address, mutate(r, message))
        lines.append(text.rstrip().encode())
    return lines


def normal(identifier):
    try:
        address = ipaddress.ip_address(identifier)
        return str(getattr(address, "ipv4_mapped", None) or address)
    except ValueError:
        return identifier


def reference(name, path):
    """The findings of fail2ban-regex: (line number, identifier). Each line has its own second."""
    out = subprocess.run(["fail2ban-regex", "-r", "-e", "UTF-8", "-o", "row", path, name],
                         capture_output=True, check=True,
                         env=dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", PYTHONIOENCODING="utf-8"))
    found = set()
    for row in out.stdout.decode().splitlines():
        match = re.match(r"^\[(.*?),\t([0-9.]+),\t", row)
        if not match:
            raise SystemExit("fail2ban-regex says " + row)
        second = int(float(match.group(2))) % 86400
        found.add((second + 1, normal(str(ast.literal_eval(match.group(1))))))
    return found


def stale(lines, given, expected):
    """Where a line names another kind of address than the line of its session before it (a name, then
    an IPv4 address), fail2ban reports the older one. The engine reports what the line names: in a
    session of one peer the difference is made by whoever writes into the line."""
    seen, known = {}, set()
    ours, theirs = dict(given), dict(expected)
    for number, line in enumerate(lines, 1):
        session = re.search(rb"\[(\d+)\]: ", line).group(1)
        before = seen.setdefault(session, set())
        if number in ours and number in theirs and theirs[number] in before:
            known |= {(number, ours[number]), (number, theirs[number])}
        before |= {found[number] for found in (ours, theirs) if number in found}
    return known


def main():
    wrong = 0
    for seed, name in enumerate(sorted(SHAPES)):
        lines = make_lines(name, seed)
        with tempfile.NamedTemporaryFile(suffix=".log") as log:
            log.write(b"\n".join(lines) + b"\n")
            log.flush()
            ours = subprocess.run([sys.argv[1], "log", name, log.name], capture_output=True,
                                  env=dict(os.environ, TZ="UTC"))
            if ours.returncode != 0:
                raise SystemExit(name + ": " + ours.stderr.decode())
            given = set()
            for line in ours.stdout.decode().splitlines():
                number, identifier = line.split("\t", 1)
                given.add((int(number), normal(identifier)))
            expected = reference(name, log.name)
        differ = sorted((given ^ expected) - stale(lines, given, expected))
        wrong += len(differ)
        # A log that nobody finds anything in compares nothing.
        wrong += 0 if len(expected) > LINES // 20 else 1
        print("%-16s %d lines, %d findings, %d differ" % (name, LINES, len(expected), len(differ)))
        for number, identifier in differ[:8]:
            print("  only", "engine" if (number, identifier) in given else "fail2ban-regex",
                  repr(identifier), lines[number - 1].decode())
    sys.exit(1 if wrong else 0)


main()
