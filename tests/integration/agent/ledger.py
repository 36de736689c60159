"""What programs share that hold the whole agent against the lines they wrote: logs that are written and rotated as by logrotate,
and what kernel and agent say of bans."""
import datetime
import gzip
import ipaddress
import json
import shutil
import subprocess
import time

SSHD, CADDY = "sshd", "caddy-4xx"
PORT = {SSHD: 22, CADDY: 80}
MAXRETRY = {SSHD: 3, CADDY: 5}
# The firewall takes ends as the same that are no further apart (kSameEnd).
SAME_END = 1.5

JAILS = """
[sshd]
enabled = yes
backend = auto
journalmatch =
filter = sshd
logpath = {folder}/logs/auth.log
port = 22
maxretry = 3
findtime = {findtime}
bantime = {bantime}
ipv4.widen = none
ipv6.widen = none

[caddy-4xx]
enabled = yes
filter = caddy-4xx
logpath = {folder}/logs/access.log
port = 80
maxretry = 5
findtime = {findtime}
bantime = {bantime}
ipv4.widen = none
ipv6.widen = none
"""


def prefix_of(address):
    """What a jail bans: an address, or the network of an IPv6 one."""
    address = ipaddress.ip_address(address)
    return ipaddress.ip_network((address, 32 if address.version == 4 else 64), strict=False)


def failed_login(user, address, process, now=None):
    """A line of sshd; `user` may be bytes that are no text."""
    date = time.strftime("%b %e %H:%M:%S", time.gmtime(now))
    user = user if isinstance(user, bytes) else user.encode()
    return b"%s host sshd[%d]: Failed password for invalid user %s from %s port 4 ssh2\n" % (
        date.encode(), process, user, address.encode())


def request(uri, address, status, now=None, **more):
    """A line of Caddy's access log."""
    return json.dumps({
        "level": "error" if status >= 400 else "info", "ts": round(now or time.time(), 6), "logger": "http.log.access.log0",
        "msg": "handled request",
        "request": {"remote_ip": address, "remote_port": "5", "proto": "HTTP/1.1", "method": "GET", "host": "vault.example.com",
                    "uri": uri, "headers": {}, **more},
        "user_id": "", "duration": 0.01, "size": 0, "status": status, "resp_headers": {}}, separators=(",", ":")).encode() + b"\n"


class WatchedLog:
    """A log that the agent follows."""

    def __init__(self, world, jail, name):
        self.path = world.folder / "logs" / name
        self.path.touch()
        self.jail = jail
        self.rest = b""  # of a line whose first half is written

    def append(self, data):
        with open(self.path, "ab") as out:
            out.write(data)

    def append_all_but(self, kept, data):
        """Ends the half line, and leaves the last bytes of this for the next time."""
        data = self.rest + data
        self.rest = data[len(data) - kept:]
        self.append(data[:len(data) - len(self.rest)])

    def finish(self):
        self.append(self.rest)
        self.rest = b""

    def rotate(self):
        """As logrotate does it: the newest old log is .1."""
        self.make_room()
        self.path.rename(f"{self.path}.1")
        self.path.touch()

    def copy_and_truncate(self):
        self.make_room()
        shutil.copyfile(self.path, f"{self.path}.1")
        with open(self.path, "r+b") as log:
            log.truncate(0)

    def make_room(self):
        self.finish()
        for number, path in sorted(self.old(), key=lambda item: -item[0]):
            path.rename(path.with_name(path.name.replace(f".{number}", f".{number + 1}", 1)))

    def compress(self):
        for _, path in self.old():
            if path.suffix != ".gz":
                with gzip.open(f"{path}.gz", "wb") as out:
                    out.write(path.read_bytes())
                path.unlink()

    def forget(self, kept):
        for number, path in self.old():
            if number > kept:
                path.unlink()

    def old(self):
        return [(int(path.name.removeprefix(f"{self.path.name}.").removesuffix(".gz")), path)
                for path in self.path.parent.glob(f"{self.path.name}.*")]


def kernel_bans(world):
    """What the kernel drops: (jail, prefix) with the seconds left. A jail is known by its port; bans by hand are for every port."""
    done = subprocess.run(world.in_host("nft", "-j", "list", "table", "inet", "warder"), text=True, capture_output=True, check=False)
    jails = {str(number): name for name, number in PORT.items()}
    found = {}
    for item in json.loads(done.stdout)["nftables"] if done.returncode == 0 else []:
        if "set" not in item:
            continue
        name = item["set"]["name"].split("_")
        for element in item["set"].get("elem", []):
            prefix = ipaddress.ip_network(f"{element['elem']['val']}/{name[-1]}")
            found["manual" if name[0] == "all" else jails[name[1]], prefix] = element["elem"]["expires"]
    return found


def agent_bans(world):
    """(jail, prefix) with the moment of its end."""
    bans = world.ask("bans")["bans"]
    found = {(ban["jail"], ipaddress.ip_network(ban["address"])): datetime.datetime.fromisoformat(ban["end"]).timestamp() for ban in bans}
    assert len(found) == len(bans), "a ban is there twice"
    return found
