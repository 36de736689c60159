"""The socket audit device of a real OpenBao or HashiCorp Vault: the agent listens, and finds what it finds in the file device's
log. Two agents watch one server, one by each."""
import json
import re
import signal
import stat
import unittest

from world import Host, Refused, Server, free_port

JAILS = ("vault-root-token", "vault-policy", "vault-denied", "vault-login", "vault-secret-update", "vault-mass-read")
# Each device has a salt of its own for what it hashes.
HASHED = re.compile("hmac-sha256:[0-9a-f]{64}")


def told(host, kind):
    """What the agent found, without what must differ: places, times and hashes."""
    return sorted((event["jail"], HASHED.sub("HASHED", event["message"])) for event in
                  (json.loads(line) for line in host.run("--json", "events", "--kind", kind).splitlines()))


class Socket(unittest.TestCase):
    def watch(self, where):
        host = Host()
        self.addCleanup(host.close)
        host.configure("", jails="".join(
            f"[{jail}]\nenabled = yes\nlogpath = {where}\n" + ("findtime = 1d\n" if jail == "vault-denied" else "") for jail in JAILS))
        host.start()
        return host

    def world(self, where, device):
        """The agent that listens at `where` is there before the server. (server, listening agent, agent that reads the file)"""
        listening = self.watch(where)
        server = Server(devices=[("socket", device)])
        self.addCleanup(server.close)
        # OpenBao has its devices from its first entry on; Vault got both over its API, one after the other.
        return server, listening, self.watch(f"{server.audit_log}{' head' if server.product == 'openbao' else ''}")

    def act(self, server):
        """Some of everything; among it entries far over the limit of a line."""
        server.policy("web", 'path "secret/data/web/*" { capabilities = ["create", "read", "update"] }\n')
        role, secret = server.approle("web", ("web",))
        web = server.call("POST", "auth/approle/login", {"role_id": role, "secret_id": secret}, token="-")["auth"]["client_token"]
        for i in range(60):
            server.call("POST", f"secret/data/web/m{i}", {"data": {"a": "b"}}, token=web)
        for i in range(60):
            server.call("GET", f"secret/data/web/m{i}", token=web)
        large = {f"member-{i}-{'x' * 200}": str(i) for i in range(400)}  # 120 KB of entry; OpenBao takes no more strings
        for i in range(3):
            server.call("POST", "secret/data/web/large", {"data": large}, token=web)
        for i in range(12):
            with self.assertRaises(Refused):
                server.call("GET", f"secret/data/pay/s{i}", token=web)
        for i in range(6):
            with self.assertRaises(Refused):
                server.call("POST", "auth/approle/login", {"role_id": role, "secret_id": f"wrong{i}"}, token="-")

    def same(self, server, listening, reading):
        server.policy("last", 'path "secret/data/last" { capabilities = ["read"] }\n')
        done = lambda host: any("sys/policies/acl/last" in message for _, message in told(host, "finding"))
        for host in (listening, reading):
            host.until(lambda: done(host), "the last call is found")
        for kind in ("finding", "alert"):
            self.assertEqual(told(listening, kind), told(reading, kind), kind)

    def all_of_it(self, where, device):
        server, listening, reading = self.world(where, device)
        self.act(server)
        self.same(server, listening, reading)
        # Not the same nothing.
        self.assertEqual({jail for jail, _ in told(listening, "alert")}, set(JAILS))
        source = listening.status()["sources"][0]
        self.assertEqual((source["name"], source["lost_bytes"]), (where, 0))
        self.assertGreaterEqual(source["oversized"], 3)
        return server, listening, reading

    def test_a_stream_at_a_port(self):
        port = free_port()
        self.all_of_it(f"tcp://127.0.0.1:{port}", {"address": f"127.0.0.1:{port}", "socket_type": "tcp"})

    def test_a_unix_socket_and_an_agent_that_dies(self):
        # Not in the agent's own folder: it outlives it.
        home = Host()
        self.addCleanup(home.close)
        path = home.folder / "audit.sock"
        server, listening, _ = self.all_of_it(f"unix:{path}", {"address": str(path), "socket_type": "unix"})
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o660)
        listening.stop(signal.SIGKILL)
        # The vault goes on: there is a file device.
        server.policy("unheard", 'path "secret/data/x" { capabilities = ["read"] }\n')
        listening.start()
        number = iter(range(100000))

        def heard():
            server.policy(f"again{next(number)}", 'path "secret/data/x" { capabilities = ["read"] }\n')
            return any("policies/acl/again" in message for _, message in told(listening, "finding"))

        listening.until(heard, "the vault has come back to the socket")


class Addresses(unittest.TestCase):
    def test_a_wrong_one_is_refused_with_its_place(self):
        with Host() as host:
            host.configure("", jails="[vault-policy]\nenabled = yes\nlogpath = tcp://0.0.0.0:8301\n")
            said = host.run("check", status=3, output="stdout")
            self.assertIn(f"{host.folder}/jail.local:3", said)
            self.assertIn("'tcp://0.0.0.0:8301' cannot be listened at: who hands lines in there is not asked who he is, so only "
                          "loopback is possible; write for instance tcp://127.0.0.1:8301", said)


if __name__ == "__main__":
    unittest.main()
