"""OpenVPN, in a network namespace of its own, for it makes an interface (/dev/net/tun)."""
import subprocess
import unittest

from case import ATTACKER, SECRET, USER, VICTIM, Case, unpacked, until


class OpenVpn(Case):
    def certificate(self, name, subject, signed=True):
        """Signed by `ca`, or by itself; the files that belong to it, as words of a command."""
        files = [self.folder / f"{name}.{ending}" for ending in ("key", "crt")]
        by = ["-CA", self.folder / "ca.crt", "-CAkey", self.folder / "ca.key"] if signed else []
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-keyout", files[0], "-out", files[1], "-subj", subject, *by],
                       check=True, capture_output=True)
        return ["--ca", self.folder / "ca.crt", "--key", files[0], "--cert", files[1]]

    def test_tcp(self):
        self.server("tcp4-server", "tcp4-client")

    def test_udp(self):
        self.server("udp4", "udp4")

    def server(self, protocol, clients_protocol):
        folder = unpacked("openvpn", "libpkcs11-helper1", "liblzo2-2", "libcap-ng0", "libnl-3-200",
                          "libnl-genl-3-200", "liblz4-1")
        libraries = next((folder / "usr/lib").glob("*/liblzo2.so.2")).parent
        program = ["env", f"LD_LIBRARY_PATH={libraries}", folder / "usr/sbin/openvpn"]
        self.certificate("ca", "/CN=ca", signed=False)
        check = self.write("check", f'#!/bin/sh\ntail -n 1 "$1" | grep -qx "{SECRET}"\n', 0o755)
        self.log.touch()
        server = self.run_program(
            "unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "-", *program,
            "--mode", "server", "--tls-server", "--dev", "tun", "--topology", "subnet", "--server", "10.99.0.0",
            "255.255.255.0", "--keepalive", "10", "60", "--dh", "none", "--proto", protocol, "--local", USER,
            "--port", self.port, "--script-security", "2", "--auth-user-pass-verify", check, "via-file",
            "--log-append", self.log, *self.certificate("server", "/CN=server"),
            ready=lambda: "Initialization Sequence Completed" in self.log.read_text())

        def log_in(address, user, password, certificate):
            """Until the server lets it in or turns it away."""
            name = self.write("login", f"{user}\n{password}\n", 0o600)
            before = self.log.read_text()
            client = self.run_program(
                "nsenter", f"--net=/proc/{server.pid}/ns/net", *program, "--client", "--dev", "tun", "--proto",
                clients_protocol, "--remote", USER, self.port, "--local", address, "--lport", "0",
                "--ifconfig-noexec", "--route-noexec", "--auth-user-pass", name, "--connect-retry-max", "1",
                "--tls-exit", "--remap-usr1", "SIGTERM", *certificate, ready=lambda: True)

            def answer():
                told = self.log.read_text()[len(before):]
                return next((word for word in ("MULTI_sva", "TLS Auth Error", "VERIFY ERROR") if word in told), None)
            result = until(answer, "the server's answer")
            client.terminate()
            client.wait()
            return result
        known = self.certificate("eve", "/CN=eve")
        hostile = self.certificate("hostile", f"/CN={VICTIM}:1 VERIFY ERROR: x", signed=False)
        self.assertEqual(log_in(USER, "eve", SECRET, known), "MULTI_sva")
        self.assertEqual(log_in(ATTACKER, "eve", "wrong", known), "TLS Auth Error")
        self.assertEqual(log_in(ATTACKER, f"{VICTIM}:1 TLS Auth Error: x", "wrong", known), "TLS Auth Error")
        self.assertEqual(log_in(ATTACKER, "eve", SECRET, hostile), "VERIFY ERROR")
        self.assertEqual(self.blamed("openvpn", 3), {ATTACKER: 3})


if __name__ == "__main__":
    unittest.main()
