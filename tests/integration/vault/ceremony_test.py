"""What leaves no line in the audit log until it is over, on a real server that offers it to everybody: a rekey and the generation of a root
token, asked for by the agent at each look."""
import base64
import unittest

from world import READER, Host, Server


class Ceremony(unittest.TestCase):
    def setUp(self):
        # OpenBao's own default is that only sudo may do this, by other paths; HashiCorp Vault's is that everybody may.
        self.bao = Server(**({"listener_options": "disable_unauthed_rekey_endpoints = false\n"
                                                  "  disable_unauthed_generate_root_endpoints = false"}
                             if Server.product == "openbao" else {}))
        self.addCleanup(self.bao.close)
        self.bao.policy("warder", READER)
        role_id, secret_id = self.bao.approle("warder", ("warder",))
        self.host = Host()
        self.addCleanup(self.host.close)
        file = self.host.secret_file("secret-id", secret_id)
        self.host.configure(f"provider = vault\naddress = {self.bao.url}\ninterval = 1s\nrole_id = {role_id}\n"
                            f"secret_id = file:{file}",
                            jails=f"[vault-key-ceremony]\nenabled = yes\nlogpath = {self.bao.audit_log}\n"
                                  f"[vault-root-minted]\nenabled = yes\nlogpath = {self.bao.audit_log}\n")
        self.host.start()

    def told(self, words):
        return self.host.until(lambda: [text for text in self.host.events("vault") if words in text], words)

    def call(self, *words):
        return self.bao.call(*words, token="-")

    def test_a_rekey_begun_and_given_up_or_carried_out(self):
        begun = self.call("POST", "sys/rekey/init", {"secret_shares": 1, "secret_threshold": 1})
        self.told("a rekey (new unseal keys)")
        self.call("DELETE", "sys/rekey/init", {"nonce": begun["nonce"]})
        self.host.until(lambda: len([t for t in self.host.events("vault") if "rekey" in t]) == 2, "that it is over")
        made = self.call("POST", "sys/rekey/init", {"secret_shares": 1, "secret_threshold": 1})
        if Server.product == "vault":  # it writes no line of a rekey: asking is all there is
            self.host.until(lambda: len(self.told("rekey")) == 3, "the next one is told")
        done = self.call("POST", "sys/rekey/update", {"key": self.bao.keys[0], "nonce": made["nonce"]})
        self.assertTrue(done["complete"])
        self.bao.keys = done["keys_base64"]
        if Server.product == "vault":
            self.host.until(lambda: len(self.told("rekey")) == 4, "that it is over, too")
        else:  # carried out between two looks it may not be seen by asking; the log tells it
            self.host.until(lambda: [e for e in self.host.events("alert")], "the log's own line")

    def test_a_root_token_generated(self):
        started = self.call("PUT", "sys/generate-root/attempt", {})
        self.told("the generation of a root token")
        done = self.call("PUT", "sys/generate-root/update", {"key": self.bao.keys[0], "nonce": started["nonce"]})
        self.assertTrue(done["complete"])
        encoded = base64.b64decode(done["encoded_token"] + "==")
        token = bytes(a ^ b for a, b in zip(encoded, started["otp"].encode())).decode()
        self.assertIn("root", self.bao.call("GET", "auth/token/lookup-self", token=token)["data"]["policies"])
        self.host.until(lambda: len(self.host.events("vault")) >= 2, "that it is over")


if __name__ == "__main__":
    unittest.main()
