"""Events shipped a minute, and at what memory: the agent with one destination at a time, its far end on loopback.

    WARDER=build/release/agent/warder WARDER_SOURCE=. python3 tests/support/in_venv.py oci==2.189.0 -- tests/bench/ship/run.py [EVENTS]

Each destination gets the findings of a log that is written at once (10,000 lines unless said otherwise). "stored" is when the last
finding is in the history, "shipped" when the outbox is empty; "outage" is the same with the far end away until all are stored, so
that it measures shipping alone. Memory is what the process holds resident (VmRSS) before, at most (VmHWM) and after."""
import datetime
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve()
for folder in ("oci", "vault"):
    sys.path.insert(0, str(HERE.parents[2] / "integration" / folder))
import fake_oci  # noqa: E402
from attacked_host import JAIL  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from world import Host, OpenBao  # noqa: E402

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000


def memory(host):
    status = pathlib.Path(f"/proc/{host.agent.pid}/status").read_text()
    return {key: int(status.split(f"{key}:")[1].split()[0]) / 1024 for key in ("VmRSS", "VmHWM")}


def processor(host):
    fields = pathlib.Path(f"/proc/{host.agent.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_log(host):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%b %e %H:%M:%S")
    with open(host.folder / "auth.log", "ab") as log:
        log.write(b"".join(f"{now} host sshd[{1000 + i}]: Failed password for root from 203.{i % 250}.{i // 250}.9 "
                           "port 4 ssh2\n".encode() for i in range(EVENTS)))


def measure(name, host, away, back):
    (host.folder / "jail.local").write_text(JAIL.format(maxretry=1000, folder=host.folder))
    host.start()
    before = memory(host)
    away()
    start, used = time.monotonic(), processor(host)
    write_log(host)
    stored = shipped = None
    while shipped is None:
        state = host.status()
        if stored is None and state["store"]["events"] >= EVENTS:
            stored = time.monotonic() - start
            back()
        row = next(d for d in state["destinations"] if d["name"] == "d")
        if stored is not None and row["pending"] == 0:
            shipped = time.monotonic() - start
        time.sleep(0.1)
    peak, after = memory(host), memory(host)
    print(f"{name:24} stored {stored:5.1f} s  shipped {shipped:6.1f} s  {60 * EVENTS / shipped:10,.0f} a minute  "
          f"processor {processor(host) - used:5.1f} s  memory {before['VmRSS']:.1f} -> {peak['VmHWM']:.1f} -> {after['VmRSS']:.1f} MB"
          f"  requests {row.get('requests', '-')}", flush=True)


def nothing():
    pass


def lines():
    with Host() as host:
        host.configure(f"[destination d]\nform = json-lines\npath = {host.folder}/events.jsonl\nevents = all\n")
        measure("json-lines", host, nothing, nothing)


def cloud(outage):
    cloud = fake_oci.Cloud()
    server = fake_oci.Server(cloud)
    with Host() as host:
        key, key_id = cloud.add_user()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        host.secret_file("key.pem", pem.decode())
        (host.folder / "oci_config").write_text(
            f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nuser={fake_oci.USER}\nfingerprint={key_id.split('/')[2]}\n"
            f"region=eu-frankfurt-1\nkey_file={host.folder}/key.pem\n")
        host.configure(f"oci_config = {host.folder}/oci_config\noci_endpoints = log-ingestion={server.url}\n"
                       f"[destination d]\nform = oci-logging\ntarget = {fake_oci.LOG}\nevents = all\n")

        def away():
            cloud.faults = [(503, "ServiceUnavailable", {})] * 100_000

        def back():
            cloud.faults = []
        measure("oci-logging, outage" if outage else "oci-logging", host, away if outage else nothing, back)
        findings = {entry["id"] for entry in cloud.log if entry["type"] == "warder.finding"}
        assert len(findings) == EVENTS, len(findings)
    server.close()


def trail(outage):
    with OpenBao() as bao, Host() as host:
        host.configure(f"provider = vault\naddress = {bao.url}\n")
        host.run("vault", "setup", "--trail", "warder-audit", environment={"VAULT_TOKEN": bao.token})
        role = bao.call("GET", "auth/approle/role/warder/role-id")["data"]["role_id"]
        host.configure(f"provider = vault\naddress = {bao.url}\nrole_id = {role}\nsecret_id = file:{host.folder}/vault.secret-id\n"
                       "[destination d]\nform = vault-trail\ntarget = warder-audit\nevents = all\n")

        def back():
            if outage:
                bao.unseal()
        measure("vault-trail, outage" if outage else "vault-trail", host, bao.seal if outage else nothing, back)
        kept = bao.call("LIST", "warder-audit/metadata/events/web-1")["data"]["keys"]
        assert len(kept) >= EVENTS, len(kept)


if __name__ == "__main__":
    print(f"{EVENTS:,} events, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    lines()
    for outage in (False, True):
        cloud(outage)
        trail(outage)
