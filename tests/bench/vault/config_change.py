"""From a change in the vault to the configuration that runs: the embedded vault, and a real OpenBao or HashiCorp Vault both by poll and by
its audit log that the agent watches.

    WARDER=build/release/agent/warder WARDER_SOURCE=. [VAULT_PRODUCT=vault] python3 tests/bench/vault/config_change.py [--changes N]

From the moment before the write is sent (the embedded vault: at which its file was written) to the time that the event of the new
configuration has. Needs no root; nothing leaves loopback."""
import argparse
import datetime
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration/vault"))
from world import READER, Host, Server  # noqa: E402


def jails(host, maxretry):
    return {"sshd": {"enabled": True, "filter": "sshd", "logpath": f"{host.folder}/auth.log", "maxretry": maxretry, "backend": "auto",
                     "journalmatch": ""}}


def configurations(host):
    """When each configuration of the vault began to run."""
    return [datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
            for event in (json.loads(line) for line in host.run("--json", "events", "--kind", "config").splitlines())
            if "the vault changed" in event["message"]]


def measure(host, name, write, changes):
    """`write(maxretry)` gives the moment of the change."""
    spans = []
    for n in range(changes):
        maxretry = 3 + n
        begun = write(maxretry)
        host.until(lambda: host.jails().get("sshd", {}).get("maxretry") == maxretry, f"maxretry {maxretry} runs", limit=120)
        # Its event is written a moment later.
        spans.append(max(host.until(lambda: [at for at in configurations(host) if at >= begun], "its event")) - begun)
    spans.sort()
    print(f"{name:42} median {statistics.median(spans) * 1000:7.1f} ms  shortest {spans[0] * 1000:7.1f}  longest {spans[-1] * 1000:7.1f}  "
          f"({changes} changes)", flush=True)


def embedded(changes):
    with Host() as host:
        host.run("vault", "setup")
        host.start()

        def write(maxretry):
            host.run("vault", "put", "jails", stdin=json.dumps(jails(host, maxretry)))
            return (host.folder / "vault.sealed").stat().st_mtime

        measure(host, "embedded vault, inotify", write, changes)


def networked(changes):
    with Server() as server:
        server.policy("warder", READER)
        role_id, secret_id = server.approle()
        for name, interval, watched in (("by poll, interval 1 s", "1s", ""), ("by poll, interval 30 s", "30s", ""),
                                        ("by its audit log, interval 1 h", "1h",
                                         f"[vault-documents]\nenabled = yes\nlogpath = {server.audit_log}\n")):
            with Host() as host:
                host.configure(f"provider = vault\naddress = {server.url}\ninterval = {interval}\nrole_id = {role_id}\n"
                               f"secret_id = file:{host.secret_file('secret-id', secret_id)}", jails=watched)
                host.start()

                def write(maxretry):
                    begun = time.time()
                    server.call("POST", "secret/data/warder/jails", {"data": jails(host, maxretry)})
                    return begun

                measure(host, f"{server.product}, {name}", write, changes if interval != "30s" else min(changes, 8))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=20)
    words = parser.parse_args()
    embedded(words.changes)
    networked(words.changes)


if __name__ == "__main__":
    main()
