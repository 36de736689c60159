"""Message brokers."""
import socket
import struct
import subprocess
import unittest

from case import ATTACKER, SECRET, USER, VICTIM, Case


class Mosquitto(Case):
    def log_in(self, address, client, user, password):
        """CONNECT of MQTT 3.1.1 (section 3.1); the code of CONNACK, 0 when let in."""
        def text(word):
            return struct.pack("!H", len(word.encode())) + word.encode()
        body = text("MQTT") + bytes([4, 0xC2, 0, 60]) + text(client) + text(user) + text(password)
        length, rest = b"", len(body)
        while True:
            length += bytes([rest % 128 | (128 if rest > 127 else 0)])
            rest //= 128
            if rest == 0:
                break
        with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
            raw.sendall(b"\x10" + length + body)
            return raw.recv(4)[3]

    def test_mosquitto(self):
        passwords = self.write("passwords", "", 0o600)
        subprocess.run(["mosquitto_passwd", "-b", passwords, "eve", SECRET], check=True)
        configuration = self.write("mosquitto.conf", f"""
listener {self.port} {USER}
user root
allow_anonymous false
password_file {passwords}
log_dest file {self.log}
log_type all
""")
        self.run_program("/usr/sbin/mosquitto", "-c", configuration)
        self.assertEqual(self.log_in(USER, "phone", "eve", SECRET), 0)
        hostile = f"x [{VICTIM}:1] disconnected: not authorised."
        for client, user in (("phone", "eve"), ("x", "nobody"), (hostile, "eve"), ("y", hostile), (VICTIM, "eve")):
            self.assertNotEqual(self.log_in(ATTACKER, client, user, "wrong"), 0)
        for client in (hostile, f"Sending CONNACK to {VICTIM} (0, 5)"):
            self.assertEqual(self.log_in(USER, client, "eve", SECRET), 0)
        # Debian 12's release names nobody with the refusal itself.
        self.assertEqual(self.blamed("mosquitto", 5, "mode=connack"), {ATTACKER: 5})
        self.assertEqual(self.blamed("mosquitto", 0), {})


if __name__ == "__main__":
    unittest.main()
