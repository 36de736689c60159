"""Makes the logs that are judged: same lines, whoever judges them."""
import json
import time

CADDY_LINES = 1_000_000
SSHD_LINES = 1_000_000
FINDINGS_ONE_IN = 100
SITES = 100  # findings are spread evenly over so many conditions

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PAGES = ("/", "/app/main.3f8a.js", "/api/sync?excludeDomains=true", "/images/logo.svg",
         "/notifications/hub?access_token=REDACTED", "/app/styles.css", "/api/config", "/icons/x.png")


def caddy_line(ts, address, method, host, uri, status, more_headers=None, size=5120):
    headers = {"User-Agent": [BROWSER], "Accept": ["*/*"], "Accept-Encoding": ["gzip, deflate, br"],
               **(more_headers or {})}
    return json.dumps(
        {"level": "error" if status >= 400 else "info", "ts": ts,
         "logger": "http.log.access.log0", "msg": "handled request",
         "request": {"remote_ip": address, "remote_port": "56288", "client_ip": address,
                     "proto": "HTTP/2.0", "method": method, "host": host, "uri": uri,
                     "headers": headers,
                     "tls": {"resumed": False, "version": 772, "cipher_suite": 4865,
                             "proto": "h2", "server_name": host}},
         "bytes_read": 0, "user_id": "", "duration": 0.00317, "size": size, "status": status,
         "resp_headers": {"Server": ["Caddy"], "Content-Type": ["text/html"]}},
        separators=(",", ":")) + "\n"


def offender(number):
    """Few enough a source that nobody is banned: what is measured is judging and storing."""
    return f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"


def from_templates(path, templates, lines, fill):
    """Writes lines quickly: each template is cut into pieces once, `fill` makes what lies between."""
    with open(path, "w", encoding="ascii", buffering=1 << 20) as out:
        for start in range(0, lines, 10_000):
            out.write("".join(fill(templates, number)
                              for number in range(start, min(start + 10_000, lines))))


def caddy_normal(path, lines=CADDY_LINES, findings_one_in=FINDINGS_ONE_IN):
    """200s of visitors; one line in a hundred is refused and a finding of one of the conditions."""
    now = time.time() - 60
    normal = [caddy_line(round(now, 6), f"192.0.2.{10 + i}", "GET", "vault.example.org", page, 200)
              for i, page in enumerate(PAGES)]
    bad = [caddy_line(round(now, 6), "ADDRESS", "GET", "vault.example.org", f"/probe{site}/x.php",
                      404, size=0).split("ADDRESS") for site in range(SITES)]

    def fill(_, number):
        if number % findings_one_in == 0:
            found = number // findings_one_in
            return offender(found // 2).join(bad[found % SITES])
        return normal[number % len(normal)]

    from_templates(path, None, lines, fill)


def caddy_hostile(path, lines=CADDY_LINES // 10):
    """What an attacker writes to make judging slow: long, escaped, nearly right addresses, headers
    by the dozen, pieces of log lines inside of strings. Nothing matches."""
    now = round(time.time() - 60, 6)
    inside = '/?x=","status":404,"request":{"uri":"/probe7/x.php"},"a":"\\' * 2
    nearly = "/" + "probe/" * 60 + "x.phq?" + "%2e%2e%2f" * 40
    many = {f"X-Probe-{i}": [f"/probe{i}/x.php", '"}],"status":404'] for i in range(24)}
    templates = [
        caddy_line(now, "192.0.2.77", "GET", "vault.example.org", inside, 200),
        caddy_line(now, "192.0.2.77", "GET", "vault.example.org", nearly, 404),
        caddy_line(now, "192.0.2.77", "GET", "vault.example.org", "/", 404, many),
        caddy_line(now, "192.0.2.77", "GET", "\\\"" * 100, "/probe", 404),
    ]
    from_templates(path, templates, lines, lambda made, number: made[number % len(made)])


def stamp(at=None):
    return time.strftime("%b %e %H:%M:%S", time.gmtime(at))


def sshd_normal(path, lines=SSHD_LINES, findings_one_in=FINDINGS_ONE_IN):
    """An auth.log: logins with keys, sessions, cron; one line in a hundred is a wrong password."""
    date = stamp(time.time() - 60)
    normal = [f"{date} web {text}\n" for text in (
        "sshd[{0}]: Accepted publickey for deploy from 192.0.2.7 port 40022 ssh2: ED25519 "
        "SHA256:3dVS+1iYXo3zIPU8G1Fx6jBkdO1HzH2qTEGn0b4lC5w",
        "sshd[{0}]: pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)",
        "systemd-logind[611]: New session {0} of user deploy.",
        "CRON[{0}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
        "CRON[{0}]: pam_unix(cron:session): session closed for user root",
        "sshd[{0}]: Received disconnect from 192.0.2.7 port 40022:11: disconnected by user",
        "sshd[{0}]: Disconnected from user deploy 192.0.2.7 port 40022",
        "sudo:   deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl",
        "sshd[{0}]: pam_unix(sshd:session): session closed for user deploy")]
    normal = [line.replace("{0}", str(4000 + i)) for i, line in enumerate(normal)]

    def fill(_, number):
        if number % findings_one_in == 0:
            found = number // findings_one_in
            return (f"{date} web sshd[{10000 + found % 20000}]: Failed password for root from "
                    f"{offender(found // 2)} port 40022 ssh2\n")
        return normal[number % len(normal)]

    from_templates(path, None, lines, fill)


def sshd_hostile(path, lines=SSHD_LINES // 10):
    """Lines as long as syslog lets them be, whose names repeat what the patterns look for."""
    date = stamp(time.time() - 60)
    name = "x from 198.51.100.9 port 22 ssh2 "
    templates = [f"{date} web sshd[4242]: {text}\n" for text in (
        "Failed password for invalid user " + name * 12 + "from nowhere",
        "Invalid user " + "from 198.51.100.9 port " * 18 + "x",
        "error: maximum authentication attempts exceeded for " + name * 11 + "[preauth",
        "Connection closed by invalid user " + "a " * 200 + "[preauth]")]
    from_templates(path, templates, lines, lambda made, number: made[number % len(made)])
